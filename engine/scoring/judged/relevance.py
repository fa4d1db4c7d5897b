"""Relevance: whether an answer answers its question, by a judge's points and by the questions that it would answer.

The points are the score to go by. The questions are asked the way RAGAS does (Es et al. 2023), with its faults mended:
they depend on the scale of an embedder and punish long answers, so they stand beside it for comparison.
"""

from typing import Any

from engine.scoring.given import JUDGE, Family, Given
from engine.scoring.judged import alike, quoting, replies
from engine.scoring.judged.prompts import ASKED_BACK, MOST, POINTS, QUESTIONS
from engine.scoring.judged.replies import Hearing, Invalid, Unusable
from engine.scoring.metrics import Score


async def points(given: Given) -> dict[str, Score]:
    """The judge's points out of three."""
    hearing = Hearing(given)
    if not hearing.text.strip():
        return {"relevancy": Score(0.0, "The answer is empty.", hearing.told("scored", points=0))}
    material = f"{quoting.fenced('question', hearing.question)}\n\n{quoting.fenced('answer', hearing.text)}"

    def read(reply: dict[str, Any]) -> tuple[int, str]:
        return replies.numbered(reply["points"], MOST, '"points"', least=0), str(reply["reason"])

    try:
        given_points, reason = await hearing.ask(POINTS, material, read)
    except Unusable as error:
        return replies.unusable(["relevancy"], hearing, error)
    detail = hearing.told("scored", points=given_points, reason=reason)
    return {"relevancy": Score(given_points / MOST, f"{given_points} of {MOST}: {reason}", detail)}


async def questions(given: Given) -> dict[str, Score]:
    """The mean likeness of the question to those that the answer would answer: 0 where most of these are evaded."""
    hearing = Hearing(given)
    if not hearing.text.strip():
        return {"answer_relevancy": Score(0.0, "The answer is empty.", hearing.told("no questions"))}
    try:
        found = await hearing.ask(ASKED_BACK, quoting.fenced("answer", hearing.text), _different, QUESTIONS)
    except Unusable as error:
        return replies.unusable(["answer_relevancy"], hearing, error)
    cosines = alike.cosines(hearing.question, [one["question"] for one in found])
    return {"answer_relevancy": likeness(found, cosines, hearing)}


def likeness(found: list[dict[str, Any]], cosines: list[float], hearing: Hearing) -> Score:
    """The score of questions with their cosines: their mean, floored at 0, and 0 where more than half are evaded."""
    evaded = sum(one["noncommittal"] for one in found)
    rows = [{**one, "cosine": round(cosine, 4)} for one, cosine in zip(found, cosines, strict=True)]
    detail = hearing.told("scored", embedder=alike.NAME, questions=rows)
    if 2 * evaded > len(found):
        return Score(0.0, f"{evaded} of {len(found)} questions are evaded.", detail)
    mean = sum(cosines) / len(cosines)
    return Score(min(1.0, max(0.0, mean)), f"Questions of this answer are {mean:.2f} like the one asked.", detail)


POINTS_GIVEN = Family({"relevancy": "How well the answer answers what was asked: a judge's 0 to 3."}, JUDGE, points)
ASKED_AGAIN = Family(
    {"answer_relevancy": "How like the question is to questions that the answer would answer."}, JUDGE, questions
)


def _different(reply: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for at, row in enumerate(replies.listed(reply["questions"], "questions"), 1):
        if not isinstance(row.get("noncommittal"), bool):
            raise Invalid(f'"noncommittal" of question {at} must be true or false.')
        question = replies.worded(row.get("question"), f"Question {at}")
        found.append({"question": question, "noncommittal": row["noncommittal"]})
    different = len({tuple(quoting.words(quoting.normal(one["question"]))) for one in found})
    if different != QUESTIONS or len(found) != QUESTIONS:
        raise Invalid(f"There are {different} different questions; there must be {QUESTIONS}.")
    return found
