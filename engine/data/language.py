"""Language: which one a text is written in, from a model in the wheel of py3langid. Short texts: cannot tell."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

LETTERS = 20  # fewer say too little
SURE = 0.6
UNKNOWN = ""

NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian",
    "lv": "Latvian", "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "tr": "Turkish",
    "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip


def of(text: str) -> tuple[str, float]:
    """ISO 639 code and how sure, from 0 to 1; '' when it cannot be told."""
    if sum(sign.isalpha() for sign in text[:200]) < LETTERS:
        return UNKNOWN, 0.0
    code, sure = _identifier().classify(text[:1000])
    return (code, float(sure)) if sure >= SURE else (UNKNOWN, float(sure))


def name(code: str) -> str:
    return NAMES.get(code, code) if code else "cannot tell"


@cache
def _identifier() -> LanguageIdentifier:
    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages([code for code in NAMES if code in found.labels])  # of 140, the rarest are mostly mistakes
    return found
