"""Sheets: CSV and its relatives as a document that is one table."""

from pathlib import Path

from engine.data.formats import separated
from engine.data.formats.table import Progress, Row, Source
from engine.problems import Problem
from engine.reading import markdown
from engine.reading.documents import TABLE, Block, Document
from engine.reading.parsing import kinds

LONGEST_NAME = 60  # characters; names of columns are shorter
NAMED = 5  # lines that a remark names


def read(path: Path, name: str, progress: Progress) -> Document:
    """The rows of a file of separated values. Its first row is the header where it can be one."""
    source = Source(name, path)
    delimiter = "\t" if kinds.ending(name) in ("tsv", "tab") else ""
    try:
        table = separated.table(source, False, delimiter)
        first = table.head(1)[0]
        if isinstance(first, Row) and _names([str(cell).strip() for cell in first.values.values()]):
            table = separated.table(source, True, delimiter)
    except Problem as problem:
        raise Problem(problem.what, do="Choose a table with rows in it.") from problem
    rows = [list(table.columns)]
    left_out = []
    for row in table.rows(progress):
        if isinstance(row, Row):
            rows.append([str(value) for value in row.values.values()])
        else:
            left_out.append(row)
    if len(rows) == 1:
        raise Problem(f"{name} holds no row that can be read.", left_out[0].why, "Mend it and choose it again.")
    remarks = list(table.notes)
    if left_out:
        lines = ", ".join(str(row.line) for row in left_out[:NAMED]) + (" ..." if len(left_out) > NAMED else "")
        many = "1 row was" if len(left_out) == 1 else f"{len(left_out):,} rows were"
        remarks.append(f"{many} left out (line {lines}): {left_out[0].why}")
    return Document(name, name, kinds.SHEET, (Block(TABLE, markdown.table(rows)),), remarks=tuple(remarks))


def _names(cells: list[str]) -> bool:
    """Whether a row can be a header: all filled, all different, short, and no figure among them."""
    while cells and not cells[-1]:
        cells = cells[:-1]  # rows further down may be wider
    figures = any(cell.replace(".", "").replace(",", "").lstrip("-").isdigit() for cell in cells)
    return (
        all(cells) and len(set(cells)) == len(cells) and max(map(len, cells), default=0) <= LONGEST_NAME and not figures
    )
