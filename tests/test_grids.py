"""The fair baseline and the four arms: a search on validation within a budget, then base and tuned on the test."""

import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engine import events, jobs
from engine.problems import Problem
from engine.reading.grounding import grounded
from engine.scoring import stats, verdicts
from engine.scoring.guide import Guide
from engine.serving.asking.client import Decoding
from studio import prices, steps, work
from studio.building import candidates, models
from studio.building.candidates import SEARCH, Candidate
from studio.data import datasets
from studio.deciding import decision, fairness, findings, grids
from studio.freezing import snapshots
from studio.judging import baselines, evaluations, probes, reports, rounds, sources, variants
from studio.judging.evaluations import Evaluation
from studio.judging.sources import Source
from studio.judging.variants import PASSAGES, PROMPTS, Baseline, Plan
from studio.reading import libraries
from studio.store import Store
from tests import judged
from tests.conftest import conversation, look, words

Rule = Callable[[Candidate, int], float]  # is the answer of this candidate to the item of this number right?


@pytest.fixture
def snapshot(store: Store, tmp_path: Path) -> str:
    return cups(store, tmp_path)


def cups(store: Store, tmp_path: Path) -> str:
    """A frozen dataset with 40 validation and 40 test items; models and a library beside it."""
    rows = [
        conversation(f"How long is the warranty of cup {n}?", f"The warranty of cup {n} is {n} months.", split=split)
        for n, split in enumerate(["train"] * 60 + ["validation"] * 40 + ["test"] * 40)
    ]
    for split in ("train", "validation", "test"):
        file = tmp_path / f"{split}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows if row["split"] == split))
        datasets.bring_in(store, file, "cups", "ada", split=split)
    models.add(store, "starter", models.BASE, "/models/starter", "ada")
    models.add(store, "playful", models.ADAPTER, "/models/playful", "ada", base="starter")
    libraries.add(store, "manual", {"cups.md": "# Cups\n\nThe warranty of cup 7 is 7 months."}, "ada")
    return snapshots.freeze(store, "cups", "ada").id


def source(store: Store, snapshot: str, split: str) -> Source:
    return next(found for found in sources.listed(store) if (found.snapshot, found.split) == (snapshot, split))


def answered(store: Store, evaluation: Evaluation, rule: Rule, fails: str = "") -> None:
    """Let an evaluation end with these answers; those of the candidate `fails` never come."""
    rows = store.rows("select id from item where evaluation = ? order by id", [evaluation.id])
    lines = []
    for id in evaluation.candidates:
        candidate = candidates.get(store, id)
        for number, row in enumerate(rows):
            if fails and fails in candidate.name:
                lines.append(judged.answer(candidate, row["id"], error="It broke off."))
                continue
            scores = {metric: {"value": rule(candidate, number), "why": "by hand"} for metric in evaluation.metrics}
            lines.append(judged.answer(candidate, row["id"], "words", scores=scores))
    judged.write(evaluation.job.folder, lines)
    evaluations.catch_up(store)


def finished(store: Store, baseline: Baseline, rule: Rule, fails: str = "") -> Baseline:
    """A search taken to its end."""
    while (waits := baselines.asking(store, baseline)) is not None:
        answered(store, waits, rule, fails)
        baselines.catch_up(store)
        baseline = baselines.get(store, baseline.id)
    return baseline


