"""Generation: several conversations decoded together, a token each at every step.

Rows are left-padded and aligned at the right edge, so rows may join at any step and leave when they end.
A row sees its own tokens only: its answer does not depend on who else is there, as far as the arithmetic allows
(sums in bf16 may round differently in a batch of another size, so a near tie between two tokens can tip).
Sampling takes its random numbers from the row's own seed.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import Cache, DynamicLayer

from engine.serving.small.grammar import Path

BROKEN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Chances:
    """How likely a token was, and which were the likeliest: natural logarithms, before temperature and top_p."""

    logprob: float
    best: tuple[tuple[int, float], ...]  # (token, logprob), likeliest first


@dataclass(frozen=True)
class Generated:
    text: str
    ids: tuple[int, ...]  # the tokens, with the one that ended it
    finish: str  # "stop": the model or a stop word ended it; "length": the limit did
    chances: tuple[Chances, ...] = ()  # for each token, when they were asked for

    @property
    def tokens(self) -> int:
        return len(self.ids)


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
    chances: int | None = None  # how many of the likeliest tokens to note at each place; None for no chances
    path: Path | None = None  # through the schema that the answer must follow
    shown: frozenset[int] = frozenset()  # control tokens that stand in the text, as the marks of calls do
    at: float = field(default_factory=time.monotonic)  # when it was asked
    hear: Callable[[str], object] | None = None
    end: "Future[Generated]" = field(default_factory=Future)

    def fail(self, error: Exception) -> None:
        with suppress(InvalidStateError):  # cancelled meanwhile
            self.end.set_exception(error)


class Text:
    """The text of a growing list of tokens. Decoding a window keeps the cost of a token constant."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, shown: frozenset[int]) -> None:
        self.tokenizer = tokenizer
        self.ids: list[int] = []
        self.whole = ""
        self._start = self._read = 0
        self._shown = shown
        self._hidden = frozenset(tokenizer.all_special_ids) - shown if shown else frozenset()

    def take(self, token: int) -> None:
        if token not in self._hidden:
            self.ids.append(token)

    def push(self, token: int) -> None:
        self.take(token)
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
        text = self.tokenizer.decode(
            self.ids[start:end], skip_special_tokens=not self._shown, clean_up_tokenization_spaces=False
        )
        return str(text)


class Row:
    """One request while it is being answered."""

    def __init__(self, request: Request, tokenizer: PreTrainedTokenizerBase, ends: frozenset[int]) -> None:
        self.request = request
        self.ends = ends
        self.text = Text(tokenizer, request.shown)
        self.random = torch.Generator().manual_seed(request.seed)
        self.ids: list[int] = []
        self.chances: list[Chances] = []
        self.heard = 0
        self._watched = request.hear is not None or bool(request.stops)

    @property
    def last(self) -> int:
        return self.ids[-1]

    def push(self, token: int) -> bool:
        """Take the next token; True when the answer is complete."""
        self.ids.append(token)
        if self.request.path is not None:
            self.request.path.take(token)
        if token in self.ends:
            return self._finish(self.text.finish(), "stop")
        if self._watched:
            self.text.push(token)
            if (cut := _first(self.text.whole, self.request.stops)) is not None:
                return self._finish(self.text.whole[:cut], "stop")
            self._hear(len(self.text.whole) - _pending(self.text.whole, self.request.stops))
        else:
            self.text.take(token)
        return len(self.ids) >= self.request.limit and self._finish(self.text.finish(), "length")

    def _finish(self, text: str, finish: str) -> bool:
        self.text.whole = text
        self._hear(len(text))
        with suppress(InvalidStateError):
            self.request.end.set_result(Generated(text, tuple(self.ids), finish, tuple(self.chances)))
        return True

    def _hear(self, until: int) -> None:
        if self.request.hear is not None and until > self.heard:
            self.request.hear(self.text.whole[self.heard : until])
            self.heard = until


