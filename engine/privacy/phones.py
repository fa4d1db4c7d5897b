"""Phones: which runs of digits are phone numbers, by Google's libphonenumber (phonenumbers) and the words around them.

A number with its country code speaks for itself. A national one must either be written the way a country writes its
own, or stand near a word such as "call" or "Telefon"; a run of digits alone is nobody's phone number.
"""

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher

# Where a national number without any word beside it is looked for
REGIONS = ("US", "GB", "DE", "AT", "CH", "FR", "NL", "BE", "IT", "ES", "PL", "SE", "AU", "IN", "BR")
# One for each length and shape: with a word beside it, it is enough that a number could be one somewhere
POSSIBLE = ("US", "GB", "DE", "FR", "CZ", "DK", "IS", "ZA", "BR", "AU")

_CANDIDATE = re.compile(
    r"""(?<![\w@\#$€£])(?<!\d[.,:/-])
        (?:\+|\(\+?)?\d(?:[ \t\u00a0]?[()./\u2010-\u2013-]?[ \t\u00a0]?[()]?\d){5,16}
        (?:[ \t]?(?:x|ext\.?|extension)[ \t]?\d{1,5})?
        (?![\w%€$£]|[.,:/]\d|-\d)""",
    re.VERBOSE | re.IGNORECASE,
)
_DATE_OR_SSN = re.compile(
    r"(?:(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:19|20)\d\d|\d{3}-\d\d-\d{4})(?!\d)"
)
_CUE = re.compile(
    r"\b(?:tele)?(?:phones?|fon|fax)\b|\btel\b|\b(?:cell|mobile|mobil|handy|landline|hotline|switchboard|desk|office"
    r"|whatsapp|sms|texts?|dial|ring|reach(?:ed)?|answer(?:ing)?|calls?|calling|called|contact|messages?"
    r"|anrufen|anruf|rufnummer|telefonnummer|handynummer|durchwahl|erreichbar|erreichen|mobilnummer|büro)\b",
    re.IGNORECASE,
)
# The word right before says that it is another kind of number
_OTHER = re.compile(
    r"(?:card|cc|account|acct|order|invoice|ticket|case|reference|ref|tracking|licen[cs]e|passport|ssn|security|serial"
    r"|iban|bic|swift|zip|postcode|isbn|vat|item|article|sku|version|id|bestellung|rechnung|kunden|vorgang|konto|plz)"
    r"(?:nummer)?\W{0,3}(?:(?:number|num|nummer|nr|no|code|is|ist|lautet)\b\W{0,3}){0,2}$",
    re.IGNORECASE,
)
BEFORE, AFTER = 45, 12  # characters in which a word counts


def find(text: str) -> Iterator[tuple[int, int, float]]:
    """(start, end, score) of each phone number."""
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        written = match.group()
        while written and written[0] in "(" and ")" not in written:
            start, written = start + 1, written[1:]
        if written.endswith(")"):
            end, written = end - 1, written[:-1]
        digits = sum(char.isdigit() for char in re.split(r"(?i)x|ext", written)[0])
        if not 7 <= digits <= 15 or _DATE_OR_SSN.match(written):
            continue
        score = _score(text, start, end, written, digits)
        if score:
            yield start, end, score


def _score(text: str, start: int, end: int, written: str, digits: int) -> float:
    if written.lstrip("(").startswith(("+", "00")):
        return 0.9 if _possible("+" + re.sub(r"^\(?(?:\+|00)", "", written).replace("(0)", ""), None) else 0.0
    if _OTHER.search(text[max(0, start - 40) : start]):
        return 0.0
    near = text[max(0, start - BEFORE) : start] + "\n" + text[end : end + AFTER]
    if _CUE.search(near):
        return 0.7 if digits == 7 or any(_possible(written, region) for region in POSSIBLE) else 0.0
    if digits >= 9 and len(re.findall(r"\d+", written)) >= 2 and _as_written_somewhere(written):
        return 0.5
    return 0.0


def _possible(written: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(written, region))
    except phonenumbers.NumberParseException:
        return False


def _as_written_somewhere(written: str) -> bool:
    """Whether one of the countries would group the digits of a valid number in this way."""
    return any(
        True for region in REGIONS for _ in PhoneNumberMatcher(written, region, leniency=Leniency.STRICT_GROUPING)
    )
