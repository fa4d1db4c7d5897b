"""Rewards before anything learns from them: kept by name, tried on answers and tricks, and the page that does it."""

import json

import pytest

from engine.problems import Problem
from engine.serving import servers
from engine.training.material import rewards as engine
from studio.building import models, rewards, trials
from studio.data import datasets, guides
from studio.folders import STARTER
from studio.ui import paying
from tests import judged
from tests.conftest import look, words

EXACT = {"kind": "exact", "weight": 1.0}


def test_a_reward_is_kept_by_its_name_and_changed_in_its_place(store):
    kept = rewards.save(store, " labels ", [EXACT], "ada")
    assert (kept.name, kept.rewards) == ("labels", [EXACT]) and rewards.listed(store) == [kept]
    changed = rewards.save(store, "labels", [EXACT, {"kind": "length", "most": 9}], "bo")
    assert rewards.listed(store) == [changed] and len(changed.rewards) == 2
    rewards.delete(store, "labels", "bo")
    with pytest.raises(Problem, match="no reward labels"):
        rewards.get(store, "labels")


def test_what_cannot_pay_is_not_kept(store):
    for listed, words_of_it in (
        ([], "No reward"),
        ([{"kind": "gold"}], "no such reward"),
        ([{"kind": "length"}], "least"),
    ):
        with pytest.raises(Problem) as raised:
            rewards.save(store, "x", listed, "ada")
        assert words_of_it in str(raised.value)
    with pytest.raises(Problem, match="no name"):
        rewards.save(store, " ", [EXACT], "ada")


def test_every_template_can_be_used_and_every_kind_has_words(store, full):
    from engine.scoring.guide import Guide

    guides.save(store, full.dataset, Guide(avoid=["cheap"], most_words=30), "ada")
    found = rewards.templates(store, full.dataset)
    assert rewards.VOICE in found and rewards.VOICE not in rewards.templates(store)
    for template in found.values():
        engine.read(template.rewards)
    assert set(paying.KINDS) == set(engine.REWARDS)


def test_answers_are_paid_as_in_training_the_best_first(store):
    found = trials.run([EXACT], trials.typed("Which label?", "late", "broken\nLate\nnever"))
    assert found.paid[0].sample.answer == "Late"
    assert found.totals == [1.0, 0.0, 0.0] and found.mean.n == 3
    assert found.warnings == []


def test_pay_that_is_the_same_for_all_teaches_nothing_and_says_so():
    found = trials.run([EXACT], trials.typed("Which?", "late", "a\nb"))
    assert "All 2 answers are paid nothing" in found.warnings[0]


def test_a_reward_that_can_be_cheated_is_found_out():
    found = trials.run([{"kind": "length", "least": 3}], trials.typed("Where is it, please?", "", "It is here.\nNo."))
    best = found.tricks[0]
    assert best.pay == 1.0 and best.n == 1
    assert any("It can be cheated" in worry and "n = 1" in worry for worry in found.warnings)
    empty = next(trick for trick in found.tricks if trick.name == "Nothing at all")
    assert empty.pay == 0.0


def test_a_question_that_lacks_what_a_reward_needs_is_named():
    with pytest.raises(Problem, match="no expected text") as raised:
        trials.run([EXACT], trials.typed("Which?", "", "a"))
    assert "Which?" in raised.value.why
    with pytest.raises(Problem, match="no answer to pay"):
        trials.run([EXACT], [])


def test_a_typed_tool_call_is_expected_as_one():
    call = {"name": "find", "arguments": {"n": 3}}
    samples = trials.typed("Find it", json.dumps(call), f"{json.dumps(call)}\nI will.")
    assert trials.run([{"kind": "tool"}], samples).totals == [1.0, 0.0]


def test_what_cannot_be_known_is_counted_apart_and_never_as_nothing(store):
    slow = {"kind": "regex", "pattern": r"^(?:(?:a|aa)+)+$"}
    found = trials.run([slow], trials.typed("How?", "", "a" * 60 + "!"))
    assert (found.totals, found.unknown, found.mean.value, found.tricks) == ([], 1, None, [])
    assert "1 of 1 answers could not be paid" in found.warnings[0]


def test_a_judge_elsewhere_is_named_before_anything_goes_there(store):
    judge = {"kind": "judge", "url": "http://127.0.0.1:9", "model": "m", "rubric": "Is it kind?"}
    assert rewards.leaving(store, [judge]) == []
    assert rewards.leaving(store, [{**judge, "url": "https://judge.example"}]) == ["https://judge.example"]


