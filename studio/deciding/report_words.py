"""The decision report in words: what its own figures say, and nothing that they don't.

Pure functions of the report dictionary (deciding.report says what is in it). Whether a step helped is read from the
verdict of its paired difference, never from two shares that merely look apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.scoring import stats
from engine.scoring.sizing import Visible

ENOUGH = 0.8  # a share from which we say that a gap is closed, not only narrowed
NAMES = {"rag": "RAG", "tuned": "fine-tuning"}
HELPS, HARMS, SAME, UNSURE = "better", "worse", "no difference worth having", "cannot tell"

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """The first thing to read, and the sentences with the figures behind it."""

    headline: str
    sentences: list[str]


def said(report: Report) -> Said:
    """The verdict of a report; what wasn't measured isn't spoken of."""
    clauses = [clause for clause in (_knowledge(report), _tone(report), _together(report)) if clause]
    tickets = _tickets(report)
    if not clauses:
        return Said(tickets or "Nothing was compared yet.", [])
    headline = "; ".join(clauses) + "."
    sentences = [_step(report, "rag", "facts"), _step(report, "tuned", "tone"), _both(report), _price(report), tickets]
    return Said(headline[0].upper() + headline[1:], [sentence for sentence in sentences if sentence])


def percent(estimate: Mapping[str, Any] | None) -> str:
    """`93 % (88-96, n = 150)`."""
    if not estimate:
        return "no number"
    value, low, high, n = (estimate[key] for key in ("value", "low", "high", "n"))
    return str(stats.Estimate(value, low, high, n, estimate.get("of", "")))


def points(found: Mapping[str, Any]) -> str:
    """`+23 points (+15 to +31, n = 150)` for a difference, a share of shares or an interaction."""
    if found.get("value") is None:
        return "no number (n = 0)"
    if found.get("low") is None or found.get("high") is None:
        return f"{stats.in_points(found['value'])} points (no interval, n = {_counted(found)})"
    value, low, high = (stats.in_points(found[key]) for key in ("value", "low", "high"))
    return f"{value} points ({low} to {high}, n = {_counted(found)})"


def _counted(found: Mapping[str, Any]) -> str:
    """Of a report that was written before it told what items belong to, their number alone."""
    return stats.counted(found["n"], found.get("of", ""))


def smallest(report: Report) -> str:
    """What this test set is too small to show; empty when the report doesn't say."""
    told = report.get("reach")
    if not told:
        return ""
    seen = Visible(**told)
    return (
        f"If a fifth of the answers change sides, the test's {seen.items} are {seen.shows}. Smaller differences are "
        "often missed."
    )


def _verdict(report: Report, before: str, after: str, metric: str) -> str:
    found = _difference(report, before, after, metric)
    return str(found["verdict"]) if found else ""


def _difference(report: Report, before: str, after: str, metric: str) -> Mapping[str, Any] | None:
    wanted = (before, after, metric)
    listed = report.get("differences", [])
    return next((one for one in listed if (one["before"], one["after"], one["metric"]) == wanted), None)


def _value(report: Report, arm: str, metric: str) -> float:
    return float(report.get("arms", {}).get(arm, {}).get(metric, {}).get("value") or 0.0)


def _knowledge(report: Report) -> str:
    rag, tuned = (_verdict(report, "prompt", arm, "facts") for arm in ("rag", "tuned"))
    if rag == HELPS and tuned == HELPS:
        return "both RAG and fine-tuning add knowledge"
    if rag == HELPS:
        return f"RAG {'closes' if _value(report, 'rag', 'facts') >= ENOUGH else 'narrows'} the knowledge gap"
    if tuned == HELPS:
        return "fine-tuning adds knowledge, and RAG " + _not(rag)
    return _neither(rag, "RAG", "adds knowledge", "costs knowledge")