def likes(candidate: Candidate, number: int) -> float:
    """Ten more right for the prompt "Be brief.", five more for each example, and for two passages."""
    helped = 10 * (candidate.system == "Be brief.") + 5 * (len(candidate.examples) // 2) + 5 * (candidate.passages == 2)
    return float(number < 5 + helped)


PLAN = Plan(prompts=("Be kind.", "Be brief."), shots=(2,), depths=(1, 2), answers=600)


def test_the_worse_half_leaves_after_each_round_and_what_wins_goes_on_to_read(store, snapshot):
    begun = baselines.start(
        store, "search", "starter", source(store, snapshot, "validation"), PLAN, "ada",
        library="manual", snapshot=snapshot,
    )  # fmt: skip
    found = finished(store, begun, likes)
    ran = [(stage.name, len(stage.words), stage.n) for stage in found.stages]
    assert ran == [(PROMPTS, 12, 20), (PROMPTS, 6, 40), (PASSAGES, 6, 20), (PASSAGES, 3, 40)] and found.done
    prompt, rag = candidates.get(store, found.prompt), candidates.get(store, found.rag)
    assert (prompt.system, len(prompt.examples), prompt.library) == ("Be brief.", 4, "")
    assert (rag.system, len(rag.examples), rag.passages) == ("Be brief.", 4, 2)


def test_a_prompt_that_is_best_only_together_with_examples_is_found(store, snapshot):
    """Stage by stage it would be missed: alone it is the worst of all."""

    def together(candidate: Candidate, number: int) -> float:
        alone = {"": 8, "Be kind.": 12, "Be brief.": 2}[candidate.system]
        return float(number < (30 if candidate.system == "Be brief." and candidate.examples else alone))

    begun = baselines.start(
        store, "search", "starter", source(store, snapshot, "validation"), replace(PLAN, answers=2_000), "ada",
        snapshot=snapshot,
    )  # fmt: skip
    found = finished(store, begun, together)
    assert candidates.get(store, found.prompt).system == "Be brief." and len(found.stages) == 1


def test_rounds_halve_only_where_the_budget_is_short():
    assert rounds.planned(15, 60, 900) == (60,)
    assert rounds.planned(15, 60, 899) == (30, 60)
    assert rounds.planned(15, 60, 600) == (20, 40, 60)
    assert rounds.planned(15, 60, 500) == (20, 40, 50) and rounds.asked(15, (20, 40, 50)) == 15 * 20 + 8 * 20 + 4 * 10
    assert rounds.planned(15, 60, 299) == ()
    assert rounds.planned(2, 60, 100) == (50,) and rounds.planned(15, 9, 200) == (9,)


def test_no_prompt_is_tried_too_and_chosen_where_none_does_better(store, snapshot):
    plan = replace(PLAN, shots=(), depths=())
    begun = baselines.start(store, "search", "starter", source(store, snapshot, "validation"), plan, "ada")
    found = finished(store, begun, lambda candidate, number: float(number < 9))
    assert candidates.get(store, found.prompt).system == "" and len(found.stages[0].words) == 3


def test_a_search_keeps_to_its_budget(store, snapshot):
    begun = baselines.start(
        store, "search", "starter", source(store, snapshot, "validation"), PLAN, "ada",
        library="manual", snapshot=snapshot,
    )  # fmt: skip
    found = finished(store, begun, likes)
    asked = store.row("select count(*) as n from (select distinct candidate, item from response)")
    assert found.spent == asked["n"] == sum(race.answers for race in found.races) <= PLAN.answers


def test_a_budget_that_would_leave_the_choice_to_chance_is_refused(store, snapshot):
    with pytest.raises(Problem, match="30 answers are too few"):
        baselines.start(
            store, "search", "starter", source(store, snapshot, "validation"), replace(PLAN, answers=30), "ada"
        )
    assert baselines.listed(store) == []


def test_a_metric_whose_values_cannot_be_averaged_chooses_no_prompt(store, snapshot):
    for metric in ("perplexity", "faithfulness"):
        with pytest.raises(Problem, match=f"{metric} cannot choose"):
            baselines.start(
                store,
                "search",
                "starter",
                source(store, snapshot, "validation"),
                replace(PLAN, metrics=[metric]),
                "ada",
            )


def test_the_test_set_is_never_searched_on(store, snapshot):
    with pytest.raises(Problem, match="cannot be searched on"):
        baselines.start(store, "search", "starter", source(store, snapshot, "test"), PLAN, "ada")


def test_a_variant_that_could_not_answer_everything_is_no_choice(store, snapshot):
    plan = replace(PLAN, shots=(), depths=())
    begun = baselines.start(store, "search", "starter", source(store, snapshot, "validation"), plan, "ada")
    found = finished(store, begun, likes, fails="prompt 2")
    [stage] = found.stages
    rows = variants.tried(store, found, stage)
    assert candidates.get(store, found.prompt).system != "Be brief."
    assert [row.failed for row in rows if row.worth is None] == [40]


def test_a_search_whose_evaluation_was_stopped_waits_for_somebody_to_go_on(store, snapshot):
    begun = baselines.start(store, "search", "starter", source(store, snapshot, "validation"), PLAN, "ada")
    work.stop(store, baselines.asking(store, begun), "ada")
    baselines.catch_up(store)
    assert baselines.state(store, baselines.get(store, begun.id)) == baselines.STUCK


def test_a_round_starts_once_however_many_look_when_the_one_before_has_ended(store, snapshot):
    plan, asked = replace(PLAN, answers=400), source(store, snapshot, "validation")
    begun = baselines.start(store, "search", "starter", asked, plan, "ada", snapshot=snapshot)
    answered(store, baselines.asking(store, begun), likes)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: baselines.catch_up(store), range(4)))
    assert [stage.n for stage in baselines.get(store, begun.id).stages] == [20, 40]
    assert len(evaluations.listed(store)) == 2


