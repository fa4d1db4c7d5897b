"""Tokens: a conversation as the tokenizer of a model family sees it: how many tokens, and which of them are learned.

The judge is mistral_common, whose wheel holds Mistral's tokenizers: what it encodes in its finetuning mode is what
counts. Plain conversations (no tools) go by a shorter way that `tests/test_check.py` holds to the same numbers.
`starter` is the small model that is shipped, read as `engine.training.material.batches` reads it for training.

Learned is what the assistant says, its end token included, unless the message has the weight 0.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.messages import (
    UATS,
    AssistantMessage,
    FinetuningAssistantMessage,
    SystemMessage,
    ToolMessage,
    UserMessage,
)
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.tool_calls import Tool
from mistral_common.protocol.instruct.validator import ValidationMode
from mistral_common.tokens.tokenizers.base import SpecialTokenPolicy
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from engine.checking import counting
from engine.checking.counting import FAMILIES, Counter
from engine.data.conversations import Conversation
from engine.data.unusable import Unusable
from engine.problems import Problem
from engine.training.bases import template
from engine.training.material import batches

__all__ = ["FAMILIES", "FILES", "REFUSED", "Count", "Tokenizer", "load"]

FILES = {  # in the wheel of mistral_common
    "v1": "tokenizer.model.v1",
    "v2": "mistral_instruct_tokenizer_240216.model.v2",
    "v3": "mistral_instruct_tokenizer_240323.model.v3",
    "v7": "mistral_instruct_tokenizer_241114.model.v7",
    "tekken": "tekken_240718.json",
}
STARTER = Path(__file__).resolve().parents[2] / "starter"
REFUSED = "tokenizer"  # the code of a row that is sound, but not for this family
NO_LIMIT = 1 << 40

Piece = tuple[str, bool]  # the text of a token, and whether it is learned


@dataclass(frozen=True, slots=True)
class Count:
    tokens: int
    trained: int


class Tokenizer(Protocol):
    family: str

    def count(self, conversation: Conversation) -> Count:
        """Unusable when the family cannot take this conversation."""

    def spans(self, conversation: Conversation) -> list[Piece]:
        """Each token's text and whether it is learned. A character of several tokens stands with its last one."""


def load(family: str, path: str = "") -> Tokenizer:
    """The tokenizer of a family: from the wheel, or of a file or folder at `path`. Problem when there is none."""
    if family == "starter":
        return _Starter(path or str(STARTER))
    if family not in FILES:
        raise Problem(f"There is no tokenizer {family!r}.", do=f"Choose one of {', '.join(FAMILIES)}.")
    file = Path(path) if path else MistralTokenizer._data_path() / FILES[family]
    if not file.is_file():
        raise Problem(f"There is no tokenizer file {file}.", do="Check the path and its spelling.")
    return _Mistral(family, MistralTokenizer.from_file(str(file), mode=ValidationMode.finetuning))


