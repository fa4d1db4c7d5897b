"""Terms: what a text is searched by: its words without case and ending, each in the language of its document.

English has a careful stemmer of its own here and a list of common words; the other languages of Europe have Snowball's
stemmers (Porter 2001), and their common words count little because they are common. In languages that write compounds
as one word, such a word is also searched by two parts that the library knows as words: "Musiktheater" by "Theater".
"""

import re
from collections.abc import Callable, Collection, Iterable
from functools import cache, lru_cache

import bm25s.stopwords as lists
import snowballstemmer

from engine.scoring.wording import plain

ENGLISH = "en"
STEMMERS = {
    "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "es": "spanish", "et": "estonian",
    "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hu": "hungarian", "it": "italian",
    "lt": "lithuanian", "nb": "norwegian", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
COMPOUNDING = {"da", "de", "fi", "hu", "nb", "nl", "no", "sv"}
LINKS = ("", "s", "es", "n", "en", "er", "e")  # what stands between the parts of a compound
PART, COMPOUND = 4, 8  # letters that a part and a compound have at least

STOP = re.compile(
    "a|an|the|this|that|these|those|and|or|but|if|then|so|of|in|on|at|by|for|from|to|with|as|into|about|than"
    "|is|are|was|were|be|been|am|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must"
    "|i|me|my|we|us|our|you|your|it|its|he|she|they|them|their|there|here|what|which|who|whom|whose|when|where|why|how"
    "|because|while|out|up|again|very|too|same|own|such|each|all|only|not|no"
    "|please|tell|much|many|just|also|any|some|don't|doesn't|i'm|it's|what's|i've|i'd|isn't"
)
COMMON = frozenset(STOP.pattern.split("|"))
LITTLE = {
    "da": lists.STOPWORDS_DANISH, "de": lists.STOPWORDS_GERMAN, "en": tuple(COMMON), "es": lists.STOPWORDS_SPANISH,
    "fr": lists.STOPWORDS_FRENCH, "it": lists.STOPWORDS_ITALIAN, "nb": lists.STOPWORDS_NORWEGIAN,
    "nl": lists.STOPWORDS_DUTCH, "no": lists.STOPWORDS_NORWEGIAN, "pt": lists.STOPWORDS_PORTUGUESE,
    "ru": lists.STOPWORDS_RUSSIAN, "sv": lists.STOPWORDS_SWEDISH, "tr": lists.STOPWORDS_TURKISH,
}  # fmt: skip
WORD = re.compile(r"\w+(?:[-.:/'&]\w+)*")
PARTS = re.compile(r"[-.:/'&]")


def words(text: str, language: str = ENGLISH) -> list[str]:
    """What a text is searched by. A code counts whole and in its parts; a common word of English not at all."""
    return [ending(word, language) for word in bare(text, language)]


def asked(query: str, languages: Iterable[str], known: Collection[str]) -> list[str]:
    """The terms of a query among those `known`, each once: as each of the library's languages would have them."""
    found: dict[str, None] = {}
    for language in languages:
        for word in bare(query, language):
            found |= dict.fromkeys(spelled(word, language, known))
    return [term for term in found if term in known]


def spelled(word: str, language: str, known: Collection[str]) -> list[str]:
    """A word's own term, and those of its parts where it is a compound of words that are known."""
    whole = ending(word, language)
    return [whole, *parts(word, language, known)] if language in COMPOUNDING else [whole]


def parts(word: str, language: str, known: Collection[str]) -> list[str]:
    """The terms of two known words that make up a compound, in every way in which it can be cut; else none."""
    if len(word) < COMPOUND or not word.isalpha():
        return []
    found = set()
    for at in range(PART, len(word) - PART + 1):
        tail = ending(word[at:], language)
        if tail not in known:
            continue
        heads = (word[: at - len(link)] for link in LINKS if word[:at].endswith(link))
        head = next((term for head in heads if len(head) >= PART and (term := ending(head, language)) in known), None)
        found |= {head, tail} if head else set()
    return sorted(found)


def ending(word: str, language: str) -> str:
    """A word without its ending, as its language has them; the word itself where no stemmer is known."""
    if language == ENGLISH or not language:
        return stem(word)
    return _snowball(language)(word) if language in STEMMERS and word.isalpha() and len(word) > 3 else word


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """An English word without its plural or verb ending: "charges" finds "charging". Codes and short words stay."""
    if not word.isalpha() or len(word) < 4:
        return word
    word = re.sub(r"ies$", "y", word) if len(word) > 4 else word
    word = re.sub(r"(?<=s|x|z)es$|(?<=ch|sh)es$|(?<![sui])s$", "", word)
    cut = re.sub(r"(?:ing|ed)$", "", word)
    if cut != word and len(cut) > 2 and re.search("[aeiouy]", cut):
        word = re.sub(r"([bdfgmnprt])\1$", r"\1", cut)
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def bare(text: str, language: str = ENGLISH) -> list[str]:
    """The words of a text before their endings go."""
    english = language in (ENGLISH, "")
    found: list[str] = []
    for word in WORD.findall(plain(text)):
        whole = word.removesuffix("'s") if english else word
        if english and whole in COMMON:
            continue
        cut = PARTS.split(whole)
        found += [whole, *cut] if len(cut) > 1 else [whole]
    return [word for word in found if word not in COMMON] if english else found


@cache
def little(language: str) -> frozenset[str]:
    """Words that say nothing of what a text is about, as far as anybody has listed them. They are searched all the
    same, except those of English: there they count little because they are common."""
    return frozenset(LITTLE.get(language, ()))


@cache
def _snowball(language: str) -> Callable[[str], str]:
    # a stemmer keeps the word it works on, so no two threads may share one; what it found is kept for all
    return lru_cache(maxsize=200_000)(lambda word: str(snowballstemmer.stemmer(STEMMERS[language]).stemWord(word)))
