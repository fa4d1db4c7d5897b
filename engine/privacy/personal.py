"""Personal data: what in a text points at a person, found without a language model and without a network.

Presidio's recognizers judge e-mail addresses, cards, IBANs, IP addresses, US social security numbers, wallets and some
national numbers; phone numbers are judged by `privacy.phones`, web addresses by the list of public suffixes, names and
street addresses by the words around them (`privacy.naming`), or by a spaCy model where one is installed. Nothing here
says whether a person agreed, and what it finds is never logged.
"""

import importlib
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from engine.privacy import naming, phones

DETECTOR = "2026-11"  # changes whenever this module would answer differently: what was scanned before is scanned anew

KINDS = {  # kind -> what one of it is called
    "email": "e-mail address",
    "phone": "phone number",
    "iban": "IBAN",
    "card": "card number",
    "ssn": "US social security number",
    "national id": "national identity number",
    "wallet": "crypto wallet",
    "url": "web address",
    "ip": "IP address",
    "name": "name",
    "address": "street address",
}


@dataclass(frozen=True)
class Found:
    """A stretch of a text, `text[start:end]`. Its words are kept out of `repr`, and so out of logs and tracebacks."""

    kind: str
    start: int
    end: int
    score: float  # 0 to 1: how much speaks for it; not a probability
    text: str = field(repr=False)


@dataclass(frozen=True)
class Finder:
    """One kind: `may` is a necessary condition that costs little, `find` gives (start, end, score)."""

    kind: str
    may: re.Pattern[str]
    find: Callable[[str], Iterable[tuple[int, int, float]]]


def scan(text: str) -> list[Found]:
    """What personal data a text holds, in its order; no two overlap, and of two that would the longer stays.

    What is reserved for examples (RFC 2606, 5737, 3849; 555 numbers) is nobody's, and so are our own stand-ins.
    The first call loads Presidio (a second or two); `ready` does that ahead of time.
    """
    if not text:
        return []
    found = [
        Found(finder.kind, start, end, score, text[start:end])
        for finder in ready()
        if finder.may.search(text)
        for start, end, score in finder.find(text)
    ]
    return [one for one in apart(found) if not _nobodys(one)]


def scan_many(
    texts: Iterable[str], progress: Callable[[int, int | None], None] = lambda done, of: None
) -> Iterator[list[Found]]:
    """`scan` of one text after the other. `progress` hears (done, of) now and then; of is None for an open stream."""
    of = len(texts) if isinstance(texts, list | tuple) else None
    done = 0
    for done, text in enumerate(texts, 1):
        yield scan(text)
        if done % 1000 == 0:
            progress(done, of)
    progress(done, of)


def apart(found: Iterable[Found]) -> list[Found]:
    """Those that do not overlap, in order of the text: the longer wins, then the surer, then the order of KINDS."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    kept: list[Found] = []
    for one in sorted(found, key=lambda f: (f.start - f.end, -f.score, ranks.get(f.kind, len(ranks)), f.start)):
        if all(one.end <= other.start or other.end <= one.start for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def kinds_said(counts: dict[str, int]) -> str:
    """`12 e-mail addresses, 1 IBAN`: the most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{n:,} {plural(kind) if n != 1 else KINDS.get(kind, kind)}" for kind, n in ordered)


def plural(kind: str) -> str:
    word = KINDS.get(kind, kind)
    return f"{word}es" if word.endswith("s") else f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


_RESERVED = {
    "email": re.compile(r"[@.](?:example\.(?:com|net|org)|example|test|invalid|localhost)$", re.IGNORECASE),
    "url": re.compile(
        r"^(?:\w+://)?(?:[\w.-]+\.)?(?:example\.(?:com|net|org)|example|test|invalid|localhost)(?=[:/?#]|$)",
        re.IGNORECASE,
    ),
    "ip": re.compile(r"^(?:192\.0\.2|198\.51\.100|203\.0\.113|127\.0\.0)\.|^2001:0?db8:|^::1?$", re.IGNORECASE),
    "phone": re.compile(r"\D555\D?01\d\d$"),
    "card": re.compile(r"^4000 0000 0"),
    "address": re.compile(r"^\d+ Sample Street$"),
}


def _nobodys(found: Found) -> bool:
    reserved = _RESERVED.get(found.kind)
    return reserved is not None and bool(reserved.search(found.text))


_loading = threading.Lock()


def ready() -> tuple[Finder, ...]:
    """The finders, loaded once for each process."""
    with _loading:
        return _finders()


