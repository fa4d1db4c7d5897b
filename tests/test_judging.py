"""What stands under the pages that judge and decide, on real stores and answers written by hand."""

import json
import math
from collections import Counter
from dataclasses import replace

import pytest

from engine import jobs
from engine.problems import Problem
from engine.serving.asking.client import Decoding
from studio import audit, prices
from studio.building import candidates, models
from studio.deciding import findings
from studio.freezing import snapshots
from studio.judging import evaluations, figures, judgements, pairs, preferring, reports, sources
from studio.judging.orders import Measures, Order, Terms
from studio.judging.sources import Source
from studio.reading import libraries
from studio.store import Store
from tests import judged

A_EURO_A_SECOND = 3600.0  # in euros an hour


def ten_questions(store: Store, plain_right: int, tuned_right: int):
    """An evaluation of ten items: the first so many of each candidate are right."""
    plain, tuned = judged.two(store)
    items = judged.items(10)
    lines = [
        judged.answer(who, item["id"], f"{who.name} says {number}", scores=judged.right(float(number < right)))
        for who, right in ((plain, plain_right), (tuned, tuned_right))
        for number, item in enumerate(items)
    ]
    return judged.evaluation(store, items, lines), plain, tuned


def many_pairs(store: Store, n: int):
    plain, tuned = judged.two(store)
    items = judged.items(n)
    lines = [judged.answer(who, item["id"], f"{who.name} {item['id']}") for who in (plain, tuned) for item in items]
    found = judged.evaluation(store, items, lines)
    assert pairs.deal(store, found.id, plain.id, tuned.id, "ada") == n
    return found, plain, tuned


# candidates


def test_the_same_arrangement_again_is_the_same_candidate_under_its_first_name(store):
    plain, _ = judged.two(store)
    again = candidates.add(store, "another name", "starter", "bo", system="Be kind.")
    assert (again.id, again.name, again.made_by) == (plain.id, "plain", "ada")


def test_a_changed_prompt_is_another_candidate(store):
    plain, _ = judged.two(store)
    other = candidates.add(store, "curt", "starter", "ada", system="Be curt.")
    assert other.id != plain.id


def test_two_candidates_never_share_a_name_since_charts_tell_them_apart_by_it(store):
    judged.two(store)
    names = [candidates.add(store, "plain", "starter", "ada", system=f"Be {way}.").name for way in ("curt", "odd")]
    assert names == ["plain (2)", "plain (3)"]


def test_a_draft_has_the_id_of_what_it_would_become_and_is_kept_nowhere(store):
    judged.two(store)
    before = len(candidates.listed(store))
    draft = candidates.draft(store, "warm", "starter", "ada", decoding=Decoding(temperature=0.7))
    assert len(candidates.listed(store)) == before
    kept = candidates.add(store, "warm", "starter", "ada", decoding=Decoding(temperature=0.7))
    assert kept.id == draft.id and kept.decoding["temperature"] == 0.7


def test_passages_count_only_with_a_library(store):
    judged.two(store)
    assert candidates.draft(store, "x", "starter", "ada", passages=5).passages == 0


def test_a_candidate_of_a_model_that_is_not_there_is_a_problem(store):
    with pytest.raises(Problem, match="There is no model ghost"):
        candidates.add(store, "x", "ghost", "ada")


# evaluations


def test_answers_come_in_once_however_often_somebody_looks(store):
    found, *_ = ten_questions(store, 3, 8)
    held = store.row("select count(*) as n from response")
    pulls = [event for event in audit.listed(store) if event.verb == "evaluation.pull"]
    evaluations._seen.clear()  # as another process would see it
    evaluations.catch_up(store)
    assert store.row("select count(*) as n from response") == held == {"n": 20}
    assert [event for event in audit.listed(store) if event.verb == "evaluation.pull"] == pulls and len(pulls) == 1
    assert found.state == jobs.DONE


