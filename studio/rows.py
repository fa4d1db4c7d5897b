"""Rows: a dataclass kept whole as a row: what its table has columns for stands there, all else as JSON in `body`."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import msgspec

from engine.problems import Problem
from studio.store import Cursor, Store

T = TypeVar("T")


@dataclass(frozen=True)
class Rows(Generic[T]):
    """The rows of `table`, each one `kind`, which the messages call `noun`. `columns` has all but `body`."""

    kind: type[T]
    table: str
    noun: str
    columns: tuple[str, ...] = ("id", "name", "model", "made_by", "made_at")

    def listed(self, store: Store) -> list[T]:
        """All of them, newest first."""
        return [self._read(row) for row in store.rows(f"select * from {self.table} order by made_at desc")]

    def get(self, store: Store, id: str) -> T:
        row = store.row(f"select * from {self.table} where id = ?", [id])
        if row is None:
            raise Problem(f"There is no {self.noun} {id}.", do="Choose one from the list.")
        return self._read(row)

    def add(self, cursor: Cursor, one: T) -> None:
        named, marks = ", ".join([*self.columns, "body"]), ", ".join("?" * (len(self.columns) + 1))
        values = [getattr(one, column) for column in self.columns]
        cursor.execute(f"insert into {self.table} ({named}) values ({marks})", [*values, self._body(one)])

    def change(self, cursor: Cursor, id: str, one: T) -> None:
        """Put what `one` says besides its columns in place of what was kept."""
        cursor.execute(f"update {self.table} set body = ? where id = ?", [self._body(one), id])

    def _body(self, one: Any) -> str:
        return json.dumps(
            {name: value for name, value in asdict(one).items() if name not in self.columns}, ensure_ascii=False
        )

    def _read(self, row: dict[str, Any]) -> T:
        body = msgspec.json.decode(row.pop("body"))
        return msgspec.convert({**row, **body}, self.kind)
