"""Engines elsewhere in the studio: remembered without their keys, chosen where a run is launched."""

import json
import os
from pathlib import Path

import pytest

from engine import jobs, specs
from engine.api import keys
from engine.problems import Problem
from engine.remote import far
from engine.remote.mirror import RemoteSpec
from studio.building import engines, forecasts, models, orders, runs
from studio.data import datasets
from studio.freezing import snapshots
from studio.store import Store
from tests.conftest import look, words
from tests.patience import waited
from tests.speaking import served
from tests.test_remote import Cloud, conversation

KEY, VARIABLE = "a-key-that-only-this-test-has", "ATELIER_TEST_ENGINE_KEY"


class Listed(Cloud):
    """A cloud that also says which models it has."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._send(200, {"data": [{"id": "open-mistral-7b"}]})
        else:
            super().do_GET()


@pytest.fixture
def cloud(monkeypatch):
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setattr(Cloud, "orders", [])
    monkeypatch.setattr(Listed, "looks", 0)
    with served(Listed) as url:
        yield url


def frozen(store: Store, tmp_path: Path) -> str:
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(json.dumps(conversation(n)) for n in range(40)))
    datasets.bring_in(store, path, "orders", "ada")
    return snapshots.freeze(store, "orders", "ada").id


def test_an_engine_is_remembered_with_the_name_of_its_keys_variable_and_never_the_key(store, cloud):
    made = engines.add(store, "cloud", far.MISTRAL, cloud, VARIABLE, "ada")
    assert engines.models(made) == ["open-mistral-7b"]
    assert made.announced == "leaves this machine if that is a tunnel"
    assert engines.listed(store) == [made]
    assert KEY not in json.dumps([row for row in store.rows("select * from event")], default=str)
    engines.remove(store, "cloud", "ada")
    assert engines.listed(store) == []


@pytest.mark.parametrize(
    ("name", "kind", "url", "variable", "says"),
    [
        ("", far.ATELIER, "http://127.0.0.1:9", "", "no name"),
        ("gpu", "magic", "http://127.0.0.1:9", "", "no kind of engine"),
        ("gpu", far.ATELIER, "gpu-machine", "", "is not an address"),
        ("gpu", far.ATELIER, "http://ada:sk-1234@127.0.0.1:9", "", "more than an address"),
        ("gpu", far.ATELIER, "http://127.0.0.1:9/?key=sk-1234", "", "more than an address"),
        ("gpu", far.ATELIER, "http://127.0.0.1:9", "sk-1234", "not the name of an environment variable"),
        ("gpu", far.ATELIER, "http://127.0.0.1:9", "NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE"),
        ("gpu", far.ATELIER, "http://127.0.0.1:9", "", "cannot be reached"),
    ],
)
def test_what_is_no_engine_is_not_remembered(store, name, kind, url, variable, says):
    with pytest.raises(Problem, match=says) as problem:
        engines.add(store, name, kind, url, variable, "ada")
    assert "sk-1234" not in str(problem.value) and engines.listed(store) == []


def test_a_run_elsewhere_says_what_is_sent_trains_there_and_leaves_a_model_that_answers_there(store, cloud, tmp_path):
    engines.add(store, "cloud", far.MISTRAL, cloud, VARIABLE, "ada")
    order = orders.read(
        store, "orders, tuned", "open-mistral-7b", frozen(store, tmp_path), ["steps=30"], engine="cloud"
    )
    parcel = forecasts.parcel(store, order)
    assert parcel.rows["train"] + parcel.rows["validation"] < 40, "the test set stays at home"
    assert "--engine=cloud" in order.command
    (run,) = orders.launch(store, order, "ada")
    assert run.engine == "cloud" and run.spec.steps == 30
    assert specs.read(run.job.folder, RemoteSpec).suffix == "orders-tuned"
    assert waited(run.job) == jobs.DONE, jobs.why(run.job.folder)
    runs.catch_up(store)
    made = models.get(store, "orders, tuned")
    assert (made.kind, made.path, made.served, made.key_from) == (models.ENDPOINT, cloud, "ft:x:1", VARIABLE)
    assert KEY not in "".join(path.read_text() for path in run.job.folder.glob("*.json*"))
    assert os.environ[VARIABLE] == KEY


def test_the_launch_form_says_what_is_sent_and_the_runs_page_what_was(app, full, cloud):
    engines.add(full.store, "cloud", far.MISTRAL, cloud, VARIABLE, "ada")
    found = look(app, "runs", snapshot=full.snapshot)
    found.selectbox(key="launch-engine").select("cloud").run()
    assert not found.exception and "The examples are sent to cloud" in words(found)
    assert found.selectbox(key="launch-base-cloud").value == "open-mistral-7b"
    found.button(key="launch").click().run()
    (run,) = [run for run in runs.listed(full.store) if run.engine == "cloud"]
    assert waited(run.job) == jobs.DONE, jobs.why(run.job.folder)
    page = look(app, "run", run=run.id)
    assert not page.exception
    assert "This leaves your machine" in words(page) and "the train rows" in words(page)
    assert f"{run.name}** can be asked" in words(page)


def test_a_key_is_shown_once_and_kept_nowhere(app, full):
    found = look(app, "engines")
    next(field for field in found.text_input if field.label.startswith("Who")).set_value("the nightly script")
    next(button for button in found.button if button.label == "Make a key").click().run()
    assert not found.exception
    (key,) = keys.listed(full.store.home.root)
    secret = next(code.value for code in found.code if code.value.startswith("atl-"))
    assert keys.found(full.store.home.root, secret) == key and key.scopes == ("chat", "files", "read", "train")
    assert secret not in (full.store.home.root / "keys.json").read_text()
    next(button for button in found.button if button.label == "I have it").click().run()
    assert not any(code.value.startswith("atl-") for code in found.code)
    found.button(key=f"revoke-{key.id}").click().run()
    assert keys.found(full.store.home.root, secret) is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"method": "grpo", "rewards": [{"kind": "length", "most": 20}]}, "does not train by grpo"),
        ({"trackers": "wandb"}, "Leave trackers out"),
    ],
)
def test_what_an_engine_cannot_do_is_said_before_it_is_in_the_queue(store, cloud, tmp_path, settings, says):
    engines.add(store, "cloud", far.MISTRAL, cloud, VARIABLE, "ada")
    with pytest.raises(Problem, match=says):
        runs.launch(store, "far", "open-mistral-7b", frozen(store, tmp_path), "ada", settings, engine="cloud")
    assert runs.listed(store) == [] and jobs.listed(store.home.jobs) == []