def test_a_half_written_line_waits_until_it_is_whole(store):
    plain, _ = judged.two(store)
    items = judged.items(2)
    made = evaluations.start(store, judged.order(items, [plain]), "ada")
    whole = json.dumps(judged.answer(plain, "i000", "first")) + "\n"
    path = made.job.folder / "responses.jsonl"
    path.write_text(whole + whole[:30])
    evaluations.catch_up(store)
    assert store.row("select count(*) as n from response") == {"n": 1}
    path.write_text(whole + json.dumps(judged.answer(plain, "i001", "second")) + "\n")
    evaluations.catch_up(store)
    assert {row["text"] for row in store.rows("select text from response")} == {"first", "second"}


def test_a_call_that_failed_and_was_made_again_counts_as_its_newest_answer(store):
    plain, _ = judged.two(store)
    failed = judged.answer(plain, "i000", error="The server ended.")
    found = judged.evaluation(store, judged.items(1), [failed])
    assert len(reports.failures(store, found.id)) == 1
    judged.write(found.job.folder, [judged.answer(plain, "i000", "yes", scores=judged.right(1.0))])
    evaluations.catch_up(store)
    assert len(reports.failures(store, found.id)) == 0
    assert str(figures.estimate(store, found.id, plain.id, "facts")).startswith("100 %")


def test_a_share_stands_on_the_answers_that_could_be_judged_alone(store):
    plain, _ = judged.two(store)
    scores = [judged.right(1.0), judged.right(0.0), judged.right(1.0), judged.right(None)]
    lines = [judged.answer(plain, f"i{n:03}", "x", scores=score) for n, score in enumerate(scores)]
    lines.append(judged.answer(plain, "i004", error="The server ended."))
    found = judged.evaluation(store, judged.items(5), lines)
    share = figures.estimate(store, found.id, plain.id, "facts")
    assert share.n == 3 and share.value == pytest.approx(2 / 3)
    # Wilson's interval of 2 of 3, by hand: centre (2/3 + z²/6) / (1 + z²/3), z = 1.96
    assert (round(share.low, 3), round(share.high, 3)) == (0.208, 0.939)


def test_an_evaluation_needs_items_and_candidates(store):
    plain, _ = judged.two(store)
    with pytest.raises(Problem, match="holds no test item"):
        evaluations.start(store, judged.order([], [plain]), "ada")
    with pytest.raises(Problem, match="No candidate is chosen"):
        evaluations.start(store, judged.order(judged.items(1), []), "ada")


def test_an_order_says_in_a_sentence_what_differs_from_the_usual(store):
    plain, _ = judged.two(store)
    usual = judged.order(judged.items(1), [plain], name="")
    assert usual.title == "questions by hand, 1 candidate"
    assert usual.words == "1 item of questions by hand for 1 candidate, scored by facts."
    judge = Measures(["facts", "tone"], judge="large")
    order = replace(usual, measures=judge, terms=Terms(repeats=3, budget=2.5, reuse=False))
    assert order.words.endswith(
        "scored by facts, tone, judged by large; each asked 3 times; at most 2.5 euros; "
        "nothing taken from earlier answers."
    )


def test_settings_reach_every_item_that_says_nothing_itself_and_drafts_are_kept(store):
    judged.two(store)
    draft = candidates.draft(store, "brief", "starter", "ada", system="Be brief.")
    items = [{**item, "pattern": pattern} for item, pattern in zip(judged.items(2), ("own", ""), strict=True)]
    order = judged.order(items, [draft])
    made = evaluations.start(store, replace(order, measures=Measures(["regex"], settings={"pattern": "all"})), "ada")
    bodies = [json.loads(row["body"]) for row in store.rows("select body from item order by id")]
    assert [body["pattern"] for body in bodies] == ["own", "all"]
    assert candidates.get(store, draft.id).name == "brief" and made.candidates == [draft.id]


def test_starting_with_a_locked_test_set_leaves_a_look_and_counting_its_items_leaves_none(full):
    plain = candidates.draft(full.store, "plain", "starter", "ada")
    source = next(one for one in sources.of(full.store, "test") if one.snapshot == full.snapshot)
    order = Order(sources.questions(full.store, source, 1), [plain], Measures(["facts"]), name="first look")
    assert snapshots.looks(full.store, full.snapshot) == []
    evaluations.start(full.store, order, "ada")
    [look] = snapshots.looks(full.store, full.snapshot)
    assert (look.why, look.how) == ("evaluation first look", "evaluation")


