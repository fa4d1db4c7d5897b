"""What an evaluation will ask and cost, told before it starts, against what it then took."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from engine import events, jobs
from engine.serving.asking import kept
from studio import cli, prices
from studio.building import candidates, endpoints, models
from studio.freezing import snapshots
from studio.judging import commission, evaluations, figures, forecast, sources
from studio.judging.orders import Terms
from studio.store import Store, close_all, opened
from tests import judged
from tests.patience import waited
from tests.test_evaluate_failures import failing

PLAIN = Terms(stream=False)


@pytest.fixture(scope="module")
def url():
    with failing(0.0) as url:
        yield url


def fast(store: Store, url: str):
    models.add(store, "fast", models.ENDPOINT, url, "ada")
    return candidates.add(store, "fast", "fast", "ada")


def run(store: Store, items, chosen, terms: Terms = PLAIN) -> evaluations.Evaluation:
    made = evaluations.start(store, judged.order(items, [chosen], terms=terms), "ada")
    assert waited(made.job) == jobs.DONE, jobs.log(made.job.folder)
    evaluations.catch_up(store)
    return evaluations.get(store, made.id)


def test_nobody_knows_what_an_endpoint_costs_before_its_rates_are_set(store, url):
    found = forecast.of(store, judged.order(judged.items(10), [fast(store, url)]))
    assert (found.requests, found.kept, found.euros, found.unknown) == (10, 0, None, ["fast"])
    [line] = found.lines
    assert line.tokens_in and line.tokens_out and "prompts counted" in line.basis
    assert line.seconds is None


def test_what_was_answered_before_is_not_paid_again_and_the_rest_goes_by_what_answers_took(store, url):
    one = fast(store, url)
    endpoints.rate(store, "fast", 2.0, 6.0, "made up", "ada")
    run(store, judged.items(10), one)
    found = forecast.of(store, judged.order(judged.items(25), [one], terms=PLAIN))
    assert (found.requests, found.kept) == (25, 10)
    [line] = found.lines
    assert (line.tokens_in, line.tokens_out) == (15 * 5, 15)  # five words each, and one for yes or no
    assert line.euros == pytest.approx((75 * 2 + 15 * 6) / 1e6) and "10 last answers" in line.basis
    assert line.seconds is not None and 0 < line.seconds < 5
    ended = run(store, judged.items(25), one)
    row = store.row(
        "select count(*) filter (where kept) as n, sum(cost) as cost from response where evaluation = ?", [ended.id]
    )
    assert row is not None and row["n"] == 10
    assert row["cost"] == pytest.approx(25 / 15 * line.euros)
    told = events.last(ended.job.folder, "progress")
    assert told is not None and told["kept"] == 10 and told["euros"] == pytest.approx(line.euros)


def test_answers_to_be_had_again_can_be_left_out_and_deleted(store, url):
    one = fast(store, url)
    run(store, judged.items(4), one)
    again = judged.order(judged.items(4), [one], terms=PLAIN)
    assert forecast.of(store, again).kept == 4
    assert forecast.of(store, replace(again, terms=replace(PLAIN, reuse=False))).kept == 0
    assert evaluations.kept_answers(store).answers == 4
    assert evaluations.forget_answers(store, "ada") == 4
    assert evaluations.kept_answers(store) == kept.Size(0, evaluations.kept_answers(store).bytes)
    assert forecast.of(store, again).kept == 0


def test_answers_of_models_elsewhere_are_used_again_for_so_many_days(store, url):
    one = fast(store, url)
    run(store, judged.items(4), one)
    terms = replace(PLAIN, days=0)
    again = judged.order(judged.items(4), [one], terms=terms)
    assert forecast.of(store, again).kept == 0 and commission.spec(store, again).kept_days == 0
    assert "for 0 days" in again.words and "days" not in replace(again, terms=PLAIN).words
    ended = run(store, judged.items(4), one, terms)
    assert events.last(ended.job.folder, "progress")["kept"] == 0


def test_what_a_candidate_is_asked_for_its_own_chances_is_foreseen_and_then_goes_by_what_that_took(store, url):
    """By hand: an answer reads 20 tokens, expects 8, at two and six euros a million; later it took 40, in 2 calls."""
    one = fast(store, url)
    endpoints.rate(store, "fast", 2.0, 6.0, "made up", "ada")
    items = judged.items(4)
    judged.evaluation(store, items, [judged.answer(one, item["id"], "yes") for item in items])
    order = judged.order(items, [one], metrics=["facts", "perplexity"])
    found = forecast.of(store, order)
    [line] = found.weighing
    assert (line.requests, line.tokens_in, line.tokens_out) == (4, 4 * 28, 0)
    assert line.euros == pytest.approx(4 * 28 * 2e-6) and line.seconds == pytest.approx(4 * 0.5 / 16)
    assert found.requests == 8 and found.euros == pytest.approx(found.lines[0].euros + line.euros)
    bill = {"calls": 2, "tokens_in": 40, "tokens_out": 1, "seconds": 3.2, "euros": 0.0, "unsure": 0.0}
    told = [judged.answer(one, item["id"], "yes", asking={"candidate": bill}) for item in items]
    judged.evaluation(store, items, told, name="weighed", metrics=["perplexity"])
    [line] = forecast.of(store, order).weighing
    assert (line.requests, line.tokens_in, line.tokens_out) == (8, 4 * 40, 4)
    assert line.seconds == pytest.approx(4 * 3.2 / 16) and line.basis.endswith("as in weighed, by 4 answers")
    assert forecast.of(store, judged.order(items, [one])).weighing == []


def test_a_machine_of_ours_is_paid_by_its_time_and_repeats_are_asked_each(store):
    prices.set(store, prices.MACHINE, 36.0, "euros an hour", "made up", "ada")
    plain, _ = judged.two(store)
    lines = [judged.answer(plain, item["id"], "yes", seconds=1.6) for item in judged.items(4)]
    judged.evaluation(store, judged.items(4), lines)
    found = forecast.of(store, judged.order(judged.items(10), [plain], terms=Terms(repeats=3)))
    assert found.requests == 30 and found.seconds == pytest.approx(30 * 1.6 / 16)
    assert found.euros == pytest.approx(found.seconds * 0.01)


def test_several_answers_to_an_item_are_kept_apart_and_count_as_one_item(store):
    plain, _ = judged.two(store)
    items = judged.items(3)
    lines = [
        judged.answer(plain, item["id"], f"{repeat}", repeat=repeat, scores=judged.right(float(repeat == 0)))
        for item in items
        for repeat in range(4)
    ]
    found = judged.evaluation(store, items, lines)
    assert store.row("select count(*) as n from response") == {"n": 12}
    share = figures.estimate(store, found.id, plain.id, "facts")
    assert (share.value, share.n) == (0.25, 3)


def test_a_failure_keeps_its_kind_and_a_score_that_was_asked_again_is_brought_in(store):
    plain, _ = judged.two(store)
    items = judged.items(2)
    late = judged.answer(plain, "i000", error="Too late.", code="timeout")
    missing = judged.answer(plain, "i001", "yes", scores={"facts": {"value": None, "why": "Away.", "code": "timeout"}})
    found = judged.evaluation(store, items, [late, missing])
    assert store.row("select code from response where item = 'i000'") == {"code": "timeout"}
    judged.write(found.job.folder, [judged.answer(plain, "i001", "yes", scores=judged.right(1.0))])
    evaluations.catch_up(store)
    assert store.rows("select value, why from score") == [{"value": 1.0, "why": "by hand"}]


def test_tools_and_expected_calls_of_a_frozen_row_are_those_of_its_item():
    call = {"id": "c", "type": "function", "function": {"name": "track", "arguments": "{}"}}
    tool = {"type": "function", "function": {"name": "track", "parameters": {}}}
    asked = [{"role": "user", "content": "Where is it?"}]
    row = {"id": "r", "messages": [*asked, {"role": "assistant", "tool_calls": [call]}], "tools": [tool], "tags": []}
    [item] = sources.from_rows([row])
    assert (item["messages"], item["tools"], item["calls"], item["answer"]) == (asked, [tool], [call], "")
    assert sources.fitting([item]) == ["tool_call", "tool"]


def test_the_command_line_asks_a_snapshot_and_says_what_it_takes_and_what_came(store, full, url):
    fast(store, url)
    store_home = str(full.store.home.root)
    arguments = [
        "evaluate",
        full.snapshot[:6],
        "--candidate",
        "fast",
        "--metric",
        "facts",
        "--home",
        store_home,
        "--json",
    ]
    close_all()
    ahead = CliRunner().invoke(cli.app, [*arguments, "--dry-run"])
    assert ahead.exit_code == 0, ahead.output
    n = json.loads(ahead.stdout)["requests"]
    came = CliRunner().invoke(cli.app, arguments)
    assert came.exit_code == 0, came.output
    found = json.loads(came.stdout.strip().splitlines()[-1])
    [figure] = found["figures"]
    assert (figure["candidate"], figure["n"], found["state"], found["failed"]) == ("fast", n, "done", [])
    again = json.loads(CliRunner().invoke(cli.app, [*arguments, "--dry-run"]).stdout)
    assert (again["requests"], again["kept"]) == (n, n)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["--metric", "charm"], "no metric called charm"),
        (["--metric", "faithfulness"], "faithfulness needs a judge"),
        (["--repeats", "-2"], "repeats is -2. It must be at least 1"),
        (["--budget", "-1"], "budget is -1. It must be at least 0"),
        (["-n", "-4"], "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_it_is_foretold_and_leaves_nothing(store, full, url, typed, sentence):
    models.add(store, "fast", models.ENDPOINT, url, "ada")
    before = _kept(store, full.snapshot)
    typed = ["evaluate", full.snapshot[:6], "--candidate", "fast", "--home", str(store.home.root), *typed]
    close_all()
    for said in (typed, [*typed, "--dry-run"]):
        found = CliRunner().invoke(cli.app, said)
        words = " ".join(f"{found.output} {found.exception}".replace("│", " ").split())
        assert found.exit_code != 0 and sentence in words and "requests" not in words
    assert _kept(opened(store.home), full.snapshot) == before


def _kept(store: Store, snapshot: str) -> list[int]:
    files = list(store.home.evaluations.glob("*"))
    kept = (candidates.listed(store), evaluations.listed(store), snapshots.looks(store, snapshot), files)
    return [len(one) for one in kept]
