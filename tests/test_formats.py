"""Whatever holds examples is a table of rows with exact lines; what cannot be read says why in one sentence."""

import json
import random
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data import formats
from engine.data.formats import Row, encodings, separated
from engine.data.rows import Reject
from engine.problems import Problem


def table(tmp_path: Path, name: str, content: str | bytes) -> formats.Table:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return formats.open_table(path)


def lines(found: formats.Table) -> list[int]:
    return [row.line for row in found.rows()]


def values(found: formats.Table) -> list[dict[str, object]]:
    return [row.values for row in found.rows() if isinstance(row, Row)]


def test_csv_rows_have_the_line_where_they_begin_also_behind_quoted_line_ends(tmp_path):
    found = table(tmp_path, "a.csv", 'question,answer\r\n"two\r\nlines",x\r\n\r\nlast,"a ""b"""\r\n')
    assert [tuple(row) for row in found.rows()] == [
        (2, {"question": "two\r\nlines", "answer": "x"}),
        (5, {"question": "last", "answer": 'a "b"'}),
    ]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_what_cuts_all_rows_alike(tmp_path, sign):
    rows = [["frage", "antwort"], ["Wo, bitte, ist das?", "Hier; dort | da"], ["Und wann?", "Um 8, 9; 10"]]
    text = "\n".join(sign.join(f'"{cell}"' for cell in row) for row in rows)
    assert values(table(tmp_path, "a.csv", text))[0] == {"frage": "Wo, bitte, ist das?", "antwort": "Hier; dort | da"}


def test_semicolons_part_the_cells_of_a_table_whose_figures_have_decimal_commas(tmp_path):
    rows = [f"Schraube M{n};{n},50" for n in range(1, 60)]
    named = values(table(tmp_path, "a.csv", "\n".join(["Artikel;Preis", *rows])))
    assert named[0] == {"Artikel": "Schraube M1", "Preis": "1,50"} and len(named) == 59
    bare = values(table(tmp_path, "b.csv", "\n".join(rows)))
    assert bare[0] == {"column 1": "Schraube M1", "column 2": "1,50"} and len(bare) == 59
    english = "\n".join(["name,price", *(f"bolt; M{n},{n}.50" for n in range(60))])
    assert values(table(tmp_path, "c.csv", english))[0] == {"name": "bolt; M0", "price": "0.50"}


def test_an_encoding_other_than_utf8_is_found_and_said(tmp_path):
    latin = table(tmp_path, "a.csv", "frage;antwort\nGrün?;Schön\n".encode("cp1252"))
    wide = table(tmp_path, "b.csv", "frage\tantwort\nGrün?\tSchön\n".encode("utf-16"))
    assert values(latin) == values(wide) == [{"frage": "Grün?", "antwort": "Schön"}]
    assert "It was read as Windows-1252." in latin.notes and "It is written in UTF-16." in wide.notes


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("cp1250", "Záruka na přístroj platí dva roky. Uschovejte účtenku, bez ní nelze reklamaci uplatnit. Děkujeme."),
        ("cp1250", "Gwarancja na urządzenie trwa dwa lata. Proszę zachować paragon, ponieważ jest potrzebny później."),
        ("iso8859-2", "Gwarancja na urządzenie trwa dwa lata. Proszę zachować paragon, bo jeśli zginie, nic nie da."),
        ("cp1251", "Гарантия на устройство действует два года. Пожалуйста, сохраните чек, он нужен для возврата."),
        ("koi8-r", "Гарантия на устройство действует два года. Пожалуйста, сохраните чек, он нужен для возврата."),
        ("cp1253", "Η εγγύηση της συσκευής ισχύει για δύο χρόνια από την ημερομηνία αγοράς."),
        ("cp1254", "Cihazın garantisi satın alma tarihinden itibaren iki yıl geçerlidir. Lütfen fişi saklayın."),
        ("cp1257", "Prietaiso garantija galioja dvejus metus. Prašome išsaugoti čekį, jo prireiks vėliau. Ačiū."),
        ("cp1252", "Garantin gäller i två år från köpet. Spara kvittot, annars kan vi inte hjälpa dig på måndag."),
        ("cp1252", "La garantie est valable deux ans à partir de l’achat. Gardez le reçu, sinon rien n’est remboursé."),
        ("cp1252", "Größe: 5 m²"),  # too little to tell by
    ],
)
def test_a_code_page_is_told_by_the_letters_of_the_language(tmp_path, page, said):
    found = table(tmp_path, "a.txt", f"{said}\n".encode(page))
    assert values(found)[0].popitem()[1] == said
    assert f"It was read as {encodings.WORDS[page]}." in found.notes


