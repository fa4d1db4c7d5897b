"""Orders: what somebody wants trained, as it is typed."""

import pytest

from engine.training.settings import RATES, first_rate
from studio.building import orders
from tests.test_engines import frozen


@pytest.mark.parametrize(
    ("method", "tuning", "pairs", "rate"),
    [
        ("sft", "lora", [], None),  # the default of every run needs no mention
        ("dpo", "lora", [], 3e-4),
        ("grpo", "dora", [], 1e-3),
        ("sft", "full", [], 3e-4),
        ("dpo", "lora", ["learning_rate=5e-5"], 5e-5),
    ],
)
def test_each_way_of_learning_begins_with_a_rate_of_its_own_unless_one_is_given(
    store, tmp_path, method, tuning, pairs, rate
):
    order = orders.read(store, "run", "starter", frozen(store, tmp_path), pairs, {"method": method, "tuning": tuning})
    assert order.settings.get("learning_rate") == rate


def test_a_grid_over_rates_is_left_as_it_is(store, tmp_path):
    given = {"method": "dpo", "tuning": "lora"}
    order = orders.read(store, "run", "starter", frozen(store, tmp_path), ["learning_rate=1e-4,1e-3"], given)
    assert order.grid == {"learning_rate": [1e-4, 1e-3]} and "learning_rate" not in order.settings


def test_every_weight_takes_smaller_steps_than_an_adapter_of_the_same_method():
    assert all(first_rate(method, "full") <= first_rate(method, "lora") == rate for method, rate in RATES.items())
