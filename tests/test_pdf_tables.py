"""Tables of PDFs: what is drawn as one is read as one, what is not sure stays text, and every word is there once."""

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.reading import chunks
from engine.reading.documents import HEADING, PARAGRAPH, TABLE, Document
from engine.reading.parsing import limits, ruled, whole
from engine.reading.settings import Chunking
from tests import papers
from tests.papers import box, sheets, stroke, table, words

PARTS = [["Part", "Price", "Note"], ["Foot", "1.234,56", "made of brass"], ["Arm", "13,00", ""], ["Bulb", "7", "cold"]]
WIDE = [120, 80, 130]
LEAD, END = words(72, 800, "Said before the table."), words(72, 60, "Said behind it.")
ACROSS = "q 0 1 -1 0 595 0 cm\n{}Q\n"  # upright on a page that is turned by a quarter


def rules(*places: float, x: float = 72, wide: float = 330) -> str:
    return "".join(stroke(x, y, x + wide, y) for y in places)


def prose(x: float, y: float, n: int, said: str = "one line of prose says this much and then goes on") -> str:
    return "".join(words(x, y - 14 * line, f"{said} {line}") for line in range(n))


def read(tmp_path: Path, content: bytes) -> Document:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    return whole.document(path, "a.pdf", lambda done, of: None)


def tables(document: Document) -> list[list[list[str]]]:
    found = [block.text.split("\n") for block in document.blocks if block.kind == TABLE]
    return [[line[2:-2].split(" | ") for n, line in enumerate(lines) if n != 1] for lines in found]


def drawn(pages: list[str]) -> Counter[str]:
    """The words that pages show."""
    return Counter(word for page in pages for text in re.findall(r"\((.*)\) Tj", page) for word in text.split())


def kept(document: Document) -> Counter[str]:
    return Counter(word for word in document.text.replace("|", " ").split() if not word.startswith("---"))


def test_a_table_with_lines_is_a_table_between_the_paragraphs_around_it(tmp_path):
    found = read(tmp_path, sheets([LEAD + table(72, 700, PARTS, WIDE) + END]))
    assert [block.kind for block in found.blocks] == [PARAGRAPH, TABLE, PARAGRAPH]
    assert found.blocks[1].text.split("\n") == [
        "| Part | Price | Note |",
        "|---|---|---|",
        "| Foot | 1.234,56 | made of brass |",
        "| Arm | 13,00 |  |",
        "| Bulb | 7 | cold |",
    ]
    assert not found.remarks


def test_a_cell_of_several_lines_is_one_text_and_its_broken_words_are_whole(tmp_path):
    rows = [["Part", "Note"], ["Foot", "made of\nbrass and pol-\nished"]]
    assert tables(read(tmp_path, sheets([table(72, 700, rows, [100, 100])])))[0][1] == [
        "Foot",
        "made of brass and polished",
    ]


def test_a_merged_cell_says_the_same_in_each_row_and_leaves_its_other_columns_empty(tmp_path):
    grid = rules(700, 680, 640, 620) + stroke(182, 660, 402, 660)  # the first column goes on below this line
    grid += "".join(stroke(x, 620, x, 700) for x in (72, 402)) + stroke(182, 640, 182, 700) + stroke(292, 640, 292, 700)
    said = [(75, 685, "Part"), (185, 685, "Price"), (295, 685, "Note"), (75, 655, "Arm"), (185, 665, "13")]
    said += [(295, 665, "short"), (185, 645, "14"), (295, 645, "long"), (75, 625, "all prices in euros")]
    found = read(tmp_path, sheets([grid + "".join(words(*one) for one in said)]))
    assert tables(found) == [
        [["Part", "Price", "Note"], ["Arm", "13", "short"], ["Arm", "14", "long"], ["all prices in euros", "", ""]]
    ]


def test_a_table_that_goes_on_overleaf_has_its_header_and_its_page_there(tmp_path):
    rows = [[f"Part {n}", f"{n},50"] for n in range(40)]
    first = LEAD + table(72, 780, [["Part", "Price"], *rows[:30]], [100, 100])
    found = read(tmp_path, sheets([first, table(72, 780, rows[30:], [100, 100]) + END]))
    one, two = tables(found)
    assert one[0] == two[0] == ["Part", "Price"] and [*one[1:], *two[1:]] == rows
    assert [block.page for block in found.blocks] == [1, 1, 2, 2]
    again = read(tmp_path, sheets([first, table(72, 780, [["Part", "Price"], *rows[30:]], [100, 100]) + END]))
    assert tables(again) == [one, two]


def test_a_table_with_a_header_of_its_own_is_no_rest_of_the_one_before(tmp_path):
    other = [["City", "People"], ["Lyon", "520"], ["Bern", "134"]]
    pages = [table(72, 780, rows, [100, 100], head="F2") for rows in ([["Part", "Price"], ["Foot", "1"]], other)]
    assert tables(read(tmp_path, sheets(pages)))[1] == other


