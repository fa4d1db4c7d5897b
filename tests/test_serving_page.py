"""The page Serving, its commands, and what people do with servers there; the servers are real processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import events, processes, specs
from engine.problems import Problem
from engine.serving import adapters, servers
from studio.building import models, serving
from studio.cli import app as cli
from studio.store import Store
from tests import speaking
from tests.conftest import Full, look, words
from tests.patience import LONG, until


@pytest.fixture
def answering(full: Full, monkeypatch) -> Iterator[Store]:
    """A studio whose servers are up at once: what they would say is not the matter here."""
    real = servers.begin

    def begin(folder: Path, wanted: servers.ServeSpec, patience: float = 0.0) -> servers.Server:
        from dataclasses import replace

        return real(folder, replace(wanted, module="tests.answering", patience=LONG), patience)

    monkeypatch.setattr(servers, "begin", begin)
    monkeypatch.setattr(serving, "CHAT", "tests.answering")
    yield full.store
    for server in servers.every(full.store.home.servers):
        servers.stop(server)


def begun(store: Store) -> serving.Serving:
    found = serving.start(store, "tiny", "ada")
    servers.ready(found.server, 30)
    until(lambda: serving.get(store, found.id).state == serving.ANSWERS)
    return serving.get(store, found.id)


def test_where_nothing_is_served_the_page_says_what_starts_a_server(full: Full, app):
    page = look(app, "serving")
    assert not page.exception and "Nothing is served now." in words(page)


def test_what_serves_by_itself_is_what_the_form_and_its_command_begin_with(full: Full, app, monkeypatch):
    kind = "serve-with"
    monkeypatch.setenv(servers.VLLM, "/somewhere/python")
    page = look(app, "serving")
    assert page.selectbox(key=kind).value == "/somewhere/python" and "--" not in page.code[0].value
    page.selectbox(key=kind).set_value("").run()
    assert page.code[0].value.endswith(" --small")
    monkeypatch.delenv(servers.VLLM)
    assert look(app, "serving").selectbox(key=kind).value == ""


def test_a_server_is_shown_with_how_it_does_and_stopped_with_a_record(answering: Store, app):
    one = begun(answering)
    said = words(look(app, "serving"))
    assert not app.exception
    port = one.server.endpoint.url.rsplit(":", 1)[1]
    for part in ("tiny", "answers", "our own server", port, "restarts", "memory", "MB"):
        assert part in said, part
    app.button(key=f"stop-{one.id}").click().run()
    assert not app.exception and serving.get(answering, one.id).state == serving.ENDED
    assert "Ended: stopped" in words(app)
    verbs = [row["verb"] for row in answering.rows("select verb from event where verb like 'server.%'")]
    assert verbs == ["server.start", "server.stop"]


def test_a_server_is_started_from_the_form_and_restarted(answering: Store, app):
    look(app, "serving")
    app.selectbox(key="serve-model").select("tiny")
    app.button(key="serve").click().run()
    [one] = [one for one in serving.listed(answering) if one.live]
    servers.ready(one.server, 30)
    until(lambda: serving.get(answering, one.id).state == serving.ANSWERS)
    look(app, "serving").number_input(key="serve-idle").set_value(5)
    app.button(key="serve").click().run()
    assert [toast.value for toast in app.toast] == ["tiny answers already. It keeps the idle time it was started with."]
    look(app, "serving").button(key=f"restart-{one.id}").click().run()
    until(lambda: serving.get(answering, one.id).health.restarts == 1)
    assert not app.exception and "Started." in serving.get(answering, one.id).history


def test_what_is_loaded_is_told_at_once_and_an_ended_server_has_nothing_to_unload(answering: Store, tmp_path):
    one = begun(answering)
    folder = tmp_path / "tone"
    folder.mkdir()
    (folder / adapters.WEIGHTS).touch()
    models.add(answering, "tone", models.ADAPTER, str(folder), "ada", base="tiny")
    served = serving.load(answering, one, "tone", "ada")
    assert serving.get(answering, one.id).adapters == {served: "tone"}
    serving.forget(answering, "tone", "ada")
    until(lambda: not serving.get(answering, one.id).adapters)  # a look of its watcher may just be on its way
    serving.load(answering, one, "tone", "ada")
    serving.stop(answering, one, "ada")
    with pytest.raises(Problem, match="not loaded anywhere"):
        serving.forget(answering, "tone", "ada")


def test_one_that_hangs_is_said_to_give_no_sign_and_not_to_start_anew(answering: Store, app):
    one = begun(answering)
    child = processes.find(one.server.folder, servers.CHILD)
    child.suspend()
    until(lambda: serving.get(answering, one.id).state == serving.SILENT)
    said = words(look(app, "serving"))
    child.resume()
    assert "gives no sign" in said and f"After {LONG:g} s" in said and "starting anew" not in said
    until(lambda: serving.get(answering, one.id).state == serving.ANSWERS)
    assert serving.get(answering, one.id).health.restarts == 0


def test_of_many_that_have_ended_the_newest_are_shown_and_the_others_counted(full: Full, app):
    for number in range(5):
        folder = full.store.home.servers / f"tiny-{number}"
        folder.mkdir(parents=True)
        specs.write(folder, servers.ServeSpec(model="/models/tiny"))
        events.append(folder, "end", why="idle")
    said = words(look(app, "serving"))
    assert said.count("Ended: idle") == 3 and "The 3 newest of 5 are shown." in said


def test_what_a_server_died_of_is_told_until_it_answers_again(answering: Store):
    one = begun(answering)
    serving.stop(answering, one, "ada")
    told = []
    for kind, more in (("died", {"code": 1}), ("started", {}), ("up", {"seconds": 3})):
        events.append(one.server.folder, kind, **more)
        told.append(one.fell)
    assert told == ["It died (code 1).", "It died (code 1).", ""]
    events.append(one.server.folder, "died", code=-9)
    assert "killed from outside" in one.fell and "memory" in one.fell


def test_an_endpoint_is_tested_with_one_greeting(full: Full, app):
    with speaking.endpoint("Good morning to you") as url:
        model = models.add(full.store, "speaker", models.ENDPOINT, url, "ada", served="speaker")
        answer = serving.test(model)
        assert (answer.text.strip(), answer.model) == ("Good morning to you", "speaker")
        look(app, "serving").button(key="test-speaker").click().run()
        assert "It answers as speaker" in words(app)
    assert not app.exception
    app.button(key="test-speaker").click().run()
    assert "cannot be reached" in words(app)


def test_what_cannot_be_served_is_refused_in_a_sentence(full: Full, monkeypatch):
    models.add(full.store, "far", models.ENDPOINT, "http://127.0.0.1:9", "ada")
    with pytest.raises(Problem, match="answers elsewhere"):
        serving.start(full.store, "far", "ada")
    with pytest.raises(Problem, match="Nothing serves tiny"):
        serving.of(full.store, "tiny")
    with pytest.raises(Problem, match="not loaded anywhere"):
        serving.forget(full.store, "tone-1", "ada")
    monkeypatch.setattr(serving, "vllm", lambda: "")
    with pytest.raises(Problem, match="vLLM is not installed"):
        serving.program(True)
    assert serving.program(False) == ""


def test_the_command_line_serves_tells_and_stops(answering: Store, home):
    from studio.store import close_all

    close_all()
    here = ["--home", str(home.root), "--json"]
    served = json.loads(CliRunner().invoke(cli, ["serve", "tiny", "--small", *here]).stdout)
    assert served["url"].startswith("http://127.0.0.1:") and served["served"]
    [one] = json.loads(CliRunner().invoke(cli, ["servers", *here]).stdout)["servers"]
    assert (one["server"], one["model"], one["url"]) == (served["server"], "tiny", served["url"])
    assert json.loads(CliRunner().invoke(cli, ["servers", "--stop", "tiny", *here]).stdout)["servers"] == []
