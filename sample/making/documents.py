"""Makes the documents and the questions about them, from one bank in which each question stands under its fact.

A heading of the bank is `Title | file | split`; the split is where its questions go. Under it, `##` begins a section,
`*` is a fact (one paragraph), `?` a plain and `~` a freely worded question about the fact above:
`tag: question = answer; another spelling of it`.
"""

from collections.abc import Iterator
from typing import Any

from sample.making.banks import blocks

WORDING = {"?": "plain", "~": "free"}


def documents() -> dict[str, str]:
    """Each document's file name and Markdown."""
    made = {}
    for block in blocks("documents.txt"):
        title, name, _ = block.fields
        parts = [f"# {title}"]
        parts += [f"## {text}" if mark == "##" else text for mark, text in block.lines if mark in ("##", "*")]
        made[f"{name}.md"] = "\n\n".join(parts) + "\n"
    return made


def questions(split: str) -> Iterator[dict[str, Any]]:
    """The questions of one split; a document's questions lie in one split together."""
    for block in blocks("documents.txt"):
        _, name, where = block.fields
        passage = ""
        for mark, text in block.lines:
            if mark == "*":
                passage = text
            elif mark in WORDING and where == split:
                yield _question(text, f"{name}.md", passage, WORDING[mark])


def _question(text: str, document: str, passage: str, wording: str) -> dict[str, Any]:
    tag, _, rest = text.partition(": ")
    question, _, answers = rest.partition(" = ")
    accept = [answer.strip() for answer in answers.split(";")]
    return {
        "question": question,
        "answer": accept[0],
        "accept": accept,
        "document": document,
        "passage": passage,
        "tags": [tag, f"wording:{wording}"],
    }
