"""Going out: what the files hold, what the card says, and what must be said before anything leaves."""

import csv
import json
import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data import formats, guessing, outgoing, rows
from engine.problems import Problem
from studio import commands
from studio.data import datasets, examples
from studio.freezing import exports, snapshots
from studio.freezing.contents import Contents
from studio.quality import privacy, pseudonyms
from tests.conftest import conversation

CALL = {"id": "a1B2c3D4e", "type": "function", "function": {"name": "find_cup", "arguments": '{"n": 3}'}}
TOOL = {"type": "function", "function": {"name": "find_cup", "description": "", "parameters": {"type": "object"}}}
CALLING = {
    "messages": [
        {"role": "user", "content": "Where is cup 3?"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "content": "shelf 4", "tool_call_id": "a1B2c3D4e"},
        {"role": "assistant", "content": "On shelf 4.", "weight": 1},
    ],
    "tools": [TOOL],
    "tags": ["cups"],
    "split": "train",
}


@pytest.fixture
def cups(store, tmp_path: Path) -> str:
    """Eight plain rows and one with tools, frozen."""
    held = [
        conversation(f"Where is cup {n}?", f"Cup {n} is near.", split="test" if n > 5 else "train") for n in range(8)
    ]
    (tmp_path / "cups.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*held, CALLING]))
    datasets.bring_in(store, tmp_path / "cups.jsonl", "cups", "ada")
    return snapshots.freeze(store, "cups", "ada").id


def leave(store, id: str, form: str, folder: Path, **more) -> dict[str, int]:
    leaving = exports.announce(store, exports.frozen(store, id), form, str(folder))
    return exports.write(store, leaving, folder, "ada", **more)


def test_for_mistral_every_row_is_valid_and_holds_only_what_mistral_knows(store, cups, tmp_path):
    assert leave(store, cups, "mistral", tmp_path / "out") == {"train": 7, "test": 2}
    found = [row for row in rows.read(tmp_path / "out" / "train.jsonl")]
    assert len(found) == 7 and all(isinstance(row, rows.Valid) for row in found)
    lines = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    assert {key for line in lines for key in line} == {"messages", "tools"}
    (called,) = [line for line in lines if "tools" in line]
    assert called["messages"] == CALLING["messages"] and called["tools"] == CALLING["tools"]
    assert "- tags: left out of 1" in (tmp_path / "out" / "README.md").read_text()


def test_a_key_that_mistral_does_not_know_is_left_out_and_counted():
    left_out: Counter[str] = Counter()
    row = {"messages": [{"role": "user", "content": "?", "mood": "blue"}], "tags": [], "group": "g"}
    assert outgoing.mistral(row, left_out) == {"messages": [{"role": "user", "content": "?"}]}
    assert left_out == {"mood of a message of the user": 1, "group": 1}


def test_what_mistral_would_refuse_does_not_leave(store, cups, tmp_path):
    file = snapshots.path(store, cups, "train")
    file.write_text(file.read_text() + json.dumps({"id": "x", "messages": [{"role": "user", "content": "?"}]}) + "\n")
    with pytest.raises(Problem, match="1 of 8 train examples are not what Mistral accepts") as raised:
        leave(store, cups, "mistral", tmp_path / "out")
    print(raised.value)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_a_hugging_face_folder_holds_every_row_with_its_tools(store, cups, tmp_path):
    leave(store, cups, "huggingface", tmp_path / "out", licence="cc-by-4.0")
    found = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet").to_pylist()
    assert len(found) == 7 and found[0].keys() == {"id", "messages", "tools", "tags", "group"}
    (called,) = [row for row in found if row["tools"]]
    assert json.loads(called["tools"]) == [TOOL] and called["messages"][1]["tool_calls"] == [CALL]
    assert called["messages"][3]["weight"] == 1 and called["messages"][0]["weight"] is None
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("---\n") and "license: cc-by-4.0" in card
    assert '  - split: test\n    path: "data/test-00000-of-00001.parquet"' in card


def test_the_library_of_hugging_face_reads_the_folder(store, cups, tmp_path, monkeypatch):
    reader = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    leave(store, cups, "huggingface", tmp_path / "out")
    found = reader.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(part) for split, part in found.items()} == {"train": 7, "test": 2}


