"""Style: where a text breaks one rule of a style guide, rule by rule. Pure; each function knows one rule.

Words are found, not meaning: "Sie" at the start of a German sentence may be "she", "it's" may be "it has". Where a rule
can't be sure it offers no replacement, and where it would only guess it says nothing.
Positions are those of the text as it stands (code points), so that a mark can be drawn under it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, order=True)
class Mark:
    """A stretch that breaks a rule. `instead` is what could stand there: '' to leave it out, None when nobody knows."""

    start: int
    end: int
    rule: str
    why: str
    instead: str | None = None


ABBREVIATED = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|Nr|vs|etc|approx|bzw|ca|usw)|\b\w\.\s?\w)\.$")
_BASE = (
    "[\U0001f300-\U0001faff\u2600-\u26ff\u2702\u2705\u2708-\u270d\u270f\u2712\u2714\u2716\u2728\u2733\u2734\u2744"
    "\u274c\u274e\u2753-\u2755\u2757\u2763\u2764\u2795-\u2797\u27a1\u27b0\u231a\u231b\u23e9-\u23f3\u23f8-\u23fa"
    "\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55]"
)
_ONE = f"{_BASE}[\ufe0f\U0001f3fb-\U0001f3ff]*"
EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|{_ONE}(?:\u200d{_ONE})*|[0-9#*]\ufe0f?\u20e3")
GREETING = re.compile(
    r"\s*(?:hello|hi|hiya|hey|dear|good (?:morning|afternoon|evening|day)|greetings|hallo|moin|servus"
    r"|guten (?:tag|morgen|abend)|liebe[rs]?|sehr geehrte[rs]?)\b[^.,!?:\n]{0,40}[.,!?:]?\s*",
    re.IGNORECASE,
)
SHORT = {  # contraction -> in full; None where it stands for more than one thing
    "can't": "cannot", "won't": "will not", "shan't": "shall not", "let's": "let us", "i'm": "I am",
    **{f"{verb}n't": f"{verb} not" for verb in
       "are could did does do had has have is must need should was were would".split()},
    **{f"{who}'{ending}": f"{who} {verb}" for who in ("you", "we", "they")
       for ending, verb in (("re", "are"), ("ve", "have"), ("ll", "will"))},
    **{f"{who}'ll": f"{who} will" for who in ("he", "she", "it", "that", "there")},
    "i've": "I have", "i'll": "I will",
    **{f"{who}'s": None for who in ("he", "she", "it", "that", "there", "here", "what", "where", "who", "how")},
    **{f"{who}'d": None for who in ("i", "you", "he", "she", "it", "we", "they")},
}  # fmt: skip
# in full -> contraction; only where something follows, since "yes, it is." can't be shortened
LONG = {full.casefold(): short for short, full in SHORT.items() if full and not full.endswith(("have", "let us"))} | {
    "can not": "can't",
    "it is": "it's",
    "that is": "that's",
    "there is": "there's",
    "here is": "here's",
}
SPEAKERS = {
    "I": r"\bI(?:['’](?:m|ve|ll|d))?\b|(?<![\w.])(?i:me|my|mine|myself)\b",
    "we": r"(?<![\w.])(?i:we(?:['’](?:re|ve|ll|d))?|us(?!\w)|our|ours|ourselves)\b(?!\s*dollars?)",
}
DU = re.compile(r"\b(?:[Dd]u|[Dd]ich|[Dd]ir|[Dd]ein(?:e[mnrs]?)?|[Ee]uch|[Ee]ure?[mnrs]?)\b")
SIE = re.compile(r"\b(?:Sie|Ihnen|Ihre?[mnrs]?)\b")
YOU = re.compile(r"\b(?:you(?:['’]\w+)?|yours?|yourself|du|dich|dir|dein\w*|ihnen|ihre?\w?|sie)\b", re.IGNORECASE)
ITEM = r"[\w'’-]+(?: [\w'’-]+)?"
LISTED = re.compile(rf"(?<=\w), {ITEM}(?P<gap> )(?:and|or|und|oder)(?= +\w)")
OXFORD = re.compile(rf"(?<=\w), {ITEM}(?P<comma>,) (?:and|or)(?= +\w)")


def fold(text: str) -> str:
    """Lower case and straight signs, at the same positions."""
    signs = str.maketrans("‘’‚“”„‐‑\u00a0\u202f", "'''\"\"\"--  ")
    return "".join(low if len(low := sign.lower()) == 1 else sign for sign in text.translate(signs))


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence starts and ends; a line break ends one too."""
    start = 0
    for found in re.finditer(r"[.!?…]+[\"'”’)]*(?=\s|$)|\n+", text):
        if text[found.start()] == "." and ABBREVIATED.search(text[: found.end()]):
            continue
        if text[start : found.end()].strip():
            yield _trimmed(text, start, found.end())
        start = found.end()
    if text[start:].strip():
        yield _trimmed(text, start, len(text))


