"""Shots: which training examples a model is shown before a question, and how a candidate shows them."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from engine.problems import Problem
from engine.scoring import candidates, shots
from engine.scoring.candidates import Candidate
from studio.building import candidates as kept
from studio.building import models
from studio.judging import arrangements
from tests import judged
from tests.conftest import conversation, look, words
from tests.test_grids import cups

ASKED = {
    "Where is my parcel?": "On its way.",
    "My parcel has not come": "It comes today.",
    "Can I return a lamp?": "Yes, within 30 days.",
    "How do I return a broken lamp?": "Send it back to us.",
    "Do you sell gift cards?": "We do.",
    "Is the shop open on Sunday?": "It is not.",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [conversation(question, answer) for question, answer in ASKED.items()]
    rows.append(conversation("How do I return a lamp that is broken?", "x" * 600))  # has no room in a prompt
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def questions(turns: shots.Turns) -> list[str]:
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * (len(turns) // 2)
    assert all(ASKED[one["content"]] == other["content"] for one, other in zip(turns[::2], turns[1::2], strict=True))
    return [turn["content"] for turn in turns[::2]]


def test_those_nearest_to_a_question_are_shown_the_nearest_last(file):
    assert questions(shots.nearest(file, 2, "How do I send back a broken lamp?")) == [
        "Can I return a lamp?",
        "How do I return a broken lamp?",
    ]
    assert questions(shots.nearest(file, 1, "When is my parcel here? It has not come.")) == ["My parcel has not come"]
    assert set(questions(shots.nearest(file, 9, "Hello"))) == set(ASKED), "as many as there are"


def test_typical_ones_differ_and_those_at_random_are_the_same_each_time(file):
    typical = questions(shots.typical(file, 3))
    assert len(set(typical)) == 3 and typical == questions(shots.typical(file, 3))
    assert len(set(questions(shots.drawn(file, 3)))) == 3 and shots.drawn(file, 3) == shots.drawn(file, 3)


def test_the_nearest_of_very_many_is_found_where_a_part_of_them_is_typical_enough(tmp_path):
    path, asked = tmp_path / "many.jsonl", [f"What does part {n} of the lamp cost?" for n in range(6_001)]
    path.write_text("".join(json.dumps(conversation(one, f"{n} euros.")) + "\n" for n, one in enumerate(asked)))
    for n in (1, 3_001, 5_999):
        assert shots.nearest(path, 1, asked[n])[1]["content"] == f"{n} euros."


def test_examples_that_are_gone_are_a_sentence_and_rows_without_a_fit_one_show_none(tmp_path):
    with pytest.raises(Problem, match="are gone"):
        shots.nearest(tmp_path / "gone.jsonl", 1, "Hello")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert shots.nearest(empty, 1, "Hello") == shots.typical(empty, 1) == shots.drawn(empty, 1) == []


def test_a_candidate_shows_them_anew_before_each_question_behind_its_prompt_and_its_own(file):
    own = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    one = Candidate("c", "m", system="Be kind.", examples=own, nearest=1, nearest_from=str(file))
    for question, near in (("Where's the parcel?", "Where is my parcel?"), ("Gift cards?", "Do you sell gift cards?")):
        sent, _ = candidates.messages(one, [{"role": "user", "content": question}])
        said = [near, ASKED[near]]
        assert [turn["content"] for turn in sent] == ["Be kind.", "Hi", "Hello!", *said, question]
    called = [
        {"role": "user", "content": "Gift cards?"},
        {"role": "assistant", "content": "I'll look."},
        {"role": "tool", "content": "parcel"},
    ]
    sent, _ = candidates.messages(one, called)
    assert sent[3]["content"] == "Do you sell gift cards?", "what a tool says is no question"
    assert candidates.parse(asdict(one)) == one


def test_a_candidate_that_shows_the_nearest_is_another_one_and_says_so_wherever_it_goes(store, tmp_path):
    snapshot = cups(store, tmp_path)
    plain = kept.add(store, "plain", "starter", "ada")
    near = kept.add(store, "near", "starter", "ada", nearest=3, nearest_from=snapshot)
    assert near.id != plain.id and kept.get(store, near.id) == near
    assert near.made_of == "starter with the 3 nearest examples"
    assert kept.like(store, near, "ada", name="louder", system="Be loud.").shows == near.shows
    assert kept.like(store, near, "ada").id == near.id and kept.like(store, plain, "ada").id == plain.id
    shared = arrangements.get(store, arrangements.keep(store, [near, plain], [], "ada"))
    assert [one.id for one in shared.candidates] == [near.id, plain.id]


def test_whoever_reads_an_answer_can_read_what_was_shown_before_it(store, tmp_path, app):
    snapshot = cups(store, tmp_path)
    near = kept.add(store, "near", "starter", "ada", nearest=2, nearest_from=snapshot)
    item = {"id": "i1", "messages": [{"role": "user", "content": "How long is the warranty of cup 59?"}]}
    found = judged.evaluation(store, [item], [judged.answer(near, "i1", "Long.", scores=judged.right(0.0))])
    look(app, "evaluation", evaluation=found.id, item="i1")
    assert "2 examples shown before it" in [one.label for one in app.expander]
    assert "The warranty of cup 59 is 59 months." in words(app)


def test_what_the_engine_shows_are_training_rows_of_the_snapshot(store, tmp_path):
    snapshot = cups(store, tmp_path)
    models.add(store, "far", models.ENDPOINT, "http://127.0.0.1:9", "ada")
    near = kept.draft(store, "near", "far", "ada", nearest=1, nearest_from=snapshot)
    sent, _ = candidates.messages(
        kept.for_engine(store, near, serve=False), [{"role": "user", "content": "How long is the warranty of cup 59?"}]
    )
    assert [turn["content"] for turn in sent[:2]] == [
        "How long is the warranty of cup 59?", "The warranty of cup 59 is 59 months.",
    ]  # fmt: skip
    sent, _ = candidates.messages(
        kept.for_engine(store, near, serve=False), [{"role": "user", "content": "How long is the warranty of cup 139?"}]
    )
    assert "139" not in sent[0]["content"], "that one is a test item"