def test_a_snapshot_is_asked_by_all_but_its_last_answer(store):
    row = {
        "id": "e1",
        "messages": [
            {"role": "system", "content": "Be playful."},
            {"role": "user", "content": "Ada, your 2 cups left."},
            {"role": "assistant", "content": "Ta-da! Ada's 2 cups are off."},
        ],
        "tags": ["topic:parcel"],
    }
    (store.home.snapshots / "s1").mkdir()
    (store.home.snapshots / "s1" / "test.jsonl").write_text(json.dumps(row) + "\n")
    with store.jot() as cursor:
        cursor.execute("insert into snapshot values ('s1', 'cups', 0, 0, 1, 'ada', now(), '{}')")
    (item,) = sources.questions(store, Source("cups, test", "s1", "test", 1)).items
    assert [message["role"] for message in item["messages"]] == ["system", "user"]
    assert item["answer"] == item["label"] == "Ta-da! Ada's 2 cups are off."
    assert item["source"] == "Ada, your 2 cups left."


# sources


def test_metrics_are_proposed_by_what_the_items_hold():
    questions = [{"id": "q", "answer": "24 months", "accept": ["24 months"]}]
    labels = [{"id": str(n), "label": ("delivery / late", "billing / refund")[n % 2]} for n in range(8)]
    texts = [{"id": str(n), "label": f"Ta-da, number {n}!"} for n in range(8)]
    assert sources.fitting(questions)[0] == "facts"
    assert sources.fitting(labels) == ["label", "type"]
    assert sources.fitting(texts) == ["tone", "kept"]


def test_a_part_of_a_source_is_the_same_part_every_time(store):
    libraries.add(store, "fernwick", {"a.md": "# Kettle\n\nThe kettle has a warranty of 24 months."}, "ada")
    (source,) = [one for one in sources.listed(store) if one.split == "test"]
    some = [item["id"] for item in sources.questions(store, source, 7).items]
    assert len(set(some)) == 7 and some == [item["id"] for item in sources.questions(store, source).items][:7]


# pairs


def test_a_blind_pair_holds_no_name_of_a_model_candidate_or_response(store):
    found, plain, tuned = many_pairs(store, 1)
    pair = pairs.next_blind(store, found.id, "ada")
    held = store.rows("select id, model from response")
    secret = {plain.id, tuned.id, plain.model, tuned.model, *(row["id"] for row in held)}
    assert set(vars(pair)) == {"id", "prompt", "left", "right", "before", "left_calls", "right_calls"}
    assert not [word for word in secret for said in (pair.id, pair.prompt) if word in said]


@pytest.mark.parametrize("judge", ["ada", "bo", "carla", "dev"])
def test_sides_are_balanced_within_what_chance_allows(store, judge):
    n = 400
    found, plain, _ = many_pairs(store, n)
    left = sum(pairs.left(store, row["id"], judge) == row["first"] for row in store.rows("select id, first from pair"))
    assert abs(left - n / 2) < 4 * math.sqrt(n / 4)  # four standard deviations of a fair coin
    assert found and plain


def test_a_pair_shows_the_turns_that_led_to_its_question(store):
    plain, tuned = judged.two(store)
    turns = [("system", "Be kind."), ("user", "Is it blue?"), ("assistant", "Yes."), ("user", "And how big?")]
    item = {"id": "i000", "messages": [{"role": role, "content": said} for role, said in turns], "answer": "Big."}
    lines = [judged.answer(who, "i000", who.name) for who in (plain, tuned)]
    found = judged.evaluation(store, [item], lines)
    pairs.deal(store, found.id, plain.id, tuned.id, "ada")
    pair = pairs.next_blind(store, found.id, "ada")
    assert pair.prompt == "And how big?" and [one["content"] for one in pair.before] == ["Is it blue?", "Yes."]


def called(id: str, size: str) -> dict:
    return {"id": id, "type": "function", "function": {"name": "order", "arguments": json.dumps({"size": size})}}


