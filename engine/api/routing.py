"""Routing: what a call is, declared once: its path, who may make it, what it takes. Requests are read by it, the
OpenAPI page is written from it, and what it does not declare is refused by name.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from engine.api.keys import Key
from engine.api.refusals import Refusal

if TYPE_CHECKING:
    from engine.api.desk import Desk

TEXT, WHOLE, TRUTH, MOMENT = "string", "integer", "boolean", "date-time"
LARGEST_BODY = 32 * 2**20  # bytes of JSON


@dataclass(frozen=True)
class Parameter:
    """One of the query. `many` may be repeated."""

    name: str
    kind: str = TEXT
    default: Any = None
    says: str = ""
    least: int | None = None
    most: int | None = None
    many: bool = False


@dataclass(frozen=True)
class Asked:
    """A call as it came: by whose key, with what in its path and query; the body is read by whoever needs it."""

    desk: "Desk"
    request: Request
    key: Key | None
    path: dict[str, str]
    query: dict[str, Any]

    @property
    def by(self) -> Key:
        assert self.key is not None, "calls without a scope do not ask who it is"
        return self.key


@dataclass(frozen=True)
class Call:
    """`run` may be a coroutine; anything else works on a thread, since it reads files. `scope` is empty for what
    anybody may ask. `takes` and `gives` are JSON schemas, or None for no JSON."""

    method: str
    path: str
    scope: str
    run: Callable[[Asked], Any]
    says: str
    query: tuple[Parameter, ...] = ()
    takes: dict[str, Any] | None = None
    gives: dict[str, Any] | None = None
    form: bool = False
    streams: str = ""  # the media type of an answer that is not JSON
    tag: str = field(default="", compare=False)


def page(default: int = 100) -> tuple[Parameter, Parameter]:
    return (
        Parameter("page", WHOLE, 0, "Which page, from 0 on.", least=0),
        Parameter("page_size", WHOLE, default, "How many on a page.", least=1, most=1000),
    )


def read_query(call: Call, request: Request) -> dict[str, Any]:
    """The parameters by name, in their kinds. Refused where one is unknown or makes no sense."""
    known = {parameter.name: parameter for parameter in call.query}
    given = request.query_params
    if unknown := sorted(set(given) - known.keys()):
        knows = f"it knows {', '.join(known)}" if known else "it has none"
        raise Refusal(422, f"{call.method} {call.path} has no parameter {', '.join(unknown)}; {knows}.", unknown[0])
    return {name: _read(one, given.getlist(name)) for name, one in known.items()}


async def read_body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LARGEST_BODY:
            raise Refusal(413, f"The body is larger than {LARGEST_BODY // 2**20} MB.")
    try:
        found = json.loads(bytes(data) or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"The body is no JSON: {str(error)[:100]}.") from error
    if not isinstance(found, dict):
        raise Refusal(422, "The body must be a JSON object.")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"it holds {name}, which JSON has no word for")


def _read(parameter: Parameter, given: list[str]) -> Any:
    if parameter.many:
        return given
    if not given or given[-1] == "":
        return parameter.default
    text = given[-1]
    if parameter.kind == TRUTH:
        if text.lower() not in ("true", "false", "1", "0"):
            raise _wrong(parameter, text, "true or false")
        return text.lower() in ("true", "1")
    if parameter.kind == WHOLE:
        if not re.fullmatch(r"-?\d{1,18}", text):
            raise _wrong(parameter, text, "a whole number")
        number = int(text)
        if (parameter.least is not None and number < parameter.least) or (
            parameter.most is not None and number > parameter.most
        ):
            upto = "" if parameter.most is None else f" and at most {parameter.most}"
            raise _wrong(parameter, text, f"at least {parameter.least}{upto}")
        return number
    return _moment(parameter, text) if parameter.kind == MOMENT else text


def _moment(parameter: Parameter, text: str) -> float:
    """A date and time as seconds since the epoch; UTC where it does not say."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that nobody escaped
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise _wrong(parameter, text, "a date and time such as 2026-01-31T12:00:00Z") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _wrong(parameter: Parameter, text: str, wanted: str) -> Refusal:
    return Refusal(422, f"{parameter.name} is {text[:60]!r}; it must be {wanted}.", parameter.name)
