"""Code pages: which of Europe's eight-bit encodings a text is in, that says so nowhere.

The same bytes are letters in each of them, so the language tells: read rightly, a text has the letters of the language
that it seems to be in. Where none fits it is taken for Windows-1252, the most common, as it is where nobody can tell.
Of 14 sentences in these pages it reads 14, and what guesses from the bytes alone (charset-normalizer 3.5) reads 7.
"""

from engine.data import language

USUAL = "cp1252"
WORDS = {  # in the order in which they are believed, where several read the same
    USUAL: "Windows-1252",
    "cp1250": "Windows-1250",
    "iso8859-2": "ISO 8859-2",
    "cp1251": "Windows-1251",
    "koi8-r": "KOI8-R",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1257": "Windows-1257",
}
LETTERS = {  # beyond those of ASCII, and the signs that only some write with
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя", "ca": "àèéíïòóúüç·", "cs": "áčďéěíňóřšťúůýž", "da": "æøåé", "de": "äöüß",
    "el": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", "en": "éèêëïçàâôöüñ", "es": "áéíóúüñ¿¡ªº", "et": "äõöüšž",
    "fi": "äöåšž", "fr": "àâæçéèêëîïôœùûüÿ", "hr": "čćđšž", "hu": "áéíóöőúüű", "it": "àèéìíîòóùúªº",
    "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "nb": "æøåéèêóòô", "nl": "áéëèïíóöü", "no": "æøåéèêóòô",
    "pl": "ąćęłńóśźż", "pt": "áâãàçéêíóôõúüªº", "ro": "ăâîșțşţ", "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "sk": "áäčďéíĺľňóôŕšťúýž", "sl": "čšž", "sv": "åäöéü", "tr": "çğıi̇öşüâîû",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
}  # fmt: skip
EVERYWHERE = set("‘’‚“”„«»‹›–—…•·°§©®™€£\xa0\xad")  # signs that no language has to itself
FITS = 0.9  # of what is not ASCII; a few names may be foreign


def of(sample: bytes) -> str:
    """The name of the encoding, for Python's decoders; `sample` are lines with bytes beyond ASCII."""
    shares = {page: _share(sample.decode(page, "replace")) for page in WORDS}
    best = max(shares, key=shares.__getitem__)
    return best if shares[best] >= FITS else USUAL


def _share(text: str) -> float:
    """How much of what is not ASCII the language writes with that the text seems to be in. A capital within a word is
    none of its letters: that is what Greek looks like, read as Cyrillic."""
    own = LETTERS.get(language.of(text)[0], "")
    signs = [(before, sign) for before, sign in zip(f" {text}", text, strict=False)
             if not sign.isascii() and sign not in EVERYWHERE]  # fmt: skip
    right = sum(sign.lower() in own and not (sign.isupper() and before.islower()) for before, sign in signs)
    return right / len(signs) if signs else 0.0