def test_answers_that_call_other_tools_are_a_pair_and_the_ids_of_the_calls_are_not_shown(store):
    plain, tuned = judged.two(store)
    lines = [
        judged.answer(who, f"i{n:03}", calls=[called(f"{who.name}-{n}", size)])
        for n, sizes in enumerate((("big", "small"), ("big", "big")))
        for who, size in zip((plain, tuned), sizes, strict=True)
    ]
    found = judged.evaluation(store, judged.items(2), lines)
    assert pairs.identical(store, found.id, plain.id, tuned.id) == 1
    assert pairs.deal(store, found.id, plain.id, tuned.id, "ada") == 1
    pair = pairs.next_blind(store, found.id, "ada")
    seen = [json.loads(calls) for calls in (pair.left_calls, pair.right_calls)]
    assert sorted(call["arguments"]["size"] for [call] in seen) == ["big", "small"]
    assert "plain" not in pair.left_calls + pair.right_calls
    judgements.record(store, pair.id, "ada", judgements.LEFT)
    made = preferring.find(store, found)
    assert (made.unusable, made.examples) == (1, [])  # without the call it would be another answer


def test_sides_do_not_follow_from_who_judges(store):
    many_pairs(store, 400)
    ids = [row["id"] for row in store.rows("select id from pair")]
    same = sum(pairs.swapped(id, "ada") == pairs.swapped(id, "bo") for id in ids)
    assert abs(same - 200) < 40


def test_each_judge_has_an_order_and_sees_the_same_pair_again_until_it_is_judged(store):
    found, *_ = many_pairs(store, 30)
    first = {judge: pairs.next_blind(store, found.id, judge) for judge in ("ada", "bo", "carla", "dev")}
    assert len({pair.id for pair in first.values()}) > 1
    assert pairs.next_blind(store, found.id, "ada") == first["ada"]


def test_every_pair_is_shown_once_and_then_there_is_none(store):
    found, *_ = many_pairs(store, 12)
    seen = []
    while pair := pairs.next_blind(store, found.id, "ada"):
        seen.append(pair.id)
        judgements.record(store, pair.id, "ada", judgements.TIE)
    assert len(seen) == len(set(seen)) == 12
    assert pairs.count(store, found.id, "ada") == (12, 12) and pairs.count(store, found.id, "bo") == (0, 12)


def test_identical_and_failed_answers_are_no_pairs(store):
    plain, tuned = judged.two(store)
    lines = [
        judged.answer(plain, "i000", "the same"),
        judged.answer(tuned, "i000", "the same \n"),
        judged.answer(plain, "i001", "one"),
        judged.answer(tuned, "i001", error="The server ended."),
        judged.answer(plain, "i002", "one"),
        judged.answer(tuned, "i002", "two"),
    ]
    found = judged.evaluation(store, judged.items(3), lines)
    assert pairs.deal(store, found.id, plain.id, tuned.id, "ada") == 1
    assert pairs.identical(store, found.id, plain.id, tuned.id) == 1


def test_dealing_again_the_other_way_round_adds_nothing_and_keeps_one_tally(store):
    found, plain, tuned = many_pairs(store, 5)
    pairs.deal(store, found.id, tuned.id, plain.id, "bo")
    judgements.record(store, pairs.next_blind(store, found.id, "ada").id, "ada", judgements.TIE)
    assert pairs.count(store, found.id, "ada") == (1, 5) and len(judgements.tallies(store, found.id)) == 1


def test_a_candidate_is_not_paired_with_itself(store):
    found, plain, _ = many_pairs(store, 2)
    with pytest.raises(Problem, match="cannot be compared with itself"):
        pairs.deal(store, found.id, plain.id, plain.id, "ada")


# judgements


def prefer(store: Store, found, judge: str, name: str, n: int) -> None:
    """Judge `n` pairs for the candidate of this name, wherever it stands: its texts begin with its name."""
    for _ in range(n):
        pair = pairs.next_blind(store, found.id, judge)
        verdict = judgements.LEFT if pair.left.startswith(name) else judgements.RIGHT
        judgements.record(store, pair.id, judge, verdict, seconds=4.0)


