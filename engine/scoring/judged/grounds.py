"""Grounds: what an answer claims, and which passage holds each claim: faithfulness, and what its citations are worth.

Two calls: the answer is taken apart into claims, then each claim gets a verdict with a quote, which is looked up in the
passage. Claims and their ids are fixed between the two, so a verdict that is missing or invented shows. After the
two-step faithfulness of RAGAS (Es et al. 2023) and the citation scores of ALCE (Gao et al. 2023); how ours differs is
told in docs/grounded-answers.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.scoring.given import JUDGE, Family, Given
from engine.scoring.judged import quoting, replies
from engine.scoring.judged.citing import Sentence, sentences
from engine.scoring.judged.prompts import CLAIMS, CONTRADICTED, NOT_IN_CONTEXT, SUPPORTED, VERDICTS, VERDICTS_ASKED
from engine.scoring.judged.replies import Hearing, Invalid, Unusable
from engine.scoring.metrics import Score

NAMES = {
    "faithfulness": "The share of the answer's claims that a passage supports.",
    "faithfulness_lenient": "The share of the answer's claims that no passage contradicts.",
    "citation_precision": "The share of its citations whose passage supports the claim that cites it.",
    "citation_recall": "The share of the claims that need a source and cite a passage.",
}


@dataclass(frozen=True)
class Claim:
    """`cites` are the numbers of passages that its sentence cites, also those that do not exist."""

    id: str
    claim: str
    sentence: int
    needs_source: bool
    cites: tuple[int, ...]


@dataclass(frozen=True)
class Verdict:
    """`passage` counts from 1 and is 0 for none; `cited` says of each passage that is cited whether it supports."""

    verdict: str
    passage: int = 0
    quote: str = ""
    reason: str = ""
    cited: Mapping[int, bool] = field(default_factory=dict)


async def rate(given: Given) -> dict[str, Score]:
    """The four scores, and in their detail the claims with their passages, quotes and verdicts."""
    passages = [str(one["text"]) for one in given.answer.get("passages") or []]
    hearing = Hearing(given)
    said = sentences(hearing.text)
    if not passages:
        return _none("There were no passages to be faithful to.", hearing, "no passages")
    if not said:
        return _none("The answer holds no word.", hearing, "no claims")
    try:
        claims = await _claims(hearing, said)
        if not claims:
            return _none("The answer makes no claim.", hearing, "no claims")
        verdicts = await _verdicts(hearing, claims, passages)
    except Unusable as error:
        return replies.unusable(list(NAMES), hearing, error)
    sources = [str(one.get("source", "")) for one in given.answer["passages"]]
    detail = hearing.told("scored", claims=ledger(claims, verdicts, sources))
    found = scored(claims, verdicts, len(passages))
    return {name: Score(score.value, score.why, detail) for name, score in found.items()}


GROUNDS = Family(NAMES, JUDGE, rate)


def scored(claims: Sequence[Claim], verdicts: Mapping[str, Verdict], passages: int) -> dict[str, Score]:
    """The scores that claims and their verdicts make; `passages`: how many there were."""
    n = len(claims)
    counts = {known: sum(verdicts[one.id].verdict == known for one in claims) for known in VERDICTS}
    told = ", ".join(f"{counts[known]} {known.replace('_', ' ')}" for known in VERDICTS)
    pairs = [(one, cited) for one in claims for cited in one.cites]
    good = sum(verdicts[one.id].cited.get(cited, False) for one, cited in pairs)
    needing = [one for one in claims if one.needs_source]
    sourced = sum(any(1 <= cited <= passages for cited in one.cites) for one in needing)
    none = Score(None, "The answer cites nothing.")
    no_need = Score(None, "No claim needs a source.")
    return {
        "faithfulness": Score(counts[SUPPORTED] / n, f"Of {n} claims: {told}."),
        "faithfulness_lenient": Score(1 - counts[CONTRADICTED] / n, f"Of {n} claims: {told}."),
        "citation_precision": Score(good / len(pairs), f"{good} of {len(pairs)} citations hold.") if pairs else none,
        "citation_recall": Score(sourced / len(needing), f"{sourced} of {len(needing)} claims cite a passage.")
        if needing
        else no_need,
    }


def ledger(claims: Sequence[Claim], verdicts: Mapping[str, Verdict], sources: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each claim, as JSON can hold it."""
    rows = []
    for one in claims:
        found = verdicts[one.id]
        source = sources[found.passage - 1] if found.passage else ""
        cited = [{"passage": n, "exists": n <= len(sources), "supports": found.cited.get(n, False)} for n in one.cites]
        rows.append({**asdict(one), **asdict(found), "source": source, "cites": list(one.cites), "cited": cited})
    return rows


