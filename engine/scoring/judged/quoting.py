"""Quoting: whether a quote stands in a passage, and texts made safe to be shown to a judge.

A quote may differ from its passage in case, spaces, kinds of quotation marks and dashes, and leave words out with dots;
it may not differ in a word.
"""

import re
import unicodedata

from engine.scoring.wording import SIGNS

FEWEST = 3  # words of a quote; fewer stand anywhere. A shorter passage is quoted whole
TAGS = "question|answer|sentence|passage|claim|material|verdict|system"
FENCE = re.compile(rf"<(?=\s*/?\s*(?:{TAGS})s?\b)", re.IGNORECASE)
LEFT_OUT = re.compile(r"\[\s*\.{2,}\s*\]|\(\s*\.{2,}\s*\)|\.{2,}")


def fenced(tag: str, text: str, n: int = 0) -> str:
    """`text` between tags of ours, from which it cannot break out."""
    number = f' n="{n}"' if n else ""
    return f"<{tag}{number}>\n{harmless(text)}\n</{tag}>"


def harmless(text: str) -> str:
    """A text in which none of our tags begins or ends. Where it tried to, a sign that looks alike stands."""
    return FENCE.sub("‹", text)


def normal(text: str) -> str:
    """One way of writing: NFKC, no case, quotation marks or emphasis, one space, none before a comma or full stop."""
    said = unicodedata.normalize("NFKC", text).translate(SIGNS).casefold()
    said = re.sub(r"[\"*`\u00ad\u200b\ufeff]", "", said)
    return re.sub(r"\s+([.,;:!?)])", r"\1", " ".join(said.split()))


def stands(quote: str, passage: str) -> bool:
    """Whether `quote` stands in `passage`, as whole words; parts around dots in their order."""
    hay = normal(passage)
    parts = [part.strip(" .,;:!?'-") for part in LEFT_OUT.split(normal(quote))]
    parts = [part for part in parts if part]
    at = 0
    for part in parts:
        found = re.compile(rf"(?<!\w){re.escape(part)}(?!\w)").search(hay, at)
        if found is None:
            return False
        at = found.end()
    return bool(parts)


def long_enough(quote: str, passage: str) -> bool:
    return len(words(quote)) >= min(FEWEST, len(words(passage)))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
