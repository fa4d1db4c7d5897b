"""Statistics against values known by hand or from the literature."""

import numpy as np
import pytest
import scipy

from engine.scoring import clustered, resampling, stats, verdicts
from engine.scoring.clustered import ALONE, Clusters
from engine.scoring.stats import Difference, Estimate


def paired(both: int, lost: int, gained: int, neither: int) -> tuple[list[int], list[int]]:
    """Before and after, from the four cells of a paired table."""
    rows = [(1, 1)] * both + [(1, 0)] * lost + [(0, 1)] * gained + [(0, 0)] * neither
    return [before for before, _ in rows], [after for _, after in rows]


def test_a_share_carries_wilsons_interval():
    found = stats.share(47, 50)
    assert (found.value, found.n) == (0.94, 50)
    assert (found.low, found.high) == pytest.approx((0.838, 0.979), abs=5e-4)


def test_wilsons_interval_of_81_of_263_is_that_of_newcombes_paper():
    # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I
    found = stats.share(81, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_a_share_of_all_or_none_ends_at_one_and_zero_but_keeps_its_doubt():
    assert stats.share(20, 20).high == 1.0
    assert stats.share(0, 20).low == 0.0
    assert stats.share(20, 20).low == pytest.approx(0.839, abs=5e-4)


def test_nothing_measured_gives_no_number():
    nothing = Estimate(None, None, None, 0)
    assert stats.share(0, 0) == nothing
    assert stats.mean([]) == nothing
    assert stats.interaction([], [], [], []) == nothing
    assert stats.difference([], []) == Difference(None, None, None, 0, 0, 0, None)
    assert str(nothing) == nothing.plain() == "no number (n = 0)"


def test_an_estimate_is_one_line_of_text():
    assert str(stats.share(140, 150)) == "93 % (88-96, n = 150)"
    assert stats.mean([1.0] * 38 + [0.5] * 9 + [0.0] * 3).plain() == "0.85 (0.77-0.93, n = 50)"
    assert stats.mean([0.4]).plain(1) == "0.4 (no interval, n = 1)"


def test_a_mean_carries_students_interval():
    # by hand: mean 3, sd 1.5811, standard error 0.7071, t(4) = 2.7764
    found = stats.mean([1, 2, 3, 4, 5])
    assert (found.value, found.low, found.high) == pytest.approx((3, 1.0368, 4.9632), abs=5e-5)


def test_a_mean_of_values_that_are_all_the_same_claims_no_certainty():
    assert stats.mean([1.0, 1.0, 1.0]) == Estimate(1.0, None, None, 3)


def test_a_means_interval_stays_within_what_a_value_can_be():
    assert stats.mean([1.0] * 9 + [0.5], 0, 1).high == 1.0


# before and after of each paper, with the interval it prints for "before minus after"
PUBLISHED = {
    "Newcombe 1998, b 12 c 2 of 50": ((36, 12, 2, 0), (0.0569, 0.3404)),
    "Newcombe 1998, b 12 c 2, uncorrelated": ((20, 12, 2, 16), (0.0562, 0.3292)),
    "Fagerland 2014, airway responsiveness": ((1, 1, 7, 12), (-0.507, -0.026)),
    "Altman 2000, table 6.2": ((14, 5, 0, 22), (0.011, 0.226)),
}


@pytest.mark.parametrize(("cells", "interval"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_a_paired_difference_carries_newcombes_interval(cells, interval):
    found = stats.difference(*paired(*cells))
    assert (-found.high, -found.low) == pytest.approx(interval, abs=6e-4)


def test_an_unpaired_difference_carries_newcombes_interval():
    found = stats.unpaired(stats.share(48, 80), stats.share(56, 70))  # Newcombe 1998, 873-890, example (a), method 10
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5) and found.n == 150
    none, one = stats.share(0, 10), stats.share(10, 10)  # example (h)
    assert stats.unpaired(none, one).low == pytest.approx(0.6075, abs=5e-5) and stats.unpaired(none, one).high == 1


def test_an_unpaired_difference_of_means_is_about_welchs():
    first, second = np.random.default_rng(1).normal(0, 1, 200), np.random.default_rng(2).normal(0.3, 2, 120)
    found = stats.unpaired(stats.mean(first.tolist()), stats.mean(second.tolist()))
    welch = scipy.stats.ttest_ind(second, first, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high), abs=0.01)


def test_what_has_no_interval_lends_none_to_a_difference():
    found = stats.unpaired(stats.mean([1.0]), stats.mean([2.0, 3.0]))
    assert (found.value, found.low, found.n) == (1.5, None, 3)
    assert stats.unpaired(stats.mean([]), stats.mean([2.0, 3.0])).value is None


def test_mcnemars_exact_p_is_the_textbooks():
    assert stats.mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)  # 2 * (1 + 8) / 256
    assert stats.mcnemar(150, 86) == pytest.approx(3.716e-5, rel=1e-3)  # Agresti's approval ratings
    assert stats.mcnemar(0, 0) == 1.0


