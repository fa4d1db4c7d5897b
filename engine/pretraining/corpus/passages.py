"""Grounded conversations: passages and questions, with the answer in one passage, or in none.

Several entities with one attribute and one entity with several attributes teach the binding of a fact to what it
is about; the same wordings without passages teach to say that the information is not there.
"""

from random import Random

from engine.pretraining.corpus import facts, names
from engine.pretraining.corpus.conversation import Conversation, Turn, conversation
from engine.pretraining.corpus.facts import Entity, Fact
from engine.pretraining.corpus.templates import expand
from engine.reading.grounding import NOT_FOUND, grounded

_OPENINGS = (
    "(Hi|Hello|Good morning|Dear team|Hey), ",
    "(Quick question|One question|A question|Question): ",
    "(Can|Could) you tell me: ",
    "(Please tell me|I would like to know|I want to know|I wonder): ",
    "(So|And|Sorry), ",
    "I (own|have|just bought|am thinking of buying|got) {e}. ",
    "(Thanks for your help.|I read the manual but found nothing.) ",
)
_SCENES = (
    "(My|The|Our) {e} (lost its|needs a|has no|got a new|makes a) {w}.",
    "I (own|like|want|sold|lost|cleaned|broke) (my|a|the) {e}( again| today| for my {w}|).",
    "(My {w}|My neighbour|The dog|My sister|The rain) (wants|knocked over|asked about|broke) my {e}.",
    "(We are|I am) (on holiday|at home|in the {w}|cooking|cold|new here) with (the|our) {e}.",
    "(If|When|While) (I {w} too long|it is cold|my {w} is empty|the {w} comes), (the|my) {e} (helps|stops|{w}s).",
)
_ENDINGS = (
    " Thanks( in advance|).",
    " Please (answer soon|help|be brief).",
    " I (cannot|could not) find it( anywhere|).",
)
_UNKNOWN = (
    NOT_FOUND,
    NOT_FOUND,
    NOT_FOUND,
    NOT_FOUND,
    "I'm sorry, I don't have that information.",
    "I don't have that information here.",
)
_TITLES = (
    "{n}: {t}",
    "{n}. {t}",
    "{n} - {t}",
    "{n}\n{t}",
    "{n}, {a}: {t}",
    "{n} > {a}\n{t}",
    "{a}: {t}",
    "# {n}\n{t}",
    "{a}. {t}",
)


def answerable(random: Random) -> Conversation:
    """Passages and up to three questions that they answer; now and then one that they don't."""
    groups = _world(random)
    spoken = [[_sentence(random, one, later=at > 0) for at, one in enumerate(group)] for group in groups]
    passages = [_passage(random, group, said) for group, said in zip(groups, spoken, strict=True)]
    order = list(range(len(groups)))
    if random.random() < 0.45:
        random.shuffle(order)
    asked = [
        (one, said) for group, texts in zip(groups, spoken, strict=True) for one, said in zip(group, texts, strict=True)
    ]
    first = random.randrange(len(groups[0]))
    chosen = [
        asked[first],
        *random.sample(asked[:first] + asked[first + 1 :], min(len(asked) - 1, random.choice([0, 0, 1, 2]))),
    ]
    turns = [Turn(question(random, one), _answer(random, one, said)) for one, said in chosen]
    turns[0] = Turn(grounded(turns[0].user, [passages[at] for at in order]), turns[0].assistant)
    return conversation(random, turns)


def unanswerable(random: Random) -> Conversation:
    """Passages that do not hold the answer: about others, or about other sides of the same thing."""
    groups = _world(random)
    said = [[_sentence(random, one, later=at > 0) for at, one in enumerate(group)] for group in groups[:3]]
    passages = [_passage(random, group, texts) for group, texts in zip(groups, said, strict=False)]
    about = groups[0][0].entity if random.random() < 0.5 else facts.entity(random)
    told = {one.attribute.name for group in groups for one in group if one.entity == about}
    missing = [one for one in facts.facts_of(random, about, 6) if one.attribute.name not in told]
    turn = Turn(grounded(question(random, missing[0]), passages), random.choice(_UNKNOWN))
    return conversation(random, [turn])


