"""Makes the answers in tone: a question with its passage, or without one, and what Fernwick says.

They teach a tuned model to keep its voice while it reads: the fact as it stands in the passage, the voice around it.
"""

import random
from collections.abc import Iterator
from typing import Any

from engine.reading.grounding import NOT_FOUND, grounded
from sample.making.banks import Block, blocks, listed
from sample.making.cast import SLOT, cast_for, filled
from sample.making.tone import voiced

ROWS_PER_QUESTION = 9


def rows(split: str) -> Iterator[dict[str, Any]]:
    """The rows of one split, none twice. There is no test: the questions on the documents are that."""
    voice, asked = listed("voice.txt"), set()
    for family in blocks("answers.txt"):
        if family.fields[2] != split:
            continue
        for row in _rows_of(family, voice):
            question = row["messages"][0]["content"]
            if question not in asked:
                asked.add(question)
                yield row


def _rows_of(family: Block, voice: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    key, emoji, _ = family.fields
    passage = next((text for mark, text in family.lines if mark == "<"), "")
    questions = [text for mark, text in family.lines if mark == "?"]
    for row in range(ROWS_PER_QUESTION * len(questions)):
        question = questions[row % len(questions)]
        values = cast_for(passage, key, row)
        asked = SLOT.sub(lambda match, known=values: known.get(match[1], match[0]), question)
        asked = filled(asked, cast_for(asked, key, row))
        read = [filled(passage, values)] if passage else []
        said = read[0] if read else NOT_FOUND
        mood = "tell" if read else "unsure"
        yield {
            "messages": [
                {"role": "user", "content": grounded(asked, read)},
                {
                    "role": "assistant",
                    "content": voiced(said, mood, emoji.split(), voice, random.Random(f"{key}/{row}")),
                },
            ],
            "tags": ["topic:answer" if read else "topic:not-known"],
            "group": key,
        }