def test_answers_of_examples_and_of_an_evaluation_are_paid(store, full):
    own = trials.run([EXACT], trials.of_examples(store, full.snapshot, 5))
    assert own.totals == [1.0] * 5  # each is what its row expects
    asked = trials.of_evaluation(store, full.evaluation)
    assert {one.of for one in asked} == {"plain", "tuned"} and len({id(one.row) for one in asked}) == 4
    assert trials.run([EXACT], asked).totals == [0.0] * 8


def test_calls_of_tools_in_an_evaluation_are_paid(store):
    plain, tuned = judged.two(store)
    [item] = judged.items(1)
    called = [{"function": {"name": "look", "arguments": '{"for": "a cup"}'}}]
    item = {**item, "answer": "", "calls": called}
    answers = [judged.answer(plain, item["id"], "I will."), {**judged.answer(tuned, item["id"], ""), "calls": called}]
    found = judged.evaluation(store, [item], answers)
    trial = trials.run([{"kind": "tool"}], trials.of_evaluation(store, found.id))
    assert {one.sample.of: one.payment.total for one in trial.paid} == {"tuned": 1.0, "plain": 0.0}


def test_questions_at_which_every_try_is_paid_the_same_are_counted(store):
    plain, tuned = judged.two(store)
    items = judged.items(2)
    said = [(plain, "i000", "0 months"), (tuned, "i000", "ages"), (plain, "i001", "no"), (tuned, "i001", "none")]
    found = judged.evaluation(store, items, [judged.answer(*each) for each in said])
    warnings = trials.run([EXACT], trials.of_evaluation(store, found.id)).warnings
    assert any("At 1 of 2 questions all tries are paid the same" in worry for worry in warnings)


# the page


def test_an_empty_studio_is_told_what_a_reward_is_and_given_templates(store, app):
    look(app, "rewards")
    assert not app.exception and not app.error
    assert "gives several answers to a question" in words(app) and "The right answer" in words(app)


def test_from_a_template_to_a_saved_reward(store, app):
    look(app, "rewards")
    app.button(key="begin-The right answer").click().run()
    assert not app.exception and not app.error
    app.text_input(key="name-new").set_value("labels")
    app.button(key="reward-save").click().run()
    assert not app.exception and not app.error
    assert rewards.get(store, "labels").rewards[0]["kind"] == "exact"


def test_every_kind_of_rule_has_a_form(full, app):
    from engine.scoring.guide import Guide

    guides.save(full.store, full.dataset, Guide(avoid=["cheap"]), "ada")
    look(app, "rewards", reward="new")
    for kind in paying.KINDS:
        app.selectbox(key="rule-kind").set_value(kind).run()
        app.button(key="rule-add").click().run()
        assert not app.exception, kind
    labels = [box.label for kind in ("text_input", "text_area", "checkbox") for box in app.get(kind)]
    assert {"Pattern", "Rubric", "Schema", "Forbidden"} <= set(labels)


def test_a_reward_that_is_not_there_is_told_in_a_sentence(store, app):
    look(app, "rewards", reward="gold")
    assert "There is no reward gold" in app.error[0].value and not app.exception


def test_the_page_pays_and_warns(full, app):
    rewards.save(full.store, "short", [{"kind": "length", "most": 9}], "ada")
    look(app, "rewards", reward="short")
    assert not app.exception and not app.error
    assert "It can be cheated" in "".join(warning.value for warning in app.warning)
    app.segmented_control(key="way").set_value("An evaluation").run()
    assert not app.exception and not app.error and datasets.listed(full.store)


@pytest.mark.slow
@pytest.mark.skipif(not (STARTER / "model.safetensors").exists(), reason="the starter model is not built yet")
def test_a_model_tries_the_same_questions_several_times(full):
    models.add(full.store, "real", models.BASE, str(STARTER), "ada")
    told = []
    try:
        found = trials.of_model(
            full.store,
            "real",
            full.snapshot,
            "ada",
            questions=2,
            tries=3,
            progress=lambda done, of: told.append((done, of)),
        )
    finally:
        for server in servers.listed(full.store.home.servers):
            servers.stop(server)
    assert len(found) == 6 and len({id(one.row) for one in found}) == 2 and told[-1] == (6, 6)
    assert len({one.answer for one in found}) > 2, "tries at one question differ"
    assert len(trials.run([{"kind": "length", "most": 10}], found).paid) == 6
