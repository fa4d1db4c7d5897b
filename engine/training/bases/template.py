"""Template: a base model's tokenizer and chat template, read from its files without transformers.

The one place that knows how a conversation becomes text and where in it the assistant speaks. Light, so that a
page can count tokens; `engine.training.train` checks that transformers renders the same.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from engine.problems import Problem

FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "config.json"]
Message = dict[str, Any]
PROBE = "look_it_up"  # a function that nobody has
TOOL: dict[str, Any] = {"type": "function", "function": {"name": PROBE, "parameters": {"type": "object"}}}
DEFINED = ("name", "description", "parameters")


@dataclass(frozen=True)
class Span:
    """Characters start to end of a rendered text: what the assistant writes, its end token included."""

    start: int
    end: int


@dataclass(frozen=True)
class Template:
    tokenizer: Tokenizer
    sources: dict[str, str]  # "default" and perhaps "tool_use"
    named_tokens: dict[str, str]  # bos_token, eos_token and so on
    context: int | None  # tokens the base was made for

    @cached_property
    def end_token(self) -> int:
        found = self.tokenizer.token_to_id(self.named_tokens["eos_token"])
        assert found is not None, "load() refuses a base without an end token"
        return found

    @cached_property
    def control_tokens(self) -> list[str]:
        return [token.content for token in self.tokenizer.get_added_tokens_decoder().values() if token.special]

    @cached_property
    def _compiled(self) -> dict[str, tuple["_Environment", jinja2.Template]]:
        environments = {name: _Environment() for name in self.sources}
        return {name: (made, made.from_string(self.sources[name])) for name, made in environments.items()}

    def render(self, messages: list[Message], tools: list[Any] | None = None, prompt: bool = False) -> str:
        """The conversation as text; with `prompt`, up to where the assistant is to speak. Problem if refused."""
        return self._render(messages, tools, prompt)[0]

    def spans(self, messages: list[Message], tools: list[Any] | None = None) -> tuple[str, list[Span]]:
        """The whole text, and one span for each assistant message, in order.

        From the template's own `{% generation %}` marks if it has them; else from rendering the conversation up
        to each assistant message and through it, which both must be beginnings of the whole. Problem if not.
        """
        text, marks = self._render(messages, tools, prompt=False)
        speaking = [n for n, message in enumerate(messages) if message.get("role") == "assistant"]
        if marks:
            if len(marks) != len(speaking):
                raise Problem(
                    f"The base's chat template marks {len(marks)} assistant turns where there are {len(speaking)}.",
                    do="Put {% generation %} around each assistant message in it, or around none.",
                )
            return text, marks
        return text, [self._span(text, messages, tools, n) for n in speaking]

    def ids(self, texts: list[str]) -> list[list[int]]:
        """Token ids of rendered texts."""
        distinct = list(dict.fromkeys(texts))  # the end of the last turn is mostly the end of the text
        encoded = self.tokenizer.encode_batch_fast(distinct, add_special_tokens=False)
        ids = {text: encoding.ids for text, encoding in zip(distinct, encoded, strict=True)}
        return [ids[text] for text in texts]

    def _span(self, text: str, messages: list[Message], tools: list[Any] | None, n: int) -> Span:
        before = self.render(messages[:n], tools, prompt=True)
        through = self.render(messages[: n + 1], tools)
        if not (text.startswith(through) and through.startswith(before)):
            raise Problem(
                f"What the assistant says in message {n + 1} cannot be told from the rest.",
                "The base's chat template writes earlier messages differently once later ones follow.",
                "Keep to one assistant message per example, or put {% generation %} marks into the template.",
            )
        return Span(len(before), len(through))

    def _render(self, messages: list[Message], tools: list[Any] | None, prompt: bool) -> tuple[str, list[Span]]:
        written = self._write(messages, tools, prompt)
        if not self.knows_tools and (
            tools or any(one.get("tool_calls") or one.get("role") == "tool" for one in messages)
        ):
            raise Problem(
                "The base's chat template has no place for tools.",
                "It would leave them out of what the model reads.",
                "Choose a base that was made to call tools, or leave the tools out.",
            )
        return written

    @cached_property
    def knows_tools(self) -> bool:
        """Whether it tells the model which tools there are; some leave them out in silence."""
        try:
            return PROBE in self._write([{"role": "user", "content": "?"}], [TOOL], prompt=True)[0]
        except Problem:
            return False

    def _write(self, messages: list[Message], tools: list[Any] | None, prompt: bool) -> tuple[str, list[Span]]:
        name = "tool_use" if tools and "tool_use" in self.sources else "default"
        environment, compiled = self._compiled[name]
        try:
            given, offered = handed(messages, tools)
            values = {**self.named_tokens, "messages": given, "tools": offered, "documents": None}
            with environment.marking() as (pieces, marks):
                pieces.extend(compiled.generate(**values, add_generation_prompt=prompt))
        except (jinja2.TemplateError, TypeError, KeyError, ValueError) as error:
            raise Problem("The base's chat template refuses this conversation.", f"It says: {error}") from error
        return "".join(pieces), marks


def load(base: str, chat: bool = True) -> Template:
    """The template of a base, a folder or a hub id (from the local cache when offline).

    Problem if it has none, unless `chat` says that only its tokens are asked for.
    """
    place = folder(base)
    config = _json(place / "tokenizer_config.json")
    sources = _sources(place, config)
    if not (place / "tokenizer.json").is_file() or (chat and not sources):
        missing = "chat template" if (place / "tokenizer.json").is_file() else "tokenizer.json"
        raise Problem(
            f"The base {base} has no {missing}.",
            "Without it nobody knows how a conversation is written for this model.",
            "Choose an instruction-tuned base in Hugging Face format.",
        )
    tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    values = {**_json(place / "special_tokens_map.json"), **config}
    named = {key: _content(value) for key, value in values.items() if key.endswith("_token") and _content(value)}
    if tokenizer.token_to_id(named.get("eos_token", "")) is None:
        raise Problem(f"The base {base} has no end-of-sequence token.", "A model that learns from it would never stop.")
    return Template(tokenizer, sources, named, _json(place / "config.json").get("max_position_embeddings"))


def handed(messages: list[Message], tools: list[Any] | None) -> tuple[list[Message], list[Any] | None]:
    """A conversation and its tools as a template is given them, as vLLM does it too.

    Without keys that are there but empty, as some templates write a literal None for them; the arguments of calls as
    objects, since templates write them as JSON themselves; a tool's keys in one order, whoever wrote it.
    """
    return [_handed(message) for message in messages], [_tool(tool) for tool in tools] if tools else None


def folder(base: str) -> Path:
    """Where the small files of a base lie: its folder, or that of a hub id. Problem when neither is to be had."""
    if Path(base).is_dir():
        return Path(base)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(base, allow_patterns=FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise Problem(
            f"The base {base} is neither a folder here nor to be had from the hub.",
            f"The hub's answer: {str(error).splitlines()[0]}",
            "Give the folder of a model, or a hub id that was downloaded before.",
        ) from error


def _handed(message: Message) -> Message:
    given = {key: value for key, value in message.items() if value is not None}
    if given.get("tool_calls"):
        given["tool_calls"] = [{**call, "function": _called(call["function"])} for call in given["tool_calls"]]
    return given


def _called(function: dict[str, Any]) -> dict[str, Any]:
    said = function["arguments"]
    return {**function, "arguments": json.loads(said) if isinstance(said, str) else said}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool["function"]
    strict = {"strict": function["strict"]} if function.get("strict") is not None else {}
    return {"type": "function", "function": {key: function.get(key) for key in DEFINED} | strict}


def _sources(folder: Path, config: dict[str, Any]) -> dict[str, str]:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return {"default": file.read_text(encoding="utf-8")}
    given = config.get("chat_template")
    if isinstance(given, list):
        return {one["name"]: one["template"] for one in given}
    return {"default": given} if given else {}


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _content(value: Any) -> str:
    """A named token's text: some files hold it bare, some in an object."""
    return str(value.get("content", "") if isinstance(value, dict) else value or "")


class _Marks(Extension):
    """`{% generation %}`: says where an assistant speaks."""

    tags = {"generation"}  # noqa: RUF012 (the base class declares it so)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_mark"), [], [], body).set_lineno(line)

    def _mark(self, caller: Any) -> str:
        written = str(caller())
        environment = cast(_Environment, self.environment)
        start = len("".join(environment.pieces))
        environment.marks.append(Span(start, start + len(written)))
        return written


class _Environment(ImmutableSandboxedEnvironment):
    """The surroundings that chat templates expect, as transformers gives them; sandboxed, as they are foreign code."""

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_Marks, "jinja2.ext.loopcontrols"])
        self.filters["tojson"] = _to_json
        self.globals["raise_exception"] = _refuse
        self.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        self.pieces: list[str] = []
        self.marks: list[Span] = []

    @contextmanager
    def marking(self) -> Iterator[tuple[list[str], list[Span]]]:
        self.pieces, self.marks = [], []
        yield self.pieces, self.marks


def _to_json(value: Any, **options: Any) -> str:
    return json.dumps(value, **{"ensure_ascii": False, **options})


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)
