"""Sweeps: a grid and seeds become runs, and their differences are said with what they are worth."""

import json
import os
from dataclasses import replace

import pytest

from engine import events, jobs, processes
from engine.problems import Problem
from engine.queue import LOW, Place
from engine.scoring import stats
from studio.building import runs, sweeps
from studio.store import now
from tests import judged


def done(run: runs.Run, loss: float, n: int = 30) -> None:
    """Leave the folder of a run as a job that has ended well does."""
    noted = run.job.folder / processes.FILE
    noted.write_text(json.dumps(judged.GONE))
    os.utime(noted, (0, 0))
    events.append(run.job.folder, "end", state=jobs.DONE, validation_loss=loss, validation_examples=n)


def swept(full, losses: dict[int, list[float]]) -> sweeps.Sweep:
    """A sweep over ranks; `losses` holds for each rank one loss a seed, None for a run that still waits."""
    seeds = len(next(iter(losses.values())))
    planned = sweeps.plan({}, {"rank": list(losses)}, seeds)
    for run in sweeps.launch(full.store, "ranks", "tiny", full.snapshot, "ada", planned):
        loss = losses[run.settings["rank"]][run.settings.get("seed", 0)]
        if loss is not None:
            done(run, loss)
    return sweeps.get(full.store, "ranks")


def test_values_between_commas_are_a_grid_and_take_the_type_of_their_setting():
    settings, grid = sweeps.read(["rank=8", "learning_rate=1e-3, 3e-3", "packing=false", "targets=q_proj,v_proj"])
    assert settings == {"rank": 8, "packing": False, "targets": "q_proj,v_proj"}
    assert grid == {"learning_rate": [0.001, 0.003]}


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("rnak=8", "There is no setting 'rnak'"),
        ("rank=big", "'big' is no value for rank, which is a whole number"),
        ("packing=maybe", "which is true or false"),
        ("rank=", "rank has no value"),
        ("rewards=[]", "There is no setting 'rewards'"),
    ],
)
def test_a_setting_that_cannot_be_is_told(pair, said):
    with pytest.raises(Problem, match=said):
        sweeps.read([pair])


def test_every_combination_is_planned_with_the_first_seed_before_the_next():
    planned = sweeps.plan({"epochs": 1.0, "seed": 5}, {"rank": [8, 16], "tuning": ["lora", "dora"]}, seeds=2)
    assert len(planned) == 8
    assert [one["seed"] for one in planned] == [5] * 4 + [6] * 4
    assert planned[1] == {"epochs": 1.0, "seed": 5, "rank": 8, "tuning": "dora"}
    assert sweeps.plan({"rank": 8}, {}) == [{"rank": 8}]
    with pytest.raises(Problem, match="would be 60 runs"):
        sweeps.plan({}, {"rank": list(range(1, 31))}, seeds=2)


def test_a_sweep_is_launched_whole_or_not_at_all(full):
    runs.launch(full.store, "ranks-2", "tiny", full.snapshot, "ada")
    planned = sweeps.plan({}, {"rank": [8, 16]})
    with pytest.raises(Problem, match="called ranks-2 already"):
        sweeps.launch(full.store, "ranks", "tiny", full.snapshot, "ada", planned)
    with pytest.raises(Problem, match="rank is 0"):
        sweeps.launch(full.store, "other", "tiny", full.snapshot, "ada", sweeps.plan({}, {"rank": [8, 0]}))
    assert not runs.listed(full.store, "ranks") and not runs.listed(full.store, "other")


def test_the_runs_of_a_sweep_share_its_name_and_their_place_and_nobody_else_is_called_so(full):
    found = sweeps.launch(
        full.store, "ranks", "tiny", full.snapshot, "ada", sweeps.plan({}, {"rank": [8, 16]}), Place(LOW)
    )
    assert [run.name for run in found] == ["ranks-1", "ranks-2"]
    assert {run.sweep for run in found} == {"ranks"} and {run.job.place.priority for run in found} == {LOW}
    with pytest.raises(Problem, match="called ranks already"):
        runs.launch(full.store, "ranks", "tiny", full.snapshot, "ada")
    with pytest.raises(Problem, match="There is no sweep nowhere"):
        sweeps.get(full.store, "nowhere")


def test_one_plan_is_a_run_and_no_sweep(full):
    (run,) = sweeps.launch(full.store, "single", "tiny", full.snapshot, "ada", sweeps.plan({"rank": 8}, {}))
    assert (run.name, run.sweep) == ("single", "")


def test_the_best_trial_comes_first_and_one_without_result_last(full):
    sweep = swept(full, {8: [1.7, 1.72], 16: [None, None], 32: [1.5, 1.52]})
    assert [trial.changed for trial in sweep.trials] == [{"rank": 32}, {"rank": 8}, {"rank": 16}]
    assert sweep.best is not None and sweep.best.loss == pytest.approx(1.51)
    assert sweep.best.spread == pytest.approx(0.02 / 2**0.5) and sweep.best.n == 30
    assert sweep.live


def test_a_difference_within_the_spread_of_the_seeds_cannot_be_told_and_a_larger_one_can(full):
    sweep = swept(full, {8: [1.50, 1.56], 16: [1.52, 1.58], 32: [2.5, 2.56]})
    assert [sweeps.verdict(sweep, trial) for trial in sweep.trials] == ["best", "cannot tell", "worse"]
    assert "one cannot tell" in sweeps.said(sweep) and "rank 16" in sweeps.said(sweep)


def test_with_one_seed_each_nothing_is_told(full):
    sweep = swept(full, {8: [1.5], 16: [2.5]})
    assert [sweeps.verdict(sweep, trial) for trial in sweep.trials] == ["best", "cannot tell"]
    assert "With one seed each nobody can tell" in sweeps.said(sweep)


def test_several_seeds_of_one_setting_say_their_spread(full):
    planned = sweeps.plan({}, {}, seeds=3)
    for run, loss in zip(
        sweeps.launch(full.store, "seeds", "tiny", full.snapshot, "ada", planned), (1.5, 1.6, 1.7), strict=True
    ):
        done(run, loss)
    sweep = sweeps.get(full.store, "seeds")
    assert len(sweep.trials) == 1
    assert "Over 3 seeds the validation loss is 1.600 on average, from 1.500 to 1.700" in sweeps.said(sweep)
    assert "(standard deviation 0.100)" in sweeps.said(sweep)


def test_means_of_two_groups_differ_by_students_interval():
    found = stats.apart([1.0, 3.0], [4.0, 6.0], [[1.0, 3.0], [4.0, 6.0]])
    # pooled variance 2 with 2 degrees of freedom: 3 +- 4.3027 * sqrt(2 * (1/2 + 1/2))
    assert found.value == 3.0 and found.n == 4
    assert found.low == pytest.approx(3 - 6.0849, abs=1e-3) and found.high == pytest.approx(3 + 6.0849, abs=1e-3)
    assert stats.apart([1.0], [2.0], [[1.0], [2.0]]).low is None


def test_trials_of_a_preference_are_compared_by_what_they_prefer_not_by_a_loss_that_depends_on_beta():
    run = runs.Run(
        id="r", name="r", base="b", snapshot="s", method="dpo", settings={}, made_by="ada", made_at=now(), job=None
    )
    end = {"validation_loss": 0.1, "metrics": {"accuracy": 0.75}}
    assert sweeps._loss(run, end) == 0.25
    assert sweeps._loss(replace(run, method="sft"), end) == 0.1
    assert sweeps._loss(replace(run, method="grpo"), {}) is None