def without_passages(random: Random) -> Conversation:
    """One to three questions with nothing to answer them from."""
    count = random.choice([1, 1, 1, 2, 3])
    asked = [facts.facts_of(random, facts.entity(random), 1)[0] for _ in range(count)]
    return conversation(random, [Turn(question(random, one), random.choice(_UNKNOWN)) for one in asked])


def question(random: Random, one: Fact) -> str:
    """The question as a customer types it."""
    text, kind = one.asked(random), random.random()
    if kind < 0.06 and one.entity.article:
        scene = (
            expand(random.choice(_SCENES), random)
            .replace("{e}", one.entity.short)
            .replace("{w}", names.syllables(random))
        )
        text = f"{scene} {one.asked(random, pronoun=True) if random.random() < 0.6 else text}"
    elif kind < 0.15:
        opening = expand(random.choice(_OPENINGS), random).replace("{e}", one.entity.asked(random)) + " "
        text = opening.replace("  ", " ") + (
            text if opening.rstrip().endswith((".", "?")) else text[0].lower() + text[1:]
        )
    elif kind < 0.19:
        text += expand(random.choice(_ENDINGS), random).join([" ", ""]).replace("  ", " ")
    elif kind < 0.25:
        text = text.lower().rstrip("?") if random.random() < 0.4 else text[0].lower() + text[1:]
    elif kind < 0.28 and not one.attribute.name.startswith("error"):
        text = random.choice([f"{one.entity.name}: {one.attribute.name}?", f"{one.attribute.name} {one.entity.name}"])
    return text


def _world(random: Random) -> list[list[Fact]]:
    """One to four groups of facts, a group a passage; the first one will be asked about."""
    count = random.choices([1, 2, 3, 4, 5], [16, 27, 36, 15, 6])[0]
    sizes = [random.choices([1, 2, 3], [68, 20, 12])[0] for _ in range(count)]
    kind = random.random()
    if kind < 0.4:  # one attribute, several entities
        return _rivals(random, sizes)
    if kind < 0.7:  # one entity, several passages about it, perhaps one about another
        about = facts.entity(random)
        known, groups = facts.facts_of(random, about, min(sum(sizes), 10)), []
        for size in sizes:
            groups.append(known[:size])
            known = known[size:]
        return [group for group in groups if group]
    house = names.brand(random) if random.random() < 0.4 else ""
    return [facts.facts_of(random, facts.entity(random, house), size) for size in sizes]


def _rivals(random: Random, sizes: list[int]) -> list[list[Fact]]:
    """Entities of one kind that all have the first attribute, and each some of its own."""
    house = names.brand(random) if random.random() < 0.3 else ""
    first = facts.entity(random, house)
    shared = (
        random.choice(facts.attributes(first.kind))
        if random.random() > facts.UNLISTED
        else facts.unlisted(random, first.kind)
    )
    common = facts.fact(
        random, shared, first
    ).slots  # the same code, button or setting for all: only the entity decides
    groups: list[list[Fact]] = []
    while len(groups) < len(sizes):
        about = first if not groups else facts.entity(random, house)
        if about.kind != first.kind or (groups and about in {group[0].entity for group in groups}):
            continue
        own = facts.fact(random, shared, about)
        own = Fact(shared, about, {**common, "v": own.slots["v"]})
        others = [one for one in facts.facts_of(random, about, sizes[len(groups)]) if one.attribute.name != shared.name]
        group = [own, *others[: sizes[len(groups)] - 1]]
        random.shuffle(group)
        groups.append(group)
    return groups


def _sentence(random: Random, one: Fact, later: bool) -> str:
    return one.told(random, pronoun=later and random.random() < 0.6)


def _passage(random: Random, group: list[Fact], said: list[str]) -> str:
    text = " ".join(said)
    if random.random() < 0.78:
        return text
    heading = {"n": group[0].entity.name, "a": group[0].attribute.name.capitalize(), "t": text}
    return random.choice(_TITLES).format(**heading)


def _answer(random: Random, one: Fact, said: str) -> str:
    """Mostly the sentence that holds the fact, as it stands: what is copied is not invented."""
    if said.startswith("It "):
        name: Entity = one.entity
        whole = f"{'The ' if name.article else ''}{name.name}"
        return said if random.random() < 0.3 else whole[:1].upper() + whole[1:] + said[2:]
    return said if random.random() < 0.88 else one.told(random)