@given(st.text())
def test_no_cell_can_be_run_as_a_formula(cell):
    safe = outgoing.harmless(cell)
    assert safe in (cell, f"'{cell}") and not safe.lstrip(" ").startswith(outgoing.RISKY)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"])
def test_what_begins_like_a_formula_gets_an_apostrophe(cell):
    assert outgoing.harmless(cell) == f"'{cell}"


def test_a_spreadsheet_shows_every_row_and_runs_none(store, tmp_path):
    evil = conversation('=HYPERLINK("http://example.org")', "-2+3 cmd", tags=["=x"], group="@g", split="train")
    (tmp_path / "evil.jsonl").write_text(json.dumps(evil))
    datasets.bring_in(store, tmp_path / "evil.jsonl", "evil", "ada")
    id = snapshots.freeze(store, "evil", "ada").id
    assert leave(store, id, "csv", tmp_path / "out", accepted=True) == {"train": 1}
    with (tmp_path / "out" / "examples.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["prompt"] == "'" + evil["messages"][0]["content"] and row["answer"] == "'-2+3 cmd"
    assert (row["tags"], row["group"], row["split"]) == ("'=x", "'@g", "train")


def test_what_leaves_is_said_in_one_sentence_with_what_was_found(store, cups):
    leaving = exports.announce(store, exports.frozen(store, cups), "csv", "this browser")
    assert leaving.sentence == (
        f"9 examples of cups · {cups[:8]} (7 train, 2 test) will leave for this browser as CSV for spreadsheets, "
        "with a data card. Personal data: none found in 9 scanned examples."
    )


def test_personal_data_does_not_leave_unheard(store, tmp_path):
    row = conversation("Write to maria.olsen@olsen-keramik.dk, please", "Done.", split="train")
    (tmp_path / "mail.jsonl").write_text(json.dumps(row))
    datasets.bring_in(store, tmp_path / "mail.jsonl", "mail", "ada")
    leaving = exports.announce(store, exports.living(store, "mail"), "mistral", "/elsewhere")
    assert "Personal data: 1 e-mail address in 1 of 1 scanned examples." in leaving.sentence
    with pytest.raises(Problem, match="Nothing has left yet"):
        exports.write(store, leaving, tmp_path / "out", "ada")
    assert not (tmp_path / "out").exists()
    assert exports.write(store, leaving, tmp_path / "out", "ada", accepted=True) == {"approved": 1}
    assert "maria" not in (tmp_path / "out" / "README.md").read_text()
    (event,) = store.rows("select detail from event where verb = 'dataset.export'")
    assert json.loads(event["detail"])["personal"] == 1 and "maria" not in event["detail"]


def test_what_nobody_looked_at_does_not_leave_unheard(store, cups, tmp_path):
    known = privacy.known(store, Contents(store, cups))
    leaving = exports.Leaving(exports.frozen(store, cups), "csv", "x", known, privacy.check_texts(store, []))
    assert "none of 9 examples is scanned yet" in leaving.sentence
    with pytest.raises(Problem, match="Nothing has left yet"):
        exports.write(store, leaving, tmp_path / "out", "ada")


def test_with_stand_ins_nobody_is_named_and_the_key_stays_here(store, tmp_path):
    row = conversation(
        "Write to maria.olsen@olsen-keramik.dk",
        "Sent to maria.olsen@olsen-keramik.dk.",
        tags=["customer:maria.olsen@olsen-keramik.dk"],
    )
    (tmp_path / "mail.jsonl").write_text(json.dumps(row))
    datasets.bring_in(store, tmp_path / "mail.jsonl", "mail", "ada")
    leaving = exports.announce(store, exports.living(store, "mail"), "csv", "/elsewhere", hidden=True)
    assert "In tags and groups: 1 e-mail address. Stand-ins take its place" in leaving.sentence and leaving.open == {}
    exports.write(store, leaving, tmp_path / "out", "ada")
    written = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert "maria" not in written and "customer:" in written
    with (tmp_path / "out" / "examples.csv").open(encoding="utf-8-sig", newline="") as file:
        (left,) = csv.DictReader(file)
    assert pseudonyms.reveal(store, "mail", left["prompt"]) == "Write to maria.olsen@olsen-keramik.dk"


def test_an_export_overwrites_nothing_and_leaves_its_trace(store, cups, tmp_path):
    leave(store, cups, "csv", tmp_path / "out")
    with pytest.raises(Problem, match="is there already"):
        leave(store, cups, "csv", tmp_path / "out")
    (look,) = snapshots.looks(store, cups)
    assert (look.how, look.n) == ("export", 2) and look.why.startswith("export of 9 examples")
    assert len(store.rows("select * from event where verb = 'dataset.export'")) == 1


def test_an_export_that_breaks_off_leaves_nothing(store, cups, tmp_path, monkeypatch):
    def break_off(*given, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outgoing, "parquet", break_off)
    with pytest.raises(OSError, match="No space"):
        leave(store, cups, "huggingface", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []
    assert store.rows("select * from event where verb = 'dataset.export'") == []


def test_the_card_says_what_is_known_and_what_is_not(store, cups, tmp_path):
    with store.jot() as cursor:
        cursor.execute("update example set origin = 'variation by a model' where line < 4")
    leave(store, cups, "mistral", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    for words in (
        "| train | 7 |",
        "| test | 2 |",
        "| in all | 9 |",
        "| cups.jsonl | 9 |",
        "1 person has written or edited them",
        "Synthetic, by what made them, and approved by people: 3 of 9 (33 %). variation by a model: 3.",
        "Licence: not stated.",
        "Personal data: none found in 9 scanned examples.",
        "Not known: the dataset was not scanned for them.",
        "judged by a program on n = 9",
    ):
        assert words in card


def test_a_download_is_the_same_folder_in_one_file(store, cups):
    leaving = exports.announce(store, exports.frozen(store, cups), "huggingface", "this browser")
    names = zipfile.ZipFile(BytesIO(exports.packed(store, leaving, "ada"))).namelist()
    assert names == ["README.md", "data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]


def test_the_command_line_says_what_leaves_and_asks(store, cups, tmp_path):
    told = commands.perform(store, "announce-export", {"what": cups[:6], "form": "csv", "to": "/x"})
    assert told["examples"] == 9 and told["sentence"].startswith("9 examples of cups")
    arguments = {"what": "cups", "form": "mistral", "to": str(tmp_path / "out"), "by": "ada"}
    assert commands.perform(store, "export", arguments)["counts"] == {"approved": 9}
    with pytest.raises(Problem, match="There is no snapshot"):
        commands.perform(store, "announce-export", {"what": "nothing", "form": "csv", "to": "/x"})
    with pytest.raises(Problem, match="There is no form 'pdf'"):
        commands.perform(store, "announce-export", {"what": cups, "form": "pdf", "to": "/x"})


def test_the_command_line_freezes_by_a_plan_and_names_its_leaks(store, cups):
    plan = {"kind": "grouped", "by": "template", "test": 0.2, "exclude": []}
    found = commands.perform(store, "freeze", {"dataset": "cups", "by": "ada", "plan": plan})
    assert found["snapshot"] == cups and found["leaks"] is not None


# worse answers


@pytest.fixture
def liked(store, tmp_path: Path) -> str:
    """Six examples, of which three know a worse answer, frozen; the worse ones hold an address."""
    held = [
        conversation(f"Where is cup {n}?", f"Cup {n} is near.", split="test" if n == 5 else "train") for n in range(6)
    ]
    (tmp_path / "liked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in held))
    datasets.bring_in(store, tmp_path / "liked.jsonl", "liked", "ada")
    worse = json.dumps([{"role": "assistant", "content": "Ask lena.vogt@mailbox.de."}])
    with store.jot() as cursor:
        cursor.execute("update example set worse = ? where line in (1, 2, 6)", [worse])
    return snapshots.freeze(store, "liked", "ada").id


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_pairs_leave_as_trl_reads_them_and_only_they(store, liked, tmp_path):
    leaving = exports.announce(store, exports.frozen(store, liked), "pairs", "x")
    assert "3 examples" in leaving.sentence and "those that know a worse answer" in leaving.sentence
    assert leaving.found.kinds == {"email": 3} and leaving.found.of == 3
    assert leave(store, liked, "pairs", tmp_path / "out", accepted=True) == {"train": 2, "test": 1}
    found = {row["prompt"][-1]["content"]: row for row in lines(tmp_path / "out" / "train.jsonl")}
    assert found["Where is cup 0?"] == {
        "prompt": [{"role": "user", "content": "Where is cup 0?"}],
        "chosen": [{"role": "assistant", "content": "Cup 0 is near."}],
        "rejected": [{"role": "assistant", "content": "Ask lena.vogt@mailbox.de."}],
    }
    assert "as TRL reads them" in (tmp_path / "out" / "README.md").read_text()


def test_pairs_that_left_come_back_as_pairs(store, liked, tmp_path):
    leave(store, liked, "pairs", tmp_path / "out", accepted=True)
    for form, name in (("pairs", "train.jsonl"), ("huggingface", "data/train-00000-of-00001.parquet")):
        if form == "huggingface":
            leave(store, liked, form, tmp_path / "hf", accepted=True)
        path = tmp_path / ("out" if form == "pairs" else "hf") / name
        guessed = guessing.guess(formats.open_table(path))
        datasets.bring_in(store, path, f"back from {form}", "ada", mapping=guessed)
        back = examples.find(store, f"back from {form}").examples
        assert [one.worse[0]["content"] for one in back if one.worse] == ["Ask lena.vogt@mailbox.de."] * 2


def test_a_snapshot_without_pairs_says_so_before_it_leaves(store, cups):
    with pytest.raises(Problem, match="no worse answers"):
        exports.announce(store, exports.frozen(store, cups), "pairs", "x")


def test_every_form_carries_a_worse_answer_or_says_that_it_does_not(store, liked, tmp_path):
    for form in ("mistral", "huggingface", "csv"):
        leave(store, liked, form, tmp_path / form, accepted=True)
    assert "- worse answer: left out of 3" in (tmp_path / "mistral" / "README.md").read_text()
    assert all(row.keys() == {"messages"} for row in lines(tmp_path / "mistral" / "train.jsonl"))
    found = pq.read_table(tmp_path / "huggingface" / "data" / "train-00000-of-00001.parquet").to_pylist()
    assert (
        sorted(row["rejected"][0]["content"] for row in found if row["rejected"]) == ["Ask lena.vogt@mailbox.de."] * 2
    )
    with (tmp_path / "csv" / "examples.csv").open(encoding="utf-8-sig", newline="") as file:
        assert Counter(row["worse"] for row in csv.DictReader(file)) == {"": 3, "Ask lena.vogt@mailbox.de.": 3}


def test_personal_data_in_a_worse_answer_is_found_and_gets_stand_ins(store, liked, tmp_path):
    assert privacy.check(store, Contents(store, liked)).kinds == {"email": 3}
    living = exports.announce(store, exports.living(store, "liked"), "pairs", "x", hidden=True)
    exports.write(store, living, tmp_path / "out", "ada", accepted=True)
    assert "lena.vogt@mailbox.de" not in (tmp_path / "out" / "approved.jsonl").read_text()
    seen = examples.find(store, "liked").examples
    done = pseudonyms.replace(store, pseudonyms.preview(store, seen), "ada")
    assert done.examples == 3
    assert not any("lena.vogt@" in json.dumps(one.worse) for one in examples.find(store, "liked").examples)