@lru_cache(maxsize=1)
def _finders() -> tuple[Finder, ...]:
    with _without("torch", "transformers"):
        known = importlib.import_module("presidio_analyzer.predefined_recognizers")
        presidio = importlib.import_module("presidio_analyzer")
    logging.getLogger("presidio-analyzer").propagate = False  # it may print what it reads
    digits = re.compile(r"(?:\d\D{0,4}){6}\d")
    card = known.CreditCardRecognizer(patterns=[presidio.Pattern("groups of digits", _CARD, 0.3)])
    iban = known.IbanRecognizer(regex_flags=re.DOTALL | re.MULTILINE | re.IGNORECASE)
    finders = [
        Finder("email", re.compile("@"), _by(_offline_email(known)())),
        Finder("iban", re.compile(r"[A-Za-z]{2}\d\d"), _by(iban)),
        Finder("card", re.compile(r"(?:\d[ -]?){11}\d"), lambda text: _cards(text, _by(card))),
        Finder("ip", re.compile(r"\d\.\d|:[0-9A-Fa-f:]*:"), _by(known.IpRecognizer(), least=0.5)),
        Finder("ssn", re.compile(r"\d{3}[- .]\d\d[- .]\d{4}"), _by(known.UsSsnRecognizer(), least=0.5)),
        Finder("wallet", re.compile(r"\b(?:bc1|[13])\w{20}"), _by(known.CryptoRecognizer())),
        Finder("url", re.compile(r"[^\s.]\.[^\s.]{2}|://"), _urls),
        Finder("phone", digits, phones.find),
        Finder("name", naming.CUE_WORD, naming.names),
        Finder("address", re.compile(r"\d"), naming.addresses),
        Finder("national id", re.compile(r"\d-?[A-Za-z]\b"), _by(known.EsNifRecognizer(), least=0.5)),
        Finder("national id", re.compile(r"\w{16}"), _by(known.ItFiscalCodeRecognizer(), least=0.5)),
        Finder("national id", re.compile(r"\d\d ?\d\d ?\d\d ?[A-Da-d]\b"), _by(known.UkNinoRecognizer(), least=0.5)),
    ]
    model = naming.model()
    if model is not None:
        finders.append(Finder("name", re.compile(r"\w"), model))
    return tuple(finders)


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """While Presidio is imported, these cannot be: it would load gigabytes that no pattern needs."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _by(recognizer: Any, least: float = 0.0) -> Callable[[str], list[tuple[int, int, float]]]:
    """A Presidio recognizer as a plain function."""
    entities = list(recognizer.supported_entities)

    def find(text: str) -> list[tuple[int, int, float]]:
        found = recognizer.analyze(text, entities, None) or []
        return [(one.start, one.end, one.score) for one in found if one.score > 0 and one.score >= least]

    return find


@lru_cache(maxsize=1)
def _suffixes() -> Any:
    """The list of public suffixes that came with tldextract: as it stands it would ask the network for a newer one."""
    return importlib.import_module("tldextract").TLDExtract(suffix_list_urls=(), cache_dir=None)


def _registered(host: str) -> bool:
    found = _suffixes()(host)
    return bool(found.suffix and found.domain)


def _offline_email(known: Any) -> Any:
    class OfflineEmail(known.EmailRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return _registered(pattern_text.rsplit("@", 1)[-1])

    return OfflineEmail


# Luhn's check digit comes from Presidio; these are the ranges that issuers use (ISO/IEC 7812), 12 to 19 digits
_CARD = r"(?<![\w.,-])(?<![A-Za-z]{2}\d\d )(?:[3-6]|1800|2131|2[2-7])\d{2,3}(?:[- ]?\d{2,6}){2,5}(?![\w-]|[.,]\d)"
_CARD_CUE = re.compile(r"card|\bcc\b|credit|debit|visa|maestro|amex|karte|carte|tarjeta|carta", re.IGNORECASE)


def _cards(text: str, find: Callable[[str], list[tuple[int, int, float]]]) -> Iterator[tuple[int, int, float]]:
    """12 and 13 digits are also article and order numbers, one in ten with a right check digit: these need a word."""
    for start, end, score in find(text):
        n = sum(char.isdigit() for char in text[start:end])
        if 14 <= n <= 19 or (12 <= n <= 13 and _CARD_CUE.search(text[max(0, start - 60) : end + 30])):
            yield start, end, score


_URL = re.compile(
    r"""(?P<scheme>\b(?:https?|ftps?)://)[^\s<>"'`{}|\\^]+
      | (?<![\w@.+-])(?P<host>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24})\b(?![@\w-])(?::\d{2,5})?
        (?P<path>[/?\#][^\s<>"'`{}|\\^]*)?""",
    re.VERBOSE | re.IGNORECASE,
)
# Endings that are also words or the ends of file names: "Thanks.in", "report.py". A bare name with one is not enough
_WORDLIKE = frozenset(
    "ac am an as at be by care cc date day do game get gift id in is it la life live link ma me md mo mov my new no "
    "now now one pl ps py red rest rs save sh show so st team tel tips to today top us work you zip".split()
)
_TRAILING = ".,;:!?)]}*_'\"»”’"


def _urls(text: str) -> Iterator[tuple[int, int, float]]:
    for match in _URL.finditer(text):
        start, end = match.span()
        while end > start and text[end - 1] in _TRAILING:
            end -= 1
        if match["scheme"]:
            if end > match.end("scheme"):
                yield start, end, 0.9
            continue
        host = match["host"]
        labels = host.split(".")
        ending, www = labels[-1], labels[0].lower() == "www"
        if not www and not match["path"]:
            if ending.lower() in _WORDLIKE and len(labels) < 3:
                continue
            if ending != ending.lower() and host != host.upper():  # "Ready.Set": a space is missing
                continue
            if len(labels[-2]) < 2:  # e.g., i.e.
                continue
        if _registered(host):
            yield start, end, 0.9 if www else 0.6
