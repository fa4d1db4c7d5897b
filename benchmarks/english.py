"""English to measure with: rows of sentences put together anew, with a name and a number in each that no other has.

The sentences are people's: Python's manual and the docstrings of its library, and the sample project, some 13,000 of
18,000 different words. Made-up words would flatter some and wrong others, as sentencepiece takes its time by the letter
and tekken by the token, and a token of words that have to be spelt has few letters. Sentences alone would be kind to
whoever remembers words, as a language always brings new ones; `new_words` tells how many these rows bring.
"""

import ast
import json
import re
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from pydoc_data import topics
from random import Random

from engine.pretraining.corpus.names import syllables

SAMPLE = Path(__file__).parents[1] / "sample"
LIBRARY = Path(ast.__file__).parent
PARAGRAPHS = re.compile(r"\n\s*\n")
ENDS = re.compile(r"(?<=[.!?])\s+")
PLAIN = re.compile(r"[A-Z][a-z]*[ ,][\w ,;:'\"()%&/-]{30,250}[.!?]")  # a sentence; no code, tables or headings


def sentences() -> list[str]:
    """Each once, in an order that is the same every time."""
    found: dict[str, None] = {}
    for text in (*topics.topics.values(), *_docstrings(), *_said()):
        for paragraph in PARAGRAPHS.split(text):
            found.update(dict.fromkeys(one for one in ENDS.split(" ".join(paragraph.split())) if PLAIN.fullmatch(one)))
    return list(found)


def _docstrings() -> Iterator[str]:
    for path in sorted({*LIBRARY.glob("*.py"), *LIBRARY.glob("[a-z]*/*.py")}):
        if "test" in (inner := str(path.relative_to(LIBRARY))) or "site-packages" in inner:
            continue
        try:
            nodes = ast.walk(ast.parse(path.read_text()))
        except (SyntaxError, UnicodeDecodeError):  # some are there to be broken
            continue
        for node in nodes:
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield ast.get_docstring(node) or ""


def _said() -> Iterator[str]:
    for folder in ("tone", "triage"):
        for line in (SAMPLE / folder / "train.jsonl").read_text().splitlines():
            yield from (message["content"] for message in json.loads(line)["messages"])


def write(path: Path, rows: int, size: int, seed: int = 7) -> Path:
    """Rows of a system prompt, a question and an answer, of some `size` characters of text in all."""
    chance, pool, numbers = Random(seed), sentences(), count(1_000_000)
    mean = sum(map(len, pool)) / len(pool) + 1
    asked = max(1, round(size / mean / 3))
    answered = max(1, round(size / mean) - asked - 1)

    def some(n: int) -> str:
        return " ".join(chance.choices(pool, k=n))

    with path.open("w") as file:
        for number in islice(numbers, rows):
            name = f"{syllables(chance).capitalize()} {syllables(chance, 3, 4).capitalize()}"
            messages = [
                {"role": "system", "content": some(1)},
                {"role": "user", "content": f"{some(asked)} My name is {name}, my order is {number}."},
                {"role": "assistant", "content": some(answered)},
            ]
            file.write(json.dumps({"messages": messages}) + "\n")
    return path


def new_words(path: Path, last: int = 5000) -> float:
    """The share of words, cut at spaces, in the `last` rows of a file that no row before had."""
    seen: set[str] = set()
    fresh = read = 0
    with path.open() as file:
        begin = sum(1 for _ in file) - last
        file.seek(0)
        for number, line in enumerate(file):
            words = [word for message in json.loads(line)["messages"] for word in message["content"].split(" ")]
            if number >= begin:
                read += len(words)
                fresh += sum(word not in seen for word in words)
            seen.update(words)
    return fresh / read
