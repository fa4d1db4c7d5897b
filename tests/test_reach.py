"""What so many items can show, where several belong to one document or group: by hand, by what was measured, or from
the best case to the worst."""

import json
from dataclasses import asdict

import pytest

from engine.scoring import sizing, stats
from engine.scoring.clustered import ALONE, Clusters
from studio.data import datasets
from studio.freezing import commands, splits
from studio.judging import kin, reach, sources
from tests import judged
from tests.conftest import conversation


def documents(n: int, each: int) -> Clusters:
    return Clusters(tuple(f"d{at // each}" for at in range(n)), "documents")


def test_the_design_effect_is_kishs():
    assert sizing.effect(documents(1200, 5), 0.5) == 3.0  # 1 + (5 - 1) x 0.5
    assert sizing.effect(documents(1200, 5), 0.0) == 1.0
    two_sizes = Clusters(("a", "a", "a", "b"), "documents")
    assert sizing.effect(two_sizes, 1.0) == 2.5  # m = (9 + 1) / 4


def test_items_of_documents_show_as_much_as_fewer_that_stand_alone():
    # by hand: 1,407 items, five of each document, alike by .5, are worth 469, which show 5 points where 15 of 100
    # differ (Connor); few documents take off the square of what t is wider than the normal: t(280.4) = 1.9685
    found = sizing.visible(1407, documents(1407, 5), 0.5, discordant=0.15)
    assert found.best == found.worst == pytest.approx(0.05, abs=5e-4) and found.of == "282 documents" and found.known
    assert found.best == pytest.approx(stats.smallest_visible(1407 / 3 * (1.95996 / 1.9685) ** 2, 0.15), abs=1e-4)


def test_while_nobody_knows_how_alike_they_are_the_best_and_the_worst_case_are_told():
    found = sizing.visible(1200, documents(1200, 5))
    assert found.points == "4 to 8 points" and not found.known
    assert found.worst == pytest.approx(stats.smallest_visible(240), abs=1e-3)
    assert sizing.visible(5, documents(5, 5)).points == ""


def test_where_nothing_belongs_together_the_figure_is_that_of_single_items():
    for clusters in (ALONE, Clusters(tuple(map(str, range(155))))):
        assert sizing.visible(155, clusters).best == sizing.visible(155, clusters).worst == stats.smallest_visible(155)


def test_how_alike_items_are_is_read_off_what_they_were_worth():
    clusters = documents(60, 5)
    assert sizing.alike([float(at // 5 % 3 == 1) for at in range(60)], clusters) == 1.0
    assert sizing.alike([float(at % 5 == 0) for at in range(60)], clusters) == 0.0  # each document answers the same
    # by hand: in each of 12 documents of five the first two are right, in every second one a third as well: .5 a
    # document; sums are 2 and 3 about 2.5, so 12 x .25 x 12/11 against 60 x .25 x 60/59: less than by chance
    assert sizing.alike([float(at % 5 < 2 + at // 5 % 2) for at in range(60)], clusters) == 0.0
    # 0 or 4 of 4, and 2 of 4, by turns: sums are 4, 0 and 2 about 2, 8 of 12 documents off by 2
    values = (1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0) * 4
    worth = (32 * 12 / 11) / (48 * 0.25 * 48 / 47)  # CR1 over the variance of single items: the design effect
    assert sizing.alike(values, documents(48, 4)) == pytest.approx((worth - 1) / 3)
    assert sizing.alike([1.0] * 60, clusters) is None and sizing.alike([1.0, 0.0] * 30, ALONE) is None


def test_a_freeze_says_of_its_test_what_an_evaluation_of_it_will_say(store, tmp_path):
    # by hand: 40 customers of five at worst are 40 items, few enough to count as 40 x (1.95996 / 2.02269)^2 = 37.6,
    # which show 19.8 points (Connor: (1.95996 x .2^.5 + .84162 x (.2 - .198^2)^.5)^2 / .198^2 = 37.6)
    rows = [conversation(f"Number {n}", str(n), tags=[f"customer:{n // 5}"], split="test") for n in range(200)]
    rows.append(conversation("And now?", "Nothing.", split="train", tags=["customer:none"]))
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, tmp_path / "t.jsonl", "tickets", "ada")
    told = commands.freeze(store, "tickets", "ada", {"kind": splits.GROUPED, "by": "customer:"})
    assert told["smallest_difference"]["worst"] == pytest.approx(0.198, abs=5e-4)
    assert told["shows"].startswith("200 items of 40 groups: enough to see 9 to 20 points of difference")
    items = sources.frozen(store, told["snapshot"], "test")
    assert told["smallest_difference"] == asdict(reach.of(store, items).visible)


def test_an_earlier_evaluation_of_the_same_questions_says_how_alike_they_are(store):
    items = [{**item, "document": f"d{at // 5}"} for at, item in enumerate(judged.items(60))]
    plain = judged.items(60)
    assert reach.of(store, plain).visible == sizing.visible(60)
    before = reach.of(store, items)
    assert before.asked == "60 items of 12 documents" and before.measured_by == ""
    assert before.visible == sizing.visible(60, kin.among(items)) and not before.visible.known
    one, other = judged.two(store)
    right = {one.id: lambda at: at % 5 == 0, other.id: lambda at: at % 5 < 2}
    lines = [
        judged.answer(who, item["id"], scores=judged.right(float(right[who.id](at))))
        for who in (one, other)
        for at, item in enumerate(items)
    ]
    judged_by = judged.evaluation(store, items, lines, name="Sweep")
    after = reach.of(store, items)
    assert after.measured_by == "Sweep" and after.visible.known  # each document's questions differ as much as any
    assert reach.had(store, judged_by.id) == after
    assert after.visible.best == before.visible.best and "as alike as in “Sweep”" in after.shows
