"""Toxic: insults, slurs, threats and swearing by a short list of words. It finds words, not meaning.

A friendly sentence can hold one of them (somebody quotes a complaint) and the cruellest can do without. So a finding is
a reason to look, never a verdict. English and German; whole words alone, so "Scunthorpe" and "class" are left in peace.
No kept library was found that is light, works offline and says more: those that read meaning need a language model.
"""

import re
from functools import lru_cache

from engine.privacy.personal import Found

KINDS = {"insult": "insult", "threat": "threat", "swearing": "swear word", "slur": "slur"}

# a * ends a stem: any letters may follow
WORDS = {
    "insult": """
        idiot* moron* imbecile* dumbass* jackass* asshole* arsehole* bastard* bitch* cunt* dickhead* douchebag* scumbag*
        wanker* twat* tosser* prick slut* whore* retard retards retarded dimwit* halfwit* loser losers
        idiotin* trottel* vollidiot* depp* dummkopf* arschloch* arschlöcher* wichser* hurensohn* hure huren schlampe*
        missgeburt* spast spasti* penner* drecksack* mistkerl* blödmann* fotze*
    """,
    "swearing": """
        fuck* motherfuck* bullshit* shit shits shitty crap crappy goddamn* bollocks
        scheiße* scheiss* scheiß* verfickt* ficken fick verdammt* verdammte*
    """,
    "slur": """
        nigger* nigga* faggot* fag fags kike* spic spics chink chinks gook gooks tranny trannies paki pakis wetback*
        kanake* kanaken neger* schwuchtel* zigeuner* judensau* untermensch*
    """,
    "threat": "",
}
PHRASES = {
    "threat": (
        r"(?:i|we)(?:['’]ll|\s+will|\s+am\s+going\s+to|['’]m\s+gonna|\s+gonna)\s+(?:kill|hurt|beat|stab|shoot|destroy)\s+"
        r"(?:you|u|him|her|them)\b",
        r"kill\s+your(?:self|selves)\b",
        r"go\s+(?:and\s+)?die\b",
        r"ich\s+(?:bring|töte|mach|schlag)e?\s+(?:dich|euch|sie)\s+(?:um|tot|kaputt|fertig)\b",
        r"(?:bring|häng)\s+dich\s+(?:um|auf)\b",
    ),
    "insult": (r"(?:shut\s+(?:the\s+\w+\s+)?up|halt\s+die\s+(?:fresse|schnauze)|halt'?s\s+maul)\b",),
}


def scan(text: str) -> list[Found]:
    """The words of the list that stand in a text, in its order."""
    found = [
        Found(match.lastgroup or "insult", match.start(), match.end(), 0.5, match.group())
        for match in _pattern().finditer(text)
    ]
    return sorted(found, key=lambda one: one.start)


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    parts = []
    for kind, listed in WORDS.items():
        words = [re.escape(word.rstrip("*")) + (r"\w*" if word.endswith("*") else r"\b") for word in listed.split()]
        parts.append(f"(?P<{kind}>{'|'.join([*PHRASES.get(kind, ()), *words])})")
    return re.compile(r"\b(?:" + "|".join(parts) + ")", re.IGNORECASE)
