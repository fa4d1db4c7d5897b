"""Sampling: what a model answers to a few prompts while it learns, so that people can read the change."""

from typing import Any

import torch

from engine.training import objective
from engine.training.bases.template import Template
from engine.training.material.batches import Row

OPENING = 24  # tokens of a document to which a sample is the continuation
SAMPLES, LONGEST = 2, 60  # prompts answered at a few moments, and how many tokens such an answer may get


@torch.no_grad()
def answers(model: Any, words: Template, rows: list[Row]) -> list[dict[str, str]]:
    """What the model would answer to each row, greedily, up to its first learned token; how it would go on with a
    row that is learned from its beginning."""
    found = []
    for row in rows:
        first = row.trained.index(1)
        prompt = row.tokens[: first if first > 1 else OPENING]
        with objective.precision(model.device):
            out = model.generate(
                input_ids=torch.tensor([prompt], device=model.device),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.long, device=model.device),
                max_new_tokens=LONGEST,
                do_sample=False,
                use_cache=True,
                eos_token_id=words.end_token,
                pad_token_id=words.end_token,
            )
        asked, answer = (words.tokenizer.decode(part).strip() for part in (prompt, out[0, len(prompt) :].tolist()))
        found.append({"prompt": asked, "answer": answer})
    return found
