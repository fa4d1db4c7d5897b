"""Verdicts that become preference pairs: whose, by how much, what stays out, and the page that does it."""

import json

import pytest

from engine.problems import Problem
from studio.building import candidates, material
from studio.data import datasets, examples
from studio.freezing import snapshots
from studio.judging import judgements, pairs, preferring, sources
from tests import judged
from tests.conftest import conversation, look, words


def verdict(store, pair: str, judge: str, winner: str) -> None:
    """`judge` finds the answer that begins with `winner` the better one; any other word is the verdict itself."""
    row = store.row(
        "select a.text as first, b.text as second, p.first as left_id from pair p join response a on a.id = p.first "
        "join response b on b.id = p.second where p.id = ?",
        [pair],
    )
    if winner in judgements.VERDICTS:
        said = winner
    else:
        on_left = row["first"] if pairs.left(store, pair, judge) == row["left_id"] else row["second"]
        said = judgements.LEFT if on_left.startswith(winner) else judgements.RIGHT
    judgements.record(store, pair, judge, said)


@pytest.fixture
def arena(store):
    """Six pairs, `plain says ...` against `tuned says ...`, and their ids in the order of their items."""
    plain, tuned = judged.two(store)
    items = judged.items(6)
    lines = [
        judged.answer(who, item["id"], f"{who.name} says {item['id']}") for who in (plain, tuned) for item in items
    ]
    found = judged.evaluation(store, items, lines)
    pairs.deal(store, found.id, plain.id, tuned.id, "ada")
    dealt = [row["id"] for row in store.rows("select id from pair order by item")]
    return found, dealt


def test_verdicts_become_examples_whose_worse_answer_is_the_one_that_lost(store, arena):
    found, dealt = arena
    for pair, winner in zip(dealt, ("plain", "tuned", "tie", "both bad", "skip"), strict=False):
        verdict(store, pair, "ada", winner)
    made = preferring.find(store, found)
    assert (made.pairs, len(made.examples), made.ties, made.skipped) == (5, 2, 2, 1) and made.judges == ("ada",)
    told = preferring.learn(store, made, "liked", "ada")
    assert (told.added, told.known) == (2, 0)
    kept = {one.prompt: one for one in examples.find(store, "liked").examples}
    first = kept["How long is warranty 0?"]
    assert (first.answer, first.worse) == ("plain says i000", [{"role": "assistant", "content": "tuned says i000"}])
    assert (first.status, first.origin, first.tags) == ("approved", "verdicts on “by hand”", ["judged"])
    assert kept["How long is warranty 1?"].answer == "tuned says i001"


def test_the_same_verdicts_again_add_nothing(store, arena):
    found, dealt = arena
    verdict(store, dealt[0], "ada", "plain")
    preferring.learn(store, preferring.find(store, found), "liked", "ada")
    again = preferring.learn(store, preferring.find(store, found), "liked", "bo")
    assert (again.added, again.known) == (0, 1) and datasets.get(store, "liked").examples == 1


def test_a_majority_is_more_than_half_and_unanimous_is_all_of_the_chosen_judges(store, arena):
    found, dealt = arena
    said = {
        "ada": ("plain", "plain", "plain"),
        "bo": ("plain", "tuned", "tie"),
        "model:judge": ("plain", "plain", "skip"),
    }
    for judge, winners in said.items():
        for pair, winner in zip(dealt, winners, strict=False):
            verdict(store, pair, judge, winner)
    by_most, by_all = (preferring.find(store, found, agreement=rule) for rule in preferring.AGREEMENTS)
    assert (len(by_most.examples), by_most.disagreed) == (2, 1)  # 3:0, 2:1, and one of two with a tie
    assert (len(by_all.examples), by_all.disagreed) == (1, 2)
    assert len(preferring.find(store, found, ["ada"], preferring.UNANIMOUS).examples) == 3
    assert preferring.judges(store, found.id) == {"ada": 3, "bo": 3, "model:judge": 3}
    with pytest.raises(Problem, match="no agreement"):
        preferring.find(store, found, agreement="coin")


