"""Pseudonyms: consistent stand-ins for personal data, and the way back for whoever holds the key.

A stand-in is of the same kind and keeps its form, so that a model still learns what an e-mail address looks like. Where
a range is reserved for examples it comes from there, so it is nobody's: RFC 2606, 5737 and 3849, the 555 numbers of
films, XX for no country in an IBAN, 666 for no social security number. The same words get the same stand-in.
`reveal(hide(text)) == text` for texts that are told of each other (`beside`) or come later, also for one that holds a
stand-in of its own accord: that one gets a stand-in too. This module keeps nothing; quality.pseudonyms keeps the key.
"""

import re
from collections.abc import Callable, Iterable

from engine.privacy.personal import Found, apart

_GIVEN = (
    "Robin Kim Alex Sam Charlie Jamie Toni Andrea Sascha Noa Luca Mika Jona Eli Remy Dana Billie Frankie Jo Lou Marlo "
    "Nico Quinn Rowan Sage Tatum Wren Ariel Blair Casey Drew Emery Finley Harper Indigo Jules Kai Lane Morgan Parker"
).split()
_FAMILY = (
    "Ashdown Calder Dunmore Elsholz Fairbank Grunow Harlow Ilsen Jarrow Kestrel Lindqvist Marlowe Norwell Oakes "
    "Penrose Quarles Redfern Stellmann Thornbury Ulmer Varga Westby Yarrow Zeller Amberg Brockton Corwin Dellmar "
    "Everly Fenwick Garrow Holmby Ironside Jessel Kirkwell Lomax Medlar Northam Orwin Pellworm"
).split()
_AREAS = (
    "202",
    "212",
    "303",
    "312",
    "404",
    "415",
    "503",
    "512",
    "602",
    "617",
    "702",
    "718",
    "801",
    "808",
    "907",
    "913",
)
_NETS = ("192.0.2", "198.51.100", "203.0.113")


class Key:
    """Who is behind which stand-in: kind -> original words -> stand-in. It is the secret; it only ever grows."""

    def __init__(self, stand_ins: dict[str, dict[str, str]] | None = None) -> None:
        self.stand_ins = stand_ins or {}
        self.originals = {made: words for known in self.stand_ins.values() for words, made in known.items()}
        self._compiled: tuple[int, re.Pattern[str]] | None = None

    def __len__(self) -> int:
        return len(self.originals)

    def hide(self, text: str, found: Iterable[Found], again: bool = False, beside: str = "") -> str:
        """The text with a stand-in for each of `found`; of two that overlap the longer counts. The key may grow.

        `again`: the text may hold stand-ins from before, which stay. `beside`: other texts; no new stand-in is a word
        of theirs.
        """
        spans = [(one.start, one.end, one.kind) for one in apart(found) if one.end > one.start]
        own = self._pattern().finditer(text) if self.originals else ()
        for (
            match
        ) in own:  # it looks like a stand-in and may be none: then it is hidden as well, or the way back is wrong
            met = [span for span in spans if match.start() < span[1] and span[0] < match.end()]
            if again:
                spans = [span for span in spans if span not in met]
            elif not met:
                spans.append((match.start(), match.end(), "lookalike"))
        spans.sort()
        wanted = self.reveal(text) if again else text
        hidden = self._put(text, spans, lambda kind, words: self._stand_in(kind, words, text, beside))
        if self.reveal(hidden) != wanted:  # a stand-in ran into its neighbours: signs that no text uses set it apart
            hidden = self._put(text, spans, lambda kind, words: self._marked(kind, words, text))
        if self.reveal(hidden) != wanted:
            raise ValueError("this text cannot be hidden in a way that leads back")
        return hidden

    def reveal(self, text: str) -> str:
        """The text with every stand-in turned back into what it stands for."""
        return self._pattern().sub(lambda match: self.originals[match.group()], text) if self.originals else text

    def _pattern(self) -> re.Pattern[str]:
        """Longest first; made anew when the key has grown."""
        if self._compiled is None or self._compiled[0] != len(self):
            alternatives = map(_whole, sorted(self.originals, key=lambda one: (-len(one), one)))
            self._compiled = len(self), re.compile("|".join(alternatives))
        return self._compiled[1]

    @staticmethod
    def _put(text: str, spans: list[tuple[int, int, str]], instead: Callable[[str, str], str]) -> str:
        parts, last = [], 0
        for start, end, kind in spans:
            parts += [text[last:start], instead(kind, text[start:end])]
            last = end
        return "".join([*parts, text[last:]])

    def _stand_in(self, kind: str, words: str, text: str, beside: str) -> str:
        known = self.stand_ins.setdefault(kind, {})
        n = len(known)
        while words not in known:
            n += 1
            made = stand_in(kind, words, n)
            if made not in self.originals and made not in text and made not in beside:
                known[words], self.originals[made] = made, words
        return known[words]

    def _marked(self, kind: str, words: str, text: str) -> str:
        known = self.stand_ins.setdefault(f"{kind}, set apart", {})
        n = len(known)
        while words not in known:
            n += 1
            made = f"⟦{kind} {n}⟧"
            if made not in self.originals and made not in text:
                known[words], self.originals[made] = made, words
        return known[words]


def _whole(made: str) -> str:
    """A stand-in that ends in a letter or digit is one only where no word goes on."""
    before = r"(?<![\w@.])" if made[0].isalnum() else ""
    return before + re.escape(made) + (r"(?!\w)" if made[-1].isalnum() else "")


def stand_in(kind: str, original: str, n: int) -> str:
    """The nth stand-in of a kind, in the form of what it replaces."""
    if kind == "email":
        return f"customer{n}@example.org"
    if kind == "url":
        scheme = re.match(r"(?i)https?://", original)
        return f"{scheme.group().lower() if scheme else 'www.'}site{n}.example.org"
    if kind == "phone" and n <= len(_AREAS) * 100:
        return f"+1 {_AREAS[(n - 1) // 100]}-555-01{(n - 1) % 100:02}"
    if kind == "ip":
        return (
            f"{_NETS[(n - 1) // 254]}.{(n - 1) % 254 + 1}" if ":" not in original and n <= 762 else f"2001:db8::{n:x}"
        )
    if kind == "card":
        return _grouped(_luhn(f"400000{n:09}"))
    if kind == "iban":
        return _iban(n)
    if kind == "ssn" and n < 990000:
        return f"666-{n // 10000 + 1:02}-{n % 10000:04}"
    if kind == "address":
        return f"{n} Sample Street"
    if kind == "name":
        return _name(original, n)
    return f"<{kind.upper().replace(' ', '_')}_{n}>"


def _name(original: str, n: int) -> str:
    """As many words as the original has, up to two; a surname for one word."""
    given, family = _GIVEN[(n - 1) % len(_GIVEN)], _FAMILY[(n - 1) * 7 % len(_FAMILY)]
    turn = (n - 1) // len(_FAMILY)
    if turn:  # every name is used once before any is joined with another
        family += f"-{_FAMILY[(n - 1 + turn) % len(_FAMILY)]}"
    if turn >= len(_FAMILY):
        return f"<NAME_{n}>"
    return f"{given} {family}" if " " in original.strip() else family


def _grouped(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _luhn(digits: str) -> str:
    """The digits with Luhn's check digit after them (ISO/IEC 7812-1)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def _iban(n: int) -> str:
    """XX is nobody's country; the check digits are right (ISO 13616)."""
    account = f"{n:016}"
    check = 98 - int(account + "333300") % 97
    return _grouped(f"XX{check:02}{account}")