def _tone(report: Report) -> str:
    rag, tuned = (_verdict(report, "prompt", arm, "tone") for arm in ("rag", "tuned"))
    if tuned == HELPS and rag == HELPS:
        return "both fine-tuning and RAG change the tone"
    if tuned == HELPS:
        return f"fine-tuning {'changes' if _value(report, 'tuned', 'tone') >= ENOUGH else 'shifts'} the tone"
    if rag == HELPS:
        return "RAG changes the tone, and fine-tuning " + _not(tuned)
    return _neither(tuned, "fine-tuning", "changes the tone", "harms the tone")


def _together(report: Report) -> str:
    over = {arm: _verdict(report, arm, "tuned_rag", "both") for arm in ("rag", "tuned")}
    if not all(over.values()):
        return ""
    if all(verdict == HELPS for verdict in over.values()):
        if _value(report, "tuned_rag", "both") >= ENOUGH:
            return "only both together do both"
        return "both together do more than either, yet not reliably"
    alone = {verdict: [NAMES[arm] for arm in over if over[arm] == verdict] for verdict in (HARMS, SAME)}
    if alone[HARMS]:
        verb = "do" if len(alone[HARMS]) > 1 else "does"
        return f"{' and '.join(alone[HARMS])} {verb} better alone than together"
    if alone[SAME]:
        verb = "do" if len(alone[SAME]) > 1 else "does"
        return f"{' and '.join(f'{name} alone' for name in alone[SAME])} {verb} as well as both"
    return "whether both together are better than one alone can't be told from these items"


def _neither(verdict: str, who: str, helps: str, harms: str) -> str:
    return {
        HARMS: f"{who} {harms}",
        SAME: f"{who} {helps} in no way worth having",
        UNSURE: f"whether {who} {helps} can't be told from these items",
    }.get(verdict, "")


def _not(verdict: str) -> str:
    return {HARMS: "takes it away", SAME: "does not", UNSURE: "can't be told"}.get(verdict, "was not tried")


def _step(report: Report, arm: str, metric: str) -> str:
    found = _difference(report, "prompt", arm, metric)
    before, after = (report.get("arms", {}).get(one, {}).get(metric) for one in ("prompt", arm))
    if not found or not before or not after:
        return ""
    who = {"rag": "With RAG", "tuned": "With fine-tuning"}[arm]
    what = {"facts": "of the questions are answered right", "tone": "of the answers have the tone"}[metric]
    return f"{who}, {percent(after)} {what}; with a prompt alone {percent(before)}: {points(found)}."


def _both(report: Report) -> str:
    both = report.get("arms", {}).get("tuned_rag", {}).get("both")
    if not both or both["value"] is None:
        return ""
    others = {arm: _value(report, arm, "both") for arm in ("prompt", "rag", "tuned") if arm in report["arms"]}
    sentence = f"Right and in tone at once: {percent(both)} with both together"
    if others:
        best = max(others, key=lambda arm: others[arm])
        arm = report["arms"][best]
        sentence += f", {percent(arm['both'])} with the best of the others ({arm['name']})"
    return sentence + "."


def _price(report: Report) -> str:
    """What fine-tuning takes from retrieval, when it was compared and it takes anything."""
    found = _difference(report, "rag", "tuned_rag", "facts")
    if not found or found["verdict"] == SAME:
        return ""
    if found["verdict"] == UNSURE:
        return f"Whether fine-tuning costs RAG some of its facts can't be told: {points(found)}."
    lost = "costs RAG some of its facts" if found["verdict"] == HARMS else "even helps RAG with the facts"
    return f"Fine-tuning {lost}: {points(found)}."


def _tickets(report: Report) -> str:
    triage = report.get("triage", {})
    if not triage.get("base") or not triage.get("tuned"):
        return ""
    found = triage.get("difference") or {}
    after, before = percent(triage["tuned"]), percent(triage["base"])
    sentence = f"Of the tickets, the tuned model sorts {after} right, the base {before}"
    if found.get("verdict") == UNSURE:
        sentence += "; which is better can't be told from these"
    if triage.get("majority"):
        sentence += f" (always guessing the commonest type: {triage['majority']['value'] * 100:.0f} %)"
    return sentence + "."