@pytest.mark.parametrize("turned, drawn_as", [(90, ACROSS), (180, "q -1 0 0 -1 595 842 cm\n{}Q\n")])
def test_a_page_that_is_turned_is_read_as_it_is_shown(tmp_path, turned, drawn_as):
    page = words(72, 480, "Said before the table.") + table(72, 400, PARTS, WIDE)
    found = read(tmp_path, sheets([drawn_as.format(page + prose(72, 250, 3))], turned=turned))
    assert tables(found) == [PARTS]
    assert [block.kind for block in found.blocks] == [PARAGRAPH, TABLE, PARAGRAPH]


def test_lines_across_alone_make_a_table_of_rows_or_of_a_header_and_its_body(tmp_path):
    bare = table(72, 700, PARTS, WIDE, lines=False)  # its rows end at 682, 664, 646 and 628
    for lines in (
        rules(701, 682, 628),
        rules(682, 664, 646, 628),
        rules(701, 682, 664, 646, 628),
        rules(682, 664, 646),
    ):
        found = read(tmp_path, sheets([LEAD + lines + bare + END]))
        assert tables(found) == [PARTS], lines
        assert [block.kind for block in found.blocks] == [PARAGRAPH, TABLE, PARAGRAPH]


def test_shaded_rows_make_a_table_with_the_header_above_them(tmp_path):
    shaded = "".join(f"0.9 g 72 {y} 330 18 re f 0 g\n" for y in (664, 628))
    assert tables(read(tmp_path, sheets([shaded + table(72, 700, PARTS, WIDE, lines=False)]))) == [PARTS]