def test_a_search_that_was_under_way_before_races_ran_in_rounds_begins_anew(store, snapshot):
    begun = baselines.start(store, "search", "starter", source(store, snapshot, "validation"), PLAN, "ada")
    (stage,) = begun.stages
    with store.write("ada", "baseline.stage", begun.id) as cursor:
        baselines.KEPT.change(cursor, begun.id, replace(begun, stages=(replace(stage, name="prompts"),)))
    baselines.catch_up(store)
    (again,) = baselines.get(store, begun.id).stages
    assert again.name == PROMPTS and again.evaluation != stage.evaluation


def test_what_a_search_has_tried_is_not_offered_to_everybody(store, snapshot):
    begun = baselines.start(store, "search", "starter", source(store, snapshot, "validation"), PLAN, "ada")
    finished(store, begun, likes)
    assert not [one.name for one in candidates.on_offer(store, "ada") if one.name.startswith(SEARCH)]
    assert any(one.name == "starter" for one in candidates.on_offer(store, "ada"))


def test_examples_to_show_come_from_training_alone_and_are_chosen_in_three_ways(store, snapshot):
    begun = baselines.start(
        store, "search", "starter", source(store, snapshot, "validation"), PLAN, "ada", snapshot=snapshot
    )
    trained = {row["messages"][0]["content"] for row in snapshots.examples(store, snapshot, "train")}
    found = {words: one for one, words in variants.of(store, begun, PROMPTS) if words.startswith("no prompt")}
    _, typical, drawn, near = found
    assert (typical, drawn, near) == (
        "no prompt, 2 typical examples", "no prompt, 2 examples at random", "no prompt, 2 nearest examples",
    )  # fmt: skip
    for one in (found[typical], found[drawn]):
        assert {turn["content"] for turn in one.examples if turn["role"] == "user"} <= trained
        assert len(one.examples) == 4 and not one.nearest
    assert (found[near].nearest, found[near].nearest_from, found[near].examples) == (2, snapshot, [])


def test_the_style_guide_makes_the_first_prompts_and_those_of_the_team_come_before_them(store, snapshot):
    guide = Guide(name="Fernwick", most_words=20)
    first, second = variants.proposed(store, "starter", guide)
    assert "in the voice of Fernwick" in first and "20" in first and "short" in second
    assert len(variants.proposed(store, "starter", Guide())) == 1
    candidates.add(store, "ours", "starter", "ada", system="Be a lighthouse.")
    candidates.add(store, "theirs", "playful", "ada", system="Be a buoy.")
    assert variants.proposed(store, "starter", guide) == ["Be a lighthouse.", first, second]


