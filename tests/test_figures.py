"""Every metric and every figure against scikit-learn, sacrebleu, rouge-score, or a value worked out by hand."""

import json
import random

import numpy as np
import pytest
from rouge_score import rouge_scorer, tokenizers
from sacrebleu.metrics import BLEU, CHRF
from scipy import stats as reference
from sklearn.metrics import f1_score, matthews_corrcoef, recall_score

from engine.scoring import known, metrics, resampling, scales, whole
from engine.scoring.confusion import confusion
from engine.scoring.likeness import words
from engine.scoring.numbers import readings
from engine.scoring.score import Score
from engine.scoring.whole import Answered

SAID = ["Das schöne Café öffnet um acht.", "Le garçon a dépensé 3,50 €.", "It rains in Göteborg today", "Nein."]
WANTED = ["Das Café öffnet um acht Uhr.", "Le garçon a payé 3,50 €.", "It rains today in Göteborg.", "Ja, gern doch!"]
CALL = {"type": "function", "function": {"name": "stock", "arguments": '{"item": "lamp", "shop": 3}'}}


def score(metric, text, made=(), **item):
    return metrics.score(metric, text, item, None, made)


def answered(metric, texts, items):
    found = [metrics.score(metric, text, item) for text, item in zip(texts, items, strict=True)]
    return [
        Answered(str(n), text, item.get("label", ""), one.value, one.detail)
        for n, (text, item, one) in enumerate(zip(texts, items, found, strict=True))
        if one.value is not None
    ]


def figures(metric, texts, items, labels=()):
    return {one.name: one for one in whole.figures(metric, answered(metric, texts, items), labels)}


# metrics on one answer


@pytest.mark.parametrize(
    ("metric", "text", "item", "value"),
    [
        ("exact", " two  YEARS\n", {"answer": "Two years"}, 1),
        ("exact", "Two years.", {"answer": "Two years"}, 0),
        ("exact", "24 months", {"answer": "Two years", "accept": ["24 months"]}, 1),
        ("contains", "An oak lamp, in Red.", {"contains": ["red", "oak"]}, 1),
        ("contains", "A lamp, redder than oak.", {"contains": ["red", "oak"]}, 0),
        ("contains_any", "A lamp, redder than oak.", {"contains": ["red", "oak"]}, 1),
        ("contains_any", "A lamp.", {"contains": ["red", "oak"]}, 0),
        ("regex", "Order FW-20417 is here", {"pattern": r"FW-\d{5}\b"}, 1),
        ("regex", "Order FW-2041 is here", {"pattern": r"FW-\d{5}\b"}, 0),
        ("json", '{"a": 1}', {}, 1),
        ("json", '```json\n{"a": 1}\n```', {}, 1),
        ("json", 'Here: {"a": 1}', {}, 0),
        ("schema", '{"a": 1}', {"schema": {"required": ["a"]}}, 1),
        ("schema", '{"b": 1}', {"schema": {"required": ["a"]}}, 0),
        ("levels", "payment / refund / never", {"label": "payment / refund / late"}, 2 / 3),
        ("levels", "cup / refund / late", {"label": "payment / refund / late"}, 0),
    ],
)
def test_an_answer_is_worth_what_reading_it_says(metric, text, item, value):
    assert score(metric, text, **item).value == pytest.approx(value)


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_an_item_that_lacks_what_a_metric_needs_is_no_number_and_says_what_is_missing(metric):
    found = metrics.score(metric, "A lamp.", {})
    if metric in ("json", "not_found"):
        assert metrics.lacks(metric, {}) == "" and found.value == 0
    else:
        assert found.value is None and found.why == metrics.lacks(metric, {}) and found.why.endswith(".")


def test_a_pattern_that_takes_for_ever_is_given_up_and_counted_nowhere():
    found = score("regex", "a" * 60 + "!", pattern=r"^(?:(?:a|aa)+)+$")
    assert found.value is None and "given up" in found.why


def test_what_is_no_pattern_or_no_schema_is_said_and_counted_nowhere():
    assert score("regex", "a", pattern="(").value is None
    assert score("schema", "{}", schema={"type": "shape"}).value is None