async def _claims(hearing: Hearing, said: Sequence[Sentence]) -> list[Claim]:
    shown = "\n".join(quoting.fenced("sentence", one.text, one.n) for one in said)
    material = f"{quoting.fenced('question', hearing.question)}\n\nThe answer:\n{shown}"

    def read(reply: dict[str, Any]) -> list[Claim]:
        found = []
        for at, row in enumerate(replies.listed(reply["claims"], "claims"), 1):
            n = replies.numbered(row.get("sentence"), len(said), f'"sentence" of claim {at}')
            if not isinstance(row.get("needs_source"), bool):
                raise Invalid(f'"needs_source" of claim {at} must be true or false.')
            claim = replies.worded(row.get("claim"), f"Claim {at}")
            found.append(Claim(f"c{at}", claim, n, row["needs_source"], said[n - 1].cited))
        return found

    claims: list[Claim] = await hearing.ask(CLAIMS, material, read, parts=2 * len(said))
    return claims


async def _verdicts(hearing: Hearing, claims: Sequence[Claim], passages: Sequence[str]) -> dict[str, Verdict]:
    shown = [quoting.harmless(passage) for passage in passages]
    read_from = "\n".join(quoting.fenced("passage", passage, n) for n, passage in enumerate(passages, 1))
    rows = []
    for one in claims:
        cites = f' cites="{",".join(map(str, _real(one, passages)))}"'
        rows.append(f'<claim id="{one.id}"{cites}>{quoting.harmless(one.claim)}</claim>')
    material = f"{read_from}\n\n" + "\n".join(rows)

    def read(reply: dict[str, Any]) -> dict[str, Verdict]:
        found: dict[str, Verdict] = {}
        known = {one.id: one for one in claims}
        for row in replies.listed(reply["verdicts"], "verdicts"):
            id = row.get("id")
            if not isinstance(id, str) or id not in known:
                raise Invalid(f"There is no claim {str(id)[:40]}; there are {', '.join(known)}.")
            if id in found:
                raise Invalid(f"Claim {id} has two verdicts; give it one.")
            found[id] = _verdict(row, known[id], shown)
        if missing := [id for id in known if id not in found]:
            raise Invalid(f"There is no verdict for {', '.join(missing)}.")
        return found

    verdicts: dict[str, Verdict] = await hearing.ask(VERDICTS_ASKED, material, read, parts=len(claims))
    return verdicts


def _verdict(row: Mapping[str, Any], claim: Claim, passages: Sequence[str]) -> Verdict:
    """One row of a reply. Invalid when its passage does not hold its quote."""
    verdict = replies.one_of(row.get("verdict"), VERDICTS, f"The verdict on {claim.id}")
    reason = " ".join(str(row.get("reason") or "").split())
    cited = _cited(row.get("cited"), claim, passages)
    if verdict == NOT_IN_CONTEXT:
        if any(cited.values()):
            raise Invalid(f"{claim.id} cannot be {NOT_IN_CONTEXT} while a passage that it cites supports it.")
        return Verdict(verdict, reason=reason, cited=cited)
    n = replies.numbered(row.get("passage"), len(passages), f"The passage of {claim.id}")
    quote = replies.worded(row.get("quote"), f"The quote of {claim.id}")
    if not quoting.stands(quote, passages[n - 1]):
        raise Invalid(f"The quote of {claim.id} does not stand in passage {n}; copy its words letter by letter.")
    if not quoting.long_enough(quote, passages[n - 1]):
        raise Invalid(f"The quote of {claim.id} is too short to tell anything; copy at least four words in a row.")
    if verdict == SUPPORTED and cited.get(n) is False:
        raise Invalid(f"Passage {n} cannot support {claim.id} and not support it.")
    return Verdict(verdict, n, quote, reason, cited)


def _cited(value: Any, claim: Claim, passages: Sequence[str]) -> dict[int, bool]:
    wanted = _real(claim, passages)
    found: dict[int, bool] = {}
    for row in replies.listed(value if value is not None else [], f"cited of {claim.id}"):
        if not isinstance(row.get("supports"), bool):
            raise Invalid(f'"supports" in "cited" of {claim.id} must be true or false.')
        n = replies.numbered(row.get("passage"), len(passages), f'A passage in "cited" of {claim.id}')
        found[n] = row["supports"]
    if set(found) != set(wanted):
        asked = ", ".join(map(str, wanted)) or "no passage"
        raise Invalid(f'Claim {claim.id} cites {asked}; "cited" must speak of exactly that.')
    return found


def _real(claim: Claim, passages: Sequence[str]) -> list[int]:
    return [n for n in claim.cites if 1 <= n <= len(passages)]


def _none(why: str, hearing: Hearing, status: str) -> dict[str, Score]:
    return dict.fromkeys(NAMES, Score(None, why, hearing.told(status)))
