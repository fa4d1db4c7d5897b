"""Items of an evaluation that belong together: every figure of it, and every difference, says so and heeds it."""

import json
import math

import pytest

from engine.scoring import stats
from engine.scoring.clustered import Clusters
from studio.building import candidates
from studio.deciding import findings
from studio.deciding.findings import Arms
from studio.freezing import splits
from studio.judging import between, exports, figures, judgements, pairs, reports, slices, sources
from studio.store import Store
from tests import judged

DOCUMENTS, EACH = 12, 5


def asked(field="document"):
    """60 questions, five of each of twelve documents."""
    items = judged.items(DOCUMENTS * EACH)
    return [{**item, field: f"d{at // EACH}", "tags": [f"d{at // EACH}"]} for at, item in enumerate(items)]


def answers(candidate, items, right):
    return [
        judged.answer(candidate, item["id"], scores=judged.right(float(right(at)))) for at, item in enumerate(items)
    ]


def plain_right(at):
    return at // EACH % 3 == 0


def tuned_right(at):
    return at // EACH % 3 < 2


@pytest.fixture
def pair(store: Store):
    return judged.two(store)


def told(store, items, pair):
    plain, tuned = pair
    lines = answers(plain, items, plain_right) + answers(tuned, items, tuned_right)
    return judged.evaluation(store, items, lines, name=f"of {items[0]['id']}")


def test_every_figure_of_questions_on_documents_says_so_and_is_as_wide_as_documents_are(store, pair):
    plain, tuned = (one.id for one in pair)
    found = told(store, asked(), pair)
    scores = figures.scores(store, found.id, "facts")
    figure, alone = scores.estimate(tuned), stats.share(40, 60)
    assert str(figure).endswith("n = 60 of 12 documents)") and figure.value == alone.value
    assert figure.high - figure.low > 1.8 * (alone.high - alone.low)
    lines = {line.candidate: line for line in reports.frontier(store, found.id, "facts")}
    assert lines[tuned].quality == figure and lines[tuned].said == str(figure)
    change = reports.differences(store, found.id, "facts", plain)[tuned]
    naive = stats.difference([float(plain_right(at)) for at in range(60)], [float(tuned_right(at)) for at in range(60)])
    assert (change.value, change.b, change.c) == (naive.value, naive.b, naive.c)
    assert change.p == pytest.approx(0.125) and naive.p < 1e-5  # four documents of twelve rose, none fell
    assert change.low < 0.1 < naive.low
    file = json.loads(exports.write(store, found.id, exports.FIGURES, "ada"))
    assert file["metrics"]["facts"]["figures"][tuned]["of"] == "12 documents"


def test_groups_of_frozen_rows_are_heeded_like_documents(store, pair):
    found = told(store, asked("group"), pair)
    assert figures.estimate(store, found.id, pair[1].id, "facts").counted == "60 of 12 groups"


def test_items_that_belong_to_nothing_have_the_figures_of_single_items(store, pair):
    found = told(store, judged.items(60), pair)
    plain, tuned = (one.id for one in pair)
    scores = figures.scores(store, found.id, "facts")
    assert scores.estimate(tuned) == stats.share(40, 60)
    rows = [[float(one(at)) for at in range(60)] for one in (plain_right, tuned_right)]
    assert scores.difference(plain, tuned) == stats.difference(*rows)
    assert scores.kin(scores.table.index) == Clusters(("",) * 60)


def test_a_slice_of_one_document_proves_nothing_of_others(store, pair):
    found = told(store, asked(), pair)
    cut, _ = slices.table(store, found.id, "facts", pair[1].id, slices.TAG)
    assert len(cut) == DOCUMENTS and all(one.found.low is None and one.found.of == "1 document" for one in cut)
    assert not any(one.stands_out for one in cut)


def test_two_evaluations_are_compared_by_their_documents(store, pair):
    plain, tuned = (one.id for one in pair)
    first, second = told(store, asked(), pair), told(store, asked(), pair)
    found = between.between(store, (first.id, plain), (second.id, tuned), "facts")
    assert found.difference == figures.scores(store, first.id, "facts").difference(plain, tuned)
    assert found.second.of == "12 documents"