COLUMNS = prose(60, 700, 40, "left of the middle it says") + prose(320, 700, 40, "right of the middle it says")
TEXTS = {
    "columns that only space parts": table(72, 700, PARTS, WIDE, lines=False),
    "an article in two columns": COLUMNS,
    "an article between lines": rules(800, 780, 720, 120, x=50, wide=500) + words(60, 785, "Lamps") + COLUMNS,
    "an article with a line down its middle": box(40, 100, 520, 650) + stroke(300, 100, 300, 750) + COLUMNS,
    "a page in a frame with a head": box(30, 30, 535, 780) + stroke(30, 760, 565, 760) + prose(60, 740, 30),
    "a form": "".join(words(72, y, f"Field {y}") + box(180, y - 5, 200, 20) for y in (700, 660, 620, 580)),
    "an empty form in a grid": table(72, 700, [["Name", ""], ["Street", ""], ["City", ""]], [100, 200]),
    "texts in frames": "".join(box(x, y, 240, 340) for x in (50, 300) for y in (60, 410))
    + "".join(prose(55, y, 20, "this is said at length " * 2) for y in (735, 385))
    + "".join(prose(305, y, 20, "and so is this, over there") for y in (735, 385)),
    "lines through words": "".join(stroke(x, 500, x, 700) for x in (72, 90, 110, 160, 230))
    + rules(700, 650, 600, 500, wide=158)
    + "".join(words(76, y, "Antidisestablishment of") for y in (670, 620, 560)),
    "underlined titles": "".join(words(72, y, f"Title of {y}") + rules(y - 2, wide=90) for y in (700, 660, 620)),
    "a wrapped row that nobody can tell": rules(701, 682, 628)
    + table(72, 700, [PARTS[0], ["Foot\nof it", "12", "brass"], ["Arm", "13", "steel"]], WIDE, lines=False),
    "letters that stand on their side": table(72, 700, PARTS, WIDE).replace("1 0 0 1 75", "0 1 -1 0 85"),
    "rows that no line parts": table(
        72, 700, [PARTS[0], ["Foot\nArm", "12\n13", "1,5\n2,5"], ["Bulb", "7", "3"]], WIDE
    ),
    "one row": table(72, 700, [["Said here", "said there", "and there"]], WIDE),
    "a cell of words under a frame of lines": box(72, 500, 300, 200) + box(75, 503, 294, 194) + prose(80, 680, 8),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_not_surely_a_table_stays_text_word_for_word(tmp_path, name):
    pages = [LEAD + TEXTS[name] + END]
    found = read(tmp_path, sheets(pages))
    assert not tables(found) and kept(found) == drawn(pages)


MIXED = {
    "two tables side by side": table(60, 700, PARTS, [70, 60, 90]) + table(320, 700, PARTS, [70, 60, 90]),
    "a table in the column of an article": prose(60, 780, 5, "left it says")
    + table(60, 700, PARTS, [80, 70, 90])
    + prose(320, 780, 20, "right it says"),
    "a table in a frame": box(40, 400, 500, 420) + table(72, 700, PARTS, WIDE),
    "a table with a label beside it": words(30, 688, "2026") + table(72, 700, PARTS, WIDE),
    "a table in the cell of another": table(72, 700, [["Out", "In"], ["Foot", "\n" * 6]], [100, 250])
    + table(180, 675, [["a", "b"], ["c", "d"]], [80, 80]),
    "a table above lines that stand alone": table(72, 700, PARTS, WIDE) + rules(500, 300) + prose(72, 480, 4),
    "a table with a line across it that is not straight": stroke(60, 500, 300, 520) + table(72, 700, PARTS, WIDE),
    "tables and text between lines": rules(701, 682, 628) + table(72, 700, PARTS, WIDE, lines=False) + rules(580, 560)
    + words(75, 566, "A title between lines") + rules(541, 520) + table(72, 540, PARTS[:2], WIDE, lines=False),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
def test_every_word_of_a_page_with_tables_is_in_its_document_once(tmp_path, name):
    pages = [LEAD + MIXED[name] + END]
    found = read(tmp_path, sheets(pages))
    assert kept(found) == drawn(pages)
    assert all(block.page == 1 for block in found.blocks)


CELL = st.text("abcXYZ019.,%€ÄÖéß()|\\-/", min_size=1, max_size=9).filter(lambda text: text.strip("-|"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=2, max_size=9)))
def test_whatever_stands_in_the_cells_is_what_the_table_says(tmp_path, rows):
    found = read(tmp_path, sheets([table(72, 700, rows, [110] * len(rows[0]))]))
    if any(sign.isalnum() for row in rows for cell in row for sign in cell):
        assert [[cell.replace("\\|", "|") for cell in row] for row in tables(found)[0]] == rows


def test_headings_are_found_beside_tables_and_a_large_table_does_not_hide_them(tmp_path):
    rows = [["Part", "Price"], *([f"Part {n}", f"{n},50"] for n in range(30))]
    page = words(72, 800, "Prices", 18) + words(72, 780, "This list holds.") + words(72, 750, "Parts", 14)
    found = read(tmp_path, sheets([page + table(72, 740, rows, [100, 100])]))
    assert [(block.text, block.level) for block in found.blocks if block.kind == HEADING] == [
        ("Prices", 1),
        ("Parts", 2),
    ]
    pieces = chunks.chunks(found, Chunking(20))
    cut = [piece for piece in pieces if piece.kind == TABLE]
    assert len(cut) > 3 and all(piece.text.startswith("| Part | Price |\n|---|---|\n") for piece in cut)
    assert {piece.heading for piece in cut} == {"Prices > Parts"}


def test_a_head_that_is_drawn_as_a_table_on_each_page_is_read_once(tmp_path):
    pages = [
        table(72, 830, [["Lamp manual", "Issue 3"], ["Works", f"Page {n}"]], [200, 100])
        + words(72, 500, f"Said {said}.")
        for n, said in enumerate(("first", "then", "later", "last"), 1)
    ]
    found = read(tmp_path, sheets(pages))
    assert [block.kind for block in found.blocks] == [TABLE, *[PARAGRAPH] * 4]


def test_a_file_that_opens_without_a_password_has_its_tables(tmp_path):
    assert tables(read(tmp_path, sheets([table(72, 700, PARTS, WIDE)], lock=""))) == [PARTS]


def scattered(n: int) -> str:
    """Many short lines, each where no other is."""
    places = ((4 * (at % 145) + 5, 8 * (at // 145 % 100) + 5) for at in range(n))
    return "".join(stroke(x, y, x, y + 4) if at % 2 else stroke(x, y, x + 3.5, y) for at, (x, y) in enumerate(places))


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(scattered(50_000), id="50,000 lines"),
        pytest.param(scattered(6_000), id="lines that never meet"),
        pytest.param(
            "".join(rules(4 * n, x=5, wide=580) + stroke(4 * n, 5, 4 * n, 800) for n in range(145)), id="mesh"
        ),
    ],
)
def test_a_page_that_draws_too_much_is_read_as_text_in_time_and_that_is_said(tmp_path, hostile):
    began = time.process_time()
    found = read(tmp_path, sheets(["Q\n" + hostile + LEAD]))
    assert time.process_time() - began < 15
    assert [block.text for block in found.blocks] == ["Said before the table."]
    assert found.remarks == ("Tables on page 1, if there are any, were read as text: too much is drawn there.",)


def test_when_the_time_for_tables_is_used_up_the_rest_stays_text(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "TABLES", 1e-9)
    pages = [table(72, 700 - n, PARTS, WIDE) for n in range(3)]
    found = read(tmp_path, sheets(pages))
    assert len(tables(found)) == 1 and "Tables on pages 2, 3," in found.remarks[0]


def test_a_page_that_the_finder_cannot_read_keeps_its_text(tmp_path, monkeypatch):
    monkeypatch.setattr(ruled.Finder, "_page", lambda self, number: 1 / 0)
    pages = [LEAD + table(72, 700, PARTS, WIDE)]
    found = read(tmp_path, sheets(pages))
    assert not tables(found) and kept(found) == drawn(pages) and "if there are any" in found.remarks[0]


def test_pages_that_draw_nothing_or_the_same_frame_are_not_searched_for_tables(tmp_path, monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(ruled.Finder, "_put", lambda self, number, lines: asked.append(number) or lines)
    read(tmp_path, papers.pdf(["Words.\nMore words."] * 3))
    read(tmp_path, sheets([box(30, 30, 500, 700) + LEAD] * 3))
    assert not asked
    read(tmp_path, sheets([box(30, 30, 500, 700) + stroke(30, 600, 530, 600) + LEAD] * 9))
    assert asked == [1, 2, 3]