def words(text: str) -> int:
    """How many words; a lone sign or an emoji is none."""
    return sum(any(sign.isalnum() for sign in word) for word in text.split())


def avoided(text: str, wanted: Sequence[str], instead: Mapping[str, str]) -> Iterator[Mark]:
    """Words and phrases the guide avoids, whole and in any case, the longest first where two overlap."""
    said = fold(text)
    kept = {fold(word).strip(): other for word, other in instead.items()}
    listed = [fold(word).strip() for word in (*wanted, *instead)]
    taken: list[tuple[int, int]] = []
    for word in sorted({word for word in listed if word}, key=lambda one: (-len(one), one)):
        for hit in _whole(word).finditer(said):
            if any(hit.start() < end and start < hit.end() for start, end in taken):
                continue
            taken.append(hit.span())
            other = kept.get(word)
            offer = None if other is None else _cased(other, text[hit.start() : hit.end()])
            why = f"The guide avoids “{word}”." + (f" Say “{other}”." if other else "")
            yield Mark(hit.start(), hit.end(), "avoid", why, offer)


def long_sentences(text: str, most: int) -> Iterator[Mark]:
    for start, end in sentences(text):
        if (n := words(text[start:end])) > most:
            yield Mark(start, end, "sentence length", f"This sentence has {n} words; at most {most}.")


def emoji(text: str, most: int) -> Iterator[Mark]:
    """The emoji beyond the `most` that may stand here; 0 for none at all."""
    for number, hit in enumerate(EMOJI.finditer(text), 1):
        if number > most:
            why = "The guide uses no emoji." if most == 0 else f"This is emoji number {number}; at most {most}."
            start = hit.start() - (hit.start() > 0 and text[hit.start() - 1] == " ")
            yield Mark(start, hit.end(), "emoji", why, "")


def contractions(text: str, wanted: bool) -> Iterator[Mark]:
    """Long forms where contractions are wanted, contractions where they aren't. English only."""
    said = fold(text)
    for short in _LONG.finditer(said) if wanted else _SHORT.finditer(said):
        found = short[0]
        other = LONG[found] if wanted else SHORT[found]
        offer = None if other is None else _cased(other, text[short.start() : short.end()])
        why = f"Write “{other}”." if other else "Write it in full: it stands for “is”, “has”, “had” or “would”."
        yield Mark(*short.span(), "contractions", why, offer)


def greeting(text: str) -> tuple[int, int] | None:
    """Where the greeting at the start stands, None when there is none."""
    found = GREETING.match(text)
    return _trimmed(text, *found.span()) if found and found[0].strip() else None


def address(text: str, form: str) -> Iterator[Mark]:
    """German: du where Sie is said, Sie where du is said. "Sie" at the start of a sentence may be "she": left alone."""
    if form == "Sie":
        for hit in DU.finditer(text):
            yield Mark(*hit.span(), "address", "The guide says Sie to the reader.")
        return
    openings = {start for start, _ in sentences(text)}
    for hit in SIE.finditer(text):
        if hit.start() not in openings:
            yield Mark(*hit.span(), "address", "The guide says du to the reader.")


