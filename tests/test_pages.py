"""Every page, empty and full, and what can be done on it. Through Streamlit's AppTest, from the entry."""

import json

import pytest

from engine import events, jobs, processes
from studio import members
from studio.building import models, runs
from studio.freezing import snapshots
from studio.ui import nav
from tests import judged
from tests.conftest import PAGES, ended_run, look, tell, words

EMPTY = {
    "home": "Welcome to the workshop",
    "datasets": "There is none yet",
    "examples": "No dataset yet",
    "runs": "Nothing to learn from yet",
    "run": "No run is chosen",
}
FULL = {
    "home": ("24", "Mend 1 row of tone", "ada"),
    "datasets": ("tone", "24 examples", "1 row to mend"),
    "examples": ("tone", "24 examples"),
    "runs": ("tone-1", "Launch a run", "validation 1.600 (n = 3)"),
    "run": ("No run is chosen",),
}


@pytest.mark.parametrize("page", EMPTY)
def test_an_empty_page_says_what_would_be_here_and_the_way_on(app, page):
    found = look(app, page)
    assert not found.exception
    assert EMPTY[page] in words(found)


@pytest.mark.parametrize("page", FULL)
def test_a_page_shows_what_is_there(app, full, page):
    found = look(app, page)
    assert not found.exception and not found.error
    for said in FULL[page]:
        assert said in words(found)


def test_every_page_in_the_menu_has_its_file():
    assert [place.name for place in nav.PLACES if not place.path.exists()] == []
    assert {path.stem for path in PAGES.glob("*.py")} - {"__init__"} == {place.name for place in nav.PLACES}


UNKNOWN = [
    ("datasets", "dataset", "There is no dataset nowhere"),
    ("rejects", "dataset", "There is no dataset nowhere"),
    ("bring_in", "intake", "There is no import nowhere"),
    ("examples", "dataset", "There is no dataset nowhere"),
    ("run", "run", "There is no run nowhere"),
    ("runs", "snapshot", "There is no snapshot or corpus nowhere"),
    ("runs", "sweep", "There is no sweep nowhere"),
]


@pytest.mark.parametrize(("page", "name", "said"), UNKNOWN)
def test_an_unknown_id_in_the_address_is_told_and_nothing_else_is_shown_for_it(app, full, page, name, said):
    found = look(app, page, **{name: "nowhere"})
    assert not found.exception
    assert said in found.error[0].value


def test_an_unknown_example_in_the_address_is_told_beside_the_list(app, full):
    found = look(app, "examples", dataset="tone", entry="nowhere")
    assert "There is no example nowhere in tone" in found.error[0].value
    assert len(found.dataframe[0].value) == 24


def test_a_newcomer_says_who_they_are_and_home_puts_their_step_first(app, full):
    found = look(app, "home")
    assert found.html[1].value.count("designer · you") == 0  # the first label is that of the figures
    found.text_input[0].set_value("Noor")
    found.selectbox[1].select("engineer")
    next(button for button in found.button if button.label == "Sit down here").click().run()
    assert [member.role for member in members.listed(full.store) if member.name == "Noor"] == ["engineer"]
    assert "engineer · you" in words(found)


def test_freezing_leads_on_to_a_run(app, full):
    found = look(app, "snapshots", dataset="tone")
    next(button for button in found.button if button.label == "Freeze").click().run()
    assert "Frozen" in words(found) and "Train on it" in words(found)
    assert len(snapshots.listed(full.store)) == 1  # the same examples are the same snapshot


