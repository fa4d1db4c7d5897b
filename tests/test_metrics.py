"""Metrics against answers labelled by hand, the tricky ones above all."""

import pytest

from engine.problems import Problem
from engine.scoring import metrics
from engine.scoring.confusion import confusion
from engine.scoring.metrics import Score, score
from engine.scoring.wording import plain, stands

GUIDE = {
    "needs": 2,
    "playful": {
        "pet_names": ["petal", "sweetpea"],
        "openers": ["woohoo", "ta-da"],
        "cheeky_phrases": ["cuppa"],
        "sign_offs": ["a cuppa helps"],
        "emoji": ["🎉", "🙈"],
    },
    "avoid": ["unfortunately", "your fault"],
}

# wanted, text, whether it says so
SAID = [
    ("14 hours", "The battery lasts 14 hours.", True),
    ("14 hours", "It has a 14-hour battery", True),
    ("14 hours", "Fourteen hours, petal!", True),
    ("14 hours", "Up to 14 hours (not 20).", True),
    ("14 hours", "Not 14 hours but 20? No, 14 hours it is.", True),
    ("14 hours", "It could not. 14 hours is the most", True),
    ("14 hours", "It lasts 114 hours.", False),
    ("14 hours", "It lasts 1.4 hours.", False),
    ("14 hours", "It lasts 10-14 hours.", False),
    ("14 hours", "minus: -14 hours", False),
    ("14 hours", "It lasts not 14 hours but 20.", False),
    ("14 hours", "20 hours instead of 14 hours", False),
    ("14 hours", "14 days and 3 hours", False),
    ("24 months", "twenty-four months", True),
    ("20 months", "twenty-four months", False),
    ("2 months", "two hundred months", False),
    ("1 year", "a one-year warranty", True),
    ("1", "one of our lamps", False),
    ("1,250 euros", "It costs €1250.", True),
    ("1250 euros", "It costs 1 250 euros.", True),
    ("250 euros", "It costs 1,250 euros.", False),
    ("49 euros", "It costs €49.50", False),
    ("49 euros", "49 EUR", True),
    ("3.5 kg", "weighs 3.5kg", True),
    ("5 kg", "weighs 3.5kg", False),
    ("-5 °C", "down to −5°C", True),
    ("30", "at 9:30", False),
    ("9:30", "at 9:30 sharp", True),
    ("FW-20417", "order fw-20417 is here", True),
    ("FW-20417", "order FW-204170 is here", False),
    ("pine", "Alpine green", False),
    ("Pine", "It is “pine”.", True),
    ("batteries", "two batteries", True),
    ("the nest's app", "in the nest’s app", True),
    ("", "anything", False),
]


@pytest.mark.parametrize(("wanted", "text", "said"), SAID)
def test_a_fact_is_whole_words_and_whole_numbers(wanted, text, said):
    # the thousands separator of one case is a narrow no-break space
    assert stands(wanted, text.replace("1 250", "1\u202f250")) is said


def test_a_plain_space_between_digits_is_no_thousands_separator():
    assert plain("on 12 300 people came") == "on 12 300 people came"


def test_facts_accepts_any_of_the_spellings_and_says_which():
    item = {"answer": "14 hours", "accept": ["14 hours", "14 h"]}
    assert score("facts", "It runs 14 h.", item) == Score(1.0, "Says “14 h”.")
    assert score("facts", "It runs long.", item) == Score(0.0, "Doesn't say “14 hours” or “14 h”.")
    assert score("facts", "Oak.", {"answer": "oak"}).value == 1.0


def test_an_item_without_an_expectation_is_no_number():
    assert score("facts", "Oak.", {}) == Score(None, "The item names no expected answer.")
    assert score("label", "a / b", {}).value is None
    assert score("type", "a / b", {}).value is None
    assert score("kept", "Anything.", {}).value is None
    assert score("kept", "Hi!", {"source": "Thank you for waiting."}).value is None
    assert score("tone", "Woohoo!", {}).value is None
    assert score("tone", "Woohoo!", {}, {}).value is None


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_an_empty_or_unreadable_answer_scores_zero_with_its_reason(metric):
    call = {"function": {"name": "stock", "arguments": "{}"}}
    item = {"answer": "7 oaks", "label": "a / b", "source": "Order FW-1 is here.", "contains": ["oak"], "calls": [call]}
    item |= {"pattern": "oak", "schema": {"type": "object"}}
    assert score(metric, "  \n", item, GUIDE) == Score(0.0, "The answer is empty.")
    assert score(metric, "... !?", item, GUIDE) == Score(0.0, "The answer holds no word.")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Woohoo, petal, your lamp is here!", 1),
        ("Your lamp is here, petal 🎉", 1),
        ("Petal, sweetpea, your lamp is here.", 0),  # one kind, twice
        ("Your lamp is here.", 0),
        ("It is late. A cuppa helps!", 0),  # one stretch of text counts once
        ("A cuppa on the house. A cuppa helps!", 1),
        ("Woohoo, petal, unfortunately your lamp is late.", 0),  # a word to avoid
        ("A petalled, woohooing lamp", 0),  # inside other words
    ],
)
def test_tone_needs_different_kinds_of_markers(text, value):
    assert score("tone", text, {}, GUIDE).value == value


