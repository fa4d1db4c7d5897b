"""Secrets: keys, tokens, passwords and private keys in a text, by the shapes that their makers gave them.

A short list of well-known shapes, and for `password: ...` and `api_key = ...` a look at the value, because most of what
follows such a word in a text for customers is an explanation ("password: at least 12 characters") or a placeholder.
A secret without a shape and without such a word before it is not found.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

from engine.privacy.personal import Found, apart

KINDS = {
    "private key": "private key",
    "token": "key or token",
    "password": "password",
    "connection": "address with a password in it",
}

_SHAPES = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\S]{0,8000}?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?",
    "connection": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@<>\"']{0,64}:(?P<inside>[^\s@/<>\"']{3,128})@[^\s<>\"']+",
    "token": "|".join(
        (
            r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z2-7]{16}\b",  # AWS
            r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b",  # GitHub
            r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b",
            r"\bglpat-[\w-]{20,64}",  # GitLab
            r"\bxox[abposr]-[A-Za-z0-9-]{10,}\b|\bxapp-\d-[A-Z0-9-]{10,}\w+",  # Slack
            r"\bhooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{20,}",
            r"\bsk-(?:proj-|svcacct-|ant-[a-z]+\d\d-|or-v1-)?(?=[\w-]*\d[\w-]*\d)[\w-]{20,}",  # OpenAI, Anthropic
            r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}\b|\bwhsec_[A-Za-z0-9]{24,}\b",  # Stripe
            r"\bAIza[\w-]{35}(?![\w-])",  # Google
            r"\bya29\.[\w-]{30,}",
            r"\bhf_[A-Za-z0-9]{30,}\b",  # Hugging Face
            r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgEI[\w-]{50,}",
            r"\bSG\.[\w-]{22}\.[\w-]{43}(?![\w-])",  # SendGrid
            r"\bSK[0-9a-f]{32}\b",  # Twilio
            r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",  # a signed web token
            r"\bAccountKey=[A-Za-z0-9+/]{60,}={0,2}",  # Azure
        )
    ),
}
_SHAPED = [(kind, re.compile(shape)) for kind, shape in _SHAPES.items()]

_ASSIGNED = re.compile(
    r"""(?P<word>pass[-_ ]?(?:word|wort|phrase|wd)|passwd|pwd|kennwort|passwort|\bpin\b
           |(?:api|access|secret|auth|private|client)[-_ ]?(?:key|token|secret)|\bsecret\b|\bbearer\b|\btoken\b)
        ["']?[ \t]*(?P<sign>[:=]|\bis\b|\bist\b|\blautet\b|(?<=bearer)[ ])[ \t]*
        (?P<quote>["'`]?)(?P<value>[^\s"'`,;<>]{4,200})""",
    re.VERBOSE | re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"^(?:[*x•.\-_#]+|<.*|\{.*|\[.*|\$\{?\w+\}?.*|%\w+%|your\S*|my\S*|example\S*|pass(?:word|wort)?|pwd|secret|changeme|placeholder|redacted|hidden"
    r"|none|null|true|false|undefined|required|optional|os\.environ\S*|process\.env\S*|getenv\S*)$",
    re.IGNORECASE,
)
ENTROPY = 3.0  # bits a character: what a random key of 16 characters has and a word has not


def scan(text: str) -> list[Found]:
    """The secrets of a text, in its order, without overlaps."""
    return apart(_found(text))


def _found(text: str) -> Iterator[Found]:
    for kind, shape in _SHAPED:
        for match in shape.finditer(text):
            inside = match.groupdict().get("inside")
            if inside is None or not _PLACEHOLDER.match(inside):
                yield Found(kind, match.start(), match.end(), 0.9, match.group())
    for match in _ASSIGNED.finditer(text):
        value = match["value"].rstrip(".!?)]}")
        if _looks_secret(match["word"], match["sign"], match["quote"], value):
            start = match.start("value")
            kind = "password" if re.match(r"(?i)pass|pwd|kenn|pin", match["word"]) else "token"
            yield Found(kind, start, start + len(value), 0.6, value)


def _looks_secret(word: str, sign: str, quote: str, value: str) -> bool:
    if len(value) < 4 or _PLACEHOLDER.match(value):
        return False
    if word.lower() == "pin":
        return bool(re.fullmatch(r"\d{4,8}", value))
    kinds = sum(bool(re.search(kind, value)) for kind in (r"[a-z]", r"[A-Z]", r"\d", r"[^\w\s]"))
    if re.match(r"(?i)pass|pwd|kenn", word):  # a password is shorter than a key, and has more kinds of signs
        return len(value) >= 6 and (kinds >= 3 or (kinds >= 2 and bool(re.search(r"\d", value))) or bool(quote))
    return len(value) >= 16 and kinds >= 2 and bool(re.search(r"\d", value)) and entropy(value) >= ENTROPY


def entropy(value: str) -> float:
    """Shannon's, in bits a character, over the characters of the value itself."""
    n = len(value)
    return -sum(count / n * math.log2(count / n) for count in Counter(value).values()) if n else 0.0
