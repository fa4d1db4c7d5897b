"""Objective: what a run makes smaller. The loss of the trained tokens, computed only where something is learned."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from peft import PeftModel
from peft.helpers import disable_input_dtype_casting
from transformers import PreTrainedModel

from engine.problems import Problem
from engine.training.forecast.machine import PRECISION
from engine.training.material.batches import Row
from engine.training.material.packs import Pack, packs


def loss(model: PreTrainedModel, rows: Sequence[Row], packing: bool = False) -> torch.Tensor:
    """Summed loss of the trained tokens, in nats; the output layer is applied only where something is learned.

    With `packing` short rows share one, and as none sees another the loss is the same.
    """
    shared = _shared(model, rows) if packing else [[n] for n in range(len(rows))]
    tokens, positions, targets = collate(rows, model.device, shared)
    # rows are padded on the right, where a causal model does not look: alone in their row, they need no mask
    places = {"position_ids": _places(rows, shared, tokens)} if packing else {}
    with precision(model.device):
        hidden = model.base_model(input_ids=tokens, use_cache=False, **places).last_hidden_state
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


def collate(
    rows: Sequence[Row], device: torch.device, shared: Sequence[Pack] | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows as tensors: tokens (rows x longest), where in these, flattened, a learned token is foretold, and it.

    A token is foretold by the place before it, so the last token of a row is never read. With `shared`, these rows
    stand behind each other in one.
    """
    shared = shared or [[n] for n in range(len(rows))]
    longest = max(sum(len(rows[n].tokens) - 1 for n in pack) for pack in shared)
    tokens, positions, targets = [], [], []
    for number, pack in enumerate(shared):
        line: list[int] = []
        for row in (rows[n] for n in pack):
            learned = [at for at, trained in enumerate(row.trained) if trained]
            positions += [number * longest + len(line) + at - 1 for at in learned]
            targets += [row.tokens[at] for at in learned]
            line += row.tokens[:-1]
        tokens.append(line + [0] * (longest - len(line)))
    one, two, three = (torch.tensor(values, device=device) for values in (tokens, positions, targets))
    return one, two, three


def _shared(model: PreTrainedModel, rows: Sequence[Row]) -> list[Pack]:
    """Which rows share one. All do where flash attention walks from example to example; elsewhere attention costs the
    square of a row's length, so no row grows longer than the longest example."""
    if "flash" in (model.config._attn_implementation or ""):
        return [list(range(len(rows)))]
    lengths = [len(row.tokens) - 1 for row in rows]
    return packs(lengths, max(lengths))


def _places(rows: Sequence[Row], shared: Sequence[Pack], tokens: torch.Tensor) -> torch.Tensor:
    """The position of each token within its example: where it starts again, transformers' attention begins another,
    in a mask or, for flash attention, in its lengths. Padding is an example of its own."""
    places = []
    for pack in shared:
        lengths = [len(rows[n].tokens) - 1 for n in pack]
        rest = tokens.shape[1] - sum(lengths)
        places.append([at for length in (*lengths, rest) for at in range(length)])
    return torch.tensor(places, device=tokens.device)


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


def uncast(model: PreTrainedModel | PeftModel, device: torch.device) -> AbstractContextManager[None]:
    """Without peft's turning every input into float32, only for autocast to turn it back."""
    active = isinstance(model, PeftModel) and precise(device) == torch.bfloat16
    return disable_input_dtype_casting(model, active=active) if active else nullcontext()
