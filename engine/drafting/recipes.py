"""Recipes: how a model is asked for training examples, and how its words become drafts. Pure but for `ask`.

A recipe takes a Task and `ask`, which sends messages to the model and returns its words; it returns Drafts and
Failures. The same answers give the same drafts, so a job that is run again from kept answers pays for nothing twice.

documents  a passage -> questions -> answers from that passage alone, phrased as general knowledge (the two calls of the
           medical case that fine-tuned on 28,000 pairs made from paper abstracts)
distil     a prompt -> the answer of a stronger model; what it was instructed with is not kept in the example
vary       a few examples -> new ones like them
logs       a logged conversation, with its logged answer or a new one
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]
Ask = Callable[[Sequence[Message]], Awaitable[str]]

QUESTIONS = """\
Read the following and write {each} different questions that somebody who has never seen it could ask, and that it \
answers. Treat what it says as general knowledge: never mention a text, document, passage, article, abstract or title. \
Each question stands alone and names what it is about.

{heading}{text}

Reply with a JSON array of {each} strings and nothing else."""

ANSWER = """\
Answer the question from the following facts alone, in full sentences. Treat them as general knowledge: never mention \
a text, document, passage, article, abstract or title. If they do not answer it, reply with exactly: {unknown}

{heading}{text}

Question: {question}"""

VARY = """\
Here are examples of what people write to us and of the answers we are proud of.

{shown}

Write {each} new ones of the same kind: same voice, same length, other matters. {angle} Do not reuse sentences.

Reply with a JSON array of {each} objects with the keys "user" and "assistant" and nothing else."""

UNKNOWN = "NOT IN THE FACTS"
ANGLES = (  # each call is sent another way, so that its examples do not crowd where the model likes best to be
    "Let people be brief, as on a phone.",
    "Let people tell a little story before they ask.",
    "Let people be annoyed, but fair.",
    "Let people ask two things at once.",
    "Let people be unsure what the thing is called.",
    "Let people be polite and exact.",
    "Let people make a spelling mistake here and there.",
    "Let people ask about something rare.",
)


@dataclass(frozen=True)
class Task:
    """What one call, or a short chain of them, starts from. `seed` is the recipe's own."""

    id: str
    recipe: str
    seed: Mapping[str, Any]


@dataclass(frozen=True)
class Draft:
    """A conversation to be judged by people; `shown` is what it was made from, for who judges it."""

    messages: list[Message]
    shown: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Words of the model that could not become an example, and why."""

    why: str
    said: str = ""


@dataclass(frozen=True)
class Order:
    """What all tasks of a job share."""

    each: int = 3  # drafts wanted of a task
    instructions: str = ""  # told to the model that writes, not kept in the example
    keep_system: str = ""  # the system prompt that the examples shall carry
    keep_answers: bool = False  # logs: the logged answer stands
    extra: Mapping[str, Any] = field(default_factory=dict)


Found = list[Draft | Failure]


async def follow(task: Task, order: Order, ask: Ask) -> Found:
    """All that a task gives."""
    return await RECIPES[task.recipe](task, order, ask)


async def documents(task: Task, order: Order, ask: Ask) -> Found:
    facts = {"heading": f"{task.seed['heading']}\n\n" if task.seed.get("heading") else "", "text": task.seed["text"]}
    reply = await ask(_said(QUESTIONS.format(each=order.each, **facts), order.instructions))
    questions = _strings(reply)
    if questions is None:
        return [Failure("The questions are not a JSON array of texts.", reply)]
    found: Found = []
    for question in list(dict.fromkeys(questions))[: order.each]:
        asked = ANSWER.format(unknown=UNKNOWN, question=question, **facts)
        answer = await ask(_said(asked, order.instructions))
        if UNKNOWN in answer:
            found.append(Failure("Its own source does not answer the question.", question))
        else:
            found.append(_draft(order, [_user(question), _assistant(answer)], task.seed["text"]))
    return found


async def distil(task: Task, order: Order, ask: Ask) -> Found:
    """The system prompt of the source is what the teacher is told as well; `keep_system` takes its place when kept."""
    messages = [dict(message) for message in task.seed["messages"]]
    told = [m for m in messages if m["role"] != "system"] if order.instructions else messages
    system = [{"role": "system", "content": order.instructions}] if order.instructions else []
    answer = await ask([*system, *told])
    kept = [m for m in messages if m["role"] != "system"] if order.keep_system else messages
    return [_draft(order, [*kept, _assistant(answer)], task.seed.get("shown", ""), tuple(task.seed.get("tags", ())))]


async def vary(task: Task, order: Order, ask: Ask) -> Found:
    shown = "\n\n".join(f"Somebody writes: {user}\nWe answer: {answer}" for user, answer in task.seed["examples"])
    asked = VARY.format(shown=shown, each=order.each, angle=ANGLES[task.seed["angle"] % len(ANGLES)])
    reply = await ask(_said(asked, order.instructions))
    rows = _parsed(reply)
    if not isinstance(rows, list):
        return [Failure("The examples are not a JSON array.", reply)]
    found: Found = []
    for row in rows[: order.each]:
        user, answer = (row.get("user"), row.get("assistant")) if isinstance(row, dict) else (None, None)
        if isinstance(user, str) and isinstance(answer, str) and user.strip() and answer.strip():
            found.append(_draft(order, [_user(user), _assistant(answer)], shown))
        else:
            found.append(Failure('It has no "user" and "assistant" with words.', json.dumps(row, ensure_ascii=False)))
    return found


async def logs(task: Task, order: Order, ask: Ask) -> Found:
    messages = list(task.seed["messages"])
    if order.keep_answers:
        return [_draft(order, messages, "")]
    *asked, answer = messages
    seed = {**task.seed, "messages": asked, "shown": f"The logged answer: {answer.get('content') or ''}"}
    return await distil(Task(task.id, "distil", seed), order, ask)


RECIPES: dict[str, Callable[[Task, Order, Ask], Awaitable[Found]]] = {
    "documents": documents,
    "distil": distil,
    "vary": vary,
    "logs": logs,
}
CALLS = {"documents": lambda each: 1 + each, "distil": lambda each: 1, "vary": lambda each: 1, "logs": lambda each: 1}


def _draft(order: Order, messages: list[Message], shown: str, tags: tuple[str, ...] = ()) -> Draft:
    system = [{"role": "system", "content": order.keep_system}] if order.keep_system else []
    return Draft([*system, *messages], shown, tags)


def _said(text: str, instructions: str) -> list[Message]:
    return [*([{"role": "system", "content": instructions}] if instructions else []), _user(text)]


def _user(text: str) -> Message:
    return {"role": "user", "content": text.strip()}


def _assistant(text: str) -> Message:
    return {"role": "assistant", "content": text.strip()}


def _strings(reply: str) -> list[str] | None:
    rows = _parsed(reply)
    if isinstance(rows, dict) and len(rows) == 1:  # {"questions": [...]}
        rows = next(iter(rows.values()))
    if not isinstance(rows, list) or not rows or not all(isinstance(row, str) and row.strip() for row in rows):
        return None
    return [row.strip() for row in rows]


def _parsed(reply: str) -> Any:
    """The JSON in a reply, also when the model has put a fence or a sentence around it. None when there is none."""
    bare = re.sub(r"^```\w*\s*|\s*```$", "", reply.strip())
    for text in (bare, bare[bare.find("[") : bare.rfind("]") + 1], bare[bare.find("{") : bare.rfind("}") + 1]):
        try:
            return json.loads(text)
        except ValueError:
            continue
    return None