def test_what_an_evaluation_sets_for_all_items_gives_way_to_what_an_item_says():
    items = [{"id": "a"}, {"id": "b", "pattern": "own"}, {"id": "c", "pattern": ""}]
    found = metrics.filled(items, {"pattern": "all", "schema": {}})
    assert [one["pattern"] for one in found] == ["all", "own", "all"] and "schema" not in found[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,5", [1234.5]), ("1 234,5", [1234.5]), ("1\u202f234,5", [1234.5]), ("1'234.5", [1234.5]),
        ("1,234.5", [1234.5]), ("1234.5", [1234.5]), ("12,5", [12.5]), ("-3", [-3]), ("−3,5", [-3.5]),
        ("1.234.567", [1234567]), ("1.234", [1234, 1.234]), ("0.123", [0.123]), ("4.1.2026", []), ("1.2345.678", []),
    ],
)  # fmt: skip
def test_a_number_is_read_as_europe_writes_it(text, value):
    assert readings(text) == value


@pytest.mark.parametrize(
    ("wanted", "text", "tolerance", "value"),
    [
        ("1234.5", "Es kostet 1.234,50 €.", "", 1),
        ("1.234,50 €", "It is 1,234.5 euros", "", 1),
        ("1.234,50 €", "It is $1,234.50", "", 0),
        ("1.2 kg", "It weighs 1200 g.", "", 1),
        ("1.2 kg", "It weighs 1200 kg.", "", 0),
        ("1.2 kg", "1,2", "", 1),
        ("100", "about 101", "1 %", 1),
        ("100", "about 102", "1 %", 0),
        ("100", "about 100,5", "0,5", 1),
        ("4", "3, 4 and 5", "", 1),
        ("3", "-3", "", 0),
        ("2", "version 2.1.4", "", 0),
    ],
)
def test_the_expected_number_is_found_however_it_is_written(wanted, text, tolerance, value):
    assert score("number", text, answer=wanted, tolerance=tolerance).value == value


def test_a_number_can_be_expected_as_a_number():
    assert score("number", "Das sind 1.234", number=1234).value == 1
    assert score("number", "Das sind 1.234", number=1.234).value == 1
    assert score("number", "none", number=3) == Score(0.0, "Says no number; 3 was expected.")


@pytest.mark.parametrize(
    ("arguments", "calls", "tool", "whole_call"),
    [
        ("exact", '{"item": "lamp", "shop": 3}', 1, 1),
        ("exact", '{"item": "lamp", "shop": 3, "now": true}', 1, 0),
        ("subset", '{"item": "lamp", "shop": 3, "now": true}', 1, 1),
        ("subset", '{"item": "lamp"}', 1, 0),
    ],
)
def test_a_tool_call_matches_by_name_and_by_arguments(arguments, calls, tool, whole_call):
    made = [{"function": {"name": "stock", "arguments": calls}}]
    item = {"calls": [CALL], "arguments": arguments}
    assert score("tool", "", made, **item).value == tool
    assert score("tool_call", "", made, **item).value == whole_call
    assert score("tool_call", "", [{"name": "stock", "arguments": json.loads(calls)}], **item).value == whole_call
    assert score("tool_call", f'[TOOL_CALLS][{{"name": "stock", "arguments": {calls}}}]', **item).value == whole_call


def test_another_tool_or_none_is_wrong_and_words_beside_a_call_do_no_harm():
    other = [{"function": {"name": "price", "arguments": "{}"}}]
    assert score("tool", "", other, calls=[CALL]).value == 0
    assert score("tool", "I would look it up.", calls=[CALL]).value == 0
    assert score("tool", "One moment.", [CALL], calls=[CALL]).value == 1


# likeness, against the references


def test_chrf_and_bleu_of_one_answer_are_those_of_sacrebleu():
    for said, wanted in zip(SAID, WANTED, strict=True):
        chrf = CHRF(word_order=2).sentence_score(said, [wanted]).score
        bleu = BLEU(effective_order=True).sentence_score(said, [wanted]).score
        assert score("chrf", said, answer=wanted).value == pytest.approx(chrf / 100)
        assert score("bleu", said, answer=wanted).value == pytest.approx(bleu / 100)


def test_chrf_and_bleu_over_all_answers_are_those_of_sacrebleu_with_its_signature():
    items = [{"answer": wanted} for wanted in WANTED]
    for metric, name, used in (
        ("chrf", "corpus chrF2++", CHRF(word_order=2)),
        ("bleu", "corpus BLEU", BLEU()),
    ):
        found = figures(metric, SAID, items)[name]
        assert found.estimate().value == pytest.approx(used.corpus_score(SAID, [WANTED]).score / 100)
        assert found.signature == str(used.get_signature())