def test_a_paired_difference_counts_who_changed_sides():
    found = stats.difference(*paired(100, 4, 38, 0))
    assert (found.b, found.c, found.n) == (4, 38, 142)
    assert found.value == pytest.approx(34 / 142)
    assert str(found) == "+24 points (+16 to +32, n = 142; 4 lost, 38 gained, p < 0.001)"


def test_no_change_at_all_still_leaves_doubt():
    found = stats.difference(*paired(54, 0, 0, 0))
    assert found.value == 0
    assert found.low == pytest.approx(-0.0664, abs=5e-5)
    assert found.high == pytest.approx(0.0664, abs=5e-5)


def test_a_difference_refuses_scores_that_are_neither_right_nor_wrong():
    with pytest.raises(ValueError, match=r"0\.5"):
        stats.difference([1, 0.5], [1, 1])
    with pytest.raises(ValueError):
        stats.difference([1, 0], [1])


def test_a_paired_mean_is_the_paired_t_test():
    # by hand: changes 1 2 3 4 5, t = 3 / 0.7071 = 4.2426 on 4 degrees of freedom
    found = stats.paired_mean([0, 0, 0, 0, 0], [1, 2, 3, 4, 5])
    assert (found.low, found.high) == pytest.approx((1.0368, 4.9632), abs=5e-5)
    assert found.p == pytest.approx(0.01324, abs=5e-5)
    assert (found.b, found.c) == (0, 5)


def test_thirty_eight_wins_nine_ties_three_losses():
    found = stats.preference(38, 9, 3)
    assert found.p == pytest.approx(1.0e-8, rel=0.06)
    assert found.net.value == 0.7
    assert found.score.plain() == "0.85 (0.77-0.93, n = 50)"
    assert found.decided.value == pytest.approx(0.927, abs=5e-4)
    assert (found.decided.low, found.decided.high) == pytest.approx((0.806, 0.975), abs=5e-4)


def test_ties_alone_decide_nothing():
    found = stats.preference(0, 8, 0)
    assert found.p is None
    assert found.decided.value is None
    assert found.net == Estimate(0.0, None, None, 8)


def test_an_interaction_is_what_both_do_beyond_each():
    base, rag = [0] * 40, [0] * 30 + [1] * 10
    tuned, both = [0] * 40, [1] * 35 + [0] * 5
    found = stats.interaction(base, rag, tuned, both)
    assert found.value == pytest.approx((35 - 0 - 10 + 0) / 40)
    assert found.low < found.value < found.high
    assert found == stats.interaction(base, rag, tuned, both)