def test_a_verdict_counts_for_the_answer_that_stood_on_that_side(store):
    found, *_ = many_pairs(store, 40)
    prefer(store, found, "ada", "tuned", 25)
    prefer(store, found, "ada", "plain", 5)
    (tally,) = judgements.tallies(store, found.id)
    assert (tally.first, tally.second) == ("plain", "tuned")
    assert (tally.wins, tally.ties, tally.losses, tally.n) == (5, 0, 25, 30)


def test_both_bad_is_a_tie_and_a_skipped_pair_counts_nowhere(store):
    found, *_ = many_pairs(store, 4)
    for verdict in (judgements.TIE, judgements.BOTH_BAD, judgements.SKIP):
        judgements.record(store, pairs.next_blind(store, found.id, "ada").id, "ada", verdict)
    (tally,) = judgements.tallies(store, found.id)
    assert (tally.ties, tally.skipped, tally.n, tally.judges) == (2, 1, 2, 1)


def test_a_double_click_counts_once_and_leaves_one_event(store):
    found, *_ = many_pairs(store, 3)
    pair = pairs.next_blind(store, found.id, "ada")
    judgements.record(store, pair.id, "ada", judgements.LEFT)
    judgements.record(store, pair.id, "ada", judgements.RIGHT)
    assert [row["verdict"] for row in store.rows("select verdict from judgement")] == [judgements.LEFT]
    assert Counter(event.verb for event in audit.listed(store))["pair.judge"] == 1


def test_undo_brings_the_same_pair_back_and_leaves_both_events(store):
    found, *_ = many_pairs(store, 5)
    judgements.record(store, pairs.next_blind(store, found.id, "ada").id, "ada", judgements.TIE)
    pair = pairs.next_blind(store, found.id, "ada")
    judgements.record(store, pair.id, "ada", judgements.LEFT)
    assert judgements.take_back(store, found.id, "ada")
    assert pairs.next_blind(store, found.id, "ada") == pair
    newest, before, *_ = audit.listed(store)
    assert (newest.verb, newest.detail["verdict"]) == ("pair.unjudge", judgements.LEFT)
    assert (before.verb, before.made_by) == ("pair.judge", "ada")


def test_undo_takes_back_ones_own_verdict_only(store):
    found, *_ = many_pairs(store, 5)
    judgements.record(store, pairs.next_blind(store, found.id, "ada").id, "ada", judgements.TIE)
    assert not judgements.take_back(store, found.id, "bo")
    assert pairs.count(store, found.id, "ada") == (1, 5)


def test_a_verdict_that_nobody_knows_is_refused(store):
    found, *_ = many_pairs(store, 1)
    with pytest.raises(Problem, match="There is no verdict 'maybe'"):
        judgements.record(store, pairs.next_blind(store, found.id, "ada").id, "ada", "maybe")


def test_the_pace_is_the_median_so_that_a_coffee_does_not_count(store):
    found, *_ = many_pairs(store, 5)
    assert judgements.pace(store, found.id, "ada") is None
    for seconds in (4.0, 6.0, 900.0):
        judgements.record(store, pairs.next_blind(store, found.id, "ada").id, "ada", judgements.TIE, seconds=seconds)
    assert judgements.pace(store, found.id, "ada") == 6.0


def test_who_was_who_names_each_side_as_the_judge_saw_it(store):
    found, *_ = many_pairs(store, 6)
    pair = pairs.next_blind(store, found.id, "ada")
    judgements.record(store, pair.id, "ada", judgements.LEFT)
    (seen,) = pairs.reveal(store, found.id, "ada")
    assert pair.left.startswith(seen.left) and pair.right.startswith(seen.right) and seen.prompt == pair.prompt
    assert pairs.reveal(store, found.id, "bo") == []


# reports, prices and findings


def test_a_difference_is_over_the_same_items(store):
    found, plain, tuned = ten_questions(store, 3, 8)
    change = reports.differences(store, found.id, "facts", plain.id)[tuned.id]
    # five items gained, none lost; McNemar's exact p of 0 against 5 is 2 / 2^5
    assert (change.n, change.b, change.c) == (10, 0, 5)
    assert change.value == pytest.approx(0.5) and change.p == pytest.approx(2 / 32)