def test_one_bad_byte_in_a_utf8_file_rejects_its_row_and_leaves_the_others(tmp_path):
    found = list(table(tmp_path, "a.csv", b"question,answer\n\xc3\xa9t\xc3\xa9?,a\nb\xe9?,b\ncaf\xc3\xa9?,c\n").rows())
    assert [type(row) for row in found] == [Row, Reject, Row]
    assert found[1].code == "not-utf8" and found[1].line == 3 and "\\xe9" in found[1].content


def test_a_quote_that_is_never_closed_costs_its_own_row_only(tmp_path):
    found = list(table(tmp_path, "a.csv", 'question,answer\na,b\n"open,c\nd,e\nf,g\n').rows())
    assert [(type(row), row.line) for row in found] == [(Row, 2), (Reject, 3), (Row, 4), (Row, 5)]
    assert found[1].code == "open-quote"


def test_a_row_with_more_cells_than_columns_is_rejected_not_cut(tmp_path):
    short, long = table(tmp_path, "a.csv", "question,answer,note\na,b\na,b,c,d\n").rows()
    assert short.values == {"question": "a", "answer": "b", "note": ""}
    assert isinstance(long, Reject) and long.code == "too-many-cells"


def test_a_file_without_a_header_gets_numbered_columns(tmp_path):
    found = table(tmp_path, "a.csv", "Where is it?,Here.\nWhen does it come?,Soon.\n")
    assert found.header is False and lines(found) == [1, 2]
    assert found.columns == ("column 1", "column 2")
    assert formats.open_table(tmp_path / "a.csv", header=True).columns == ("Where is it?", "Here.")


def test_json_lists_objects_of_lists_and_values_one_after_the_other_are_rows(tmp_path):
    plain = table(tmp_path, "a.json", '[{"q": 1}, {"q": 2}]')
    parted = table(tmp_path, "b.json", '{"oos_val": [["hi", "x"]], "train": [["yo", "y"], ["ho", "z"]]}')
    pretty = table(tmp_path, "c.json", '{\n "q": 1\n}\n{\n "q": 2\n}')
    alone = table(tmp_path, "d.json", '{\n "messages": [{"role": "user", "content": "a"}]\n}')
    assert values(plain) == values(pretty) == [{"q": 1}, {"q": 2}]
    assert values(parted)[2] == {"part of the file": "train", "column 1": "ho", "column 2": "z"}
    assert lines(parted) == [1, 2, 3]
    assert alone.columns == ("messages",)


def test_json_is_read_in_pieces_whatever_they_cut(tmp_path, monkeypatch):
    from engine.data.formats import trees

    rows = [{"q": 'a \\ " é ' * (n % 7), "n": 10**n, "deep": [n, [n, {"x": None}]]} for n in range(60)]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    for piece in (1, 7, 64):
        monkeypatch.setattr(trees, "PIECE", piece)
        assert values(formats.open_table(tmp_path / "a.json")) == rows


def test_broken_json_is_told_with_its_line_and_column(tmp_path):
    with pytest.raises(Problem, match=r"not whole JSON: Expecting ',' delimiter, at line 3, column 11"):
        table(tmp_path, "a.json", '[\n{"q": 1},\n{"q": "a" "b"}]')


def test_jsonl_that_is_called_json_is_read_line_by_line(tmp_path):
    found = list(table(tmp_path, "a.json", '{"q": "a", "a": "b"}\n{broken\n{"q": "c", "a": "d"}\n').rows())
    assert [(type(row), row.line) for row in found] == [(Row, 1), (Reject, 2), (Row, 3)]