def test_an_interactions_interval_is_about_that_of_its_mean():
    base, rag, tuned, both = [0] * 100, [0, 1] * 50, [0] * 100, [1, 1, 1, 0] * 25
    found, plain = (
        stats.interaction(base, rag, tuned, both),
        stats.mean([b - r for b, r in zip(both, rag, strict=True)]),
    )
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.03)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_few_means_that_all_moved_the_same_way_settle_a_difference_no_more_than_rights_and_wrongs_do(sign):
    for moved, settled in ((4, False), (12, True)):
        changes = [sign * (0.2 + at / 100) for at in range(moved)] + [0.0] * (40 - moved)
        found = resampling.mean_difference([0.5] * 40, [0.5 + change for change in changes])
        assert found.value == pytest.approx(sum(changes) / 40)
        assert (found.low > 0 or found.high < 0) == settled == (found.p < 0.05)
    one_against = [0.5 + sign * 0.3] * 9 + [0.5 - sign * 0.3]
    told = resampling.difference(*(np.column_stack([values, [1] * 10]) for values in ([0.5] * 10, one_against)))
    found = resampling.mean_difference([0.5] * 10, one_against)
    assert (found.low, found.high, found.p) == (
        told.low,
        told.high,
        told.p,
    )  # else the plain one


@pytest.mark.parametrize("clusters", [ALONE, Clusters(tuple(f"d{at // 2}" for at in range(40)))])
def test_a_few_items_that_all_speak_for_an_interaction_settle_it_no_more_than_they_settle_a_difference(clusters):
    nothing = [0] * 40
    for helped, settled in ((4, False), (12, True)):
        both = [1] * helped + [0] * (40 - helped) if clusters is ALONE else [at % 2 for at in range(2 * helped)]
        both += [0] * (40 - len(both))
        for found, turned in (
            (resampling.interaction([nothing, nothing, nothing, both], clusters), 1),
            (resampling.interaction([nothing, both, nothing, nothing], clusters), -1),
        ):
            assert found.value == pytest.approx(turned * helped / 40)
            assert (found.low > 0 or found.high < 0) == settled
        difference = clustered.difference(nothing, both, clusters)
        assert (difference.low > 0) == settled


CONNOR = [(0.03, 0.08, 696), (0.03, 0.20, 1742), (0.05, 0.15, 469), (0.10, 0.20, 155), (0.23, 0.29, 41)]


@pytest.mark.parametrize(("visible", "discordant", "items"), CONNOR)
def test_the_sample_size_and_the_smallest_visible_difference_are_connors(visible, discordant, items):
    assert stats.items_needed(visible, discordant) == items
    assert stats.smallest_visible(items, discordant) == pytest.approx(visible, abs=2e-3)


def test_three_items_can_show_nothing():
    assert stats.smallest_visible(3) is None
    assert stats.smallest_visible(4) > 0.9


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.04, 0.20, "better"),
        (-0.20, -0.04, "worse"),
        (-0.02, 0.029, "no difference worth having"),
        (-0.02, 0.05, "cannot tell"),
        (0.01, 0.05, "cannot tell"),
        (None, None, "cannot tell"),
    ],
)
def test_a_verdict_needs_the_whole_interval_beyond_the_margin(low, high, said):
    assert verdicts.verdict(Estimate(0.0, low, high, 50), 0.03) == said


def test_the_verdict_in_words_has_its_figures():
    assert verdicts.in_words(stats.difference(*paired(100, 4, 38, 0))) == "Better by 24 points (+16 to +32, n = 142)."
    assert verdicts.in_words(stats.difference([], [])) == "Nothing was measured."
    assert "at most 3 points either way" in verdicts.in_words(Estimate(0.0, -0.01, 0.01, 900))
    assert verdicts.in_words(Estimate(0.08, 0.01, 0.15, 90)).startswith("Better, but perhaps by less than 3 points")


def test_cannot_tell_says_how_many_more_items_would_settle_it():
    # by hand: half-width .10 must shrink to .05 x 1.96 / 2.80 = .035, so 8.173 times the 100 items
    found = Estimate(0.08, -0.02, 0.18, 100)
    assert verdicts.items_missing(found, 0.03) == 718
    assert "About 720 more items" in verdicts.in_words(found, 0.03)
    assert "no test set" in verdicts.in_words(Estimate(0.03, -0.02, 0.08, 100), 0.03)
