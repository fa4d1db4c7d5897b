"""Documents: texts become rows for continued pretraining. Every token is learned, each exactly once.

A document that is longer than a row goes on in the next, which begins with the last token of the one before: read
again, not learned again, since nothing comes before a row's first token that could foretell it.
"""

from pathlib import Path
from typing import Any

from engine.problems import Problem
from engine.training.bases.template import Template
from engine.training.material.batches import Data, Row, control_token, read_lines


def read(path: Path, template: Template, max_tokens: int) -> Data:
    """The rows of a JSONL file of objects with `text`. Problem if there is no such file."""
    limit = min(max_tokens, template.context or max_tokens)
    sha256, found, refused = read_lines(path, lambda given, line: rows(_text(given, template), template, limit, line))
    return Data(path, sha256, [row for document in found for row in document], refused)


def rows(text: str, template: Template, limit: int, line: int = 1) -> list[Row]:
    """One document as rows of at most `limit` tokens, closed by the end token."""
    # with the beginning that the base's tokenizer gives a text, if it gives any
    tokens = template.tokenizer.encode(text, add_special_tokens=True).ids
    if tokens[-1] != template.end_token:
        tokens = [*tokens, template.end_token]
    cuts = range(0, len(tokens) - 1, limit - 1)
    pieces = [tokens[start : start + limit] for start in cuts]
    return [Row(line, piece, [0] + [1] * (len(piece) - 1)) for piece in pieces]


def _text(found: dict[str, Any], template: Template) -> str:
    text = found.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Problem('It has no "text".', do='Give each line as {"text": "..."}.')
    if control := control_token(text, template):
        raise Problem(f"Its text contains {control}, with which the base steers itself.", do="Remove it.")
    return text
