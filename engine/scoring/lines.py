"""Lines: the answers of an evaluation as they lie in its folder, `responses.jsonl`: one a line, appended whole.

A question may have several lines, when its call failed and was made again: the newest holds. Lines of earlier versions
lack what came later, and mean the same as a line that says nothing of it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine import jsonl
from engine.reading.retrieval import Hit
from engine.scoring.score import Score
from engine.serving.asking.calls import Failure
from engine.serving.asking.client import Answer
from engine.serving.asking.purse import Bill

FILE = "responses.jsonl"
UNUSABLE = "unusable"  # the code of an item that cannot be asked at all
NOTHING = Answer("", "", None, None, 0.0, None, "")

Line = dict[str, Any]
Key = tuple[str, str, int]  # item, candidate, repeat


def key(line: Mapping[str, Any]) -> Key:
    return line["item"], line["candidate"], line.get("repeat", 0)


def read(folder: Path) -> list[Line]:
    """The answers so far: for each item, candidate and repeat the newest one."""
    return list({key(line): line for line in every(folder)}.values())


def every(folder: Path) -> list[Line]:
    return jsonl.read(folder / FILE)


def whole(line: Mapping[str, Any]) -> bool:
    """Whether nothing of it is to be asked again: neither the answer, nor a score that asks a model."""
    return not line["error"] and not unscored(line)


def unscored(line: Mapping[str, Any]) -> list[str]:
    """The metrics whose asking failed."""
    return [metric for metric, score in line["scores"].items() if "code" in score]


def answered(key: Key, answer: Answer, hits: Sequence[Hit], cost: float | None = None) -> Line:
    """An answer without its scores. `cost` is what such an answer takes in euros, paid or kept."""
    item, candidate, repeat = key
    passages = [{"text": hit.text, "source": hit.source, "score": hit.score} for hit in hits]
    head = {"item": item, "candidate": candidate, "repeat": repeat}
    return {**head, **answer.__dict__, "cost": cost, "paid": 0.0, "passages": passages, "scores": {}, "error": None}


def failed(key: Key, problem: Exception, hits: Sequence[Hit] = ()) -> Line:
    """An answer that never came, with the sentence that says why and the kind of the failure."""
    code = problem.code if isinstance(problem, Failure) else UNUSABLE
    return {**answered(key, NOTHING, hits), "error": str(problem), "code": code}


def again(line: Line) -> Line:
    """A line whose answer stands, and whose missing scores are asked for anew."""
    return {**line, "scores": {**line["scores"]}, "asking": {}, "paid": 0.0, "unsure": 0.0}


def paid(line: Line, bill: Bill, needs: str = "") -> Line:
    """The same line with what was paid for it, failed calls included; `asking` tells what a family's asking took."""
    line["paid"] = line.get("paid", 0.0) + bill.euros
    line["unsure"] = line.get("unsure", 0.0) + bill.unsure
    if needs and bill.calls:
        before = line.setdefault("asking", {}).get(needs, {})
        line["asking"][needs] = {name: value + before.get(name, 0) for name, value in bill.__dict__.items()}
    return line


def score(found: Score) -> dict[str, Any]:
    said: dict[str, Any] = {"value": found.value, "why": found.why}
    return said if found.detail is None else said | {"detail": found.detail}


class Writer:
    """Appends lines. One call of the system for each: a killed job loses no line that was written, and no half."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._encode = msgspec.json.Encoder().encode
        self._file: int | None = None  # no file before the first line

    def add(self, line: Line) -> None:
        if self._file is None:
            jsonl.cut_torn_line(self._path)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        data = self._encode(line) + b"\n"
        while data:
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
