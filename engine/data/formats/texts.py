"""Texts: what was typed or pasted, as rows. A written chat, or a text for each line or paragraph."""

from engine import sizes
from engine.data import transcripts
from engine.data.formats import encodings
from engine.data.formats.table import Progress, Row, Rows, Source, Table
from engine.problems import Problem

LARGEST = 50_000_000  # bytes; a text has no lines that part its rows for certain, so it is read whole
CHAT, TEXT = "conversation", "text"  # the one column


def table(source: Source) -> Table:
    """Chats, paragraphs or lines of a text, whichever it seems to hold."""
    if source.size > LARGEST:
        raise Problem(
            f"{source.name} is {sizes.in_words(source.size)} of text; the most is {sizes.in_words(LARGEST)}.",
            do="Save it as CSV or JSONL, with a row for each example.",
        )
    encoding = encodings.of(source)
    with source.open() as raw:
        text = encodings.text(raw, encoding).read().replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise Problem(f"{source.name} holds only blank lines.", do="Choose a file with a row for each example.")
    if transcripts.written(text):
        kind, column, found = "Chat", CHAT, transcripts.chats(text)
        note = "Each chat is one example; a line of dashes or a blank line parts them."
    elif len(paragraphs := transcripts.blocks(text)) > 1 and any("\n" in one for _, one in paragraphs):
        kind, column, found, note = "Text", TEXT, paragraphs, "Each paragraph is one row."
    else:
        kind, column, note = "Text", TEXT, "Each line is one row."
        found = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]

    def read(progress: Progress) -> Rows:
        yield from (Row(line, {column: one}) for line, one in found)
        progress(source.size, source.size)

    return Table(source.name, kind, (column,), source.size, read).named((column,), note, encodings.said(encoding))
