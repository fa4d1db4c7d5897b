"""Replies: a judge is asked for JSON and answers; what breaks the rules is told to it once, and then left unusable.

The last JSON of a reply counts, so that words of the answer which the judge repeats on its way do not. Where an
endpoint refuses a schema, the same is asked in words alone.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

from engine.problems import Problem
from engine.reading.grounding import parted
from engine.scoring.candidates import Candidate
from engine.scoring.given import Given
from engine.scoring.judged.prompts import Prompt
from engine.scoring.metrics import Score
from engine.serving.asking.calls import Refused
from engine.serving.asking.client import Answer, Question

ROOM = 400  # tokens, beside what the parts of a reply take
KEPT = 2000  # signs of a reply that could not be used

Read = Callable[[dict[str, Any]], Any]
_plain: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()  # of an Asker: judges whose endpoint takes no schema


class Invalid(ValueError):
    """What is wrong with a reply, in a sentence that the judge can act on."""


@dataclass
class Hearing:
    """What judging one answer took: the calls, and by which prompts."""

    given: Given
    prompts: list[str] = field(default_factory=list)
    calls: list[Answer] = field(default_factory=list)

    @property
    def judge(self) -> Candidate:
        if self.given.judge is None:
            raise Problem("No judge was chosen.", "These scores are a model's verdicts.", "Choose a model that judges.")
        return self.given.judge

    @property
    def question(self) -> str:
        """What the user said last, without passages that it brings."""
        turns = [turn["content"] for turn in self.given.item["messages"] if turn["role"] == "user"]
        return parted(str(turns[-1]))[0] if turns else ""

    @property
    def text(self) -> str:
        return str(self.given.answer["text"])

    async def ask(self, prompt: Prompt, material: str, read: Read, parts: int = 1) -> Any:
        """What `read` makes of the judge's JSON. Unusable after a second reply that breaks the rules.

        `parts`: how many things the reply speaks of, each of about a hundred tokens.
        """
        self.prompts.append(str(prompt))
        schema = prompt.schema
        said: list[dict[str, str]] = [
            {"role": "system", "content": prompt.text},
            {"role": "user", "content": f"{material}\n\nReply with JSON alone, by this schema:\n{json.dumps(schema)}"},
        ]
        wrong = ""
        for _ in range(2):
            answer = await self._call(said, schema, ROOM + 100 * parts)
            self.calls.append(answer)
            try:
                return read(_last(answer, schema))
            except Invalid as error:
                wrong = str(error)
            said += [
                {"role": "assistant", "content": answer.text or "(nothing)"},
                {"role": "user", "content": f"That cannot be used: {wrong} Reply again, with the whole JSON alone."},
            ]
        raise Unusable(wrong, self.calls[-1].text[:KEPT])

    def told(self, status: str, **more: Any) -> dict[str, Any]:
        """How a score came about, for its detail."""
        found = {way: [getattr(call, way) for call in self.calls] for way in ("tokens_in", "tokens_out")}
        counts = {way: None if None in n else sum(n) for way, n in found.items()}
        return {
            "status": status,
            "judge": self.calls[0].model if self.calls else self.judge.model,
            "prompts": self.prompts,
            "calls": len(self.calls),
            **counts,
            "seconds": round(sum(call.seconds for call in self.calls), 3),
            **more,
        }

    async def _call(self, said: Sequence[dict[str, str]], schema: dict[str, Any], room: int) -> Answer:
        judge, asker = self.judge, self.given.asker
        drawn = replace(judge.decoding, max_tokens=max(judge.decoding.max_tokens, room), schema=schema)
        plain = _plain.setdefault(asker, set())
        if judge.name not in plain:
            try:
                return await asker.ask(judge, Question(said, drawn))
            except Refused as refused:
                if refused.status not in (400, 404, 415, 422, 501):
                    raise
                answer = await asker.ask(judge, Question(said, replace(drawn, schema=None)))
                plain.add(judge.name)  # it was the schema that was refused
                return answer
        return await asker.ask(judge, Question(said, replace(drawn, schema=None)))


class Unusable(Exception):
    """The judge's second reply broke the rules, too. `said` is that reply."""

    def __init__(self, why: str, said: str) -> None:
        super().__init__(why)
        self.why, self.said = why, said


def unusable(names: Sequence[str], hearing: Hearing, error: Unusable) -> dict[str, Score]:
    """No score, under each name, with what the judge said instead."""
    score = Score(None, f"The judge's reply is unusable: {error.why}", hearing.told("unusable", said=error.said))
    return dict.fromkeys(names, score)


def objects(text: str) -> list[dict[str, Any]]:
    """Every JSON object of a text that stands in no other, in their order."""
    decoder, found, at = json.JSONDecoder(), [], text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, end = None, at + 1
        if isinstance(value, dict):
            found.append(value)
        at = text.find("{", end)
    return found


def listed(value: Any, what: str) -> list[dict[str, Any]]:
    """A list of objects. Invalid for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Invalid(f'"{what}" must be a list of objects.')
    return value


def worded(value: Any, what: str) -> str:
    """A text with a word in it."""
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"{what} must be a text.")
    return " ".join(value.split())


def one_of(value: Any, known: Sequence[str], what: str) -> str:
    said = value.strip().casefold().replace(" ", "_") if isinstance(value, str) else value
    if said not in known:
        raise Invalid(f"{what} is {json.dumps(value, ensure_ascii=False)[:60]}; it must be one of {', '.join(known)}.")
    return str(said)


def numbered(value: Any, most: int, what: str, least: int = 1) -> int:
    """A whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Invalid(f"{what} is {json.dumps(value)[:60]}; it must be a whole number from {least} to {most}.")
    return value


def _last(answer: Answer, schema: dict[str, Any]) -> dict[str, Any]:
    wanted = schema["required"]
    whole = [one for one in objects(answer.text) if all(key in one for key in wanted)]
    if whole:
        return whole[-1]
    if answer.finish == "length":
        raise Invalid("It broke off before its end; be shorter.")
    raise Invalid(f"It holds no JSON object with {' and '.join(wanted)}.")
