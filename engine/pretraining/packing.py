"""Packing: the starter's corpus as rows of equal length, whole conversations side by side, each blind to the others.

A shard is a few thousand conversations, made from its number alone: a run that resumes makes the same ones again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from engine.pretraining.corpus import conversations
from engine.pretraining.corpus.conversation import Conversation
from engine.pretraining.settings import PretrainSpec
from engine.pretraining.tokenizer_training import BOS, CONTROL, EOS

SHARD = 4000  # conversations
_OPEN = 64  # rows that may still be filled up
Document = tuple[list[int], list[float]]  # tokens and their weights
_SEGMENTS = (8, 56)  # tokens of a random segment, least and most


@dataclass(frozen=True)
class Rows:
    """Arrays [rows, length]. `document` numbers the conversations of a row; padding is a document of its own."""

    tokens: npt.NDArray[np.int64]
    document: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]  # of the token in the loss: 1 an answer, `prompt_weight` a prompt, 0 padding

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, chosen: slice | npt.NDArray[np.int64]) -> "Rows":
        return Rows(self.tokens[chosen], self.document[chosen], self.position[chosen], self.weight[chosen])

    def joined(self, other: "Rows") -> "Rows":
        return Rows(
            np.concatenate([self.tokens, other.tokens]),
            np.concatenate([self.document, other.document]),
            np.concatenate([self.position, other.position]),
            np.concatenate([self.weight, other.weight]),
        )


def pieces(messages: Conversation) -> list[tuple[str, bool]]:
    """A conversation as the chat template writes it, cut where the speaker changes; True is the assistant's."""
    found: list[tuple[str, bool]] = []
    lead = ""
    for message in messages:
        if message["role"] == "system":
            lead += message["content"] + "\n\n"
        elif message["role"] == "user":
            found.append((f"{'' if found else BOS}[INST] {lead}{message['content']}[/INST]", False))
            lead = ""
        else:
            found.append((f" {message['content']}{EOS}", True))
    return found


def shard(number: int, spec: PretrainSpec, tokenizer: Tokenizer) -> Rows:
    """The rows of one shard, in random order. Conversations that are longer than a row are left out."""
    random = Random(f"{spec.seed} {number}")
    made = [pieces(one) for one in islice(conversations(random.getrandbits(48)), SHARD)]
    encoded = iter(tokenizer.encode_batch([text for one in made for text, _ in one], add_special_tokens=False))
    documents = []
    for one in made:
        tokens: list[int] = []
        weights: list[float] = []
        for _, learned in one:
            ids = next(encoded).ids
            tokens += ids
            weights += [1.0 if learned else spec.prompt_weight] * len(ids)
        weights[0] = 0.0
        if len(tokens) <= spec.row:
            documents.append((tokens, weights))
    rows = list(_packed(documents, spec.row))
    packed = _arrays(rows, spec.row)
    copies = segments(round(len(packed) * spec.copy_share), spec, number)
    both = packed.joined(copies)
    return both[np.random.default_rng([spec.seed, number]).permutation(len(both))]


def segments(count: int, spec: PretrainSpec, number: int) -> Rows:
    """`count` rows in which segments of random tokens return; only what could be foreseen is learned."""
    random = np.random.default_rng([spec.seed, number, 1])
    tokens = random.integers(len(CONTROL), spec.vocabulary, (count, spec.row))
    weight = np.zeros((count, spec.row), np.float32)
    for row in range(count):
        at = 0
        while at < spec.row - 2 * _SEGMENTS[0]:
            length = min(int(random.integers(*_SEGMENTS)), (spec.row - at) // 2)
            gap = int(random.integers(0, 24))
            start = min(at + length + gap, spec.row - length)
            tokens[row, start : start + length] = tokens[row, at : at + length]
            weight[row, start + 1 : start + length] = 1.0
            at = start + length
    zeros = np.zeros((count, spec.row), np.int64)
    return Rows(tokens, zeros, zeros + np.arange(spec.row), weight)


def _packed(
    documents: list[tuple[list[int], list[float]]], length: int
) -> Iterator[list[tuple[list[int], list[float]]]]:
    """Rows of documents: each document goes into the first open row that has room for it."""
    rows: list[tuple[int, list[Document]]] = []
    for document in documents:
        size = len(document[0])
        for n, (used, row) in enumerate(rows):
            if used + size <= length:
                row.append(document)
                rows[n] = (used + size, row)
                break
        else:
            if len(rows) == _OPEN:
                rows.sort(key=lambda one: one[0])
                yield rows.pop()[1]
            rows.append((size, [document]))
    yield from (row for _, row in rows)


def _arrays(rows: list[list[Document]], length: int) -> Rows:
    shape = (len(rows), length)
    tokens, document = np.full(shape, CONTROL.index("<pad>")), np.full(shape, -1)
    position, weight = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
    for n, row in enumerate(rows):
        at = 0
        for number, (ids, weights) in enumerate(row):
            end = at + len(ids)
            tokens[n, at:end], document[n, at:end], weight[n, at:end] = ids, number, weights
            position[n, at:end] = np.arange(len(ids))
            at = end
    return Rows(tokens, document, position, weight)