class Words(tokenizers.Tokenizer):
    def tokenize(self, text):
        return words(text)


def test_rouge_is_that_of_rouge_score_with_words_that_keep_their_accents():
    assert words("Où est Zoë?") == ["où", "est", "zoë"]
    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = rouge_scorer.RougeScorer(kinds, tokenizer=Words())
    for said, wanted in zip(SAID, WANTED, strict=True):
        found, theirs = score("rouge", said, answer=wanted), scorer.score(wanted, said)
        mine = [found.detail["rouge1"], found.detail["rouge2"], found.value]
        assert mine == pytest.approx([theirs[kind].fmeasure for kind in kinds])


# labels, against scikit-learn


def labelled(n=300, seed=3):
    chance = random.Random(seed)
    classes = ["ship / late", "ship / lost", "pay / refund", "pay / invoice", "other / none"]
    wanted = chance.choices(classes, [8, 4, 2, 1, 1], k=n)
    said = [want if chance.random() < 0.7 else chance.choice([*classes, "I do not know"]) for want in wanted]
    return classes, wanted, said


def test_macro_f1_mcc_and_recall_are_those_of_scikit_learn():
    classes, wanted, said = labelled()
    found = figures("label", said, [{"label": one} for one in wanted], classes)
    known_ones = sorted(classes)
    assert found["macro-F1"].estimate().value == pytest.approx(
        f1_score(wanted, said, labels=known_ones, average="macro", zero_division=0)
    )
    assert found["MCC"].estimate().value == pytest.approx(matthews_corrcoef(wanted, said))
    theirs = recall_score(wanted, said, labels=known_ones, average=None, zero_division=0)
    mine = confusion(wanted, said)
    assert [mine.recall[one].value for one in known_ones] == pytest.approx(list(theirs))
    assert found["no label"].estimate().value == pytest.approx(said.count("I do not know") / len(said))


def test_all_that_is_no_label_is_one_class_however_it_is_worded():
    items = [{"label": one} for one in ("a", "a", "b", "b")]
    one, other = (figures("label", ["a", "b", *strange], items) for strange in (("x", "x"), ("x", "y")))
    assert one["MCC"].estimate().value == other["MCC"].estimate().value
    assert one["MCC"].estimate().value == pytest.approx(matthews_corrcoef(list("aabb"), list("abxx")))


def test_levels_and_the_hierarchical_f1_are_what_counting_by_hand_gives():
    wanted = ["pay / refund / late", "pay / refund / late", "ship / lost"]
    said = ["pay / refund / never", "ship / lost", "ship / lost"]
    found = figures("label", said, [{"label": one} for one in wanted])
    assert [found[f"level {n}"].estimate().value for n in (1, 2, 3)] == [2 / 3, 2 / 3, 0]
    assert found["level 3"].estimate().n == 2
    # shared levels 2 + 0 + 2; answered 3 + 2 + 2; expected 3 + 3 + 2
    assert found["hP"].estimate().value == pytest.approx(4 / 7)
    assert found["hR"].estimate().value == pytest.approx(4 / 8)
    assert found["hF"].estimate().value == pytest.approx(8 / 15)


def test_a_first_level_has_figures_of_its_own():
    found = figures("type", ["pay / x", "ship", "nothing"], [{"label": f"{one} / y"} for one in ("pay", "pay", "ship")])
    assert found["macro-F1"].estimate().value == pytest.approx((2 / 3 + 0) / 2) and "level 1" not in found
    assert found["no label"].estimate().value == pytest.approx(1 / 3)


# how sure we are


def test_the_bootstrap_interval_is_that_of_scipy_but_for_the_luck_of_the_draw():
    values = np.random.default_rng(5).gamma(1.5, 2.0, 120)
    theirs = reference.bootstrap((values,), np.mean, method="BCa", n_resamples=9999, rng=1).confidence_interval
    mine = resampling.mean(values.tolist())
    width = theirs.high - theirs.low
    assert (mine.value, mine.n) == (pytest.approx(values.mean()), 120)
    assert mine.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert mine.high == pytest.approx(theirs.high, abs=0.06 * width)


