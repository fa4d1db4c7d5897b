"""The pages of runs, through AppTest: launching in all its ways, the queue, a sweep, and a run in all its states."""

import json

import pytest

from engine import events, jobs, queue
from engine.queue import HIGH, Place, Rules
from engine.training.progress import EARLY
from engine.training.settings import TrainSpec, first_rate
from studio import work
from studio.building import runs, sweeps
from tests.conftest import ended_run, look, tell, words
from tests.test_sweeps import done, swept


def queued(full, name: str = "tone-2", place: Place | None = None, **settings: object) -> runs.Run:
    return runs.launch(full.store, name, "tiny", full.snapshot, "ada", settings, place=place)


def press(app, key: str):
    return app.button(key=key).click().run()


def test_only_settings_that_count_for_the_chosen_way_of_learning_are_asked_for(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    keys = {widget.key for widget in found.number_input}
    assert {"dial-rank", "dial-alpha"} <= keys and not {"dial-group", "dial-beta"} & keys
    found.selectbox(key="launch-tuning").select("full").run()
    assert "dial-rank" not in {widget.key for widget in found.number_input}
    assert "dpo" not in found.selectbox(key="launch-method").options  # nothing here has a worse answer


def test_every_dial_has_its_beginning_as_its_default_so_that_a_browser_that_hears_late_sends_nothing_else(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    dials = [widget for widget in found.number_input if str(widget.key).startswith("dial-")]
    assert {widget.key: widget.proto.default for widget in dials} == {widget.key: widget.value for widget in dials}
    assert found.number_input(key="dial-max_tokens").proto.default == TrainSpec.max_tokens
    found.selectbox(key="launch-tuning").select("full").run()
    assert found.number_input(key="dial-learning_rate").proto.default == first_rate("sft", "full")


def test_the_forecast_says_memory_time_and_cost_and_where_they_come_from(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    told = next(html.value for html in found.html if "of these learned" in html.value)
    for name in ("memory", "time", "cost", "disk"):
        assert f'<div class="label">{name}</div>' in told
    assert "tokens a second" in words(found)


def test_several_values_and_seeds_become_a_sweep_whose_cost_is_told_before(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    found.multiselect(key="launch-grid").select("rank").run()
    found.text_input(key="grid-rank").set_value("4, 8")
    found.number_input(key="launch-seeds").set_value(2).run()
    assert "**4 runs**: 2 combinations, each with 2 seeds" in words(found)
    assert "--set=rank=4,8" in words(found) and "--seeds=2" in words(found)
    press(found, "launch")
    assert not found.exception and not found.error
    (name,) = {run.sweep for run in runs.listed(full.store) if run.sweep}
    assert sorted((run.settings["rank"], run.settings["seed"]) for run in runs.listed(full.store, name)) == [
        (4, 0),
        (4, 1),
        (8, 0),
        (8, 1),
    ]


def test_a_value_that_cannot_be_is_told_beside_the_form(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    found.multiselect(key="launch-grid").select("rank").run()
    found.text_input(key="grid-rank").set_value("4, big").run()
    assert "is no value for rank" in found.error[0].value
    assert "tone-1" in words(found)  # the rest of the page is there


def test_a_run_launched_for_tonight_waits_for_the_night(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    found.segmented_control(key="launch-when").set_value("tonight")
    found.segmented_control(key="launch-priority").set_value(HIGH).run()
    assert "--tonight --priority=high" in words(found)
    press(found, "launch")
    place = runs.listed(full.store)[0].job.place
    assert place.night and place.priority == HIGH


def test_the_queue_is_shown_in_order_and_a_run_is_put_first(app, full):
    one, two = queued(full, "one"), queued(full, "two")
    found = look(app, "runs")
    assert "2 jobs wait for a place." in words(found)
    assert "**1. one**" in words(found) and "**2. two**" in words(found)
    assert found.button(key=f"Up-{one.id}").disabled and found.button(key=f"Down-{two.id}").disabled
    press(found, f"First-{two.id}")
    assert [job.id for job in jobs.waiting(full.store.home.jobs)] == [two.id, one.id]


def test_a_waiting_run_gets_another_time_and_priority(app, full):
    one, two = queued(full, "one"), queued(full, "two")
    found = look(app, "runs")
    found.segmented_control(key=f"priority-{two.id}").set_value(HIGH)
    found.toggle(key=f"night-{one.id}").set_value(True).run()
    press(found, f"place-{two.id}")
    press(found, f"place-{one.id}")
    assert [job.id for job in jobs.waiting(full.store.home.jobs)] == [two.id, one.id]
    assert runs.get(full.store, one.id).job.place.night


def test_the_queue_is_paused_and_goes_on(app, full):
    queued(full)
    found = look(app, "runs")
    press(found, "queue-switch")
    assert work.rules(full.store).paused
    assert "Nothing new starts" in words(found)
    press(found, "queue-switch")
    assert not work.rules(full.store).paused


def test_a_run_that_waits_for_the_night_says_so_in_words(app, full):
    queue.rule(full.store.home.jobs, Rules(night_from="03:00", night_until="03:01"))
    run = queued(full, place=Place(night=True))
    said = words(look(app, "run", run=run.id)).replace("\\", "")
    assert "at 03:00, in the night hours." in said


def test_a_queued_run_is_paused_resumed_and_stopped_from_its_page(app, full):
    run = queued(full)
    found = look(app, "run", run=run.id)
    press(found, "pause")
    assert runs.get(full.store, run.id).state == jobs.PAUSED
    assert "It is paused." in words(found)
    press(found, "resume")
    assert runs.get(full.store, run.id).state == jobs.QUEUED
    press(found, "stop")
    assert runs.get(full.store, run.id).state == jobs.STOPPED


def test_warnings_stand_at_the_top_each_once_and_early_stopping_is_no_alarm(app, full):
    run = queued(full)
    tell(run.job.folder, 4)
    for _ in range(2):  # a resumed run tells what came after its checkpoint again
        events.append(run.job.folder, "warning", step=4, why="The loss has jumped far above where it was.")
    events.append(run.job.folder, "warning", step=4, why=EARLY.format(looks=5, best=2))
    found = look(app, "run", run=run.id)
    assert [warning.value for warning in found.warning] == ["The loss has jumped far above where it was."]
    assert any("It stopped early" in info.value for info in found.info)


def test_what_leaves_the_machine_is_said_on_the_run(app, full):
    run = queued(full)
    events.append(run.job.folder, "leaves", tracker="wandb", to="api.wandb.ai", what="the figures of each step")
    assert "This leaves your machine, to api.wandb.ai" in words(look(app, "run", run=run.id))


def test_the_figures_that_a_method_tells_of_itself_have_charts_of_their_own(app, full):
    run = queued(full)
    tell(run.job.folder, 4)
    for step in (5, 6):
        events.append(
            run.job.folder, "step", step=step, steps=6, loss=0.4, learning_rate=1e-3, gradient_norm=1.0, tokens=9,
            tokens_per_second=10, seconds_left=1.0, memory=2e9, metrics={"reward": step / 10, "kl": 0.01},
        )  # fmt: skip
    said = words(look(app, "run", run=run.id))
    assert "What its answers are paid" in said and "How far it has moved from the base" in said
    assert "Memory held at most, in gigabytes" in said


def test_an_old_run_is_shown_with_the_settings_of_its_time(app, full):
    run = runs.get(full.store, full.run)
    spec = run.job.folder / "spec.json"
    spec.write_text(json.dumps({**json.loads(spec.read_text()), "method": "lora", "forgotten": 1}))
    found = look(app, "run", run=run.id)
    assert not found.exception and not found.error


def test_two_runs_are_laid_over_each_other(app, full):
    other = ended_run(full.store, full.snapshot, "tone-9")
    found = look(app, "run", run=full.run)
    found.multiselect(key="compare").select(other.id).run()
    assert not found.exception
    assert len(found.get("plotly_chart")) >= 1


def test_a_sweep_shows_its_trials_best_first_with_what_can_be_told(app, full):
    sweep = swept(full, {8: [1.50, 1.56], 16: [1.52, 1.58], 32: [2.5, 2.56]})
    found = look(app, "runs", sweep=sweep.name)
    assert not found.exception and not found.error
    table = found.dataframe[0].value
    assert table["rank"].tolist() == ["8", "16", "32"]
    assert table["against the best"].tolist() == ["best", "cannot tell", "worse"]
    assert table["seeds"].tolist() == ["2 of 2"] * 3
    assert "n = 30" in words(found) or "the same 30 validation examples" in words(found)


def test_a_sweep_without_results_says_what_is_awaited(app, full):
    planned = sweeps.plan({}, {"rank": [8, 16]})
    launched = sweeps.launch(full.store, "ranks", "tiny", full.snapshot, "ada", planned)
    assert "0 of 2 runs are done" in words(look(app, "runs", sweep="ranks"))
    done(launched[0], 1.5)
    assert sweeps.get(full.store, "ranks").best is not None


@pytest.mark.parametrize("state", [jobs.FAILED, jobs.STOPPED])
def test_a_run_that_was_cut_short_can_be_resumed(app, full, state):
    run = ended_run(full.store, full.snapshot, "cut", state=state)
    press(look(app, "run", run=run.id), "resume")
    assert runs.get(full.store, run.id).state == jobs.QUEUED


def test_a_whole_model_is_registered_as_a_base_and_an_adapter_on_its_own(full):
    whole = runs.launch(full.store, "whole", "tiny", full.snapshot, "ada", {"tuning": "full"})
    done(whole, 1.0)
    runs.catch_up(full.store)
    kinds = {row["name"]: (row["kind"], row["base"]) for row in full.store.rows("select name, kind, base from model")}
    assert kinds["whole"] == ("base", "") and kinds["tone-1"] == ("adapter", "tiny")