def test_the_four_arms_and_what_they_do_together_heed_documents(store, pair):
    plain, tuned = pair
    more = [candidates.add(store, name, model, "ada", system="Be brief.") for name, model in
            (("rag", "starter"), ("both", "playful"))]  # fmt: skip
    items = asked()
    lines = [
        line
        for who, right in zip(
            (plain, more[0], tuned, more[1]),
            (plain_right, lambda at: at // EACH % 4 == 0, tuned_right, lambda at: at // EACH % 4),
            strict=True,
        )
        for line in answers(who, items, lambda at, right=right: bool(right(at)))
    ]
    found = judged.evaluation(store, items, lines)
    arms = Arms(plain.id, more[0].id, tuned.id, more[1].id)
    effects = findings.effects(store, found.id, "facts", arms)
    assert {one.of for one in (effects.rag, effects.tuned, effects.both, effects.beyond)} == {"12 documents"}
    table = figures.scores(store, found.id, "facts").table
    alone = stats.interaction(*(table[arm].tolist() for arm in arms.ids))
    assert effects.beyond.value == pytest.approx(alone.value)
    assert effects.beyond.high - effects.beyond.low > 1.8 * (alone.high - alone.low)


def test_rows_keep_their_group_and_a_split_by_customers_makes_one_of_each():
    row = {"id": "r", "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}],
           "tags": ["customer:7", "short"], "group": "g"}  # fmt: skip
    assert sources.from_rows([row])[0]["group"] == "g"
    assert sources.from_rows([row], splits.Plan(splits.GROUPED, by="customer:"))[0]["group"] == "customer:7"
    assert "group" not in sources.from_rows([{**row, "group": ""}])[0]
    assert splits.Plan(splits.GROUPED, by=splits.GROUP).prefix == "" == splits.Plan().prefix


def judge(store, found, who, wins):
    """Every pair judged: the tuned answer wins where `wins` says so of the number of its item."""
    while pair := pairs.next_blind(store, found.id, who):
        tuned_left, at = pair.left.startswith("tuned"), int(pair.prompt.removesuffix("?").split()[-1])
        judgements.record(store, pair.id, who, judgements.LEFT if tuned_left == wins(at) else judgements.RIGHT)


def paired(store, items, pair):
    lines = [judged.answer(who, item["id"], f"{who.name} {item['id']}") for who in pair for item in items]
    found = judged.evaluation(store, items, lines)
    pairs.deal(store, found.id, pair[0].id, pair[1].id, "ada")
    return found


def test_blind_preferences_on_questions_of_one_document_are_as_sure_as_their_documents(store, pair):
    found = paired(store, asked(), pair)
    judge(store, found, "ada", tuned_right)  # on eight of twelve documents, and there on every question
    (tally,) = judgements.tallies(store, found.id)
    alone = stats.preference(20, 0, 40)
    assert (tally.wins, tally.losses, tally.n) == (20, 40, 60) and alone.p < 0.05
    ways = sum(math.comb(12, n) for n in (0, 1, 2, 3, 4, 8, 9, 10, 11, 12))
    assert tally.preference.p == pytest.approx(ways / 2**12)
    decided = tally.turned.preference.decided
    assert str(decided).endswith("n = 60 of 12 documents)") and decided.low < 0.5 < 1 - alone.decided.high
    assert "40 for tuned, 0 ties on 12 documents" in findings.preferred(tally) and "Cannot tell" in findings.preferred(
        tally
    )


def test_two_judges_of_one_pair_are_not_two_questions(store, pair):
    found = paired(store, judged.items(20), pair)
    judge(store, found, "ada", lambda at: at < 15)
    (alone,) = judgements.tallies(store, found.id)
    assert alone.preference == stats.preference(5, 0, 15) and not alone.preference.decided.of
    judge(store, found, "bo", lambda at: at < 15)
    (both,) = judgements.tallies(store, found.id)
    assert both.n == 40 and both.preference.p == pytest.approx(alone.preference.p)
    assert both.preference.decided.of == "20 questions"
    assert both.turned.preference.decided.low < alone.turned.preference.decided.low + 0.02
