"""Generation: several conversations decoded together, a token each at every step.

Rows are left-padded and aligned at the right edge, so rows may join at any step and leave when they end.
A row sees its own tokens only: its answer does not depend on who else is there, as far as the arithmetic allows
(sums in bf16 may round differently in a batch of another size, so a near tie between two tokens can tip).
Sampling takes its random numbers from the row's own seed.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import Cache, DynamicLayer

BROKEN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Generated:
    text: str
    tokens: int  # generated ones, with the one that ended it
    finish: str  # "stop": the model or a stop word ended it; "length": the limit did


@dataclass(frozen=True, eq=False)
class Request:
    """One prompt, and who hears of it. `hear` gets the text piece by piece, on the generating thread; `end` the whole.

    Cancelling `end` takes the row out of its batch at the next step.
    """

    ids: Sequence[int]
    limit: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stops: tuple[str, ...] = ()
    hear: Callable[[str], object] | None = None
    end: "Future[Generated]" = field(default_factory=Future)

    def fail(self, error: Exception) -> None:
        with suppress(InvalidStateError):  # cancelled meanwhile
            self.end.set_exception(error)


class Text:
    """The text of a growing list of tokens. Decoding a window keeps the cost of a token constant."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.ids: list[int] = []
        self.whole = ""
        self._start = self._read = 0

    def push(self, token: int) -> None:
        self.ids.append(token)
        now = self._rest()
        if now and not now.endswith(BROKEN):  # a character of several bytes may need more tokens
            self.whole += now
            self._start, self._read = self._read, len(self.ids)

    def finish(self) -> str:
        return self.whole + self._rest()

    def _rest(self) -> str:
        """What the tokens since `_read` add. Decoded with those before: a token's text may depend on its neighbour."""
        return self._decoded(self._start, len(self.ids))[len(self._decoded(self._start, self._read)) :]

    def _decoded(self, start: int, end: int) -> str:
        text = self.tokenizer.decode(self.ids[start:end], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)


class Row:
    """One request while it is being answered."""

    def __init__(self, request: Request, tokenizer: PreTrainedTokenizerBase, ends: frozenset[int]) -> None:
        self.request = request
        self.ends = ends
        self.text = Text(tokenizer)
        self.random = torch.Generator().manual_seed(request.seed)
        self.tokens = 0
        self.last = -1
        self.heard = 0
        self._watched = request.hear is not None or bool(request.stops)

    def push(self, token: int) -> bool:
        """Take the next token; True when the answer is complete."""
        self.last = token
        self.tokens += 1
        if token in self.ends:
            return self._finish(self.text.finish(), "stop")
        if self._watched:
            self.text.push(token)
            if (cut := _first(self.text.whole, self.request.stops)) is not None:
                return self._finish(self.text.whole[:cut], "stop")
            self._hear(len(self.text.whole) - _pending(self.text.whole, self.request.stops))
        else:
            self.text.ids.append(token)
        return self.tokens >= self.request.limit and self._finish(self.text.finish(), "length")

    def _finish(self, text: str, finish: str) -> bool:
        self.text.whole = text
        self._hear(len(text))
        with suppress(InvalidStateError):
            self.request.end.set_result(Generated(text, self.tokens, finish))
        return True

    def _hear(self, until: int) -> None:
        if self.request.hear is not None and until > self.heard:
            self.request.hear(self.text.whole[self.heard : until])
            self.heard = until