class _Mistral:
    def __init__(self, family: str, whole: MistralTokenizer) -> None:
        self.family, self._tokenizer = family, whole
        self._instruct = whole.instruct_tokenizer
        self._counter = _counter(self._instruct.tokenizer)
        # where the system prompt goes: before the first question, before the last, or in a message of its own
        self._system = {"v1": "first", "v7": "own"}.get(family, "last")

    def count(self, conversation: Conversation) -> Count:
        if not _is_plain(conversation):
            pieces = self._encoded(conversation)
            return Count(sum(len(ids) for ids, _ in pieces), sum(len(ids) for ids, on in pieces if on))
        read, trained = 1, 0  # the beginning
        for text, marks, learned in self._texts(conversation.messages):
            tokens = self._counter.count(text) + marks
            read += tokens
            if learned:
                trained += tokens
        return Count(read, trained)

    def _texts(self, messages: Sequence[dict[str, Any]]) -> Iterator[tuple[str, int, bool]]:
        """Text, tokens of the marks around it, and whether it is learned, as `InstructTokenizerV1` to `V7` have it."""
        start = ""
        if messages[0]["role"] == "system":
            start, messages = messages[0]["content"], messages[1:]
            if self._system == "own":
                yield start, 2, False
                start = ""
            else:
                start += "\n\n"
        asking = 0 if self._system == "first" else len(messages) - 2  # the question that the system prompt precedes
        for number, message in enumerate(messages):
            text = message["content"]
            if message["role"] == "assistant":
                yield (text if self._system == "first" else text.rstrip(" ")), 1, bool(message.get("weight", 1))
                continue
            if number == asking:
                text = start + text
            if self._system == "first":  # v1 has no tokens of its own for the marks
                yield f"[INST] {text} [/INST]", 0, False
            else:
                yield text, 2, False

    def spans(self, conversation: Conversation) -> list[Piece]:
        text = codecs.getincrementaldecoder("utf-8")("replace")
        return [
            (text.decode(_bytes(self._instruct.tokenizer, id)), on)
            for ids, on in self._encoded(conversation)
            for id in ids
        ]

    def ids(self, conversation: Conversation) -> list[int]:
        """The token ids, all by mistral_common."""
        return [id for ids, _ in self._encoded(conversation) for id in ids]

    def _encoded(self, conversation: Conversation) -> list[tuple[list[int], bool]]:
        """Token ids and whether they are learned, message by message: `encode_chat_completion` with its seams."""
        try:
            request = _request(conversation)
            request = self._tokenizer._chat_completion_request_validator.validate_request(request)
            given = self._tokenizer._instruct_request_normalizer.from_chat_completion_request(request)
            return self._walk(given, _weights(conversation))
        except (MistralCommonException, ValueError, AssertionError) as error:
            said = str(error).strip().splitlines()
            raise Unusable(
                REFUSED, f"The tokenizer {self.family} cannot take it: {said[0] if said else 'unsaid'}"
            ) from error

    def _walk(self, given: Any, weights: list[int]) -> list[tuple[list[int], bool]]:
        instruct: Any = self._instruct
        whole = instruct.encode_instruct(given).tokens
        first, last = instruct.find_first_last_user(given)
        found: list[tuple[list[int], bool]] = [(instruct.start(), False)]
        left = iter(weights)
        for n, message in enumerate(given.messages):
            if isinstance(message, UserMessage):
                ids = instruct.encode_user_message(
                    message,
                    given.available_tools,
                    n == last,
                    n == first,
                    system_prompt=given.system_prompt,
                    force_img_first=True,
                    settings=given.settings,
                )[0]
                found.append((ids, False))
            elif isinstance(message, ToolMessage):
                found.append((instruct.encode_tool_message(message, n < last)[0], False))
            elif isinstance(message, AssistantMessage):
                found.append((instruct.encode_assistant_message(message, n < last), bool(next(left))))
            else:
                found.append((instruct.encode_system_message(message)[0], False))
        assert [id for ids, _ in found for id in ids] == whole, "its parts do not make up the whole"
        return found


class _Starter:
    family = "starter"

    def __init__(self, base: str) -> None:
        self._template = replace(template.load(base), context=None)  # what is too long is counted all the same

    def count(self, conversation: Conversation) -> Count:
        row = self._row(conversation)
        return Count(len(row.tokens), row.n_trained)

    def spans(self, conversation: Conversation) -> list[Piece]:
        row = batches.words(self._row(conversation), self._template)
        return list(zip(row["tokens"], map(bool, row["trained"]), strict=True))

    def _row(self, conversation: Conversation) -> batches.Row:
        given = {"messages": conversation.messages, "tools": conversation.tools}
        try:
            return batches.row(given, self._template, NO_LIMIT)
        except Problem as problem:
            raise Unusable(REFUSED, str(problem)) from problem


def _bytes(model: Any, id: int) -> bytes:
    """What a token stands for."""
    if isinstance(model, Tekkenizer):
        return model.id_to_byte_piece(id, SpecialTokenPolicy.KEEP)
    piece = model.id_to_piece(id)
    if model._model.is_byte(id):
        return bytes([int(piece[1:-1], 16)])
    return str(piece).replace("▁", " ").encode()


def _counter(model: Any) -> Counter:
    if isinstance(model, Tekkenizer):
        encode = model._model.encode_to_numpy  # numbers without a Python object for each
        return Counter(lambda text: int(encode(text).size), " ", counting.of_pattern(model._model._pat_str))
    assert isinstance(model, SentencePieceTokenizer)
    pieces: Any = model._model
    return Counter(lambda text: len(pieces.encode(text)), "", counting.of_pieces(model.vocab()))


def _is_plain(conversation: Conversation) -> bool:
    """Whether nothing in it has to do with tools."""
    return not conversation.tools and all(
        message["role"] != "tool" and "tool_calls" not in message for message in conversation.messages
    )


def _request(conversation: Conversation) -> ChatCompletionRequest[UATS]:
    messages: list[UATS] = [KINDS[message["role"]].model_validate(message) for message in conversation.messages]
    tools = [Tool.model_validate(tool) for tool in conversation.tools] if conversation.tools else None
    return ChatCompletionRequest(messages=messages, tools=tools)


KINDS: dict[str, Any] = {
    "system": SystemMessage,
    "user": UserMessage,
    "assistant": FinetuningAssistantMessage,
    "tool": ToolMessage,
}


def _weights(conversation: Conversation) -> list[int]:
    return [message.get("weight", 1) for message in conversation.messages if message["role"] == "assistant"]
