"""Specs: the settings of a job as a frozen dataclass, saved beside its result as `spec.json`.

Read strictly: an unknown or missing key is a Problem, so that a typing error never trains a model.
Help texts live in the field's metadata; forms, the command line and documents all read them there.
"""

import json
from dataclasses import MISSING, Field, asdict, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_origin

from engine.problems import Problem

FILE = "spec.json"
T = TypeVar("T")
KINDS = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def setting(default: Any, help: str, least: float | None = None, most: float | None = None) -> Any:
    """A dataclass field with its help text and, for numbers, its range."""
    return field(default=default, metadata={"help": help, "least": least, "most": most})


def write(folder: Path, spec: Any) -> None:
    (folder / FILE).write_text(json.dumps(asdict(spec), indent=2, ensure_ascii=False))


def read(folder: Path, kind: type[T]) -> T:
    return parse(json.loads((folder / FILE).read_text()), kind)


def parse(values: dict[str, Any], kind: type[T]) -> T:
    """`values` as a spec of `kind`. Problem when a key is unknown or missing."""
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(values.keys() - known.keys()):
        raise Problem(
            f"{kind.__name__} has no setting called {', '.join(unknown)}.", do=f"It knows {', '.join(sorted(known))}."
        )
    needed = {name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(needed - values.keys()):
        raise Problem(f"{kind.__name__} lacks {', '.join(missing)}.")
    return kind(**values)


def check(spec: Any) -> None:
    """Problem when a setting is of another kind than its default, or than it was declared, or out of its range."""
    for f in fields(spec):
        value, wanted = getattr(spec, f.name), _kind(f)
        # a whole number will do for a share, but True is no number
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise Problem(f"The setting {f.name} is {value!r}.", f"It must be {KINDS[wanted]}.")
        least, most = f.metadata.get("least"), f.metadata.get("most")
        if least is not None and not value >= least:
            raise Problem(f"The setting {f.name} is {value:g}.", f"It must be at least {least:g}.")
        if most is not None and not value <= most:
            raise Problem(f"The setting {f.name} is {value:g}.", f"It must be at most {most:g}.")


def defaults(kind: type) -> dict[str, Any]:
    """The settings that have a default, by name."""
    return {f.name: _default(f) for f in fields(kind) if _default(f) is not MISSING}


def _kind(f: Field[Any]) -> Any:
    default = _default(f)
    return (get_origin(f.type) or f.type) if default is MISSING else type(default)


def _default(f: Field[Any]) -> Any:
    return f.default if f.default_factory is MISSING else f.default_factory()