def test_an_item_that_one_of_two_has_no_score_for_is_in_no_difference(store):
    plain, tuned = judged.two(store)
    lines = [judged.answer(plain, f"i00{n}", "x", scores=judged.right(0.0)) for n in range(3)]
    lines += [judged.answer(tuned, f"i00{n}", "y", scores=judged.right(1.0 if n else None)) for n in range(3)]
    found = judged.evaluation(store, judged.items(3), lines)
    assert reports.differences(store, found.id, "facts", plain.id)[tuned.id].n == 2


def test_a_frontier_line_has_quality_cost_and_time_of_the_answers_that_came(store):
    plain, _ = judged.two(store)
    prices.set(store, prices.MACHINE, A_EURO_A_SECOND, "euros an hour", "made up", "ada")
    seconds = [0.2, 0.4, 0.6, 0.8, 99.0]
    lines = [
        judged.answer(plain, f"i{n:03}", "x", seconds=took, scores=judged.right(1.0) if n < 4 else {},
                      error="The server ended." if n == 4 else "")
        for n, took in enumerate(seconds)
    ]  # fmt: skip
    found = judged.evaluation(store, judged.items(5), lines)
    (line,) = reports.frontier(store, found.id, "facts")
    assert (line.name, line.quality.n, line.failed) == ("plain", 4, 1)
    assert line.seconds == pytest.approx(0.5)
    # a mean of 0.5 s, four answers at a time: 0.125 s of the machine each, a euro a second, a thousand of them
    assert line.cost == pytest.approx(125.0)


def test_what_nobody_has_said_the_price_of_costs_nobody_knows_what(store):
    models.add(store, "far", models.ENDPOINT, "https://models.example.org/v1", "ada")
    far, (plain, _) = candidates.add(store, "far", "far", "ada"), judged.two(store)
    lines = [judged.answer(one, "i000", "x", scores=judged.right(1.0)) for one in (far, plain)]
    found = judged.evaluation(store, judged.items(1), lines)
    told = {line.name: line for line in reports.frontier(store, found.id, "facts")}
    assert told["far"].cost is None and findings.euros(told["far"].cost) == "not known"
    assert told["plain"].cost is not None
    said = findings.price_of_it([told["far"], told["plain"]])
    assert "far cost nobody knows what" in said and "the cheapest of those whose price is known is plain" in said


def test_answers_come_worst_first_with_what_was_expected_and_why(store):
    found, plain, _ = ten_questions(store, 3, 8)
    table = reports.answers(store, found.id, "facts", plain.id)
    assert table["value"].tolist() == [0.0] * 7 + [1.0] * 3
    assert table.loc[0, "expected"] == "3 months" and table.loc[0, "why"] == "by hand"
    assert table.loc[0, "prompt"] == "How long is warranty 3?"


def test_an_hour_at_two_euros_makes_a_half_hour_one_euro(store):
    price = prices.set(store, prices.MACHINE, 2.0, "euros an hour", "a bill", "ada")
    assert prices.cost(1800, price) == 1.0


def test_a_price_needs_a_source_and_the_newest_holds(store):
    with pytest.raises(Problem, match="needs its source"):
        prices.set(store, prices.MACHINE, 1.0, "euros an hour", " ", "ada")
    with pytest.raises(Problem, match="makes no sense"):
        prices.set(store, prices.MACHINE, -1.0, "euros an hour", "a bill", "ada")
    assert "assumption" in prices.assume(store).source
    prices.set(store, prices.MACHINE, 1.5, "euros an hour", "a bill", "ada")
    assert prices.assume(store).amount == 1.5


def test_amounts_keep_two_digits_that_mean_something():
    assert [findings.euros(x) for x in (0, 12.3, 1234, 0.0234, 0.00022, 1e-7)] == [
        "0.00 €",
        "12.30 €",
        "1,234.00 €",
        "0.023 €",
        "0.00022 €",
        "under 0.0001 €",
    ]


def headline(store: Store, found) -> str:
    return findings.headline(store, found.id, "facts", reports.frontier(store, found.id, "facts"))


