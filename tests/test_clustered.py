"""Several items of one document: intervals that heed it, held against values by hand, brute force and simulation."""

from dataclasses import replace
from itertools import product
from math import sqrt

import numpy as np
import pytest
from scipy import stats as distributions

from engine.reading import ranking
from engine.scoring import clustered, resampling, stats, verdicts, whole
from engine.scoring.clustered import Clusters
from engine.scoring.confusion import confusion
from engine.scoring.scales import POINTS, SHARE
from engine.scoring.whole import Answered

FORTY = tuple(f"d{at // 5}" for at in range(200))  # 40 documents of 5 items
VALUES = [1.0, 0.0, 1.0, 1.0, 1.0, 0.0]
THREE = Clusters(("a", "a", "a", "b", "b", "c"), "documents")


def drawn(chance, share=0.7, icc=0.5, n=40, each=5):
    """Right and wrong items of documents that are alike: beta-binomial."""
    some = chance.beta(share * (1 - icc) / icc, (1 - share) * (1 - icc) / icc, n)
    return (chance.random((n, each)) < some[:, None]).astype(float).ravel().tolist()


def held(found, truth):
    return found.low <= truth <= found.high


# ---- what it is made of


def test_the_variance_of_a_mean_is_that_of_the_sums_of_its_clusters():
    # off the mean of 2/3 the clusters sum to 0, 2/3 and -2/3: (8/9) / 6^2, times 3/2 for three clusters
    assert THREE.variance(VALUES) == pytest.approx(8 / 9 / 36 * 3 / 2)
    off = np.array(VALUES) - 2 / 3
    within = sum(off[i] * off[j] for i in range(6) for j in range(6) if i != j and THREE.names[i] == THREE.names[j])
    assert THREE.variance(VALUES) == pytest.approx(((off**2).sum() + within) / 36 * 3 / 2)  # Miller's equation 4


def test_the_standard_error_is_that_of_least_squares_with_a_clustered_sandwich():
    chance = np.random.default_rng(3)
    values, names = chance.normal(size=60), tuple(str(one) for one in chance.integers(0, 12, 60))
    clusters = Clusters(names)
    ones = np.ones((60, 1))
    bread = np.linalg.inv(ones.T @ ones)
    scores = [ones[clusters.numbers == g].T @ (values - values.mean())[clusters.numbers == g] for g in range(12)]
    meat = sum(np.outer(score, score) for score in scores)
    ((sandwich,),) = bread @ meat @ bread * (12 / 11) * (59 / 59)
    found = clustered.mean(values.tolist(), clusters)
    even = 60**2 / (clusters.sizes**2).sum()
    assert found.high - found.value == pytest.approx(distributions.t.ppf(0.975, even - 1) * sqrt(sandwich))


