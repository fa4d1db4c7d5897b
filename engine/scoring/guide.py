"""Guide: a brand's voice in plain rules. One noun for the people who write, the models that suggest, and the metrics.

`marks` says where a text breaks a rule, `missing` what the whole of it lacks, `in_words` what the guide asks for.
A rule that is not set says nothing. The rules read words, never meaning; `engine.scoring.style` has them one by one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any

import msgspec

from engine.problems import Problem
from engine.scoring import style
from engine.scoring.style import Mark
from engine.scoring.wording import plain

ANY = "any"  # a choice that is left open
FORMER = {"playful": "use", "how": "notes"}  # what older files call a rule
UNLIMITED = -1


@dataclass(frozen=True)
class Guide:
    """Every field is a rule of its own; its default lets everything pass."""

    name: str = ""
    use: dict[str, list[str]] = field(default_factory=dict)  # markers of the voice by kind: pet names, openers ...
    needs: int = 0  # how many kinds of them an answer must show
    avoid: list[str] = field(default_factory=list)
    instead: dict[str, str] = field(default_factory=dict)  # a word to avoid -> what to say
    fewest_words: int = 0
    most_words: int = 0  # 0 for no limit, here and in the next two
    most_sentences: int = 0
    most_words_a_sentence: int = 0
    emoji: str = ANY  # any, wanted, none
    most_emoji: int = UNLIMITED
    contractions: str = ANY  # any, wanted, none
    greeting: str = ANY  # any, wanted, none
    address: str = ANY  # any, du, Sie
    speaks_as: str = ANY  # any, we, I, neither
    to_the_reader: bool = False  # says you at least once
    most_exclamations: int = UNLIMITED
    dashes: str = ANY  # any, none
    oxford: str = ANY  # any, always, never
    single_spaces: bool = False
    no_shouting: bool = False
    acronyms: list[str] = field(default_factory=list)  # may stand in capitals
    sign_offs: list[str] = field(default_factory=list)  # an answer ends with one of these
    notes: str = ""

    @property
    def silent(self) -> bool:
        """Whether it asks for nothing."""
        return not in_words(self)


CHOICES = {
    "emoji": (ANY, "wanted", "none"),
    "contractions": (ANY, "wanted", "none"),
    "greeting": (ANY, "wanted", "none"),
    "address": (ANY, "du", "Sie"),
    "speaks_as": (ANY, "we", "I", "neither"),
    "dashes": (ANY, "none"),
    "oxford": (ANY, "always", "never"),
}


@dataclass(frozen=True)
class Lack:
    """A rule about the whole that the text doesn't keep."""

    rule: str
    why: str


def of(body: "Guide | Mapping[str, Any] | None") -> Guide | None:
    """A guide from what a file or a table holds. Problem when it names a rule that there is not."""
    if body is None or isinstance(body, Guide):
        return body
    renamed = {FORMER.get(name, name): value for name, value in body.items()}
    if unknown := sorted(renamed.keys() - {rule.name for rule in fields(Guide)}):
        raise Problem(
            f"The style guide has no rule called {', '.join(unknown)}.",
            do=f"Known are {', '.join(rule.name for rule in fields(Guide))}.",
        )
    try:
        made: Guide = msgspec.convert(renamed, Guide)
    except msgspec.ValidationError as error:
        raise Problem("The style guide cannot be read.", f"{error}.", "Correct that rule and try again.") from error
    for rule, known in CHOICES.items():
        if (said := getattr(made, rule)) not in known:
            raise Problem(f"The style guide says {rule}: {said}.", do=f"It can be {', '.join(known)}.")
    return made


def read(text: str) -> Guide:
    """A guide from a JSON file's text."""
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        what = "This file is not a style guide."
        raise Problem(what, f"It is not JSON: {error}.", "Choose one that was exported.") from error
    if not isinstance(body, dict):
        raise Problem("This file is not a style guide.", f"It holds a {type(body).__name__}, not rules by name.")
    found = of(body)
    assert found is not None
    return found


def to_json(guide: Guide) -> str:
    return json.dumps(asdict(guide), ensure_ascii=False, indent=2)


def marks(text: str, guide: Guide) -> list[Mark]:
    """Where the text breaks a rule, in the order of the text. Stretches may overlap: a word within a long sentence."""
    found: list[Mark] = [*style.avoided(text, guide.avoid, guide.instead)]
    if guide.most_words_a_sentence:
        found += style.long_sentences(text, guide.most_words_a_sentence)
    most_emoji = 0 if guide.emoji == "none" else guide.most_emoji
    if most_emoji != UNLIMITED:
        found += style.emoji(text, most_emoji)
    if guide.contractions != ANY:
        found += style.contractions(text, guide.contractions == "wanted")
    if guide.greeting == "none" and (hello := style.greeting(text)):
        found.append(Mark(*hello, "greeting", "The guide begins without a greeting."))
    if guide.address != ANY:
        found += style.address(text, guide.address)
    if guide.speaks_as != ANY:
        found += style.person(text, guide.speaks_as)
    if guide.most_exclamations != UNLIMITED:
        found += style.exclamations(text, guide.most_exclamations)
    if guide.dashes == "none":
        found += style.dashes(text)
    if guide.oxford != ANY:
        found += style.oxford(text, guide.oxford == "always")
    if guide.single_spaces:
        found += style.double_spaces(text)
    if guide.no_shouting:
        found += style.shouting(text, guide.acronyms)
    return sorted(found, key=lambda mark: (mark.start, -mark.end, mark.rule))