def test_a_workbook_is_read_by_its_row_numbers_and_other_sheets_are_named(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    sheet = book.create_sheet("Data")
    for row in (["question", "answer"], ["How many?", 3.0], [None, None], ["Ok?", True]):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    found = formats.open_table(tmp_path / "a.xlsx")
    assert [tuple(row) for row in found.rows()] == [
        (2, {"question": "How many?", "answer": 3}),
        (4, {"question": "Ok?", "answer": True}),
    ]
    assert found.parts == ("Cover", "Data") and found.notes == ("Read is the sheet Data, not Cover.",)


def test_parquet_is_read_with_its_nested_columns(tmp_path):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    pq.write_table(pa.Table.from_pylist([{"messages": turns, "n": n} for n in range(3)]), tmp_path / "a.parquet")
    found = formats.open_table(tmp_path / "a.parquet")
    assert found.n == 3 and values(found)[2] == {"messages": turns, "n": 2}


def test_pasted_text_is_a_table_a_chat_or_a_row_a_line():
    cells = formats.open_table("question\tanswer\nWhere?\tHere.\nWhen?\tSoon.")
    chat = formats.open_table("User: Where?\nAssistant: Here.\nAnd there.\n\nUser: When?\nAssistant: Soon.")
    plain = formats.open_table("Your parcel is late.\nYour lamp is here.\n")
    assert (cells.kind, lines(cells)) == ("TSV", [2, 3])
    assert (chat.kind, lines(chat)) == ("Chat", [1, 5])
    assert (plain.kind, lines(plain), values(plain)[1]) == ("Text", [1, 2], {"text": "Your lamp is here."})


WRONG = {
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b" \n\n", "only blank lines"),
    "binary.csv": (b"\x00\x01\x02\x03", "not a text file"),
    "header.csv": (b"question,answer\n", "only a header"),
    "locked.xlsx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "locked with a password"),
    "torn.xlsx": (b"PK\x03\x04" + b"x" * 200, "damaged workbook"),
    "other.xlsx": (b"question,answer\na,b\n", "is not an XLSX workbook"),
    "torn.parquet": (b"PAR1" + b"x" * 100 + b"PAR1", "damaged Parquet"),
    "number.json": (b"42", "holds no rows"),
    "nothing.json": (b"[]", "holds no rows"),
    "cut.json": (b'[{"q": "a"', "not whole JSON"),
    "open.json": (b'[{"q": "a}]', "not whole JSON"),
    "wide.jsonl": ('{"messages": []}'.encode("utf-16"), "UTF-16"),
    "deep.json": (b"[" * 100_000, "not whole JSON"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_of_the_wrong_kind_gets_one_clear_sentence(tmp_path, name):
    content, said = WRONG[name]
    with pytest.raises(Problem) as caught:
        table(tmp_path, name, content)
    assert said in str(caught.value)


def test_two_gigabytes_a_folder_and_a_missing_file_are_told(tmp_path):
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2_000_000_000)
    for path, said in ((tmp_path / "huge.csv", "2.0 GB"), (tmp_path, "folder"), (tmp_path / "no.csv", "There is no")):
        with pytest.raises(Problem, match=said):
            formats.open_table(path)


def test_every_record_of_a_spoilt_csv_is_a_row_or_a_reject(tmp_path):
    """Random cells and stray quotes: nothing raises, and no line of the file is lost."""
    chance = random.Random(5)
    for _ in range(300):
        text = "".join(chance.choice('ab",;\n\r\t "é') for _ in range(chance.randint(1, 120)))
        seen = list(separated._records(iter(text.splitlines(keepends=True)), ","))
        assert [line for line, _, _ in seen] == sorted({line for line, _, _ in seen})
        kept = "".join("".join(cells) for _, cells, _ in seen)
        assert {sign for sign in text if sign in "abé"} == {sign for sign in kept if sign in "abé"}


def test_reading_is_told_as_it_goes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("question,answer\n" + "a?,b\n" * 3000)
    heard: list[tuple[int, int]] = []
    list(formats.open_table(path).rows(lambda done, of: heard.append((done, of))))
    assert heard[-1] == (path.stat().st_size, path.stat().st_size) and len(heard) > 3
