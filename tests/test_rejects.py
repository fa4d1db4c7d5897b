"""Rows that could not be used: mended one by one or all of a kind, discarded and taken back, or corrected outside."""

import json
from pathlib import Path

import pytest

from engine.data.mapping import Mapping
from engine.problems import Problem
from studio.data import datasets, examples, rejects
from studio.data.rejects import DISCARDED
from studio.store import Store
from tests.conftest import conversation, look, words


def human(n: int) -> str:
    turns = [{"role": "human", "content": f"Where is {n}?"}, {"role": "assistant", "content": f"Here is {n}."}]
    return json.dumps({"messages": turns})


BROKEN = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},]}'
SILENT = '{"messages": [{"role": "user", "content": "c"}]}'


@pytest.fixture
def torn(store: Store, tmp_path: Path) -> Store:
    """One good row, 15 with a role that is called otherwise, one with a comma too many, one without an answer."""
    good = json.dumps(conversation("Where?", "Here."))
    path = tmp_path / "torn.jsonl"
    path.write_text("\n".join([good, *(human(n) for n in range(15)), BROKEN, SILENT]) + "\n")
    datasets.bring_in(store, path, "tone", "ada")
    return store


def test_rejects_are_grouped_by_reason_with_how_many_can_be_repaired(torn):
    found = [(kind.code, kind.n, kind.repairable) for kind in rejects.kinds(torn, "tone")]
    assert found == [("bad-role", 15, 15), ("broken-json", 1, 1), ("no-assistant", 1, 0)]


def test_all_repairs_of_a_kind_are_taken_at_once_and_the_rest_goes_on_waiting(torn):
    done = rejects.accept(torn, "tone", "bad-role", "ada")
    assert (done.added, done.known, done.still) == (15, 0, 0)
    assert datasets.get(torn, "tone").examples == 16 and rejects.count(torn, "tone") == 2
    again = rejects.accept(torn, "tone", "no-assistant", "ada")
    assert (again.added, again.still) == (0, 1)


def test_a_mended_row_keeps_its_source_and_line_and_gets_the_status_of_its_file(torn, tmp_path):
    path = tmp_path / "fresh.jsonl"
    path.write_text(json.dumps(conversation("New?", "Yes.")) + "\n" + human(99) + "\n")
    datasets.bring_in(torn, path, "tone", "ada", status="in review")
    rejects.accept(torn, "tone", "bad-role", "ada")
    (one,), _ = examples.find(torn, "tone", text="99")
    assert (one.source, one.line, one.status) == ("fresh.jsonl", 2, "in review")
    (other,), _ = examples.find(torn, "tone", text='"Where is 3"')
    assert (other.line, other.status) == (5, "approved")


def test_discarded_rows_can_be_taken_back(torn):
    ids = [one.id for one in rejects.waiting(torn, "tone", "bad-role")]
    assert rejects.discard(torn, "tone", ids, "ada") == 15
    assert (rejects.count(torn, "tone"), rejects.count(torn, "tone", DISCARDED)) == (2, 15)
    assert rejects.discard(torn, "tone", ids, "ada") == 0
    assert rejects.take_back(torn, "tone", ids[:4], "ada") == 4
    assert datasets.get(torn, "tone").rejects == 6


def test_a_row_that_somebody_has_settled_meanwhile_is_told(torn):
    one = rejects.waiting(torn, "tone", "broken-json")[0]
    rejects.mend(torn, "tone", rejects.get(torn, one.id), one.repair, "bo")
    with pytest.raises(Problem, match="does not wait any more"):
        rejects.get(torn, one.id)


