"""Loose facts: sentences about anything, whose question shares only some of their words.

No list can hold what documents will say. Here nouns, verbs and values are thrown together, often with invented words,
so that a model learns to find the sentence that a question is about by its words, whatever they mean.
"""

from random import Random

from engine.pretraining.corpus import names, words
from engine.pretraining.corpus.templates import expand

_VERBS = (
    "dim pass show keep send open warm play store light measure follow wake block filter count begin stop turn pump "
    "spray grind roll fold lift press mix draw cool dry report scan water feed clean mark guide print shake rinse "
    "tilt rest glow hum ring beep charge slow start repeat hold cover pull push switch sort weigh track record carry"
).split()
_ADJECTIVES = (
    "small large soft thin main outer inner upper lower front rear second third spare wooden metal glass quiet dark "
    "bright sharp short long wide round flat cold warm clean wet dry deep light heavy old new daily weekly gentle"
).split()
_NOUNS = (
    "sunrise globe spout arm step water air night door floor wall room sleep sound light leaf root seed salt milk tea "
    "coffee bread egg dust hair grass soil plant window wheel song voice word letter number page picture colour line "
    "edge corner side top bottom end start morning evening summer winter minute night mode ring string bar step level"
).split()
_WHEN = (
    "when the {noun} is on",
    "in the evening",
    "on the lowest step",
    "at full power",
    "after the {noun}",
    "in {noun} mode",
    "while the {noun} {verb}s",
    "at night",
    "in winter",
    "if the {noun} is empty",
    "before the {noun} {verb}s",
    "once the {noun} is closed",
    "during the first {noun}",
    "per {noun}",
    "a day",
    "each time",
    "only",
    "at once",
)
_STATEMENTS = (
    "The {noun} of {e} {verb}s {prep} {v} {when}.",
    "{e} {verb}s its {adj} {noun} {prep} {v} {when}.",
    "{e} {verb}s {v} {when}.",
    "{Verb} the {adj} {noun} of {e} with {v} {when}.",
    "The {adj} {noun} of {e} is {v} {when}.",
    "Its {noun} {verb}s {v} before the {noun2} of {e} {verb2}s.",
    "{when}, {e} {verb}s {v}.",
    "{when}, the {noun} of {e} is {v}.",
    "With {e} you can {verb} {v} {when}.",
    "{e} can {verb} the {noun} {prep} {v}.",
    "It takes {v} until {e} {verb}s the {noun}.",
    "Every {noun} of {e} {verb}s {v} {when}.",
    "{e} has {v} {prep} its {adj} {noun}.",
    "We {verb} {e} {prep} {v} {when}.",
    "The {noun} and the {noun2} of {e} {verb} {v}.",
    "{v} {verb} the {noun} of {e} {when}.",
    "{e} needs {v} to {verb} a {noun}.",
    "If you {verb} the {noun}, {e} {verb2}s {v}.",
    "Customers {verb} {e} {prep} {v} {when}.",
    "{e} never {verb}s more than {v} {when}.",
)
_QUESTIONS = (
    "{wh} does the {noun} of {e} {verb} {when}?",
    "{wh} does {e} {verb} the {noun}?",
    "{wh} does {e} {verb} {when}?",
    "{wh} should I {verb} the {noun} of {e} with?",
    "{wh} {noun} does {e} have {when}?",
    "{wh} is the {adj} {noun} of {e}?",
    "{wh} {verb}s the {noun} of {e}?",
    "{wh} can I {verb} {when} with {e}?",
    "{prep} {wh} does {e} {verb} its {noun}?",
    "{wh} is the {noun} of {e} {when}?",
    "{wh} will {e} {verb} the {adj} {noun}?",
    "Does {e} {verb} {when}, and {wh}?",
    "Tell me {wh} the {noun} of {e} {verb}s.",
    "{when}, {wh} does {e} {verb}?",
    "I want to {verb} the {noun} of {e}: {wh}?",
    "{wh} {noun}s does {e} {verb}?",
    "{wh} about the {adj} {noun} of {e}?",
    "{e} {noun} {verb}?",
    "{wh} did you {verb} {e} {when}?",
)
_ASKING = (
    "what|which|how many|how much|how long|when|where|how|who|how often|what kind of|at what|how far|how early".split(
        "|"
    )
)
_PREPOSITIONS = "over in to at for with within by up to on from about after until under".split()


def wordings(random: Random) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """A name, statements and questions of one loose fact, with only {e} and {v} left open."""
    slots = {
        "noun": _noun(random),
        "noun2": _noun(random),
        "verb": _word(random, _VERBS),
        "verb2": random.choice(_VERBS),
        "adj": random.choice(_ADJECTIVES),
        "prep": random.choice(_PREPOSITIONS),
    }
    when = expand(random.choice(_WHEN) if random.random() < 0.55 else "", random)
    for slot, word in slots.items():
        when = when.replace(f"{{{slot}}}", word)
    slots |= {"when": when, "Verb": slots["verb"].capitalize()}
    statements = tuple(_filled(text, slots, random) for text in random.sample(_STATEMENTS, 2))
    questions = tuple(_filled(text, slots, random) for text in random.sample(_QUESTIONS, 3))
    return slots["noun"], statements, questions


def _filled(text: str, slots: dict[str, str], random: Random) -> str:
    for slot, word in slots.items():
        text = text.replace(f"{{{slot}}}", word)
    text = text.replace("{wh}", random.choice(_ASKING)).strip(" ,")
    text = text.replace("  ", " ").replace(" .", ".").replace(" ?", "?")
    return text[:1].upper() + text[1:]


def _word(random: Random, known: list[str]) -> str:
    return random.choice(known) if random.random() < 0.75 else names.syllables(random, 1, 2)


def _noun(random: Random) -> str:
    kind = random.random()
    if kind < 0.2:
        return names.syllables(random)
    one = random.choice(
        [random.choice(_NOUNS), random.choice(words.PARTS), random.choice(words.ASPECTS), random.choice(words.GOODS)]
    )
    return one if kind < 0.8 else f"{random.choice(_ADJECTIVES)} {one}"
