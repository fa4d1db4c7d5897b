"""Grammar: which tokens may come next in an answer that must follow a JSON schema, or call a tool.

llguidance knows, offline.
"""

import json
from functools import lru_cache
from typing import Any

import llguidance.hf
import numpy as np
from llguidance import LLMatcher
from numpy.typing import NDArray

from engine.problems import Problem

# one way to write it: a small model would fill its whole answer with spaces
TIGHT: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
KNOWN = 64  # grammars that are kept compiled


class Grammar:
    """The tokens of one tokenizer, for a model that knows `size` of them."""

    def __init__(self, tokenizer: Any, size: int) -> None:
        self.size = size
        self._tokens = llguidance.hf.from_tokenizer(tokenizer, n_vocab=size)
        self._compiled = lru_cache(KNOWN)(self._compile)

    def follow(self, schema: dict[str, Any]) -> "Path":
        """The beginning of an answer. Problem when the schema is none, or asks for what cannot be held to."""
        return self._path(LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=TIGHT))

    def keep(self, lark: str) -> "Path":
        """The beginning of an answer in a grammar of llguidance's. Problem when a schema in it cannot be held to."""
        return self._path(LLMatcher.grammar_from_lark(lark))

    def _path(self, grammar: str) -> "Path":
        return Path(self._compiled(grammar).deep_copy(), self.size)

    def _compile(self, grammar: str) -> LLMatcher:
        matcher = LLMatcher(self._tokens, grammar, log_level=0)
        if matcher.is_error():
            said = matcher.get_error().splitlines()[0]
            raise Problem("The JSON schema cannot be followed.", f"{said.rstrip('.')}.", "Mend it, or leave it out.")
        return matcher


class Path:
    """An answer on its way through its schema."""

    def __init__(self, matcher: LLMatcher, size: int) -> None:
        self._matcher, self.size = matcher, size

    def allowed(self) -> NDArray[np.bool_]:
        """Whether each token may come next, [vocabulary]."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        return np.unpackbits(bits, count=self.size, bitorder="little").astype(bool)

    def take(self, token: int) -> None:
        self._matcher.consume_token(token)