def test_the_downloaded_rows_settle_their_rejects_when_they_come_back_corrected(torn, tmp_path):
    rows = [json.loads(line) for line in rejects.download(torn, "tone").splitlines()]
    assert len(rows) == 17 and rows[0]["repair"]
    for row in rows:
        if row["code"] == "bad-role":
            row["content"] = row["content"].replace("human", "user")
        elif row["code"] == "no-assistant":
            row["content"] = conversation("c", "d")  # as an object instead of text
    path = tmp_path / "fixed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = rejects.bring_back(torn, "tone", path, "ada")
    assert (done.added, done.still) == (16, 1), "the broken one came back as it was"
    assert [one.code for one in rejects.waiting(torn, "tone")] == ["broken-json"]
    with pytest.raises(Problem, match="None of the rows in fixed"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows if row["code"] == "bad-role"))
        rejects.bring_back(torn, "tone", path, "ada")


def test_another_file_is_not_taken_for_downloaded_rows(torn, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("question,answer\na,b\n")
    with pytest.raises(Problem, match="is not a file of downloaded rows"):
        rejects.bring_back(torn, "tone", path, "ada")


def test_a_row_of_a_table_is_mended_with_its_worse_answer(store, tmp_path):
    path = tmp_path / "pairs.jsonl"
    rows = [{"prompt": "a", "chosen": "b", "rejected": "c"}, {"prompt": "d", "chosen": "", "rejected": "f"}]
    rows.append({"prompt": "g", "chosen": "h", "rejected": "i", "split": "left"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(
        store,
        path,
        "pairs",
        "ada",
        mapping=Mapping({"prompt": "user", "chosen": "assistant", "rejected": "rejected", "split": "split"}),
    )
    empty, side = rejects.waiting(store, "pairs")
    assert empty.code == "empty-cell"
    row = json.loads(side.content)
    rejects.mend(store, "pairs", side, json.dumps({**row, "split": "test"}), "ada")
    (one,), _ = examples.find(store, "pairs", text="g")
    assert one.split == "test" and one.worse == [{"role": "assistant", "content": "i"}]


def test_thousands_of_rejects_are_settled_in_one_go(store, tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text("".join(human(n) + "\n" for n in range(5000)))
    datasets.bring_in(store, path, "tone", "ada")
    assert len(rejects.waiting(store, "tone", limit=10, offset=4995)) == 5
    assert rejects.accept(store, "tone", "bad-role", "ada").added == 5000


def press(app, label: str):
    return next(button for button in app.button if button.label == label).click().run()


def test_the_page_shows_the_repair_and_takes_it(app, torn):
    found = look(app, "rejects", dataset="tone")
    assert "A repair is known for **15 of 15 rows**" in words(found)
    assert "<del>human</del><ins>user</ins>" in words(found)
    found = press(found, "Take this repair")
    assert not found.exception and "Line 2 is an example now." in words(found)
    found = press(found, "Take them")
    assert "14 became examples" in words(found)
    assert rejects.count(torn, "tone") == 2


def test_the_page_discards_and_takes_back(app, torn):
    found = press(look(app, "rejects", dataset="tone"), "Discard them")
    assert "15 rows discarded." in words(found) and rejects.count(torn, "tone") == 2
    found = press(found, "Take back")
    assert not found.exception and rejects.count(torn, "tone") == 17


def test_a_row_is_corrected_by_hand_and_says_what_is_still_wrong(app, full):
    found = look(app, "rejects", dataset="tone")
    assert "It has no assistant message" in words(found)
    found.text_area[0].set_value("{still broken")
    found = press(found, "Save this row")
    assert "still cannot be used" in found.error[0].value and datasets.get(full.store, "tone").rejects == 1
    found.text_area[0].set_value(json.dumps(conversation("?", "!"), indent=1))
    found = press(found, "Save this row")
    assert not found.error and datasets.get(full.store, "tone").examples == 25
    assert "Nothing to mend" in words(found)


def test_without_a_dataset_the_page_says_where_rows_wait(app, full):
    assert "1 row to mend" in words(look(app, "rejects"))


def test_a_page_without_rejects_says_so(app, store):
    assert "Nothing to mend" in words(look(app, "rejects"))
