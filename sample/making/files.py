"""All the files of the sample project that are made rather than written by hand: path -> text."""

import json
from collections.abc import Iterable
from typing import Any

from sample.making import answers, documents, general, tone, triage

SPLITS = ("train", "validation", "test")


def files() -> dict[str, str]:
    """Every made file, by its path inside `sample/`."""
    made = {f"documents/{name}": text for name, text in documents.documents().items()}
    for split in SPLITS:
        made[f"tone/{split}.jsonl"] = _lines(tone.rows(split))
        made[f"triage/{split}.jsonl"] = _lines(triage.rows(split))
    for split in SPLITS[:2]:
        made[f"answers/{split}.jsonl"] = _lines(answers.rows(split))
    for split in SPLITS[1:]:
        made[f"questions/{split}.jsonl"] = _lines(documents.questions(split))
    made["general/questions.jsonl"] = _lines(general.rows())
    made["triage/labels.json"] = json.dumps(triage.labels(), indent=2, ensure_ascii=False) + "\n"
    return made


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