class Columns(DynamicLayer):
    """Keys and values of one layer, [rows, heads, columns, size], written into spare columns.

    The usual layer copies everything it holds at every token; at 32 rows of 200 tokens that is a fifth of a step.
    """

    SPARE = 64
    keys: torch.Tensor
    values: torch.Tensor
    room_keys: torch.Tensor
    room_values: torch.Tensor

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.hold(key_states[:, :, :0], value_states[:, :, :0])
        start, end = self.keys.shape[-2], self.keys.shape[-2] + key_states.shape[-2]
        if end > self.room_keys.shape[-2]:
            spare = (0, 0, 0, end - start + self.SPARE)
            self.room_keys, self.room_values = pad(self.keys, spare), pad(self.values, spare)
        self.room_keys[:, :, start:end] = key_states
        self.room_values[:, :, start:end] = value_states
        self.keys, self.values = self.room_keys[:, :, :end], self.room_values[:, :, :end]
        return self.keys, self.values

    def hold(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys, self.values = keys, values
        self.room_keys, self.room_values = keys, values


class Batch:
    """The rows that one model answers now."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.ends = ends(model, tokenizer)
        self.rows: list[Row] = []
        self.layers: list[Columns] = []
        self.mask = torch.zeros(0, 0, dtype=torch.long)

    @torch.inference_mode()
    def admit(self, requests: Sequence[Request]) -> None:
        """Read the prompts and give each its first token."""
        rows = [Row(request, self.tokenizer, self.ends) for request in requests]
        width = max(len(request.ids) for request in requests)
        ids = torch.tensor([[0] * (width - len(request.ids)) + list(request.ids) for request in requests])
        mask = torch.tensor([[0] * (width - len(request.ids)) + [1] * len(request.ids) for request in requests])
        layers = [Columns() for _ in range(self.model.config.num_hidden_layers)]
        logits = self._forward(ids, mask, (mask.cumsum(-1) - 1).clamp(min=0), layers)
        self._join(rows, mask, layers)
        self._push(rows, logits)

    @torch.inference_mode()
    def step(self) -> None:
        """Give every row its next token."""
        self.mask = pad(self.mask, (0, 1), value=1)
        ids = torch.tensor([[row.last] for row in self.rows])
        logits = self._forward(ids, self.mask, self.mask.sum(-1, keepdim=True) - 1, self.layers)
        self._push(self.rows, logits)

    def fail(self, error: Exception) -> None:
        for row in self.rows:
            row.request.fail(error)
        self.rows = []

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, layers: list[Columns]
    ) -> torch.Tensor:
        """Logits of the last column, [rows, vocabulary]."""
        return self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=Cache(layers=list(layers)),
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]

    def _push(self, rows: Sequence[Row], logits: torch.Tensor) -> None:
        """`rows` are the last ones of the batch; those that end with this token leave."""
        ended = {row for row, token in zip(rows, pick(logits, rows), strict=True) if row.push(token)}
        gone = {row for row in self.rows if row in ended or row.request.end.cancelled()}
        if gone:
            self._keep([n for n, row in enumerate(self.rows) if row not in gone])

    def _join(self, rows: list[Row], mask: torch.Tensor, layers: list[Columns]) -> None:
        if not self.rows:
            self.rows, self.mask, self.layers = rows, mask, layers
            return
        width = max(mask.shape[1], self.mask.shape[1])
        self.rows = self.rows + rows
        self.mask = torch.cat([_widened(self.mask, width, -1), _widened(mask, width, -1)])
        for old, new in zip(self.layers, layers, strict=True):
            old.hold(
                torch.cat([_widened(old.keys, width, -2), _widened(new.keys, width, -2)]),
                torch.cat([_widened(old.values, width, -2), _widened(new.values, width, -2)]),
            )

    def _keep(self, indices: list[int]) -> None:
        self.rows = [self.rows[n] for n in indices]
        if not self.rows:
            self.layers = []
            return
        kept = self.mask[indices]
        start = int(kept.any(0).int().argmax())  # the columns that only the gone rows needed
        self.mask = kept[:, start:]
        for layer in self.layers:
            layer.hold(layer.keys[indices][:, :, start:], layer.values[indices][:, :, start:])


def pick(logits: torch.Tensor, rows: Sequence[Row]) -> list[int]:
    """Each row's next token: the likeliest at temperature 0, else drawn from the smallest set of tokens whose
    probability reaches top_p (nucleus sampling, Holtzman et al. 2020)."""
    chosen = logits.argmax(-1).tolist()
    drawn = [n for n, row in enumerate(rows) if row.request.temperature > 0]
    if drawn:
        temperature = torch.tensor([[rows[n].request.temperature] for n in drawn])
        top_p = torch.tensor([[rows[n].request.top_p] for n in drawn])
        chances, order = torch.softmax(logits[drawn].float() / temperature, -1).sort(-1, descending=True)
        chances[chances.cumsum(-1) - chances >= top_p] = 0
        reached = chances.cumsum(-1)
        lots = torch.cat([torch.rand(1, 1, generator=rows[n].random) for n in drawn]) * reached[:, -1:]
        possible = (chances > 0).sum(-1, keepdim=True)
        places = torch.searchsorted(reached, lots, right=True).minimum(possible - 1)
        for n, token in zip(drawn, order.gather(-1, places).flatten().tolist(), strict=True):
            chosen[n] = token
    return chosen


def ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The tokens that end an answer: the model's and the tokenizer's."""
    config = model.generation_config
    own = config.eos_token_id if config is not None else None
    found = own if isinstance(own, list) else [own]
    return frozenset(token for token in [*found, tokenizer.eos_token_id] if token is not None)


def _widened(values: torch.Tensor, width: int, dim: int) -> torch.Tensor:
    """`values` with zeros in front along `dim`, up to `width`."""
    return pad(values, (0, 0) * (-1 - dim) + (width - values.shape[dim], 0))


def _first(text: str, stops: Sequence[str]) -> int | None:
    """Where the earliest stop word begins."""
    found = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    return min(found) if found else None


def _pending(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end may yet become a stop word."""
    sizes = (size for stop in stops for size in range(len(stop) - 1, 0, -1) if text.endswith(stop[:size]))
    return max(sizes, default=0)
