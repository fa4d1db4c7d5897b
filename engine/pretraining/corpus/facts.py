"""Facts: an attribute of an invented entity with a random value, stated and asked about in many wordings."""

from dataclasses import dataclass
from functools import cache
from random import Random

from engine.pretraining.corpus import loose, names, values, words
from engine.pretraining.corpus.templates import blocks, expand, fill

_FILES = ("facts_devices.txt", "facts_services.txt")
_SOLD = ("any product", "your order", "unused products", "all articles", "your purchase", "every device", "orders")
_NAMED = (
    (
        "The {aspect} of {e} is {v}.",
        "{e} has {v} as its {aspect}.",
        "For {e}, the {aspect} is {v}.",
        "{aspect} of {e}: {v}.",
    ),
    (
        "What is the {aspect} of {e}?",
        "(Which|What) {aspect} does {e} have?",
        "(Tell me|I need) the {aspect} of {e}.",
        "Do you know the {aspect} of {e}?",
    ),
)
_VALUES = [kind for kind in values.KINDS if kind not in ("instruction", "warning", "effect")]
UNLISTED = 0.38  # share of the facts that no list knows


@dataclass(frozen=True)
class Attribute:
    """What can be said of one kind of entity ("device", "plan", "company", "sale"), and with which kind of value."""

    name: str
    entity: str
    value: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Entity:
    """Something invented that facts are about. `name` is bare; `article` says whether it takes "the"."""

    kind: str
    name: str
    article: bool
    short: str  # what customers call it; the whole name where its first word could mean another

    def told(self, random: Random) -> str:
        """How documentation names it."""
        if not self.article:
            return self.name
        return random.choices(
            [f"the {self.name}", self.name, f"your {self.name}", f"this {self.name}"], [80, 13, 6, 1]
        )[0]

    def asked(self, random: Random) -> str:
        """How a customer names it."""
        if not self.article:
            return self.name
        forms = [f"the {self.name}", self.name, f"my {self.name}", f"your {self.name}", f"a {self.name}"]
        brief = [f"the {self.short}", f"my {self.short}", self.short]
        return random.choices(forms + brief, [56, 9, 11, 3, 2, 11, 6, 2])[0]


@dataclass(frozen=True)
class Fact:
    """One attribute of one entity, with the value and whatever else its wordings mention."""

    attribute: Attribute
    entity: Entity
    slots: dict[str, str]

    def told(self, random: Random, pronoun: bool = False) -> str:
        """A sentence of documentation that states the fact; with `pronoun`, "it" where the entity begins it."""
        template = expand(random.choice(self.attribute.statements), random)
        name = "it" if pronoun and template.startswith("{e}") else self.entity.told(random)
        return fill(template, {**self.slots, "e": name})

    def asked(self, random: Random, pronoun: bool = False) -> str:
        """A question that the fact answers; with `pronoun`, about "it"."""
        name = "it" if pronoun else self.entity.asked(random)
        return fill(expand(random.choice(self.attribute.questions), random), {**self.slots, "e": name})


@cache
def attributes(entity: str) -> tuple[Attribute, ...]:
    """The attributes of one kind of entity, as the text files list them."""
    found = []
    for file in _FILES:
        for block in blocks(file):
            name, kind, value = block.heading.split(" | ")
            if kind == entity:
                found.append(Attribute(name, kind, value, block.lines["-"], block.lines["?"]))
    return tuple(found)


def entity(random: Random, brand: str = "") -> Entity:
    """An invented device, plan, company or thing for sale; of the house `brand` when one is given."""
    kind = random.choices(["device", "sale", "plan", "company"], [62, 12, 13, 13])[0]
    if kind in ("device", "sale") and not (kind == "sale" and random.random() < 0.4):
        name = names.product(random, brand)
        return Entity(kind, name, random.random() < 0.93, name if brand else name.split()[0])
    name = {"plan": names.plan(random, brand), "company": names.company(random)}.get(kind) or random.choice(_SOLD)
    return Entity(kind, name, False, name)


def facts_of(random: Random, about: Entity, count: int) -> list[Fact]:
    """`count` facts about one entity, each of another attribute; fewer where the lists know fewer."""
    listed = attributes(about.kind)
    known = random.sample(listed, min(count, len(listed)))
    return [fact(random, unlisted(random, about.kind) if random.random() < UNLISTED else each, about) for each in known]


def fact(random: Random, attribute: Attribute, about: Entity) -> Fact:
    slots = {
        "v": values.draw(attribute.value, random),
        "code": values.code(random),
        "things": random.choice(words.THINGS),
        "setting": random.choice(words.SETTINGS),
        "signal": random.choice(words.SIGNALS),
        "button": random.choice(words.BUTTONS),
    }
    return Fact(attribute, about, slots)


def unlisted(random: Random, kind: str) -> Attribute:
    """An attribute that no list knows: with a name, often an invented one, or a loose sentence about anything."""
    value = "thing" if random.random() < 0.25 else random.choice(_VALUES)
    if random.random() < 0.75:
        name, told, asked = loose.wordings(random)
        return Attribute(name, kind, value, told, asked)
    aspect = random.choice(words.ASPECTS) if random.random() < 0.5 else names.syllables(random)
    told, asked = (tuple(text.replace("{aspect}", aspect) for text in texts) for texts in _NAMED)
    return Attribute(aspect, kind, value, told, asked)
