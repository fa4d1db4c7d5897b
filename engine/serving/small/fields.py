"""Fields: single values of a request, read strictly; and the refusal that names the one that is wrong."""

from typing import Any


class Refused(Exception):
    """A request that gets an error instead of an answer."""

    def __init__(self, message: str, status: int = 400, kind: str = "BadRequestError") -> None:
        self.status, self.kind = status, kind
        super().__init__(message)


def text(given: Any, name: str) -> str:
    if not isinstance(given, str):
        raise Refused(f"{name} must be a text, not {given!r}.")
    return given


def number(given: Any, name: str, least: float, most: float) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not least <= given <= most:
        raise Refused(f"{name} must be a number from {least} to {most}, not {given!r}.")
    return float(given)


def whole(given: Any, name: str, least: int) -> int | None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < least):
        raise Refused(f"{name} must be a whole number of at least {least}, not {given!r}.")
    return given


def either(given: dict[str, Any], one: str, other: str) -> Any:
    first, second = given.pop(one, None), given.pop(other, None)
    return second if first is None else first
