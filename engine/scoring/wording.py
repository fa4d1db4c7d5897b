"""Wording: what two texts must agree on to say the same, so that spelling is not mistaken for knowledge.

`plain` writes a text the one way that we compare; `stands` looks for one such text in another as whole words.
It knows digits, small numbers, money and units in English; it doesn't know synonyms, nor what a sentence means.
"""

import re
import unicodedata

# typographic signs that NFKC leaves alone
SIGNS = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
    | {"‐": "-", "‑": "-", "–": "-", "—": " - ", "−": "-", "…": "..."}
)

ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TIES = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SMALL = {word: n for n, word in enumerate(["zero", *ONES, *TEENS])}
TENS = {word: 10 * n for n, word in enumerate(TIES, 2)}
MONEY = {"€": "euro", "eur": "euro", "euros": "euro", "£": "pound", "gbp": "pound", "$": "dollar", "usd": "dollar"}
UNITS = "kg|g|mg|mm|cm|m|km|ml|l|w|kw|kwh|v|hz|db|min|h|s|gb|mb|tb"

# "one of", "one another": not a count. Larger words ("two hundred") are left as they stand.
SPELLED = re.compile(
    rf"\b(?:({'|'.join(TENS)})(?:[- ]({'|'.join(ONES)}))?|({'|'.join(SMALL)}))\b"
    r"(?![- ](?:of|another|hundred|thousand|million|billion)\b)"
)
THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:[,'\u00a0\u202f\u2009]\d{3})+(?![\d,]*\d)")
MONEY_BEFORE = re.compile(r"([€£$]) ?(\d+(?:\.\d+)?)")
MONEY_AFTER = re.compile(rf"(\d) ?({'|'.join(map(re.escape, MONEY))})(?!\w)")
GLUED_UNIT = re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?)[- ]?({UNITS}|%|°c)(?!\w)")
COUNTED = re.compile(r"(\d)\\[ -]([a-z]{3,}?)s?(?!\w)")  # in an escaped pattern
DENIED = re.compile(r"(?:\bnot|n't|\bnever|\binstead of|\brather than|\bno longer)(?: in| at| on| for)? $")


def plain(text: str) -> str:
    """One way of writing: NFKC, no case, straight signs, 1,000 as 1000, seven as 7, €5 as 5 euro."""
    joined = THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[0]), text)
    said = unicodedata.normalize("NFKC", joined).translate(SIGNS).casefold()
    said = SPELLED.sub(_digits, said)
    said = MONEY_BEFORE.sub(lambda found: f"{found[2]} {MONEY[found[1]]}", said)
    said = MONEY_AFTER.sub(lambda found: f"{found[1]} {MONEY[found[2]]}", said)
    said = GLUED_UNIT.sub(r"\1 \2", said)
    return " ".join(said.split())


def stands(wanted: str, text: str) -> bool:
    """Whether `wanted` stands in `text` as whole words and whole numbers, and is not denied in the same breath.

    "14 hours" stands in "a 14-hour battery", but neither in "114 hours", "1.4 hours", "-14 hours" or "10-14 hours",
    nor in "not 14 hours".
    """
    needle, hay = plain(wanted).strip(" .,;:!?\"'"), plain(text)
    if not needle:
        return False
    before = r"(?<![\w])(?<!\d[.,:/-])(?<![^\w]-)(?<!^-)" if needle[0].isdigit() else r"(?<!\w)"
    after = r"(?!\w)(?![.,:/-]\d)" if needle[-1].isdigit() else r"(?!\w)"
    pattern = COUNTED.sub(r"\1[ -]\2s?", re.escape(needle))
    found = re.finditer(before + pattern + after, hay)
    return any(not DENIED.search(hay[: hit.start()]) for hit in found)


def _digits(found: re.Match[str]) -> str:
    tens, one, small = found.groups()
    return str(TENS[tens] + SMALL.get(one or "", 0)) if tens else str(SMALL[small])
