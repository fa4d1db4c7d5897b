"""Tools: what a request says of tools, read as strictly as the rest of it, and what is called, in the protocol's words.

Both are as vLLM has them. How a model is told of tools, and how it writes a call, its chat template says
(`engine.training.bases.calls`).
"""

import json
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.problems import Problem
from engine.serving.small.fields import Refused, text
from engine.training.bases import calls
from engine.training.bases.calls import NAME, Form
from engine.training.bases.template import Template

AUTO, NONE, REQUIRED = "auto", "none", "required"
WORDS = {AUTO: AUTO, NONE: NONE, REQUIRED: REQUIRED, "any": REQUIRED}  # the last is Mistral's
SIGNS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Offer:
    """The tools that a model may call: whether it may, must or must not (`choice`), and which one it must (`name`)."""

    tools: list[dict[str, Any]]
    choice: str = AUTO
    name: str = ""
    single: bool = False  # one call at most

    @property
    def must(self) -> list[dict[str, Any]]:
        """The tools of which one must be called; none when that is left to the model."""
        if self.choice != REQUIRED:
            return []
        return [tool for tool in self.tools if self.name in ("", tool["function"]["name"])]


def offer(tools: Any, choice: Any, parallel: Any) -> Offer | None:
    """The fields `tools`, `tool_choice` and `parallel_tool_calls` of a request. Refused when they make no sense."""
    if not isinstance(tools, list | None):
        raise Refused("tools must be a list.")
    defined = [_tool(tool, f"tools[{n}]") for n, tool in enumerate(tools or [])]
    word, name = _choice(choice)
    if not defined and word == REQUIRED:
        raise Refused("tool_choice asks for a call, and tools defines nothing to call.")
    if name and name not in [tool["function"]["name"] for tool in defined]:
        raise Refused(f"tool_choice asks for {name}, which tools does not define.")
    return Offer(defined, word, name, parallel is False or bool(name)) if defined else None


def called(given: Any, where: str) -> list[dict[str, Any]]:
    """The `tool_calls` of a message of the conversation."""
    if not isinstance(given, list):
        raise Refused(f"{where} must be a list.")
    return [_called(call, f"{where}[{n}]") for n, call in enumerate(given)]


class Tongue:
    """How the model behind one template calls tools."""

    def __init__(self, prompts: Template) -> None:
        self._prompts = prompts

    @cached_property
    def form(self) -> Form:
        """How it writes calls. Refused where its template knows no tools, or its calls cannot be read."""
        try:
            return calls.form(self._prompts)
        except Problem as problem:
            raise Refused(str(problem)) from problem

    @cached_property
    def marks(self) -> frozenset[int]:
        """The tokens that tell where a call is."""
        return frozenset(n for text, n in self._added.items() if any(text in mark for mark in self.form.marks))

    def grammar(self, tools: Sequence[dict[str, Any]], single: bool) -> str:
        """What an answer must keep to that calls one of these tools; just one if `single`."""
        return calls.grammar(self.form, tools, single, self._added)

    def read(self, answer: str, single: bool) -> tuple[str, list[dict[str, Any]]]:
        """What an answer says, and what it calls; only the first call if `single`.

        Each call has a new id, of the kind that Mistral's templates want.
        """
        said, found = self.form.read(answer)
        return said, [
            {
                "id": "".join(secrets.choice(SIGNS) for _ in range(9)),
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
            }
            for call in (found[:1] if single else found)
        ]

    @cached_property
    def _added(self) -> dict[str, int]:
        """The texts that are a token of their own."""
        return {token.content: n for n, token in self._prompts.tokenizer.get_added_tokens_decoder().items()}


class Ear:
    """Hears an answer piece by piece and passes on what is said; what is, or may become, a call is held back."""

    def __init__(self, form: Form | None) -> None:
        self.form = form
        self.heard = self.passed = ""

    def hear(self, piece: str) -> str:
        self.heard += piece
        return self._pass(self.heard if self.form is None else self.heard[: self.form.said(self.heard)])

    def end(self, said: str) -> str:
        """The rest of what is said, once that is known."""
        return self._pass(said)

    def _pass(self, said: str) -> str:
        new = said[len(self.passed) :]
        self.passed += new
        return new


def _tool(given: Any, where: str) -> dict[str, Any]:
    function = given.get("function") if isinstance(given, dict) else None
    if not isinstance(function, dict) or given.get("type", "function") != "function":
        raise Refused(f'{where} must be {{"type": "function", "function": {{"name": ..., "parameters": {{...}}}}}}.')
    if not NAME.fullmatch(text(function.get("name"), f"{where}.function.name")):
        raise Refused(f"{where}.function.name can be 1 to 64 letters, digits, _ and -, not {function['name']!r}.")
    if not isinstance(function.get("parameters"), dict | None):
        raise Refused(f"{where}.function.parameters must be a JSON schema.")
    return dict(given)


def _choice(given: Any) -> tuple[str, str]:
    """The word of a `tool_choice`, and the function that it names."""
    function = given.get("function") if isinstance(given, dict) else None
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return REQUIRED, function["name"]
    word = WORDS.get(given) if isinstance(given, str) else AUTO if given is None else None
    if word is None:
        named = '{"type": "function", "function": {"name": ...}}'
        raise Refused(f"tool_choice must be {', '.join(WORDS)} or {named}, not {given!r}.")
    return word, ""


def _called(given: Any, where: str) -> dict[str, Any]:
    function = given.get("function") if isinstance(given, dict) else None
    if not isinstance(function, dict):
        raise Refused(f"{where} must have a function with a name and arguments.")
    text(function.get("name"), f"{where}.function.name")
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (TypeError, ValueError, RecursionError):
        arguments = function.get("arguments")
    if not isinstance(arguments, dict):
        raise Refused(f"{where}.function.arguments must be a JSON object written as text.")
    return {**given, "function": {**function, "arguments": arguments}}
