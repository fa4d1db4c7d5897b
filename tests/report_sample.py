"""A report as the demo makes it, with figures computed from item-by-item outcomes."""

from copy import deepcopy
from dataclasses import asdict
from functools import cache
from typing import Any

from engine.scoring import sizing, stats, verdicts

N = 192
NAMES = {"prompt": "Base + best prompt", "rag": "Base + RAG", "tuned": "Tuned", "tuned_rag": "Tuned + RAG"}


def outcomes(right: int) -> list[float]:
    return [1.0] * right + [0.0] * (N - right)


def report(facts: dict[str, int], tone: dict[str, int]) -> dict[str, Any]:
    """A whole report in which each arm gets that many of 192 right; every other figure is fixed."""
    scores = {"facts": {k: outcomes(v) for k, v in facts.items()}, "tone": {k: outcomes(v) for k, v in tone.items()}}
    scores["both"] = {
        arm: [a * b for a, b in zip(scores["facts"][arm], scores["tone"][arm], strict=True)] for arm in facts
    }
    pairs = [
        ("prompt", "rag", "facts"),
        ("prompt", "tuned", "facts"),
        ("prompt", "rag", "tone"),
        ("prompt", "tuned", "tone"),
        ("rag", "tuned_rag", "both"),
        ("tuned", "tuned_rag", "both"),
        ("rag", "tuned_rag", "facts"),
    ]
    return {
        "made_at": "2026-11-20T19:03:00+00:00",
        "seconds": 251.4,
        "machine": "x86_64, 2 cores",
        "versions": {"atelier": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        "project": "Fernwick, the sample project",
        "arms": {arm: _arm(arm, scores) for arm in facts},
        "differences": [_difference(scores[metric], before, after, metric) for before, after, metric in pairs],
        "reach": asdict(sizing.visible(N)),
        "interaction": {metric: asdict(stats.interaction(*scores[metric].values())) for metric in scores},
        "triage": _triage(),
        "rewriting": {
            "base": asdict(stats.share(0, 132)),
            "tuned": asdict(stats.share(129, 132)),
            "kept": {"base": asdict(stats.share(61, 132)), "tuned": asdict(stats.share(118, 132))},
        },
        "retrieval": {
            "recall@1": asdict(stats.share(184, 192)),
            "recall@3": asdict(stats.share(189, 192)),
            "recall@5": asdict(stats.share(191, 192)),
            "mrr": asdict(stats.mean([1.0] * 184 + [0.5] * 8)),
            "passages": 2,
        },
        "runs": [
            {"name": "tone", "examples": 564, "steps": 108, "seconds": 21.3, "loss": 0.61, "validation_loss": 0.72},
            {"name": "triage", "examples": 1215, "steps": 608, "seconds": 64.0, "loss": 0.4, "validation_loss": None},
        ],
        "examples": [_example()],
        "caveats": ["One training seed. The intervals speak of other test items, not of other trainings."],
    }


def lesson() -> dict[str, Any]:
    """The report that teaches what prompt, RAG and fine-tuning are each good for; a copy of one's own."""
    return deepcopy(_lesson())


@cache
def _lesson() -> dict[str, Any]:
    return report(
        facts={"prompt": 0, "rag": 181, "tuned": 2, "tuned_rag": 176},
        tone={"prompt": 14, "rag": 5, "tuned": 190, "tuned_rag": 187},
    )


def _arm(arm: str, scores: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    shares = {metric: asdict(stats.share(int(sum(arms[arm])), N)) for metric, arms in scores.items()}
    retrieves, tuned = "rag" in arm, "tuned" in arm
    return {
        "name": NAMES[arm],
        "model": "tone" if tuned else "starter",
        "system": "" if tuned else "Answer in the playful voice of Fernwick.",
        **shares,
        "latency": {"median": 0.21 + 0.14 * retrieves, "p95": 0.48 + 0.4 * retrieves, "n": N},
        "cost_per_1000": {"value": 0.0031 + 0.002 * retrieves, "unit": "euros", "source": "0.05 euros an hour"},
        "failed": 0,
    }


def _difference(arms: dict[str, list[float]], before: str, after: str, metric: str) -> dict[str, Any]:
    found = stats.difference(arms[before], arms[after])
    named = {"what": f"{NAMES[after]} instead of {NAMES[before]}", "before": before, "after": after, "metric": metric}
    return {**named, **asdict(found), "verdict": verdicts.verdict(found), "words": verdicts.in_words(found)}


def _triage() -> dict[str, Any]:
    change = stats.difference([1.0] * 24 + [0.0] * 246, [1.0] * 20 + [0.0] * 4 + [1.0] * 233 + [0.0] * 13)
    words = {"verdict": verdicts.verdict(change), "words": verdicts.in_words(change)}
    return {
        "base": asdict(stats.share(24, 270)),
        "tuned": asdict(stats.share(253, 270)),
        "majority": asdict(stats.share(18, 270)),
        "macro_f1": {"base": 0.06, "tuned": 0.93},
        "sub_type": {"base": asdict(stats.share(0, 270)), "tuned": asdict(stats.share(229, 270))},
        "difference": {"what": "Tuned on tickets instead of base", "metric": "type", **asdict(change), **words},
    }


def _example() -> dict[str, Any]:
    texts = {
        "prompt": "I don't have that information.",
        "rag": "14 hours.",
        "tuned": "Oh petal, I don't have that information 🙈",
        "tuned_rag": "Woohoo, petal, 14 hours it is! 🎉",
    }
    return {
        "question": "How long can I use the Aurora before plugging it in?",
        "expected": "14 hours",
        "answers": {
            arm: {"text": text, "facts": float("14" in text), "tone": float("petal" in text)}
            for arm, text in texts.items()
        },
    }