# the grid


def arms(candidate: Candidate, number: int) -> float:
    """Base 5 of 40, with retrieval 25, tuned 10, both 38."""
    tuned, reads = candidate.model == "playful", bool(candidate.library)
    return float(number < {(False, False): 5, (False, True): 25, (True, False): 10, (True, True): 38}[tuned, reads])


def whole(
    store: Store, snapshot: str, probe: Rule | None = None, margin: float = 0.05, metrics: Sequence[str] = ("facts",)
) -> grids.Grid:
    """A grid taken to its end."""
    made = grids.start(
        store, "four", "playful", "manual", source(store, snapshot, "test"), source(store, snapshot, "validation"),
        replace(PLAN, metrics=metrics, decoding=Decoding(max_tokens=40)), "ada", snapshot=snapshot,
        probe=probes.built_in() if probe else None, margin=margin,
    )  # fmt: skip
    finished(store, baselines.get(store, made.baseline), likes)
    grids.catch_up(store)
    made = grids.get(store, made.id)
    answered(store, evaluations.get(store, made.evaluation), arms)
    if probe:
        answered(store, evaluations.get(store, made.forgetting), probe)
    return made


def test_the_four_arms_share_decoding_and_retrieval_and_only_the_base_is_prompted(store, snapshot):
    made = whole(store, snapshot)
    prompt, rag, tuned, both = (candidates.get(store, id) for id in made.arms.ids)
    assert all(one.decoding["max_tokens"] == 40 for one in (prompt, rag, tuned, both))
    assert (rag.library, rag.passages) == (both.library, both.passages) == ("manual", 2)
    assert prompt.system == "Be brief." and tuned.system == both.system == ""
    assert grids.state(store, made) == grids.DONE


def test_the_arms_are_asked_the_test_items_once_and_it_leaves_a_look(store, snapshot):
    made = whole(store, snapshot)
    assert evaluations.get(store, made.evaluation).items.endswith("test")
    assert len(snapshots.looks(store, snapshot)) == 1


def test_the_grid_says_what_each_step_does_and_what_both_do_beyond_their_sum(store, snapshot):
    made = whole(store, snapshot)
    found = findings.effects(store, made.evaluation, "facts", made.arms)
    assert found.rag.value == pytest.approx(20 / 40)
    assert found.tuned.value == pytest.approx(5 / 40)
    assert found.both.value == pytest.approx(33 / 40)
    assert found.beyond.value == pytest.approx((38 - 10 - (25 - 5)) / 40)


@pytest.mark.parametrize(("lost", "said"), [(0, "kept"), (10, "cannot tell"), (60, "lost")])
def test_the_probe_holds_what_was_lost_against_a_margin_declared_before(store, snapshot, lost, said):
    def rule(candidate: Candidate, number: int) -> float:
        return float(number < 150 - (lost if candidate.model == "playful" else 0))

    made = whole(store, snapshot, rule)
    found = grids.forgotten(store, made)
    assert found.change.value == pytest.approx(-lost / 200) and found.change.n == 200
    assert found.verdict == said and made.margin == 0.05


def test_whoever_decides_reads_what_is_best_what_was_forgotten_and_what_to_do_next_on_both_pages(store, snapshot, app):
    def rule(candidate: Candidate, number: int) -> float:
        return float(number < 150 - (60 if candidate.model == "playful" else 0))

    made = whole(store, snapshot, rule, metrics=("facts", "exact"))
    assert grids.of(store, made.evaluation) == made and grids.of(store, made.forgetting) is None
    for page, asked in (("grid", {"grid": made.id}), ("dashboard", {"evaluation": made.evaluation})):
        said = words(look(app, page, **asked)).replace("&nbsp;", " ")
        assert not app.exception and not app.error
        assert "By facts, playful + manual is best: 95 %" in said
        assert "lost more than the 5 points that were allowed: -30 points" in said
        assert page == "dashboard" or ("75 % (69-80, n = 200)" in said and "45 % (38-52, n = 200)" in said)
        assert "Let it answer only what it was tuned for" in said
        assert "By exact, playful + manual is best: 95 %" in said
        assert "Next, by facts and exact together: read the worst answers of playful + manual" in said
    assert [step.ids for step in steps.next_steps(store) if step.role == "manager"] == [{"grid": made.id}]


