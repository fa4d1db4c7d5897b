"""Weighing: how likely a model finds texts that are given to it, token by token. Several are read together.

What all of them begin with is read once: the 150 labels that one question may have cost little more than the question.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch.nn.functional import log_softmax
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer

AT_ONCE = 1024  # tokens in a forward pass; in larger ones more of them are padding
Ids = Sequence[int]


@torch.inference_mode()
def logprobs(model: PreTrainedModel, rows: Sequence[Ids]) -> list[list[float]]:
    """For each row, of two tokens or more, the logarithm (nats) of each token's probability given those before it;
    the first token is foretold by nothing and has none."""
    shared = common(rows)
    if shared == 0:
        return [line for row in rows for line in logprobs(model, [row])]
    prefix, cache = torch.tensor([list(rows[0][:shared])]), DynamicCache()
    logits = model(input_ids=prefix, past_key_values=cache, use_cache=True).logits
    known = _chances(logits[:, :-1], prefix[:, 1:])[0].tolist()
    found: list[list[float]] = [[] for _ in rows]
    order = sorted(range(len(rows)), key=lambda n: len(rows[n]))  # alike in length, as padding is wasted work
    while order:
        size = max(1, AT_ONCE // (len(rows[order[-1]]) - shared))
        order, taken = order[:-size], order[-size:]
        lines = _beyond(model, [rows[n][shared:] for n in taken], cache, logits[:, -1:])
        for n, line in zip(taken, lines, strict=True):
            found[n] = [*known, *line]
    return found


def common(rows: Sequence[Ids]) -> int:
    """How many tokens all rows begin with; at least one token of each stays behind them."""
    most = min(len(row) for row in rows) - 1
    return next((n for n in range(most) if any(row[n] != rows[0][n] for row in rows)), most)


def _beyond(model: PreTrainedModel, rows: Sequence[Ids], cache: DynamicCache, last: torch.Tensor) -> list[list[float]]:
    """The same of what stands behind a shared beginning, which left `cache` in the model and `last`, the logits
    [1, 1, vocabulary] for what comes next."""
    width = max(len(row) for row in rows)
    tokens = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])  # padded where no token looks
    kept = [(layer.keys, layer.values) for layer in cast(list[DynamicLayer], cache.layers)]
    copied = DynamicCache([(_expanded(keys, len(rows)), _expanded(values, len(rows))) for keys, values in kept])
    logits = model(input_ids=tokens, past_key_values=copied, use_cache=True).logits
    lines = _chances(torch.cat([last.expand(len(rows), -1, -1), logits[:, :-1]], 1), tokens).tolist()
    return [line[: len(row)] for row, line in zip(rows, lines, strict=True)]


def _expanded(one: torch.Tensor | None, rows: int) -> torch.Tensor:
    assert one is not None, "the model has read the beginning"
    return one.expand(rows, -1, -1, -1)


def _chances(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """[rows, places]: the logarithm of the probability of the token at each place."""
    return log_softmax(logits.float(), -1).gather(-1, tokens[..., None])[..., 0]