def test_an_interval_holds_the_truth_as_often_as_it_says():
    chance = np.random.default_rng(8)
    held = 0
    for _ in range(150):
        found = resampling.mean(chance.normal(3.0, 1.0, 40).tolist())
        held += found.low <= 3.0 <= found.high
    assert 0.9 <= held / 150 <= 0.99


def test_a_difference_of_corpus_figures_is_paired_over_the_items_of_both():
    items = [{"answer": wanted} for wanted in WANTED * 5]
    before = figures("chrf", SAID * 5, items)["corpus chrF2++"]
    after = figures("chrf", WANTED * 5, items)["corpus chrF2++"]
    found = after.against(before)
    assert found.value == pytest.approx(1 - before.estimate().value) and found.n == 20
    assert 0 < found.low < found.value < found.high < 1 and found.p < 0.01
    fewer = figures("chrf", WANTED[:2], items[:2])["corpus chrF2++"]
    assert fewer.against(before).n == 2
    assert before.against(before).value == 0 and before.against(before).low is None


def test_several_answers_to_an_item_are_drawn_together():
    items = [{"answer": wanted} for wanted in WANTED]
    once = figures("chrf", SAID, items)["corpus chrF2++"]
    rows = [one for one in answered("chrf", SAID, items) for _ in range(3)]
    (thrice,) = whole.figures("chrf", rows)
    assert thrice.estimate() == once.estimate() and thrice.estimate().n == 4


def test_whoever_answered_twice_is_held_against_whoever_answered_once():
    items = [{"label": one} for one in ("a / x", "b / y", "c / z", "d / z")]
    once = figures("label", ["a / x", "b / x", "q", "q"], items)["level 1"]
    rows = answered("label", ["a / x", "b / y", "c / z", "q"], items)
    (twice,) = (one for one in whole.figures("label", [*rows, *rows]) if one.name == "level 1")
    assert (once.scale.yes_no, twice.scale.yes_no) == (True, False)
    assert (twice.against(once).value, once.against(twice).value, once.against(twice).n) == (0.25, -0.25, 4)


def test_no_item_no_number_and_items_that_are_alike_no_interval():
    assert resampling.mean([]).value is None
    assert resampling.mean([0.4] * 9) == resampling.Estimate(pytest.approx(0.4), None, None, 9)
    assert resampling.mean_difference([], []).value is None


def test_every_scale_says_its_figure_in_its_own_words():
    before, after = [9.0, 8.0, 10.0, 11.0] * 10, [7.0, 7.5, 8.0, 8.0] * 10
    found = scales.LOWER.difference(before, after)
    assert (found.value, found.b, found.c) == (pytest.approx(-1.875), 0, 40)
    assert scales.LOWER.verdict(found) == "better" and scales.NUMBER.verdict(found) == "worse"
    assert scales.LOWER.in_words(found).startswith("Better: 1.88 lower (")
    assert scales.LOWER.text(scales.LOWER.estimate(after)).startswith("7.62 (")
    points = scales.POINTS.estimate([0.5, 0.6, 0.7])
    assert scales.POINTS.text(points).startswith("60.0 (") and scales.POINTS.text(points).endswith("n = 3)")
    assert scales.SHARE.text(scales.SHARE.estimate([1, 1, 0, 1])) == "75 % (30-95, n = 4)"


def test_a_share_of_values_that_are_neither_right_nor_wrong_is_refused():
    with pytest.raises(ValueError, match="neither right"):
        scales.SHARE.estimate([0.5, 1.0])


# what there is to choose from


def test_all_scores_stand_in_one_list_with_their_words_and_needs():
    found = known.known()
    assert set(metrics.METRICS) <= set(found)
    assert all(one.words.endswith(".") and not one.needs.endswith(".") for one in found.values())
    assert found["chrf"].scale == scales.POINTS and found["facts"].scale.yes_no


def test_a_score_says_how_many_items_lack_what_it_needs_and_why():
    items = [{"answer": "oak"}, {"answer": ""}, {}]
    assert known.lacks("facts", items) == (2, "The item names no expected answer.")
    assert known.lacks("json", items) == (0, "")
    assert known.lacks("perplexity", items) == (2, "The item names no expected answer.")


def test_a_score_that_is_known_no_longer_is_read_off_its_values():
    assert known.scale("gone", [0.0, 1.0]).yes_no and not known.scale("gone", [0.5]).yes_no
