"""Naming: names and street addresses by the words around them, where no language model is at hand.

It finds who is introduced ("My name is ...", "Dear ...", "Mr ...") and streets that are called streets. A name without
such a word is not found; docs/personal-data.md says how many that are. A spaCy model that is installed does better and
is used.
"""

import importlib
import re
from collections.abc import Callable, Iterator

import regex

_NAME = (
    r"\p{Lu}[\p{L}’'-]+(?:[ \t]+(?:\p{Lu}\.|(?:van|von|der|den|de|di|da|la|le|el|bin|al|zu)\b|\p{Lu}[\p{L}’'-]+)){0,3}"
)
NAME_CUE = regex.compile(
    rf"""(?:
        \b(?i:mr|mrs|ms|miss|mx|dr|prof|herrn?|frau|señora?|monsieur|madame)\b\.?[ \t]+(?:(?:Dr|Prof)\.[ \t]+)*
      | \b(?i:my[ ]name[ ]is|name['’]s|mein[ ]name[ ]ist|ich[ ]heiße|je[ ]m['’]appelle|me[ ]llamo|maiden[ ]name[ ]is
            |people[ ]call[ ]me|i[ ]am[ ]called|was[ ]called|named|signed[ ]by)[ \t]+
      | ^[> \t]*(?i:(?:full[ ]|first[ ]|last[ ])?name|kunde|customer|patient|vorname|nachname)[ \t]*:[ \t]*
      | ^[> \t]*(?i:dear|hi|hello|hey|liebe[r]?|hallo|sehr[ ]geehrte[r]?|bonjour|hola)[ \t]+
        (?:(?i:mr|mrs|ms|miss|mx|dr|prof|herr|frau)\b\.?[ \t]+)*
      | (?i:regards|sincerely|yours|cheers|grüßen|grüße|gruß)[ \t]*,?[ \t]*\n+[ \t]*
    )(?P<name>{_NAME})""",
    regex.VERBOSE | regex.MULTILINE,
)
CUE_WORD = re.compile(  # one of these stands in every match of the above; looking for it alone costs a tenth
    r"\b(?:m(?:r|rs|s|iss|x|y|ein|onsieur|adame|aiden|e)|dr|prof|herrn?|frau|señora?|name(?:d|['’]s)?|ich|je|people|i|was"
    r"|signed|(?:full|first|last)|kunde|customer|patient|vorname|nachname|dear|hi|hello|hey|lieber?|hallo|sehr|bonjour"
    r"|hola|regards|sincerely|yours|cheers|grüßen?|gruß)\b",
    re.IGNORECASE,
)
_NOBODY = frozenset(
    "Sir Madam Customer Customers Team All There Everyone Everybody Support Service Friend Friends Colleague "
    "Colleagues Hiring Kunde Kundin Kunden Damen Herren Herr Frau Mr Mrs Ms Miss Dr Prof Alle Zusammen Agent Assistant "
    "Bot User Thanks Thank I It The This That We You My Your Our What How Can Could Is Are Do Please No Yes".split()
)

_WAYS = (
    "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Way|Court|Ct|Close|Square|Sq|Boulevard|Blvd|Terrace|Place|Pl|Crescent"
    "|Parkway|Pkwy|Highway|Hwy|Row|Mews|Gardens|Grove|Hill|Trail|Alley|Quay"
)
_ADDRESS = regex.compile(
    rf"""\b\d{{1,5}}[a-zA-Z]?[ ](?:\p{{Lu}}[\p{{L}}’'.-]*[ ]){{1,4}}(?:{_WAYS})\b\.?
      | \b\p{{Lu}}\p{{L}}+(?:-\p{{Lu}}\p{{L}}+)*(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|laan|straat
            |vej|vegen|veien|gade|gata|gatan|vägen|katu|tie|kuja)[ ]\d{{1,4}}[a-z]?\b
      | \b(?:Rua|Via|Viale|Piazza|Corso|Rue|Calle|Avenida|Av\.|Plaza|Paseo|ul\.)[ ]
            (?:[\p{{L}}’'.]+[ ]){{1,4}}\d{{1,5}}\b
      | \b\d{{1,4}},?[ ](?:rue|avenue|boulevard|place)[ ](?:[\p{{L}}’'.]+[ ]?){{1,4}}
      | \b(?:Apt|Apartment|Suite|Ste|Unit|P\.?[ ]?O\.?[ ]Box|PSC|Postfach)\b\.?[ ]?\#?\d{{1,5}}(?:,?[ ]Box[ ]\d+)?""",
    regex.VERBOSE,
)
_JOIN = regex.compile(r"(?:[ ]|[ ]?,[ ]?|[ ]?\n[ ]*)")


def names(text: str) -> Iterator[tuple[int, int, float]]:
    """(start, end, score) of each name that a word introduces."""
    for match in NAME_CUE.finditer(text):
        start, end = match.span("name")
        words = text[start:end].split()
        if words[0].strip(".") not in _NOBODY:
            yield start, end, 0.6


def addresses(text: str) -> Iterator[tuple[int, int, float]]:
    """(start, end, score) of each street address, its parts that follow each other joined into one."""
    spans: list[tuple[int, int]] = []
    for match in _ADDRESS.finditer(text):
        start, end = match.span()
        if spans and _JOIN.fullmatch(text[spans[-1][1] : start]):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    for start, end in spans:
        yield start, end, 0.5


def model() -> Callable[[str], list[tuple[int, int, float]]] | None:
    """The persons that an installed spaCy model sees; None when there is no model."""
    spacy = importlib.import_module("spacy")
    installed = sorted(spacy.util.get_installed_models())
    wanted = [name for name in installed if name.startswith(("en_core_web", "xx_ent"))]
    if not wanted:
        return None
    reader = spacy.load(wanted[-1], exclude=["parser", "lemmatizer", "textcat"])

    def find(text: str) -> list[tuple[int, int, float]]:
        return [(one.start_char, one.end_char, 0.8) for one in reader(text).ents if one.label_ in ("PERSON", "PER")]

    return find