def test_five_equal_answers_a_document_are_worth_one():
    alike = [float(at // 5 % 2) for at in range(200)]
    clusters = Clusters(FORTY, "documents")
    narrower = (stats.Z / distributions.t.ppf(0.975, 39)) ** 2
    assert clusters.worth(alike) == pytest.approx(40 * narrower, rel=0.03)  # the design effect is 5: ICC 1
    assert clustered.share(alike, clusters).of == "40 documents"


def test_items_that_are_no_more_alike_than_others_are_worth_no_more_than_themselves():
    apart = [1.0, 0.0, 1.0, 0.0, 1.0] * 40  # every document has as many right as the next: less spread than chance
    found = clustered.share(apart, Clusters(FORTY))
    plain = stats.share(120, 200)
    assert found.low < plain.low and found.high > plain.high


# ---- where nothing is shared, nothing changes


@pytest.mark.parametrize(
    "clusters", [Clusters(), Clusters(tuple("abcdef")), Clusters(("",) * 6), Clusters(("a", *[""] * 5))]
)
def test_items_that_all_stand_alone_have_the_figures_that_they_had(clusters):
    after = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    assert clustered.share(VALUES, clusters) == stats.share(4, 6)
    assert clustered.mean(VALUES, clusters) == stats.mean(VALUES)
    assert clustered.difference(VALUES, after, clusters) == stats.difference(VALUES, after)
    assert clustered.paired_mean(VALUES, after, clusters) == stats.paired_mean(VALUES, after)
    assert resampling.mean(VALUES, clusters) == resampling.mean(VALUES)
    assert resampling.mean_difference(VALUES, after, clusters) == resampling.mean_difference(VALUES, after)
    arms = (VALUES, after, VALUES[::-1], after)
    assert resampling.interaction(arms, clusters) == stats.interaction(*arms)
    assert str(SHARE.estimate(VALUES, clusters)) == "67 % (30-90, n = 6)"
    assert clustered.preference((1, 1, -1, 0, 1, 0), clusters) == stats.preference(3, 2, 1)


def test_clusters_of_one_item_give_what_the_formulas_give_without_clusters():
    clusters = Clusters(tuple("abcdef"))
    assert clusters.variance(VALUES) == pytest.approx(np.var(VALUES, ddof=1) / 6)
    assert clusters.worth(VALUES) == pytest.approx(6 * (stats.Z / distributions.t.ppf(0.975, 5)) ** 2)
    assert clustered.turned([1, 1, -1, 1, 0, 1]) == pytest.approx(stats.mcnemar(1, 4))


# ---- differences


def test_a_documents_whole_change_falls_to_either_side_as_counting_all_ways_finds():
    changes = [3, -1, 2, 2, 0, 1, -2]
    ways = [abs(sum(s * c for s, c in zip(signs, changes, strict=True))) for signs in product((-1, 1), repeat=7)]
    assert clustered.turned(changes) == pytest.approx(sum(way >= 5 for way in ways) / len(ways))


def test_a_change_on_one_document_alone_is_no_proof():
    before, after = [0.0] * 200, [1.0] * 5 + [0.0] * 195
    assert stats.difference(before, after).p == pytest.approx(0.0625)
    found = clustered.difference(before, after, Clusters(FORTY, "documents"))
    assert found.p == 1.0 and found.low < 0 < found.high and (found.b, found.c) == (0, 5)


def test_preferences_on_few_documents_are_as_sure_as_their_documents():
    # the sums of the documents are 3, 2, 2, 0, -1 and 1; off the net of 7 / 13 they are, in thirteenths, as below
    outcomes, names = (1, 1, 1, 1, 0, 1, 1, 1, 1, -1, -1, 0, 1), "aaabbbccddeef"
    found, clusters = clustered.preference(outcomes, Clusters(tuple(names), "documents")), Clusters(tuple(names))
    variance = (18**2 + 5**2 + 12**2 + 14**2 + 27**2 + 6**2) / 13**2 / 13**2 * 6 / 5
    freedom = 13**2 / (3 * 3 + 3 * 3 + 4 + 4 + 4 + 1) - 1  # as many documents of even size as tell as much, less one
    assert found.net.value == pytest.approx(7 / 13) and found.net.of == "6 documents"
    assert found.net.value - found.net.low == pytest.approx(distributions.t.ppf(0.975, freedom) * sqrt(variance))
    assert found.score.low == pytest.approx((1 + found.net.low) / 2)
    ways = [
        abs(sum(s * c for s, c in zip(signs, (3, 2, 2, 0, -1, 1), strict=True))) for signs in product((-1, 1), repeat=6)
    ]
    assert found.p == pytest.approx(sum(way >= 7 for way in ways) / 64) and found.p > stats.preference(9, 2, 2).p
    decided = [at for at, one in enumerate(outcomes) if one]
    assert found.decided == clustered.share(
        [outcomes[at] > 0 for at in decided], replace(clusters.at(decided), called="documents")
    )
    assert (found.wins, found.ties, found.losses, found.decided.n) == (9, 2, 2, 11)


def test_items_of_one_document_have_a_number_but_no_interval():
    one = Clusters(("a",) * 6, "documents")
    assert str(clustered.share(VALUES, one)) == "67 % (no interval, n = 6 of 1 document)"
    assert clustered.mean(VALUES, one).low is None and resampling.mean(VALUES, one).low is None
    found = clustered.difference(VALUES, VALUES[::-1], one)
    assert found.low is None and verdicts.in_words(found) == "Cannot tell: 6 of 1 document show no spread to judge by."


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_share_of_all_or_none_keeps_the_doubt_of_one_item_so_that_more_right_never_say_less(right):
    clusters = Clusters(FORTY)
    found, but_one = (clustered.share([last, *[right] * 199], clusters) for last in (right, 1 - right))
    plain = stats.share(round(200 * right), 200)
    assert right in (found.low, found.high)
    assert found.low == pytest.approx(right and but_one.low, abs=2e-4) and found.low <= plain.low
    assert found.high == pytest.approx(right or but_one.high, abs=2e-4) and found.high >= plain.high


def test_no_change_at_all_still_leaves_the_doubt_of_as_many_documents():
    values, clusters = VALUES * 10, Clusters(tuple(str(at // 6) for at in range(60)))
    found, plain = clustered.difference(values, values, clusters), stats.difference(values, values)
    assert found.value == 0 and found.p == 1.0 and found.low < plain.low < 0 < plain.high < found.high


# ---- figures of all items together


def test_the_bootstrap_of_documents_is_that_of_their_sums():
    clusters = Clusters(FORTY)
    alike = np.random.default_rng(5).normal(3, 1, 40).repeat(5)  # each document five times the same
    found, once = resampling.mean(alike.tolist(), clusters), clustered.mean(alike.tolist(), clusters)
    assert (found.low, found.high) == pytest.approx((once.low, once.high), rel=0.02)
    naive = resampling.mean(alike.tolist())
    assert found.high - found.low > 2 * (naive.high - naive.low)


def test_macro_f1_draws_documents_and_says_so():
    answered = [Answered(f"i{at}", "a" if at // 5 % 3 else "b", "a", float(at // 5 % 3 > 0), None) for at in range(200)]
    answered += [Answered(f"j{at}", "b", "b", 1.0, None) for at in range(40)]
    kin = {f"i{at}": name for at, name in enumerate(FORTY)}
    alone = whole.figures("label", answered, ["a", "b"])[0]
    together = whole.figures(
        "label", answered, ["a", "b"], lambda items: Clusters(tuple(kin.get(one, "") for one in items), "documents")
    )[0]
    one, other = alone.estimate(), together.estimate()
    assert one.value == other.value and other.counted == "240 of 80 documents"
    assert other.high - other.low > 1.5 * (one.high - one.low)
    assert together.against(together).low is None


def test_a_confusion_has_the_share_that_is_right_with_the_interval_that_scores_have():
    right = [float(at // 5 % 3 > 0) for at in range(200)]
    clusters = Clusters(FORTY, "documents")
    wanted = ["a", "b"] * 100
    found = confusion(wanted, [label if one else "?" for label, one in zip(wanted, right, strict=True)], clusters)
    assert found.accuracy == clustered.share(right, clusters) and found.unknown.of == "40 documents"
    assert found.recall["a"] == clustered.share(right[::2], clusters.at(range(0, 200, 2)))


# ---- does it hold what it says


def test_intervals_hold_the_truth_where_those_of_single_items_do_not():
    chance, clusters = np.random.default_rng(11), Clusters(FORTY, "documents")
    trials = [drawn(chance) for _ in range(300)]
    naive = np.mean([held(stats.share(int(sum(one)), 200), 0.7) for one in trials])
    heeded = np.mean([held(clustered.share(one, clusters), 0.7) for one in trials])
    means = np.mean([held(clustered.mean(one, clusters), 0.7) for one in trials])
    bootstrap = np.mean([held(resampling.mean(one, clusters), 0.7) for one in trials[:150]])
    assert naive < 0.82
    assert 0.92 <= heeded <= 0.98 and 0.92 <= means <= 0.98 and 0.91 <= bootstrap <= 0.99


def test_no_difference_is_found_as_seldom_as_p_says():
    chance, clusters = np.random.default_rng(12), Clusters(FORTY)
    trials = [(drawn(chance), drawn(chance)) for _ in range(300)]
    naive = np.mean([stats.difference(*pair).p < 0.05 for pair in trials])
    found = [clustered.difference(*pair, clusters) for pair in trials]
    assert naive > 0.12
    assert np.mean([one.p < 0.05 for one in found]) <= 0.07
    assert 0.92 <= np.mean([held(one, 0.0) for one in found]) <= 0.985


def test_no_preference_is_found_as_seldom_as_p_says():
    chance, clusters = np.random.default_rng(14), Clusters(FORTY)
    trials = [tuple(int(2 * one - 1) for one in drawn(chance, share=0.5)) for _ in range(300)]
    assert np.mean([stats.preference(one.count(1), 0, one.count(-1)).p < 0.05 for one in trials]) > 0.12
    found = [clustered.preference(one, clusters) for one in trials]
    assert np.mean([one.p < 0.05 for one in found]) <= 0.07
    assert 0.92 <= np.mean([held(one.decided, 0.5) for one in found]) <= 0.985


def test_a_slice_of_few_documents_does_not_stand_out_by_chance():
    chance, clusters = np.random.default_rng(13), Clusters(FORTY)
    inside = [at < 50 for at in range(200)]
    found = [clustered.apart(drawn(chance), inside, clusters) < 0.05 for _ in range(300)]
    assert np.mean(found) <= 0.08
    assert clustered.apart([float(one) for one in inside], inside, clusters) < 1e-3
    assert clustered.apart([1.0] * 200, inside, clusters) == 1.0


# ---- words


def test_a_figure_says_of_how_many_documents_its_items_are():
    found = clustered.share(drawn(np.random.default_rng(1)), Clusters(FORTY, "documents"))
    assert found.counted == "200 of 40 documents" and str(found).endswith("n = 200 of 40 documents)")
    assert SHARE.text(found) == str(found) and POINTS.text(found).endswith("n = 200 of 40 documents)")
    change = stats.Difference(0.08, -0.02, 0.18, 1190, 10, 20, 0.1, "240 documents")
    assert verdicts.in_words(change).startswith("Cannot tell: -2 to +18 points (n = 1,190 of 240 documents). About ")
    assert "more items like these, of other documents, would settle it" in verdicts.in_words(change)


def test_retrieval_heeds_that_several_questions_stand_on_one_document():
    questions = [{"question": "?", "document": f"d{at // 4}", "passage": "."} for at in range(80)]
    ranks = [1 if at // 4 % 4 else 0 for at in range(80)]
    plain, found = ranking.measures(ranks), ranking.measures(ranks, ranking.of(questions))
    assert {name: one.value for name, one in plain.items()} == {name: one.value for name, one in found.items()}
    for name, one in found.items():
        assert one.of == "20 documents" and one.high - one.low > 1.7 * (plain[name].high - plain[name].low)
