"""A person overrules a judge: both are shown, every figure follows at once, and agreement is of claims drawn blind."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import duckdb
import pytest
from sklearn.metrics import cohen_kappa_score

from engine.problems import Problem
from engine.scoring import agreement
from engine.scoring.clustered import Clusters
from engine.scoring.judged import grounds, overruling
from engine.scoring.judged.grounds import Claim, Verdict
from engine.scoring.judged.overruling import CANNOT_TELL, Said
from engine.scoring.judged.prompts import CONTRADICTED, NOT_IN_CONTEXT, SUPPORTED
from engine.scoring.stats import Z
from studio import audit
from studio.folders import Home
from studio.judging import alone, between, draws, evaluations, exports, overrides, reports, results, slices
from studio.judging.evaluations import Evaluation
from studio.schema import MIGRATIONS
from studio.store import Store
from studio.ui import deeds
from tests import judged

PASSAGES = [
    {"text": "The Aurora lamp runs for 14 hours on one charge.", "source": "lamp.md", "score": 1.0},
    {"text": "An empty Aurora lamp is full again after 95 minutes on the cable.", "source": "cable.md", "score": 0.9},
]
CLAIMS = (
    Claim("c1", "The Aurora runs for 14 hours.", 1, True, (1,)),
    Claim("c2", "The Aurora charges in 95 minutes.", 2, True, (2,)),
    Claim("c3", "The Aurora comes in blue.", 3, True, (3,)),
    Claim("c4", "Blue is a colour.", 3, False, (3,)),
)
SAID = {
    "c1": Verdict(SUPPORTED, 1, "runs for 14 hours", "It says so.", {1: True}),
    "c2": Verdict(CONTRADICTED, 2, "full again after 95 minutes", "Two hours.", {2: False}),
    "c3": Verdict(NOT_IN_CONTEXT, reason="No colour."),
    "c4": Verdict(NOT_IN_CONTEXT, reason="No colour."),
}
SOURCES = [str(one["source"]) for one in PASSAGES]


def scores() -> dict[str, dict[str, Any]]:
    """What the judge said of an answer, as the job writes it."""
    detail = {"status": "scored", "judge": "teacher", "prompts": ["claims 1"], "calls": 2, "seconds": 0.4}
    detail["claims"] = grounds.ledger(CLAIMS, SAID, SOURCES)
    found = grounds.scored(CLAIMS, SAID, len(PASSAGES))
    return {name: {"value": one.value, "why": one.why, "detail": detail} for name, one in found.items()}


def begin(store: Store, n: int = 3) -> Evaluation:
    """Two candidates, `n` answers each with four claims, judged by a judge that is wrong on c2."""
    asked = [item | {"tags": ["lamps"]} for item in judged.items(n)]
    text = "The Aurora runs for 14 hours [1]. It charges in 95 minutes [2]. It comes in blue [3]."
    lines = [
        judged.answer(who, item["id"], text, passages=PASSAGES, scores=scores())
        for who in judged.two(store)
        for item in asked
    ]
    return judged.evaluation(store, asked, lines, name="Lamps", metrics=overrides.METRICS, judge="starter")


def first(store: Store, evaluation: Evaluation, item: str = "i000") -> str:
    """The answer of the first candidate to an item."""
    row = store.row(
        "select id from response where candidate = ? and item = ?", [evaluation.candidates[0], item]
    )  # fmt: skip
    assert row is not None
    return str(row["id"])


def values(store: Store, evaluation: Evaluation) -> dict[str, float | None]:
    reply = results.opened(store, evaluation.id, "i000").replies[0]
    return {name: score["value"] for name, score in reply.scores.items()}


# the engine


def test_a_persons_verdict_makes_the_scores_by_the_code_that_made_them():
    detail = scores()["faithfulness"]["detail"]
    found = overruling.scores(detail, {"c2": Said(SUPPORTED, 2, "95 minutes, it says")}, SOURCES)
    assert {name: one.value for name, one in found.items()} == {
        "faithfulness": 2 / 4,  # c1 and now c2
        "faithfulness_lenient": 1.0,  # nothing is contradicted any more
        "citation_precision": 2 / 4,  # c2 cites the passage that holds it
        "citation_recall": 2 / 3,  # whether a source is named is no matter of verdicts
    }
    assert found["faithfulness"].why == (
        "Of 4 claims: 2 supported, 0 contradicted, 2 not in context. 1 verdict by people; the judge alone: 25 %."
    )


def test_the_judges_own_verdict_stays_beside_the_one_that_holds():
    detail = scores()["faithfulness"]["detail"]
    row = overruling.scores(detail, {"c2": Said(SUPPORTED, 2)}, SOURCES)["faithfulness"].detail["claims"][1]
    assert (row["verdict"], row["passage"], row["source"]) == (SUPPORTED, 2, "cable.md")
    assert row["judge"]["verdict"] == CONTRADICTED and row["judge"]["quote"] == "full again after 95 minutes"
    assert detail["claims"][1]["verdict"] == CONTRADICTED and "judge" not in detail["claims"][1]


def test_a_claim_that_no_passage_holds_is_held_by_none_that_it_cites():
    detail = scores()["faithfulness"]["detail"]
    found = overruling.scores(detail, {"c1": Said(NOT_IN_CONTEXT)}, SOURCES)
    assert found["faithfulness"].value == 0 and found["citation_precision"].value == 0
    assert found["faithfulness_lenient"].value == 3 / 4


def test_who_agrees_or_cannot_tell_changes_no_score():
    detail = scores()["faithfulness"]["detail"]
    plain = {name: one["value"] for name, one in scores().items()}
    for said in (Said(CONTRADICTED), Said(CANNOT_TELL)):
        found = overruling.scores(detail, {"c2": said}, SOURCES)
        assert {name: one.value for name, one in found.items()} == plain
        assert found["faithfulness"].detail["claims"][1]["quote"] == "full again after 95 minutes"


@pytest.mark.parametrize("said", [Said("mostly"), Said(SUPPORTED), Said(SUPPORTED, 3)])
def test_a_verdict_that_says_nothing_is_refused(said):
    with pytest.raises(Problem):
        said.check(2)


def test_kappa_is_that_of_scikit_learn():
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = agreement.kappa(pairs)
    assert found.value == pytest.approx(0.4) and found.n == 50
    assert found.value == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))
    three = [(a, b) for a, b, n in (("s", "s", 9), ("s", "n", 3), ("n", "n", 5), ("c", "n", 2), ("c", "c", 1))] * 3
    assert agreement.kappa(three).value == pytest.approx(cohen_kappa_score(*zip(*three, strict=True)))


def test_the_interval_of_kappa_is_that_of_the_delta_method():
    """The variance of Fleiss, Cohen and Everitt is the delta method's: its gradient, here taken numerically."""
    cells = {("s", "s"): 14, ("s", "n"): 4, ("n", "n"): 9, ("n", "s"): 2, ("c", "n"): 3, ("c", "c"): 2}
    pairs = [pair for pair, n in cells.items() for _ in range(n)]
    n, names = len(pairs), "snc"
    shares = {(a, b): cells.get((a, b), 0) / n for a in names for b in names}

    def kappa(of: dict[tuple[str, str], float]) -> float:
        same = sum(of[a, a] for a in names)
        chance = sum(sum(of[a, b] for b in names) * sum(of[b, a] for b in names) for a in names)
        return (same - chance) / (1 - chance)

    step = 1e-6
    slope = {
        cell: (kappa({**shares, cell: shares[cell] + step}) - kappa({**shares, cell: shares[cell] - step})) / (2 * step)
        for cell in shares
    }
    mean = sum(shares[cell] * slope[cell] for cell in shares)
    spread = (sum(shares[cell] * slope[cell] ** 2 for cell in shares) - mean**2) / n
    found = agreement.kappa(pairs)
    assert found.value == pytest.approx(kappa(shares))
    assert found.high - found.value == pytest.approx(1.959964 * spread**0.5, rel=1e-4)