class Columns(DynamicLayer):
    """Keys and values of one layer, written into spare columns of a room [2, rows, heads, columns, size].

    The usual layer copies all that it holds at every token; at 32 rows of 200 tokens that is a fifth of a step.
    """

    SPARE = 64

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._hold(torch.stack([key_states, value_states])[..., :0, :], 0)
        start, end = self.length, self.length + key_states.shape[-2]
        room = self.room
        if end > room.shape[-2]:
            room = pad(room, (0, 0, 0, end - room.shape[-2] + self.SPARE))
        room[0, :, :, start:end] = key_states
        room[1, :, :, start:end] = value_states
        self._hold(room, end)
        return self.keys, self.values

    def keep(self, rows: torch.Tensor, start: int) -> None:
        """Only these rows, without the columns before `start`."""
        self._hold(self.room.index_select(1, rows)[..., start:, :], self.length - start)

    def join(self, other: "Columns", width: int) -> None:
        """Take in the rows of `other`; both end in column `width`."""
        rows = self.room.shape[1]
        _, more, heads, _, size = other.room.shape
        room = self.room.new_zeros(2, rows + more, heads, width + self.SPARE, size)
        room[:, :rows, :, width - self.length : width] = self.room[..., : self.length, :]
        room[:, rows:, :, width - other.length : width] = other.room[..., : other.length, :]
        self._hold(room, width)

    def _hold(self, room: torch.Tensor, length: int) -> None:
        self.room, self.length = room, length
        self.keys, self.values = room[..., :length, :].unbind(0)


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
        chosen = pick(held(logits, rows), rows)
        note(logits, rows, chosen)
        ended = {row for row, token in zip(rows, chosen, strict=True) if row.push(token)}
        gone = {row for row in self.rows if row in ended or row.request.end.cancelled()}
        if gone:
            self._keep([n for n, row in enumerate(self.rows) if row not in gone])

    def _join(self, rows: list[Row], mask: torch.Tensor, layers: list[Columns]) -> None:
        if not self.rows:
            self.rows, self.mask, self.layers = rows, mask, layers
            return
        width = max(mask.shape[1], self.mask.shape[1])
        self.rows = self.rows + rows
        self.mask = torch.cat([pad(one, (width - one.shape[1], 0)) for one in (self.mask, mask)])
        for old, new in zip(self.layers, layers, strict=True):
            old.join(new, width)

    def _keep(self, indices: list[int]) -> None:
        self.rows = [self.rows[n] for n in indices]
        if not self.rows:
            self.layers = []
            return
        kept = self.mask[indices]
        start = int(kept.any(0).int().argmax())  # the columns before it were needed by the gone rows only
        self.mask = kept[:, start:]
        for layer in self.layers:
            layer.keep(torch.tensor(indices), start)


def held(logits: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """The logits without the tokens that a row's schema forbids next."""
    paths = [(n, row.request.path) for n, row in enumerate(rows) if row.request.path is not None]
    if paths:
        logits = logits.clone()
        for n, path in paths:
            logits[n].masked_fill_(~torch.from_numpy(path.allowed()), float("-inf"))
    return logits


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


def note(logits: torch.Tensor, rows: Sequence[Row], chosen: Sequence[int]) -> None:
    """Keep how likely each chosen token was, in the rows that want to know."""
    for n, row in enumerate(rows):
        if row.request.chances is not None:
            known = logits[n].float().log_softmax(-1)
            best, tokens = known.topk(min(row.request.chances, len(known)))
            row.chances.append(
                Chances(known[chosen[n]].item(), tuple(zip(tokens.tolist(), best.tolist(), strict=True)))
            )


def ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The tokens that end an answer: the model's and the tokenizer's."""
    config = model.generation_config
    own = config.eos_token_id if config is not None else None
    found = own if isinstance(own, list) else [own]
    return frozenset(token for token in [*found, tokenizer.eos_token_id] if token is not None)


def _first(text: str, stops: Sequence[str]) -> int | None:
    """Where the earliest stop word begins."""
    found = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    return min(found) if found else None


def _pending(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end may yet become a stop word."""
    sizes = (size for stop in stops for size in range(len(stop) - 1, 0, -1) if text.endswith(stop[:size]))
    return max(sizes, default=0)