def person(text: str, speaks_as: str) -> Iterator[Mark]:
    """Who speaks: "we", "I", or "neither"."""
    for who, pattern in SPEAKERS.items():
        if who != speaks_as:
            ours = "nobody: neither I nor we" if speaks_as == "neither" else f"“{speaks_as}”"
            for hit in re.finditer(pattern, text):
                yield Mark(*hit.span(), "person", f"The guide speaks as {ours}.")


def exclamations(text: str, most: int) -> Iterator[Mark]:
    """Exclamation marks beyond the `most` that may stand here."""
    for number, hit in enumerate(re.finditer("!", text), 1):
        if number > most:
            why = "The guide uses no exclamation mark." if most == 0 else f"Exclamation mark {number}; at most {most}."
            run = len(text[: hit.start()].rstrip("!"))
            all_beyond = number - (hit.start() - run) > most and text[run - 1 : run] not in ("?", ".", "…")
            last = not text[hit.end() : hit.end() + 1].strip()
            yield Mark(*hit.span(), "exclamation marks", why, "." if last and all_beyond else "")


def dashes(text: str) -> Iterator[Mark]:
    for hit in re.finditer(r"\s*—\s*|\s+–\s+", text):
        yield Mark(*hit.span(), "dashes", "The guide uses no dash between clauses.", ", ")


def double_spaces(text: str) -> Iterator[Mark]:
    for hit in re.finditer(r"(?<=\S) {2,}(?=\S)", text):
        yield Mark(*hit.span(), "spaces", "Two spaces where one will do.", " ")


def oxford(text: str, always: bool) -> Iterator[Mark]:
    """The comma before the last item of a list. Lists of short items only: longer ones can't be told from clauses."""
    if always:
        for hit in LISTED.finditer(text):
            yield Mark(
                *hit.span("gap"), "Oxford comma", "If this is a list, a comma stands before its last item.", ", "
            )
    else:
        for hit in OXFORD.finditer(text):
            why = "If this is a list, no comma stands before its last item."
            yield Mark(*hit.span("comma"), "Oxford comma", why, "")


def shouting(text: str, allowed: Sequence[str]) -> Iterator[Mark]:
    """Words of four or more capitals that are not among the `allowed`. Codes with digits are left alone."""
    for hit in re.finditer(r"(?<![\w-])[^\W\d_]{4,}(?![\w-])", text):
        if hit[0].isupper() and hit[0] not in allowed:
            yield Mark(*hit.span(), "capitals", "A whole word in capitals shouts.", hit[0].lower())


def signed_off(text: str, endings: Sequence[str]) -> bool:
    """Whether the text ends with one of these, whatever signs or emoji follow."""
    said = EMOJI.sub("", fold(text)).rstrip(" \n\t.!?,;:…\"')\ufe0f")
    return any(said.endswith(fold(ending).rstrip(" .!?,;:…")) for ending in endings if ending.strip())


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    said = text[start:end]
    return start + len(said) - len(said.lstrip()), end - (len(said) - len(said.rstrip()))


def _cased(word: str, like: str) -> str:
    """`word` with the capital that the found one had."""
    if word.startswith("I ") or not like[:1].isupper() or word[:1].isupper():
        return word
    return word[:1].upper() + word[1:]


@cache
def _whole(word: str) -> re.Pattern[str]:
    inner = r"\s+".join(map(re.escape, word.split()))
    before = r"(?<!\w)" if word[0].isalnum() else ""
    after = r"(?!\w)" if word[-1].isalnum() else ""
    return re.compile(before + inner + after)


def _any(listed: Sequence[str]) -> str:
    return "|".join(re.escape(one) for one in sorted(listed, key=len, reverse=True))


_SHORT = re.compile(rf"(?<![\w'])(?:{_any(list(SHORT))})(?![\w'])")
_LONG = re.compile(rf"(?<![\w'])(?:{_any(list(LONG))})(?= +\w)")
