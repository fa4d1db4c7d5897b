"""Rough messages: pasted lines that somebody is going to rewrite.

An example needs an answer, so a rough message begins as its own: question and answer are the same words, its status is
draft and it is tagged until its answer differs. So it stands in every list and count like any other example, nobody
loses it with a browser, and nothing is trained on before somebody approves it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.data.conversations import Conversation
from engine.problems import Problem
from studio.data import datasets
from studio.data.examples import DRAFT, Example
from studio.data.imports import Valid
from studio.store import Store, now

TAG = "to rewrite"


@dataclass(frozen=True)
class Pasted:
    added: int
    known: int

    def __str__(self) -> str:
        known = f", {self.known} were here already" if self.known else ""
        return f"{self.added} to rewrite{known}"


def parted(text: str) -> list[str]:
    """The messages in a pasted text: parted by blank lines where there are any, else one a line.

    A list's own signs at the start of a line (-, *, 1.) are no part of a message; one that stands twice counts once.
    """
    text = text.replace("\r\n", "\n").strip()
    pieces = re.split(r"\n\s*\n", text) if re.search(r"\n\s*\n", text) else text.split("\n")
    said = (re.sub(r"^(?:[-*•]|\d{1,3}[.)])\s+", "", piece.strip()).strip() for piece in pieces)
    return list(dict.fromkeys(one for one in said if one))


def paste(store: Store, dataset: str, messages: Sequence[str], by: str) -> Pasted:
    """Keep rough messages as drafts to be rewritten; how many were new."""
    if not messages:
        raise Problem("There is no message to keep.", do="Paste some, one a line.")
    source = f"pasted {now():%Y-%m-%d %H:%M}"
    rows = [
        Valid(
            number,
            Conversation([{"role": "user", "content": said}, {"role": "assistant", "content": said}], tags=(TAG,)),
        )
        for number, said in enumerate(messages, 1)
    ]
    # whoever was rewritten since holds the same question under another answer
    held = {
        row["asked"]
        for row in store.rows(
            "select distinct messages->-2->>'content' as asked from example where dataset = ? and latest", [dataset]
        )
    }
    fresh = [row for row in rows if row.conversation.messages[0]["content"] not in held]
    if not fresh:
        return Pasted(0, len(rows))
    with store.write(by, "example.paste", dataset, n=len(fresh)) as cursor:
        cursor.execute("insert into dataset values (?, '', ?, ?) on conflict do nothing", [dataset, by, now()])
        added = datasets.insert(cursor, dataset, fresh, source, by, DRAFT)
    return Pasted(added, len(rows) - added)


def waiting(example: Example) -> bool:
    """Whether its answer is still the rough message."""
    return example.answer.strip() == example.prompt.strip()


def tags_after(example: Example, answer: str) -> list[str]:
    """Its tags once the answer says this: a rewritten message is no longer one to rewrite."""
    if answer.strip() == example.prompt.strip():
        return list(example.tags)
    return [tag for tag in example.tags if tag != TAG]
