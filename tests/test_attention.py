"""The cost of people: active seconds, counted openly, and what they come to."""

from datetime import timedelta

import pytest

from studio import prices
from studio.data import attention
from studio.data.attention import REVIEW, WRITE
from studio.store import Store, now
from tests.conftest import look, words


def test_seconds_add_up_by_example_and_by_person(store: Store):
    for entry, deed, seconds in (("e1", WRITE, 90), ("e1", REVIEW, 30), ("e2", REVIEW, 60)):
        attention.note(store, "ada", "tone", entry, deed, seconds)
    attention.note(store, "bo", "tone", "e1", REVIEW, 20)
    morning = now() - timedelta(hours=1)
    assert attention.today(store, "ada", "tone", "e1", morning) == attention.Today(120, 180, 2)
    assert attention.today(store, "ada", "tone", "e1", now() + timedelta(hours=1)) == attention.Today(120, 0, 0)
    found = attention.summary(store, "tone")
    assert (found.each.value, found.each.n, found.writing, found.reviewing, found.people) == (100, 2, 90, 110, 2)


def test_who_switches_it_off_is_not_counted_from_then_on(store: Store):
    attention.note(store, "ada", "tone", "e1", WRITE, 10)
    attention.switch(store, "ada", False)
    attention.note(store, "ada", "tone", "e1", WRITE, 99)
    attention.switch(store, "ada", True)
    attention.note(store, "ada", "tone", "e1", WRITE, 1)
    assert attention.summary(store, "tone").seconds == 11


def test_nothing_counted_is_no_number_rather_than_nought(store: Store):
    found = attention.summary(store, "tone")
    assert (found.each.value, found.each.n, found.cost) == (None, 0, 0)


def test_the_cost_follows_the_price_book_and_says_when_it_is_assumed(store: Store):
    attention.note(store, "ada", "tone", "e1", WRITE, 1800)
    assert "assumption" in attention.summary(store, "tone").price.source
    prices.set(store, prices.PEOPLE, 60.0, "euros an hour", "payroll", "ada")
    assert attention.summary(store, "tone").cost == pytest.approx(30.0)


def test_the_middle_has_the_interval_of_order_statistics():
    # n = 20: the 6th and the 15th hold the middle with 95.9 %, as tabled (Conover, table A3)
    found = attention.median([float(n) for n in range(1, 21)])
    assert (found.value, found.low, found.high, found.n) == (10.5, 6.0, 15.0, 20)
    assert attention.median([1.0, 2.0, 3.0]).low is None


def test_the_examples_page_says_what_people_gave(app, full):
    attention.note(full.store, "ada", "tone", full.entry, WRITE, 1800)
    assert "30 min of people's time so far, by 1 person" in words(look(app, "examples", dataset="tone"))
    assert "22.50 euros at 45 euros an hour" in words(app)
