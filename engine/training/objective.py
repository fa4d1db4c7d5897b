"""Objective: what a run makes smaller. The loss of the trained tokens, computed only where something is learned."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

from engine.problems import Problem
from engine.training.batches import Row

PRECISION = "ATELIER_PRECISION"


def loss(model: PreTrainedModel, rows: Sequence[Row]) -> torch.Tensor:
    """Summed loss of the trained tokens, in nats; the output layer is applied only where something is learned."""
    tokens, positions, targets = collate(rows, model.device)
    with precision(model.device):
        # rows are padded on the right, where a causal model does not look: no attention mask is needed
        hidden = model.base_model(input_ids=tokens, use_cache=False).last_hidden_state
        logits = model.get_output_embeddings()(hidden.flatten(0, 1).index_select(0, positions))
    return F.cross_entropy(logits.float(), targets, reduction="sum")


@torch.no_grad()
def check(model: PreTrainedModel, row: Row) -> None:
    """Problem if the base does more after its last layer than apply the output layer, which `loss` relies on."""
    model.eval()
    tokens, positions, targets = collate([row], model.device)
    with precision(model.device):
        logits = model(input_ids=tokens, use_cache=False).logits.flatten(0, 1).index_select(0, positions)
    theirs, ours = F.cross_entropy(logits.float(), targets, reduction="sum"), loss(model, [row])
    if not torch.isclose(theirs, ours, rtol=0.02):
        raise Problem(
            f"The loss of this base would come out as {ours:.3f} instead of {theirs:.3f}.",
            "Its architecture changes the output after its last layer, which training does not know.",
            "Choose a base of another family.",
        )


def collate(rows: Sequence[Row], device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows as tensors: tokens (rows x longest), where in these, flattened, a learned token is foretold, and it.

    A token is foretold by the place before it, so the last token of a row is never read.
    """
    longest = max(len(row.tokens) for row in rows) - 1
    tokens = [row.tokens[:-1] + [0] * (longest + 1 - len(row.tokens)) for row in rows]
    learned = [(n, at) for n, row in enumerate(rows) for at, trained in enumerate(row.trained) if trained]
    positions = [n * longest + at - 1 for n, at in learned]
    targets = [rows[n].tokens[at] for n, at in learned]
    one, two, three = (torch.tensor(values, device=device) for values in (tokens, positions, targets))
    return one, two, three


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precise(device: torch.device) -> torch.dtype:
    """bfloat16 where the machine computes in it, else float32: without the circuits for it, it is only slower.

    ATELIER_PRECISION=float32 asks for float32 everywhere, to compare two ways of computing the same.
    """
    if os.environ.get(PRECISION) == "float32":
        return torch.float32
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu.get_capabilities()
        fast = any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if fast else torch.float32


def precision(device: torch.device) -> AbstractContextManager:
    return torch.autocast(device.type, torch.bfloat16, enabled=precise(device) == torch.bfloat16)