def of_a_side(store, tmp_path, side: str):
    """An evaluation of the three items that stand on this side of a snapshot, all won by tuned."""
    rows = [conversation(f"Where is {side} cup {n}?", f"Cup {n}.", split=side if n < 3 else "train") for n in range(6)]
    (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, tmp_path / f"{side}.jsonl", f"of {side}", "ada")
    frozen = snapshots.freeze(store, f"of {side}", "ada")
    plain, tuned = judged.two(store)
    items = sources.from_rows(snapshots.examples(store, frozen.id, side))
    lines = [
        judged.answer(who, item["id"], f"{who.name} says {item['id']}") for who in (plain, tuned) for item in items
    ]
    found = judged.evaluation(store, items, lines, name=f"by the {side} items")
    pairs.deal(store, found.id, plain.id, tuned.id, "ada")
    for row in store.rows("select id from pair where evaluation = ?", [found.id]):
        verdict(store, row["id"], "ada", "tuned")
    return found


def test_questions_of_a_locked_test_set_stay_out_unless_asked_for_and_that_is_kept(store, tmp_path):
    found = of_a_side(store, tmp_path, "test")
    held = preferring.find(store, found)
    assert (held.examples, held.test) == ([], 3)
    with pytest.raises(Problem, match="make no example"):
        preferring.learn(store, held, "liked", "ada")
    anyway = preferring.find(store, found, with_test=True)
    assert (len(anyway.examples), anyway.test) == (3, 3)
    preferring.learn(store, anyway, "liked", "ada")
    event = store.row("select detail->>'test' as test from event where verb = 'verdicts.learn'")
    assert event["test"] == "3"


def test_a_question_is_known_from_the_test_set_by_its_words_too(store, tmp_path):
    of_a_side(store, tmp_path, "test")
    asked = [{"id": "typed", "messages": [{"role": "user", "content": "  where is  TEST cup 1?"}], "answer": ""}]
    plain, tuned = judged.two(store)
    found = judged.evaluation(store, asked, [judged.answer(who, "typed", who.name) for who in (plain, tuned)])
    pairs.deal(store, found.id, plain.id, tuned.id, "ada")
    verdict(store, store.row("select id from pair where evaluation = ?", [found.id])["id"], "ada", "plain")
    assert preferring.find(store, found).test == 1


def test_questions_of_a_validation_set_are_taken_and_counted(store, tmp_path):
    made = preferring.find(store, of_a_side(store, tmp_path, "validation"))
    assert (len(made.examples), made.validation, made.test) == (3, 3, 0)


def test_a_system_prompt_that_both_had_belongs_to_the_question(store):
    judged.two(store)
    both = [candidates.add(store, name, name, "ada", system="Be brief.") for name in ("starter", "playful")]
    asked = judged.items(1)
    found = judged.evaluation(store, asked, [judged.answer(who, "i000", f"{who.name}!") for who in both])
    pairs.deal(store, found.id, both[0].id, both[1].id, "ada")
    verdict(store, store.row("select id from pair")["id"], "ada", "starter")
    (one,) = preferring.find(store, found).examples
    assert [m["role"] for m in one.conversation.messages] == ["system", "user", "assistant"]


def test_from_verdicts_to_something_that_dpo_can_learn_from(store, arena):
    found, dealt = arena
    for pair in dealt:
        verdict(store, pair, "ada", "tuned")
    preferring.learn(store, preferring.find(store, found), "liked", "ada")
    frozen = snapshots.freeze(store, "liked", "ada")
    assert material.of(store, frozen.id).methods["dpo"] == frozen.train > 0


def test_the_arena_shows_what_verdicts_would_make_and_makes_it(store, arena, app):
    found, dealt = arena
    for pair, winner in zip(dealt, ("plain", "tuned", "tie"), strict=False):
        verdict(store, pair, "ada", winner)
    look(app, "arena", evaluation=found.id, show="learn")
    assert not app.exception and not app.error
    assert "left out: ties, or both bad" in words(app) and "Make 2 pairs" in words(app)
    app.button(key="learn-go").click().run()
    assert not app.exception and not app.error
    assert datasets.get(store, "by hand, judged").approved == 2


def test_the_arena_warns_before_a_test_set_is_learned_from(store, tmp_path, app):
    found = of_a_side(store, tmp_path, "test")
    look(app, "arena", evaluation=found.id, show="learn")
    assert "knows the test by heart" in words(app) and app.button(key="learn-go").disabled
    app.checkbox(key="leak").check().run()
    assert "Make 3 pairs" in words(app) and not app.button(key="learn-go").disabled
