"""Word: a DOCX file as headings, paragraphs, lists and tables, in the order in which they stand.

The tree is walked rather than asked for its paragraphs, since text also stands in content controls, text boxes,
insertions and footnotes. Macros are not run, links are not followed, entities are refused.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.part import PartFactory
from docx.oxml import parse_xml
from docx.oxml.ns import nsmap
from docx.package import Package
from docx.parts.document import DocumentPart

from engine.data.formats.table import Progress
from engine.problems import Problem
from engine.reading import markdown
from engine.reading.documents import HEADING, ITEM, PARAGRAPH, TABLE, Block, Document
from engine.reading.parsing import kinds, packed

W = f"{{{nsmap['w']}}}"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # says again what stands beside it
GONE = {f"{W}del", f"{W}moveFrom", f"{W}instrText", f"{W}pPr", f"{W}rPr", FALLBACK}
BOX = f"{W}txbxContent"
TOLD = 2000  # parts between two words on progress
for _kind in (  # with macros, and templates: the same inside
    "vnd.ms-word.document.macroEnabled",
    "vnd.ms-word.template.macroEnabledTemplate",
    "vnd.openxmlformats-officedocument.wordprocessingml.template",
):
    PartFactory.part_type_for[f"application/{_kind}.main+xml"] = DocumentPart


def read(path: Path, name: str, progress: Progress) -> Document:
    """The document. Problem when it is a bomb, brings entities, or has no text."""
    packed.check(path, name)
    part = Package.open(str(path)).main_document_part
    if not isinstance(part, DocumentPart):
        raise Problem(f"{name} is no Word document inside.", do="Open it in Word, save it as DOCX, and choose that.")
    if part.element.getroottree().docinfo.doctype:
        raise Problem(
            f"{name} declares entities of its own.",
            "Word never writes such; they serve to read other files or to fill the memory.",
            "Choose a document from a source that you trust.",
        )
    walk = _Walk(part.document, progress)
    blocks = tuple(block for block in walk.blocks(part.element.body) if block.text)
    if not blocks:
        raise Problem(f"{name} holds no text.", "If it shows pictures of text: these are not recognised (no OCR).")
    first = next((block.text for block in blocks if block.kind == HEADING), "")
    title = (part.document.core_properties.title or "").strip()
    return Document(name, title or first or name, kinds.DOCX, blocks, remarks=tuple(_remarks(path, part, walk)))


@dataclass(frozen=True)
class _Style:
    name: str
    above: str
    outline: int  # 1 to 9, 0 for none
    list_id: str  # '' where its paragraphs are no items


@dataclass
class _Walk:
    document: WordDocument
    progress: Progress
    styles: dict[str, _Style] = field(init=False)
    notes: dict[str, dict[str, str]] = field(init=False)
    formats: dict[tuple[str, str], tuple[str, int]] = field(init=False)
    counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    contents: int = 0  # lines of the table of contents
    seen: int = 0

    def __post_init__(self) -> None:
        part = self.document.part
        self.styles = {
            style.get(f"{W}styleId"): _Style(
                (_value(style, "name") or "").lower(),
                _value(style, "basedOn") or "",
                _outline(style.find(f"{W}pPr")),
                _value(style.find(f"{W}pPr/{W}numPr"), "numId") or "",
            )
            for style in part.styles.element.iter(f"{W}style")
        }
        self.notes = {
            "footnote": self._notes(part, RELATIONSHIP_TYPE.FOOTNOTES),
            "endnote": self._notes(part, RELATIONSHIP_TYPE.ENDNOTES),
        }
        self.formats = _formats(part)

    def blocks(self, parent: Any) -> Iterator[Block]:
        for child in parent.iterchildren(f"{W}*"):
            if child.tag == f"{W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{W}tbl":
                yield from self._table(child)
            elif child.tag not in GONE and child.tag != f"{W}sdtPr":
                yield from self.blocks(child)

    def _paragraph(self, paragraph: Any) -> Iterator[Block]:
        self.seen += 1
        if self.seen % TOLD == 0:
            self.progress(self.seen, self.seen)
        properties = paragraph.find(f"{W}pPr")
        chain = list(self._chain(_value(properties, "pStyle") or ""))
        text = " ".join("".join(self._texts(paragraph)).split())
        if any(style.name.startswith("toc ") for style in chain):
            self.contents += 1
        elif text:
            yield self._block(text, properties, chain)
        for box in paragraph.iter(BOX):
            if not any(above.tag in (FALLBACK, BOX) for above in box.iterancestors()):
                yield from self.blocks(box)
        for kind, notes in self.notes.items():
            for mark in paragraph.iter(f"{W}{kind}Reference"):
                note = notes.get(mark.get(f"{W}id"), "")
                if note:
                    yield Block(PARAGRAPH, note)

    def _block(self, text: str, properties: Any, chain: list[_Style]) -> Block:
        level = _outline(properties) or next((found for style in chain if (found := _level(style))), 0)
        if 0 < level < 10:
            return Block(HEADING, text, min(level, 6))
        own = properties.find(f"{W}numPr") if properties is not None else None
        list_id = _value(own, "numId") or next((style.list_id for style in chain if style.list_id), "")
        if list_id and list_id != "0":
            return Block(ITEM, self._number(list_id, _value(own, "ilvl") or "0") + text)
        listed = not list_id and any(style.name.startswith("list") for style in chain)
        return Block(ITEM if listed else PARAGRAPH, text)

    def _number(self, list_id: str, level: str) -> str:
        """What Word writes before an item of a numbered list; '' for bullets."""
        form, start = self.formats.get((list_id, level), ("bullet", 1))
        at = int(level) if level.isdigit() else 0
        counts = self.counts[list_id]
        for deeper in [one for one in counts if one > at]:
            del counts[deeper]
        counts[at] = counts.get(at, start - 1) + 1
        return f"{counts[at]}. " if form == "decimal" else ""

    def _chain(self, style: str) -> Iterator[_Style]:
        for _ in range(20):  # styles may stand on each other in a ring
            found = self.styles.get(style)
            if found is None:
                return
            yield found
            style = found.above

    def _texts(self, element: Any) -> Iterator[str]:
        for child in element.iterchildren():
            if child.tag in (f"{W}t", f"{MATH}t"):
                yield child.text or ""
            elif child.tag in (f"{W}tab", f"{W}br", f"{W}cr", f"{W}ptab"):
                yield " "
            elif child.tag == f"{W}noBreakHyphen":
                yield "-"
            elif child.tag not in GONE and child.tag != BOX and isinstance(child.tag, str):
                yield from self._texts(child)

    def _table(self, table: Any) -> Iterator[Block]:
        rows = [list(_nearest(row, "tc")) for row in _nearest(table, "tr")]
        if max(map(len, rows), default=0) < 2:  # a frame around text
            for row in rows:
                for cell in row:
                    yield from self.blocks(cell)
            return
        found: list[list[str]] = []
        for row in rows:
            texts: list[str] = []
            for cell in row:
                texts += self._cell(cell, found[-1][len(texts) :] if found else [])
            found.append(texts)
        text = markdown.table(found)
        if text:
            yield Block(TABLE, text)

    def _cell(self, cell: Any, above: list[str]) -> list[str]:
        """The text of a cell, and an empty one for each more column that it spans; a cell that goes on from above says
        the same again, so that a row says all by itself."""
        properties = cell.find(f"{W}tcPr")
        merged = properties.find(f"{W}vMerge") if properties is not None else None
        text = " ".join(block.text if block.kind != TABLE else _bare(block.text) for block in self.blocks(cell))
        if merged is not None and merged.get(f"{W}val") != "restart" and not text and above:
            text = above[0]
        span = _value(properties, "gridSpan") or "1"
        return [text, *[""] * (min(int(span), 100) - 1 if span.isdigit() else 0)]

    def _notes(self, part: DocumentPart, kind: str) -> dict[str, str]:
        """What stands at the foot of pages, by the number that the text refers to."""
        for relation in part.rels.values():
            if relation.reltype == kind and not relation.is_external:
                notes = parse_xml(relation.target_part.blob).iterchildren(f"{W}footnote", f"{W}endnote")
                return {note.get(f"{W}id"): " ".join("".join(self._texts(note)).split()) for note in notes}
        return {}


def _level(style: _Style) -> int:
    if style.name.startswith("heading ") and style.name[8:].isdigit():
        return int(style.name[8:])
    return 1 if style.name == "title" else style.outline


def _outline(properties: Any) -> int:
    value = _value(properties, "outlineLvl") or ""
    return int(value) + 1 if value.isdigit() and int(value) < 9 else 0


def _value(parent: Any, name: str) -> str | None:
    found = parent.find(f"{W}{name}") if parent is not None else None
    return None if found is None else found.get(f"{W}val")


def _nearest(parent: Any, name: str) -> Iterator[Any]:
    """Rows of a table, cells of a row: also those in content controls, never those of a table within."""
    for child in parent.iterchildren(f"{W}*"):
        if child.tag == f"{W}{name}":
            yield child
        elif child.tag not in (f"{W}tbl", f"{W}tr", f"{W}tc") and child.tag not in GONE:
            yield from _nearest(child, name)


def _bare(table: str) -> str:
    """A table within a cell, as words."""
    lines = [line for n, line in enumerate(table.split("\n")) if n != 1]
    return " ".join(" ".join(line.strip("| ").split(" | ")) for line in lines)


def _formats(part: DocumentPart) -> dict[tuple[str, str], tuple[str, int]]:
    """(list, level) -> how it is numbered and where it begins."""
    found: dict[tuple[str, str], tuple[str, int]] = {}
    for relation in part.rels.values():
        if relation.reltype != RELATIONSHIP_TYPE.NUMBERING or relation.is_external:
            continue
        root = relation.target_part.element
        plans = {plan.get(f"{W}abstractNumId"): plan for plan in root.iter(f"{W}abstractNum")}
        for one in root.iter(f"{W}num"):
            plan = plans.get(_value(one, "abstractNumId") or "")
            for level in plan.iter(f"{W}lvl") if plan is not None else ():
                start = _value(level, "start") or "1"
                key = (one.get(f"{W}numId"), level.get(f"{W}ilvl"))
                found[key] = (_value(level, "numFmt") or "", int(start) if start.isdigit() else 1)
    return found


def _remarks(path: Path, part: DocumentPart, walk: _Walk) -> Iterator[str]:
    import zipfile

    with zipfile.ZipFile(path) as file:
        names = [one.lower() for one in file.namelist()]
    if walk.contents:
        yield f"Its table of contents was left out ({walk.contents} lines): it repeats the headings."
    if any("vbaproject" in one for one in names):
        yield "It carries macros; they were not run, and not kept."
    if any(one.startswith("word/embeddings/") for one in names):
        yield "Files that are embedded in it were not read."
    if any(one.startswith("word/comments") for one in names):
        yield "Comments in its margin were left out."
    kinds_of = (RELATIONSHIP_TYPE.HEADER, RELATIONSHIP_TYPE.FOOTER)
    running = [one for one in part.rels.values() if one.reltype in kinds_of and not one.is_external]
    if any("".join(walk._texts(one.target_part.element)).strip() for one in running):
        yield "Headers and footers of its pages were left out."