def test_what_a_run_will_do_is_counted_before_it_starts(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    assert not found.exception and not found.error
    assert found.text_input(key="launch-name").value == "tone-2"
    train = snapshots.get(full.store, full.snapshot).train
    found.number_input(key="dial-epochs").set_value(2.0)
    found.number_input(key="dial-batch_size").set_value(train).run()
    counted = next(html.value for html in found.html if "of these learned" in html.value)
    assert f"<b>{train}</b>" in counted
    assert '<div class="label">steps</div><b>2</b>' in counted


def test_an_example_that_is_too_long_is_told_and_keeps_the_run_from_starting(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    found.number_input(key="dial-max_tokens").set_value(8).run()
    assert found.warning
    assert found.button(key="launch").disabled


def test_a_base_that_cannot_be_read_is_told_and_keeps_the_run_from_starting(app, full, tmp_path):
    models.add(full.store, "hollow", models.BASE, str(tmp_path), "ada")
    found = look(app, "runs", snapshot=full.snapshot)
    found.selectbox(key="launch-base").select("hollow").run()
    assert "has no tokenizer" in found.error[0].value
    assert found.button(key="launch").disabled


def test_a_taken_name_is_refused_and_no_run_is_made(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    found.text_input(key="launch-name").set_value("tone-1")
    found.button(key="launch").click().run()
    assert "There is a run or model called tone-1 already" in found.error[-1].value.replace("\\", "")
    assert len(runs.listed(full.store)) == 1


def test_launching_puts_the_run_in_the_queue_with_the_dials_as_they_stand(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    found.number_input(key="dial-rank").set_value(32)
    found.button(key="launch").click().run()
    run = runs.listed(full.store)[0]
    assert (run.name, run.state, run.settings) == ("tone-2", jobs.QUEUED, {"rank": 32})
    assert found.title[0].value == "tone-2"
    assert "Starts in a moment" in words(found)


def test_the_same_from_the_command_line_carries_the_dials(app, full):
    found = look(app, "runs", snapshot=full.snapshot)
    found.number_input(key="dial-rank").set_value(32).run()
    assert f"atelier train {full.snapshot} --name tone-2 --base tiny --set=rank=32" in words(found)


def test_a_run_that_is_done_shows_its_course_and_leads_on_to_its_model(app, full):
    found = look(app, "run", run=full.run)
    assert not found.exception and not found.error
    said = words(found)
    assert "tone-1 can be asked" in said.replace("**", "").replace("\\", "")
    assert "validation loss (n = 3)" in said and "1.600" in said
    assert "the loss went from 2.000 to 1.600" in said
    assert '<span class="on"> Here</span>' in said
    assert len(found.get("plotly_chart")) == 4


@pytest.mark.parametrize(
    ("passed", "difference", "says"),
    [(True, 0.004, "is ready, and served as it was trained (n = 8 prompts)"), (False, 0.21, "is not ready")],
)
def test_only_a_model_that_is_served_as_it_was_trained_is_called_ready(app, full, passed, difference, says):
    checked = full.store.home.jobs / f"parity-{full.run}-1"
    checked.mkdir()
    (checked / "job.json").write_text(json.dumps({"id": checked.name, "kind": "parity", "by": "ada", "made_at": 1.0}))
    (checked / processes.FILE).write_text(json.dumps({**judged.GONE, "noted": 1.0}))
    side = {"name": "server", "n": 8, "same_ids": 8, "difference": difference, "kl": 0.0, "why": ""}
    events.append(checked, "end", state=jobs.DONE, passed=passed, n=8, tolerance=0.05, sides=[side])
    found = look(app, "run", run=full.run)
    assert not found.exception and says in words(found).replace("**", "")


def test_the_speed_of_an_ended_run_is_that_of_the_whole_run(app, full):
    run = ended_run(full.store, full.snapshot, "tone-2", tokens=6000, seconds=90.0)
    shown = next(html.value for html in look(app, "run", run=run.id).html if "tokens a second" in html.value)
    assert '<div class="label">tokens a second</div><b>67</b>' in shown  # 6,000 / 90
    assert '<div class="label">took</div><b>1 min 30 s</b>' in shown


def test_a_failed_run_tells_its_reason_and_can_be_resumed(app, full):
    run = ended_run(full.store, full.snapshot, "tone-2", jobs.FAILED, why="The disk is full.")
    found = look(app, "run", run=run.id)
    assert "The disk is full." in found.error[0].value
    found.button(key="resume").click().run()
    assert not found.exception
    assert runs.get(full.store, run.id).state == jobs.QUEUED


def test_a_running_run_shows_how_far_it_is_and_can_be_stopped(app, full):
    run = runs.launch(full.store, "tone-2", "tiny", full.snapshot, "ada")
    tell(run.job.folder, 3)
    found = look(app, "run", run=run.id)
    assert "3 of 6" in words(found) and found.progress[0].value == 50
    assert "about 6 s left" in found.progress[0].text
    found.button(key="stop").click().run()
    assert runs.get(full.store, run.id).state == jobs.STOPPED


def test_home_shows_what_runs_now(app, full):
    run = runs.launch(full.store, "tone-2", "tiny", full.snapshot, "ada")
    tell(run.job.folder, 3)
    found = look(app, "home")
    assert found.progress[0].value == 50


def test_a_resumed_run_counts_each_step_once(full):
    from studio.ui import course

    folder = runs.get(full.store, full.run).job.folder
    events.append(
        folder,
        "step",
        step=6,
        steps=6,
        loss=9.0,
        learning_rate=0.001,
        gradient_norm=1.0,
        tokens=600,
        tokens_per_second=1,
        seconds_left=0,
    )
    told = course.steps(runs.get(full.store, full.run))
    assert list(told["step"]) == [1, 2, 3, 4, 5, 6]
    assert told["loss"].iloc[-1] == 9.0


def test_a_bug_on_a_page_says_so_and_keeps_its_traceback(app, full):
    """A run whose snapshot lost its row cannot happen; if it does, nobody sees a blank page."""
    (runs.get(full.store, full.run).job.folder / "events.jsonl").write_text("not json\n")
    found = look(app, "run", run=full.run)
    assert "Something broke that should not have" in words(found)
    assert found.exception