def missing(text: str, guide: Guide) -> list[Lack]:
    """What the whole text lacks, or has too much of."""
    found, n = [], style.words(text)
    if n < guide.fewest_words:
        found.append(Lack("length", f"It has {n} words; at least {guide.fewest_words}."))
    if guide.most_words and n > guide.most_words:
        found.append(Lack("length", f"It has {n} words; at most {guide.most_words}."))
    said = sum(1 for start, end in style.sentences(text) if style.words(text[start:end]))
    if guide.most_sentences and said > guide.most_sentences:
        found.append(Lack("sentences", f"It has {said} sentences; at most {guide.most_sentences}."))
    if guide.emoji == "wanted" and not style.EMOJI.search(text):
        found.append(Lack("emoji", "It has no emoji; the guide wants one."))
    if guide.greeting == "wanted" and not style.greeting(text):
        found.append(Lack("greeting", "It begins without a greeting."))
    if guide.to_the_reader and not style.YOU.search(text):
        found.append(Lack("person", "It never says you to the reader."))
    if guide.sign_offs and not style.signed_off(text, guide.sign_offs):
        found.append(Lack("sign-off", f"It ends without {_either(guide.sign_offs)}."))
    if guide.needs and len(shown := markers(text, guide.use)) < guide.needs:
        lacking = [kind.replace("_", " ") for kind in guide.use if kind not in shown]
        why = f"It shows {len(shown)} of the {guide.needs} kinds of marker; add one of these: {', '.join(lacking)}."
        found.append(Lack("voice", why))
    return found


def markers(text: str, kinds: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The markers that stand in a text, by kind. A sign such as an emoji counts anywhere, a word as a whole word.

    A stretch of text counts once, for its longest marker: "a cuppa helps" isn't "cuppa" as well.
    """
    said = plain(text)
    found: dict[str, list[str]] = {}
    known = [(plain(marker), kind, marker) for kind, listed in kinds.items() for marker in listed if plain(marker)]
    for bare, kind, marker in sorted(known, key=lambda one: -len(one[0])):
        said, hits = _marked(bare).subn("\n", said)
        if hits:
            found.setdefault(kind, []).append(marker)
    return {kind: found[kind] for kind in kinds if kind in found}


def in_words(guide: Guide, examples: int = 5) -> list[str]:
    """The guide as sentences, for people and for a model's prompt; `examples` of each list are named."""
    said = [*_voice(guide, examples), *_length(guide), *_manner(guide)]
    if guide.notes.strip():
        said.append(guide.notes.strip())
    return said


def _voice(guide: Guide, examples: int) -> list[str]:
    said = []
    if guide.needs and guide.use:
        kinds = "; ".join(
            f"{kind.replace('_', ' ')} ({', '.join(listed[:examples])})" for kind, listed in guide.use.items()
        )
        said.append(f"Show at least {guide.needs} of these: {kinds}.")
    if swaps := [f"“{other}” instead of “{word}”" for word, other in guide.instead.items() if other][:examples]:
        said.append(f"Say {', '.join(swaps)}.")
    if plain_bans := [word for word in guide.avoid if not guide.instead.get(word)]:
        said.append(f"Never say {', '.join(plain_bans)}.")
    if guide.sign_offs:
        said.append(f"End with {_either(guide.sign_offs[:examples])}.")
    return said


def _length(guide: Guide) -> list[str]:
    said = []
    if guide.fewest_words:
        said.append(f"Use at least {guide.fewest_words} words.")
    if guide.most_words:
        said.append(f"Use at most {guide.most_words} words.")
    if guide.most_sentences:
        said.append(f"Use at most {guide.most_sentences} sentences.")
    if guide.most_words_a_sentence:
        said.append(f"Keep each sentence to {guide.most_words_a_sentence} words.")
    return said


MANNERS = {
    ("emoji", "wanted"): "Use an emoji.",
    ("emoji", "none"): "Use no emoji.",
    ("contractions", "wanted"): "Use contractions: don't, we're.",
    ("contractions", "none"): "Use no contractions: do not, we are.",
    ("greeting", "wanted"): "Begin with a greeting.",
    ("greeting", "none"): "Begin without a greeting.",
    ("address", "du"): "Say du to the reader.",
    ("address", "Sie"): "Say Sie to the reader.",
    ("speaks_as", "we"): "Speak as we.",
    ("speaks_as", "I"): "Speak as I.",
    ("speaks_as", "neither"): "Say neither I nor we.",
    ("dashes", "none"): "Use no dashes between clauses.",
    ("oxford", "always"): "Put a comma before the last item of a list.",
    ("oxford", "never"): "Put no comma before the last item of a list.",
}


def _manner(guide: Guide) -> list[str]:
    said = [words for (rule, choice), words in MANNERS.items() if getattr(guide, rule) == choice]
    if guide.emoji != "none" and guide.most_emoji != UNLIMITED:
        said.append(f"Use at most {guide.most_emoji} emoji.")
    if guide.to_the_reader:
        said.append("Speak to the reader as you.")
    if guide.most_exclamations != UNLIMITED:
        most = guide.most_exclamations
        said.append(f"Use at most {most} exclamation mark{'s' * (most != 1)}." if most else "Use no exclamation marks.")
    if guide.no_shouting:
        said.append("Write no word in capitals.")
    return said


def _either(listed: Sequence[str]) -> str:
    return " or ".join(f"“{one}”" for one in listed)


@cache
def _marked(marker: str) -> re.Pattern[str]:
    before = r"(?<!\w)" if marker[0].isalnum() else ""
    after = r"(?!\w)" if marker[-1].isalnum() else ""
    return re.compile(before + re.escape(marker) + after)