def test_the_headline_names_a_winner_only_when_the_figures_do(store):
    found, *_ = ten_questions(store, 0, 10)
    said = headline(store, found)
    assert said.startswith("By facts, tuned is best: 100 % (72-100, n = 10).") and "worse by 100 points" in said


def test_the_headline_says_when_one_cannot_tell(store):
    found, *_ = ten_questions(store, 5, 6)
    said = headline(store, found)
    assert said.startswith("By facts, one cannot tell which is better: tuned or plain.") and "n = 10" in said


def test_all_that_cannot_be_told_from_the_best_lead_and_what_follows_is_said(store):
    def led(found):
        lines = reports.frontier(store, found.id, "facts")
        lead = findings.leading(store, found.id, "facts", lines)
        return [line.name for line in lead], findings.next_step(lead, len(lines))

    clear, *_ = ten_questions(store, 0, 10)
    names, then = led(clear)
    assert names == ["tuned"] and then.startswith("Next: read the worst answers of tuned")
    close, *_ = ten_questions(store, 5, 6)
    names, then = led(close)
    assert names == ["tuned", "plain"] and "the cheapest of them; to tell them apart" in then


def test_nothing_is_said_about_an_evaluation_without_scores(store):
    plain, _ = judged.two(store)
    found = judged.evaluation(store, judged.items(1), [judged.answer(plain, "i000", error="The server ended.")])
    assert headline(store, found).startswith("Nothing can be said yet")


def test_the_four_arms_are_found_by_what_they_are_and_their_effects_add_up(store):
    models.add(store, "starter", models.BASE, "/models/starter", "ada")
    models.add(store, "playful", models.ADAPTER, "/models/playful", "ada", base="starter")
    libraries.add(store, "docs", {"a.md": "# Kettle\n\nThe kettle has a warranty of 24 months."}, "ada")
    arms = [
        candidates.add(store, f"{model} {library}", model, "ada", library=library)
        for model in ("playful", "starter")
        for library in ("docs", "")
    ]
    both, tuned, rag, prompt = arms
    right = {prompt.id: 1, rag.id: 6, tuned.id: 2, both.id: 9}  # of ten, always the first ones
    lines = [
        judged.answer(arm, item["id"], "x", scores=judged.right(float(number < right[arm.id])))
        for arm in arms
        for number, item in enumerate(judged.items(10))
    ]
    found = judged.evaluation(store, judged.items(10), lines)
    four = findings.arms(store, found)
    assert four == findings.Arms(prompt.id, rag.id, tuned.id, both.id)
    effects = findings.effects(store, found.id, "facts", four)
    assert effects.rag.value == pytest.approx(0.5) and effects.tuned.value == pytest.approx(0.1)
    assert effects.both.value == pytest.approx(0.8) and effects.beyond.value == pytest.approx(0.2)
    assert {part.n for part in (effects.rag, effects.tuned, effects.both, effects.beyond)} == {10}
    with store.write("ada", "model.delete", "playful") as cursor:
        cursor.execute("delete from model where name = 'playful'")
    assert findings.arms(store, found) is None  # what it was is no longer known


def test_two_candidates_are_not_four_arms(store):
    found, *_ = ten_questions(store, 3, 8)
    assert findings.arms(store, found) is None


def test_a_preference_is_put_in_words_with_the_sign_test(store):
    tally = judgements.Tally("plain", "tuned", (1,) * 3 + (0,) * 9 + (-1,) * 38, skipped=0, judges=1)
    said = findings.preferred(tally)
    assert said.startswith("tuned is preferred to plain: it wins 93 % (81-97, n = 41) of the decided pairs")
    even = judgements.Tally("plain", "tuned", (1,) * 6 + (0,) + (-1,) * 8, skipped=0, judges=2)
    doubt = "tuned wins 57 % (33-79, n = 14) of the decided pairs (6 for plain, 8 for tuned, 1 tie; 2 judges). Chance"
    assert findings.preferred(even).startswith(f"Cannot tell which is preferred: {doubt}")
    none = judgements.Tally("plain", "tuned", (), skipped=2, judges=1)
    assert findings.preferred(none).startswith("Nobody has decided")
