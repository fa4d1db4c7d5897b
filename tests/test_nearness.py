"""Near duplicates: what is one, what only looks like one, and what stands whole in another text."""

import random

import numpy as np
import pytest

from engine.quality import bags, nearness

BASE = "My blue lamp came with a broken switch. Could you send me a new one before the weekend, please?"
ORDER = "Could you send me a new one before the weekend, please? My blue lamp came with a broken switch."


def kinds(texts, **more):
    return {(pair.first, pair.second): pair.kind for pair in nearness.near(texts, **more)}


def test_case_punctuation_spacing_and_signs_of_another_alphabet_form_make_no_difference():
    texts = ["Where's my order?", "WHERE’S  my order!!", "where's my — order", "Where is the sofa?"]
    assert kinds(texts) == {(0, 1): "exact", (0, 2): "exact"}
    assert nearness.normal("Ｃａｆé…  NOW") == "café now"


def test_one_changed_word_and_another_order_of_sentences_are_near():
    texts = [BASE, BASE.replace("broken", "damaged"), ORDER, "The parcel was left in the rain and is soaked."]
    assert kinds(texts) == {(0, 1): "near", (0, 2): "near", (1, 2): "near"}
    scores = {(p.first, p.second): p.score for p in nearness.near(texts)}
    assert scores[0, 2] == 1.0 and scores[0, 1] == pytest.approx(18 / 19)  # words


def test_another_number_date_or_denial_is_another_text():
    assert kinds([f"Your order {n} has left our house this morning." for n in (1041, 2207)]) == {}
    assert kinds([f"We will deliver your new sofa on {day} morning." for day in ("Monday", "Friday")]) == {}
    assert kinds(["You can return the lamp within the month.", "You cannot return the lamp within the month."]) == {}


def test_another_name_is_another_text_unless_the_language_writes_nouns_with_capitals():
    assert kinds([f"Dear customer, I spoke to {who} about the broken lamp today." for who in ("Anna", "Bert")]) == {}
    german = [f"Guten Tag, meine {what} im Wohnzimmer ist seit Tagen kaputt." for what in ("Lampe", "Leuchte")]
    assert kinds(german) == {(0, 1): "near"}


def test_the_slot_of_a_template_is_a_fact_like_a_number():
    lamps = [f"Is the {name} lamp still to be had in your shop?" for name in ("linden", "maple", "alder", "birch")]
    assert kinds(lamps) == {}
    assert set(kinds(lamps, templates=True).values()) == {"template"}
    # a pair alone is no template
    assert kinds(lamps[:2]) == {(0, 1): "near"}


def test_templates_are_found_across_their_numbers_when_asked_for():
    texts = [f"Your payment of {n}.50 euros arrived on {d} May, thank you." for n, d in ((10, 3), (22, 4), (31, 5))]
    assert kinds(texts) == {}
    assert set(kinds(texts, templates=True).values()) == {"template"}
    assert nearness.clusters(3, [(p.first, p.second) for p in nearness.near(texts, templates=True)]) == [[0, 1, 2]]


def test_a_text_that_stands_in_a_document_is_contained():
    document = f"Chapter one. {BASE} Chapter two tells the rest of it."
    found = nearness.across(
        [BASE.upper(), "Nothing of the kind stands anywhere in there."], ["Something else.", document]
    )
    assert [(pair.first, pair.second, pair.kind, pair.score) for pair in found] == [(0, 1, "contained", 1.0)]


def test_across_compares_the_lists_and_not_their_own_rows():
    left, right = [BASE, BASE, ORDER], [ORDER.lower(), "Something else altogether, with other words."]
    found = {(pair.first, pair.second): pair.kind for pair in nearness.across(left, right)}
    assert found[2, 0] == "exact" and found[0, 0] == "near"
    assert set(found) == {(0, 0), (1, 0), (2, 0)}  # the copy is told as well


def test_nothing_one_text_and_texts_without_words_are_no_trouble():
    assert nearness.near([]) == [] == nearness.near(["alone"]) == nearness.across([], ["one"])
    assert kinds(["", "   ", "🎉🎉", "🎉🎉", "👋"]) == {(2, 3): "exact"}


def test_every_pair_that_counting_finds_is_proposed():
    """Against a plain comparison of all with all, on texts without facts or templates."""
    draw = random.Random(5)
    vocabulary = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrs"]
    texts = [" ".join(draw.choices(vocabulary, k=draw.randint(12, 30))) for _ in range(150)]
    for at in draw.sample(range(150), 50):
        said = texts[at].split()
        said[draw.randrange(len(said))] = draw.choice(vocabulary)
        texts.append(" ".join(said))
    plain = {
        (i, j)
        for i in range(len(texts))
        for j in range(i + 1, len(texts))
        if nearness.alike(texts[i], texts[j]) >= nearness.THRESHOLD
    }
    assert len(plain) >= 50
    assert {(p.first, p.second) for p in nearness.near(texts)} == plain


def test_what_two_bags_have_in_common_is_counted_word_by_word():
    held = bags.bagged(["a a b", "a b b c", ""], str.split)
    first, second = np.array([0, 1, 0]), np.array([1, 0, 2])
    assert held.sizes.tolist() == [3, 4, 0]
    assert held.common(first, second).toarray().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert held.lacking(first, second).toarray().tolist() == [[1, 0, 0], [0, 1, 1], [2, 1, 0]]
    assert held.the_same(0, 0) and not held.the_same(0, 1)


def test_it_makes_no_difference_in_how_many_portions_the_pairs_are_judged(monkeypatch):
    lamps = [f"Is the {name} lamp still to be had in your shop?" for name in ("linden", "maple", "alder", "birch")]
    texts = [*lamps, BASE, BASE.replace("broken", "damaged"), ORDER, "I spoke to Anna today.", "I spoke to Bert today."]
    pairs = [(first, second) for second in range(len(texts)) for first in range(second)]
    whole = nearness.judged(texts, pairs, 0.6)
    assert {pair.kind for pair in whole} == {"near", "template"}
    monkeypatch.setattr(bags, "PORTION", 20)
    assert nearness.judged(texts, pairs, 0.6) == whole
