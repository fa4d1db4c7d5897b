"""What a run learns from: snapshots with and without worse answers, and documents frozen to be read on."""

import json
from pathlib import Path

import pytest

from engine import hashes, jsonl
from engine.problems import Problem
from engine.training.bases import template
from engine.training.material import batches
from engine.training.settings import PREFERENCES
from studio import commands
from studio.building import corpora, material
from studio.data import datasets, examples, versions
from studio.data.examples import APPROVED
from studio.freezing import snapshots
from studio.reading import libraries
from tests.conftest import conversation, look, words

WORSE = [{"role": "assistant", "content": "Dunno."}]


@pytest.fixture
def cups(store, tmp_path: Path) -> str:
    """Twelve examples, of which the first five know a worse answer."""
    rows = [conversation(f"Where is cup {n}?", f"Cup {n} is on its way!") for n in range(12)]
    (tmp_path / "cups.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, tmp_path / "cups.jsonl", "cups", "ada", split="train")
    with store.jot() as cursor:
        cursor.execute("update example set worse = ? where line <= 5", [json.dumps(WORSE)])
    return snapshots.freeze(store, "cups", "ada").id


def read_on(store, n: int = 40):
    texts = {f"page-{k}.md": f"# Page {k}\n\nThe warranty of kettle {k} is {k} months." for k in range(n)}
    libraries.add(store, "manual", texts, "ada")
    return corpora.freeze(store, "manual", "ada")


def test_a_worse_answer_is_frozen_with_its_example_and_counts_in_the_hash(store, cups):
    rows = snapshots.examples(store, cups, "train")
    assert sum(row.get("rejected") == WORSE for row in rows) == 5
    assert sum("rejected" in row for row in rows) == snapshots.get(store, cups).compared() == 5
    with store.jot() as cursor:
        cursor.execute("update example set worse = null where line = 1")
    other = snapshots.freeze(store, "cups", "ada")
    assert other.id != cups and other.compared() == 4


def test_a_supervised_run_reads_past_a_worse_answer(store, cups, base):
    """Token for token what it learns without one."""
    path = snapshots.path(store, cups, "train")
    bare = path.with_name("bare.jsonl")
    jsonl.write(bare, [{"messages": row["messages"]} for row in jsonl.read(path)])
    words = template.load(str(base))
    read = [batches.read(file, words, 512).accepted() for file in (path, bare)]
    assert read[0] == read[1] and len(read[0]) == 12


def test_a_snapshot_says_how_many_of_its_examples_each_method_can_use(store, cups):
    found = material.of(store, cups)
    assert found.methods == {"sft": 12, "grpo": 12, "dpo": 5, "orpo": 5, "kto": 5}
    assert (found.kind, found.source, found.examples, found.validation) == ("snapshot", "cups", 12, None)
    assert found.train == snapshots.path(store, cups, "train") and material.named(store, cups[:6]) == found


def test_a_preference_reads_the_pairs_alone_and_leaves_the_frozen_files_as_they_are(store, cups):
    whole = material.of(store, cups)
    found = whole.used_by("dpo")
    assert (found.examples, found.validation) == (5, None)
    assert all(row["rejected"] == WORSE for row in jsonl.read(found.train)) and len(jsonl.read(found.train)) == 5
    assert whole.used_by("sft") == whole and found.used_by("dpo") == found
    assert hashes.files(*(snapshots.path(store, cups, side) for side in ("train", "validation", "test"))) == cups


def test_a_method_that_finds_nothing_to_learn_from_is_refused_with_a_way_on(store, full):
    plain = material.of(store, full.snapshot)
    assert set(plain.methods) == {"sft", "grpo"} and plain.validation is not None
    for method in PREFERENCES:
        with pytest.raises(Problem, match="no worse answers"):
            plain.require(method)
    with pytest.raises(Problem, match="needs documents"):
        plain.require("cpt")
    with pytest.raises(Problem, match="needs examples"):
        material.of(store, read_on(store).id).require("sft")
    with pytest.raises(Problem, match="no snapshot or corpus"):
        material.of(store, "nothing")


def test_all_there_is_to_learn_from_stands_in_one_list(store, cups):
    corpus = read_on(store)
    assert [one.id for one in material.listed(store)] == [corpus.id, cups]
    assert [one.id for one in material.listed(store, "cpt")] == [corpus.id]
    assert [one.id for one in material.listed(store, "dpo")] == [cups]


def test_the_documents_of_a_library_are_frozen_whole_and_once(store):
    corpus = read_on(store)
    assert corpora.freeze(store, "manual", "bo") == corpus and corpora.listed(store, "manual") == [corpus]
    rows = [row for side in corpora.SIDES for row in jsonl.read(corpora.path(store, corpus.id, side))]
    assert {row["name"]: row["text"] for row in rows} == {
        one.name: one.text for one in libraries.documents(store, "manual")
    }
    assert (corpus.train + corpus.validation, corpus.validation > 0) == (40, True)
    found = material.of(store, corpus.id)
    assert found.methods == {"cpt": corpus.train} and found.watched == corpus.validation
    assert hashes.files(found.train, corpora.path(store, corpus.id, "validation")) == corpus.id


def test_a_document_keeps_its_side_when_the_library_grows_or_it_is_rewritten(store):
    def sides(id: str) -> dict[str, str]:
        return {row["name"]: side for side in corpora.SIDES for row in jsonl.read(corpora.path(store, id, side))}

    before = sides(read_on(store).id)
    libraries.add(store, "manual", {"page-3.md": "Rewritten.", "z.md": "New."}, "ada")
    after = sides(corpora.freeze(store, "manual", "ada").id)
    assert len(after) == 41 and before.items() <= after.items()


def test_the_same_text_under_two_names_does_not_stand_on_both_sides(store):
    libraries.add(store, "twins", {f"{k}.md": "Ever the same." for k in range(60)}, "ada")
    corpus = corpora.freeze(store, "twins", "ada")
    assert (corpus.train, corpus.validation) == (60, 0)


def test_a_library_that_holds_nothing_to_read_is_refused(store):
    with pytest.raises(Problem, match="no library"):
        corpora.freeze(store, "none", "ada")
    libraries.add(store, "empty", {"a.md": "Words.", "b.md": "  \n"}, "ada")
    with pytest.raises(Problem, match=r"b\.md has no text"):
        corpora.freeze(store, "empty", "ada")
    assert not list(store.home.corpora.iterdir()) if store.home.corpora.exists() else True


def test_an_edit_keeps_the_worse_answer(store, cups):
    one = next(one for one in examples.find(store, "cups").examples if one.worse)
    assert examples.edit(store, one, "bo", status=APPROVED, note="seen").worse == WORSE


def test_the_snapshots_page_freezes_the_documents_of_a_library(store, full, app):
    libraries.add(store, "manual", {f"{k}.md": f"Page {k}." for k in range(9)}, "ada")
    look(app, "snapshots")
    assert "9 documents, not frozen yet" in words(app)
    app.button(key="corpus-manual").click().run()
    assert not app.exception and not app.error
    (corpus,) = corpora.listed(store, "manual")
    assert f"{corpus.train} to read" in words(app)


def test_the_command_line_freezes_them_too(store):
    libraries.add(store, "manual", {"a.md": "Page a."}, "ada")
    told = commands.COMMANDS["freeze-library"](store, library="manual", by="ada")
    assert told["corpus"] == corpora.listed(store)[0].id and (told["train"], told["validation"]) == (1, 0)


def test_a_worse_answer_can_be_given_changed_taken_away_and_taken_back(store, cups):
    one = next(one for one in examples.find(store, "cups").examples if not one.worse)
    given = examples.edit(store, one, "ada", worse=WORSE)
    assert (given.worse, given.version, given.id) == (WORSE, 2, one.id)
    assert versions.undo(store, given, "ada").worse is None
    gone = examples.edit(
        store, examples.edit(store, examples.get(store, "cups", one.entry), "ada", worse=WORSE), "ada", worse=[]
    )
    assert gone.worse is None
    with pytest.raises(Problem, match="Both answers are the same"):
        examples.edit(store, gone, "ada", worse=[{"role": "assistant", "content": one.answer}])


def test_the_editor_takes_a_worse_answer(full, app):
    look(app, "examples", dataset=full.dataset, entry=full.entry)
    key = f"worse-{full.entry}-1"
    app.text_area(key=key).set_value("Dunno.").run()
    app.button(key=f"{key}-save").click().run()
    assert not app.exception and not app.error
    assert examples.get(full.store, full.dataset, full.entry).worse == WORSE