def test_who_leads_by_every_metric_is_advised_before_a_cheaper_one_that_is_worse_by_another(store):
    """By facts the two cannot be told apart, and the plain one is cheaper; by tone only the tuned one is any good."""
    plain, tuned = judged.two(store)
    asked = judged.items(40)
    lines = [
        judged.answer(
            who, item["id"], "x", seconds=seconds,
            scores=judged.right(float(n < 38)) | judged.right(float(n < voiced), "tone"),
        )
        for who, seconds, voiced in ((plain, 0.1, 2), (tuned, 0.9, 38))
        for n, item in enumerate(asked)
    ]  # fmt: skip
    found = judged.evaluation(store, asked, lines, metrics=("facts", "tone"))
    figured = reports.frontier(store, found.id, "facts")
    lead = findings.leading(store, found.id, "facts", figured)
    assert "take plain, the cheapest" in findings.next_step(lead, 2)
    told = decision.words(store, found, "facts", figured, None)[-1]
    assert told.startswith("Next, by facts and tone together: read the worst answers of tuned")


def test_what_the_four_arms_take_goes_by_what_earlier_answers_took(store, snapshot):
    """By hand: each took half a second with 16 at once; 160 of them take 5 seconds."""
    assert grids.takes(store, {"starter": 120, "playful": 40}) == (None, None)
    whole(store, snapshot)
    prices.set(store, prices.MACHINE, 3.60, "euros an hour", "a bill", "ada")
    seconds, euros = grids.takes(store, {"starter": 120, "playful": 40})
    assert seconds == pytest.approx(5.0) and euros == pytest.approx(0.005)


def test_the_form_begins_with_test_items_of_what_the_chosen_model_learned_from(full, snapshot, app):
    models.add(full.store, "tuned", models.ADAPTER, "/models/tuned", "ada", base="tiny", run=full.run)
    look(app, "grid", model="tuned")
    asked = next(field for field in app.selectbox if field.label == "Test items, asked once")
    assert asked.value.snapshot == full.snapshot and full.snapshot[:8] not in asked.options[0], (
        "the newest stands first"
    )
    next(field for field in app.selectbox if field.label == "Tuned model").select("playful").run()
    asked = next(field for field in app.selectbox if field.label == "Test items, asked once")
    assert asked.value.snapshot == snapshot


def test_time_and_cost_are_told_before_the_four_arms_start_and_a_budget_that_is_too_small_keeps_them(
    store, snapshot, app
):
    made = whole(store, snapshot)
    said = words(look(app, "grid"))
    assert re.search(r"Up to \*\*[\d,]+ answers\*\*: .* About \d+ s; about 0\.\d+ €\.", said)
    start = next(button for button in app.button if button.label == "Start")
    assert not start.disabled
    next(field for field in app.number_input if field.label.startswith("Answers")).set_value(40).run()
    start = next(button for button in app.button if button.label == "Start")
    assert start.disabled and "each needs at least 20 items, or chance decides" in words(app)
    assert made.name in words(app) and not app.exception and not app.error


def test_a_grid_that_stopped_or_failed_foretells_no_time_and_says_why(store, snapshot, app):
    asked = (source(store, snapshot, split) for split in ("test", "validation"))
    made = grids.start(store, "four", "playful", "manual", *asked, PLAN, "ada", snapshot=snapshot)
    [waits] = grids.asking(store, made)
    jobs.stop(waits.job)
    events.append(waits.job.folder, "progress", done=20, of=40, seconds_left=12)
    assert look(app, "grid", grid=made.id).progress[0].text.endswith("20 of 40 answers")
    judged.write(waits.job.folder, [], jobs.FAILED)
    events.append(waits.job.folder, "end", state=jobs.FAILED, why="The budget is spent.")
    said = words(look(app, "grid", grid=made.id))
    assert "The budget is spent." in said and not app.exception