def test_tone_lists_the_markers_it_found():
    found = score("tone", "Ta-da, petal: your lamp 🙈🙈", {}, GUIDE)
    assert found.why == "3 kinds of marker, 2 needed (pet_names: petal; openers: ta-da; emoji: 🙈)."
    spoilt = score("tone", "Ta-da, petal: it is your fault", {}, GUIDE)
    assert spoilt.why.endswith("Uses your fault, which the guide avoids.")


@pytest.mark.parametrize(
    ("text", "whole", "first"),
    [
        ("payment / invoice", 1, 1),
        (" Payment/Invoice.", 1, 1),
        ("“payment / invoice”", 1, 1),
        ("payment / refund", 0, 1),
        ("payment", 0, 1),
        ("return / invoice", 0, 0),
        ("The type is payment / invoice", 0, 0),
        ("payment / invoice payment / invoice", 0, 1),
        ("prepayment / invoice", 0, 0),
    ],
)
def test_a_label_is_right_as_a_whole_and_a_type_by_its_first_level(text, whole, first):
    item = {"label": "payment / invoice"}
    assert score("label", text, item).value == whole
    assert score("type", text, item).value == first


def test_the_particulars_of_a_message_are_its_names_numbers_dates_and_amounts():
    source = (
        "Nikos, your Dapple lamp (order FW-20417) is late. Please wait until 4 January, 08:15. It costs 4.50 euros."
    )
    assert metrics.particulars(source) == ["Nikos", "Dapple", "FW-20417", "4", "January", "08:15", "4.50"]
    assert metrics.particulars("Sorry, I can't. Monday works. We'll mail thea@fernwick.example.") == [
        "Monday",
        "thea@fernwick.example",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Woohoo, petal: order FW-20417 hops over on 4 January, Thea!", 1),
        ("Woohoo, petal: order FW-20417 hops over on four January, THEA!", 1),
        ("Woohoo, petal: order FW-20418 hops over on 4 January, Thea!", 0),
        ("Woohoo, petal: order FW-20417 hops over on 14 January, Thea!", 0),
        ("Woohoo, petal: order FW-20417 hops over on 4 January!", 0),
    ],
)
def test_a_rewritten_message_keeps_every_particular(text, value):
    source = "Thea, your order FW-20417 will arrive on 4 January."
    assert score("kept", text, {"source": source}).value == value
    assert score("kept", text, {"messages": [{"role": "user", "content": source}]}).value == value


def test_a_lost_particular_is_named():
    assert score("kept", "It comes soon, Thea!", {"source": "Thea, it comes on Monday."}).why == "Lost Monday."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I don't have that information.", 1),
        ("Oh petal, I do not have that information 🙈", 1),
        ("We couldn’t find it.", 1),
        ("I have that information: 14 hours.", 0),
        ("You don't need to know.", 0),
        ("It lasts 14 hours.", 0),
    ],
)
def test_not_found_is_an_answer_that_says_so(text, value):
    assert score("not_found", text, {}).value == value


def test_an_unknown_metric_is_a_problem_that_names_the_known():
    with pytest.raises(Problem, match="no metric called charm"):
        score("charm", "x", {})


def test_every_metric_says_in_words_what_it_measures():
    assert {"facts", "tone", "style", "label", "type", "kept", "not_found"} <= set(metrics.METRICS)
    assert all(metric.words.endswith(".") and metric.name == name for name, metric in metrics.METRICS.items())


def test_a_confusion_is_what_counting_by_hand_gives():
    expected = ["a"] * 5 + ["b"] * 3 + ["c"] * 2
    answered = ["a", "a", "a", "a", "b", "b", "b", "a", "a", "what?"]
    found = confusion(expected, answered)
    assert (found.accuracy.value, found.majority.value, found.unknown.value) == (0.6, 0.5, 0.1)
    assert {label: recall.value for label, recall in found.recall.items()} == {
        "a": 0.8,
        "b": pytest.approx(2 / 3),
        "c": 0.0,
    }
    # F1: a 2*4/(5+6), b 2*2/(3+3), c 0
    assert found.macro_f1 == pytest.approx((8 / 11 + 4 / 6 + 0) / 3)
    assert found.counts["c", "what?"] == 1
    assert found.mistakes(2) == [("a", "b", 1), ("b", "a", 1)]


def test_a_confusion_of_nothing_gives_no_number():
    found = confusion([], [])
    assert found.accuracy.value is None
    assert found.macro_f1 is None
    assert found.mistakes() == []