def test_claims_of_one_answer_make_nobody_much_surer_of_a_judge_than_one_of_them():
    once = [("s", "s")] * 20 + [("s", "n")] * 6 + [("n", "n")] * 10 + [("c", "n")] * 4
    twice, pairs_of = (
        [pair for pair in once for _ in range(2)],
        Clusters(tuple(str(n // 2) for n in range(80)), "questions"),
    )
    single, double = agreement.kappa(once), agreement.kappa(twice, pairs_of)
    assert double.value == pytest.approx(single.value) and double.counted == "80 of 40 questions"
    wider = pairs_of.t / Z * (40 / 39) ** 0.5  # as few clusters as these promise a little less
    assert double.high - double.value == pytest.approx(wider * (single.high - single.value))
    assert (
        agreement.kappa(twice).high < double.high and agreement.share(twice).low > agreement.share(twice, pairs_of).low
    )
    one = agreement.kappa(twice, Clusters(("the same",) * 80))
    assert (one.value, one.low, one.high) == (pytest.approx(single.value), None, None)


def test_kappa_says_nothing_of_what_was_always_the_same():
    assert agreement.kappa([]).value is None and agreement.kappa([("s", "s")] * 30).value is None
    full = agreement.kappa([("s", "s"), ("n", "n")] * 10)
    assert (full.value, full.low) == (1.0, None)


# the studio


def test_a_ruling_moves_every_figure_at_once_and_a_word_takes_it_back(store):
    evaluation = begin(store)
    plain, tuned = evaluation.candidates
    answer = first(store, evaluation)
    before = values(store, evaluation)
    overrides.rule(store, answer, "c2", SUPPORTED, "bo", passage=2, why="It says 95.")
    assert values(store, evaluation) == before | {
        "faithfulness": 0.5, "faithfulness_lenient": 1.0, "citation_precision": 0.5,
    }  # fmt: skip
    assert evaluations.values(store, evaluation.id, "faithfulness")[plain].tolist() == [0.5, 0.25, 0.25]
    lines = {line.candidate: line for line in reports.frontier(store, evaluation.id, "faithfulness")}
    assert lines[plain].quality.value == pytest.approx(1 / 3) and lines[tuned].quality.value == 0.25
    cut, _ = slices.table(store, evaluation.id, "faithfulness", plain, slices.TAG)
    assert cut[0].found.value == pytest.approx(1 / 3)
    beside = between.between(store, (evaluation.id, tuned), (evaluation.id, plain), "faithfulness")
    assert beside.difference.value == pytest.approx(1 / 12)
    judge = alone.beside(store, evaluation.id, "faithfulness")
    assert (judge[plain].alone.value, judge[plain].ruled, judge[plain].changed) == (0.25, 1, 1)
    assert judge[tuned].ruled == 0
    overrides.take_back(store, answer, "c2", "bo")
    assert values(store, evaluation) == before and alone.beside(store, evaluation.id, "faithfulness") == {}
    assert len(store.rows("select 1 from ruling")) == 2  # what was said stays on record


def test_each_ruling_is_an_event_in_words(store):
    evaluation = begin(store)
    overrides.rule(store, first(store, evaluation), "c2", SUPPORTED, "bo", passage=2)
    overrides.take_back(store, first(store, evaluation), "c2", "bo")
    back, said = audit.listed(store)[:2]
    assert said.made_by == "bo" and "said of claim c2" in deeds.said(said) and "took back" in deeds.said(back)


def test_of_two_who_differ_both_are_shown_and_the_latest_holds(store):
    evaluation = begin(store)
    answer = first(store, evaluation)
    overrides.rule(store, answer, "c2", SUPPORTED, "bo", passage=2)
    overrides.rule(store, answer, "c2", NOT_IN_CONTEXT, "cleo")
    assert [(one.made_by, one.verdict) for one in overrides.of(store, answer)["c2"]] == [
        ("bo", SUPPORTED), ("cleo", NOT_IN_CONTEXT),
    ]  # fmt: skip
    assert values(store, evaluation)["faithfulness"] == 0.25
    found = alone.beside(store, evaluation.id, "faithfulness")[evaluation.candidates[0]]
    assert (found.ruled, found.changed, found.torn) == (1, 1, 1)
    overrides.rule(store, answer, "c2", CANNOT_TELL, "cleo")  # who cannot tell overrules nobody
    assert values(store, evaluation)["faithfulness"] == 0.5
    assert [one.made_by for one in overrides.of(store, answer)["c2"]] == ["cleo", "bo"]


def test_rulings_outlive_a_restart_and_an_answer_read_again_but_not_another_answer(store):
    evaluation = begin(store)
    answer = first(store, evaluation)
    overrides.rule(store, answer, "c2", SUPPORTED, "bo", passage=2)
    evaluations._seen.clear()  # as after a restart
    evaluations.catch_up(store)
    assert values(store, evaluation)["faithfulness"] == 0.5
    who = next(line for line in (evaluation.candidates[0],))
    line = {"candidate": who, "item": "i000", "repeat": 0}
    path = evaluation.job.folder / "responses.jsonl"
    held = [json.loads(text) for text in path.read_text().splitlines()]
    old = next(one for one in held if one["candidate"] == who and one["item"] == "i000")
    other = [{**PASSAGES[0], "text": "The Aurora is a lamp."}, PASSAGES[1]]
    changed = {key: one | {"why": "Judged again."} for key, one in old["scores"].items()}
    with path.open("a") as file:
        file.write(json.dumps({**old, **line, "passages": other, "scores": changed}) + "\n")
    evaluations.catch_up(store)
    assert values(store, evaluation)["faithfulness"] == 0.25 and overrides.of(store, answer) == {}
    with path.open("a") as file:
        file.write(json.dumps(old) + "\n")
    evaluations.catch_up(store)  # the same words before the same passages again
    assert values(store, evaluation)["faithfulness"] == 0.5


def test_exports_carry_both_the_judges_and_what_holds(store):
    evaluation = begin(store)
    overrides.rule(store, first(store, evaluation), "c2", SUPPORTED, "bo", passage=2, why="It says 95.")
    row = next(csv.DictReader(io.StringIO(exports.write(store, evaluation.id, exports.CSV, "bo").decode("utf-8-sig"))))
    assert (row["faithfulness"], row["faithfulness_judge_alone"]) == ("0.5", "0.25")
    line = json.loads(exports.write(store, evaluation.id, exports.JSONL, "bo").splitlines()[0])
    claim = line["scores"]["faithfulness"]["detail"]["claims"][1]
    assert claim["verdict"] == SUPPORTED and claim["judge"]["verdict"] == CONTRADICTED
    assert line["scores"]["faithfulness"]["judge_alone"] == 0.25
    (said,) = claim["people"]
    assert (said["made_by"], said["why"], said["drawn"]) == ("bo", "It says 95.", False)
    assert datetime.fromisoformat(said["made_at"])
    told = json.loads(exports.write(store, evaluation.id, exports.FIGURES, "bo"))["metrics"]["faithfulness"]
    plain = evaluation.candidates[0]
    assert told["figures"][plain]["value"] == pytest.approx(1 / 3)
    assert told["judge alone"][plain] | {"alone": told["judge alone"][plain]["alone"]["value"]} == {
        "alone": 0.25, "ruled": 1, "changed": 1, "unsure": 0, "torn": 0,
    }  # fmt: skip
    assert exports.write(store, evaluation.id, exports.PARQUET, "bo")


def test_agreement_is_of_drawn_claims_alone_and_cannot_tell_below_fifteen(store):
    evaluation = begin(store, 4)  # 32 claims; the judge is wrong on c2, a quarter of them
    overrides.rule(store, first(store, evaluation), "c2", SUPPORTED, "bo", passage=2)  # somebody looked: no sample
    assert draws.agreed(store, evaluation.id).n == 0
    truth = {"c1": (SUPPORTED, 1), "c2": (SUPPORTED, 2), "c3": (NOT_IN_CONTEXT, 0), "c4": (NOT_IN_CONTEXT, 0)}
    for number in range(draws.A_DRAW):
        turn = draws.turn(store, evaluation.id, "cleo")
        assert (turn.done, turn.of) == (number, 32)
        one = turn.blind
        assert not {"verdict", "quote", "judge", "candidate"} & set(vars(one))  # blind
        verdict, passage = truth[one.id]
        overrides.rule(store, one.response, one.id, verdict, "cleo", passage=passage, drawn=True)
    found = draws.agreed(store, evaluation.id)
    wrong = sum(one.row["id"] == "c2" for one in found.differ)
    assert found.enough and found.n == 20 and wrong == len(found.differ) > 0
    assert found.share.value == 1 - wrong / 20 and found.share.low < found.share.value < found.share.high
    assert found.share.counted == found.kappa.counted == "20 of 4 questions"
    assert found.people == ("cleo",) and found.twice.n == 0
    for left in range(19, 13, -1):
        draws.take_back(store, evaluation.id, "cleo")
        assert draws.turn(store, evaluation.id, "cleo").done == left
        assert draws.agreed(store, evaluation.id).enough == (left >= draws.LEAST)
    # drawn verdicts hold like any other
    assert alone.beside(store, evaluation.id, "faithfulness")


def test_what_is_said_in_the_open_later_does_not_touch_what_was_said_blind(store):
    evaluation = begin(store, 1)
    one = draws.turn(store, evaluation.id, "bo").blind
    overrides.rule(store, one.response, one.id, CANNOT_TELL, "bo", drawn=True)
    assert (draws.agreed(store, evaluation.id).n, draws.agreed(store, evaluation.id).unsure) == (0, 1)
    overrides.rule(store, one.response, one.id, SUPPORTED, "bo", passage=1)
    assert draws.agreed(store, evaluation.id).n == 0
    overrides.rule(store, one.response, one.id, NOT_IN_CONTEXT, "cleo", drawn=True)
    overrides.rule(store, one.response, one.id, SUPPORTED, "dan", passage=1, drawn=True)
    assert draws.agreed(store, evaluation.id).twice.value == 0


def test_a_store_of_before_keeps_its_scores(tmp_path):
    home = Home(tmp_path / "home")
    home.root.mkdir()
    before = duckdb.connect(str(home.database))
    before.execute("create table migration (name text primary key, made_at timestamp)")
    for name, statements in MIGRATIONS.items():
        if name < "m005":
            before.execute(statements)
            before.execute("insert into migration values (?, now()::timestamp)", [name])
    before.execute("insert into score (response, metric, value, why) values ('r', 'facts', 1, 'by hand')")
    before.close()
    for _ in range(2):
        store = Store(home)
        assert store.rows("select metric, value, why from score") == [{"metric": "facts", "value": 1, "why": "by hand"}]
        store.close()