def test_how_fair_it_is_stands_in_sentences(store, snapshot):
    said = " ".join(fairness.sentences(store, whole(store, snapshot)))
    assert "among 18 variants" in said and "a budget of 600 answers" in said
    assert "“Be brief.” with 2 examples" in said and "one run with one seed" in said
    assert "starter + best prompt had facts 62 % (47-76, n = 40) on the validation items, as the best of 12" in said
    assert "It is the test items that count: facts 12 %" in said
    assert "the 2 best passages of manual" in said and "at most 40 tokens" in said


def test_a_grid_needs_a_tuned_model_and_a_library(store, snapshot):
    test, validation = (source(store, snapshot, split) for split in ("test", "validation"))
    with pytest.raises(Problem, match="not a tuned model"):
        grids.start(store, "four", "starter", "manual", test, validation, PLAN, "ada")
    with pytest.raises(Problem, match="No library"):
        grids.start(store, "four", "playful", "", test, validation, PLAN, "ada")
    with pytest.raises(Problem, match="No number of passages"):
        grids.start(store, "four", "playful", "manual", test, validation, replace(PLAN, depths=()), "ada")
    with pytest.raises(Problem, match="There is no grid nowhere"):
        grids.get(store, "nowhere")
    assert grids.listed(store) == []


def test_non_inferiority_needs_the_whole_interval_above_the_margin():
    assert verdicts.kept(stats.Estimate(-0.01, -0.04, 0.02, 500), 0.05) == "kept"
    assert verdicts.kept(stats.Estimate(-0.03, -0.06, 0.00, 200), 0.05) == "cannot tell"
    assert verdicts.kept(stats.Estimate(-0.20, -0.26, -0.14, 200), 0.05) == "lost"
    assert verdicts.kept(stats.Estimate(0.0, None, None, 1), 0.05) == "cannot tell"
    found = verdicts.kept_in_words(stats.Estimate(-0.01, -0.04, 0.02, 500), 0.05)
    assert "Kept: -1 points (-4 to +2, n = 500)" in found


def test_jobs_of_a_search_are_those_of_evaluations(store, snapshot):
    begun = baselines.start(store, "search", "starter", source(store, snapshot, "validation"), PLAN, "ada")
    waits = baselines.asking(store, begun)
    assert waits is not None and waits.state == jobs.QUEUED
    assert store.row("select purpose from evaluation")["purpose"] == "search"


def test_questions_that_bring_their_passages_are_no_questions_for_four_arms(store, snapshot, tmp_path, app):
    file = tmp_path / "read.jsonl"
    asked = [grounded(f"How long is cup {n} covered?", [f"The warranty of cup {n} is {n} months."]) for n in range(90)]
    file.write_text("".join(json.dumps(conversation(one, "Some months.")) + "\n" for one in asked))
    datasets.bring_in(store, file, "cups with passages", "ada")
    read = snapshots.freeze(store, "cups with passages", "ada").id
    pairs = [[source(store, one, split) for split in ("test", "validation")] for one in (snapshot, read)]
    for test, validation in (pairs[1], (pairs[0][0], pairs[1][1])):
        with pytest.raises(Problem, match="bring their passages"):
            grids.start(store, "four", "playful", "manual", test, validation, PLAN, "ada", snapshot=snapshot)
    assert not evaluations.listed(store)
    look(app, "grid")
    for test, said in ((pairs[1][0], True), (pairs[0][0], False)):
        next(field for field in app.selectbox if field.label == "Test items, asked once").set_value(test).run()
        assert ("bring their passages" in words(app)) == said and not app.exception
        assert next(button for button in app.button if button.label == "Start").disabled == said
