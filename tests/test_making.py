"""A model drafts examples: by a recipe, within a budget, paid once, sifted, marked with its origin, never approved."""

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import jobs, processes, specs
from engine.drafting import make, recipes, sifting
from engine.drafting.sifting import Sieve
from engine.problems import Problem
from engine.scoring.guide import Guide
from engine.serving import servers
from engine.serving.asking import calls
from studio import work
from studio.building import endpoints, models
from studio.data import datasets, examples
from studio.reading import libraries
from studio.store import Store
from studio.writing import makings
from studio.writing.makings import Plan
from tests.conftest import look, words
from tests.patience import LONG, until, waited
from tests.teaching import teacher

KETTLE = "# Kettle\n\nThe copper kettle holds 1.5 litres.\n\nIts warranty lasts 24 months.\n\nIt weighs two kilos.\n"


def taught(messages: list[dict[str, Any]]) -> str:
    """Questions for a passage, an answer for a question, variations for examples."""
    asked = messages[-1]["content"]
    if asked.startswith("Read the following"):
        fact = asked.split("\n\n")[2].strip()
        return json.dumps([f"What about this: {fact[:25]}?", f"Tell me more on {fact[-20:]}", "Who founded it?"])
    if asked.startswith("Answer the question"):
        question = asked.rsplit("Question: ", 1)[1]
        return (
            "NOT IN THE FACTS" if "founded" in question else f"Gladly: {asked.split(chr(10) * 2)[2]} Ask us anything."
        )
    if asked.startswith("Here are examples"):
        return (
            "```json\n"
            + json.dumps([{"user": f"Cup {len(asked)}?", "assistant": "It is on its way to you."}, {"user": "?"}])
            + "\n```"
        )
    if asked.startswith("You check training examples"):
        return '{"reason": "fine", "points": ' + ("0" if "two" in asked.split("Somebody writes:")[1] else "3") + "}"
    return f"The answer to {asked} is yes, of course it is."


@pytest.fixture
def taught_store(store: Store) -> Iterator[tuple[Store, list[dict[str, Any]]]]:
    heard: list[dict[str, Any]] = []
    libraries.add(store, "handbook", {"kettle.md": KETTLE}, "ada")
    with teacher(taught, heard) as url:
        endpoints.add(store, "teacher", url, "teacher", "ada")
        yield store, heard


def said(user: str, assistant: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


def plan(**more: Any) -> Plan:
    given = {"name": "first", "dataset": "made", "recipe": "documents", "model": "teacher", "source": "handbook"}
    return Plan(**{**given, "n": 9, **more})


def ended(store: Store, wanted: Plan) -> makings.Making:
    making = makings.start(store, wanted, "ada")
    assert waited(making.job) == jobs.DONE, jobs.log(making.job.folder)
    makings.catch_up(store)
    return makings.get(store, making.id)


def test_documents_become_questions_and_answers_that_wait_for_a_person(taught_store):
    store, _ = taught_store
    making = ended(store, plan())
    found, n = examples.find(store, "made")[:2]
    assert n == 6 and making.taken == 6  # three passages, three questions each, one of them not answered by its passage
    assert {example.status for example in found} == {"in review"}
    assert {example.origin for example in found} == {"documents: handbook, by teacher"}
    assert sum("does not answer" in row["failed"] for row in making.rows) == 3
    assert {row["shown"] for row in making.rows if row["messages"]} == {
        "The copper kettle holds 1.5 litres.",
        "Its warranty lasts 24 months.",
        "It weighs two kilos.",
    }


def test_a_finished_making_is_brought_in_once(taught_store):
    store, _ = taught_store
    making = ended(store, plan())
    makings.catch_up(store)
    assert makings.get(store, making.id).taken == 6 and datasets.get(store, "made").examples == 6


def test_what_was_tasted_is_not_paid_again(taught_store):
    store, heard = taught_store
    rows, tasted = makings.taste(store, plan())
    assert len(heard) == len(tasted) == 8 and len(rows) == 6  # two passages: one call for questions, three for answers
    ended(store, plan())
    assert len(heard) == 12


def test_a_killed_making_goes_on_and_pays_for_nothing_twice(store, tmp_path):
    heard: list[dict[str, Any]] = []
    killed = threading.Event()

    def slowly(messages: list[dict[str, Any]]) -> str:
        if len(heard) > 20:
            killed.wait(LONG)
        return taught(messages)

    with teacher(slowly, heard) as url:
        endpoints.add(store, "teacher", url, "teacher", "ada")
        wanted = plan(recipe="distil", source="", lines=tuple(f"Is cup {n} blue?" for n in range(60)), n=60)
        making = makings.start(store, wanted, "ada")
        jobs.tick(store.home.jobs)
        path = making.job.folder / make.CALLS
        until(lambda: path.exists() and path.read_bytes().count(b"\n") >= 10, alive=lambda: making.job.live)
        process = processes.find(making.job.folder)
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait(LONG)
        killed.set()
        with path.open("ab") as file:
            file.write(b'{"key": "torn')
        before = path.read_bytes().count(b"\n")
        work.resume(store, making, "ada")
        assert waited(making.job) == jobs.DONE
    assert len(making.rows) == 60 and before >= 10
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(kept) == len({call["key"] for call in kept}) == 60
    assert len(heard) <= 60 + in_flight()  # at most the calls in flight when it was killed


def in_flight() -> int:
    return make.MakeSpec(teacher={}, tasks="", order={}).concurrency


def test_a_budget_ends_it_and_what_was_made_until_then_is_kept(taught_store):
    store, heard = taught_store
    endpoints.rate(store, "teacher", 1000.0, 2000.0, "an offer", "ada")  # 0.2 euros a call
    wanted = plan(recipe="distil", source="", lines=tuple(f"Is cup {n} blue?" for n in range(50)), n=50, budget=2.0)
    making = ended(store, wanted)
    end = making.last("end")
    assert end is not None and end["spent"] is True
    assert making.taken == end["calls"] == len(heard) and end["euros"] == pytest.approx(0.2 * end["calls"])
    assert 1.0 < end["euros"] <= 2.0  # the dearest answer to the next one, of 400 tokens, would not have fitted


def other(messages: list[dict[str, Any]]) -> str | dict[str, Any]:
    """Of the fourth question another model is asked, which is paid like any."""
    if "cup 3" not in messages[-1]["content"]:
        return taught(messages)
    choice = {"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
    return {"model": "pupil", "choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 50}}


def test_a_call_that_failed_and_was_billed_is_paid_from_the_budget_also_after_an_interruption(store):
    heard: list[dict[str, Any]] = []
    with teacher(other, heard) as url:
        endpoints.add(store, "teacher", url, "teacher", "ada")
        endpoints.rate(store, "teacher", 1000.0, 2000.0, "an offer", "ada")  # 0.2 euros a call
        wanted = plan(recipe="distil", source="", lines=tuple(f"Is cup {n} blue?" for n in range(6)), n=6, budget=9.0)
        making = ended(store, wanted)
    end = making.last("end")
    assert making.taken == 5 and end is not None
    assert (end["calls"], end["tokens_in"], end["euros"], end["unsure"]) == (6, 600, pytest.approx(1.2), 0.0)
    spec = specs.read(making.job.folder, make.MakeSpec)
    again = make.Drafting(spec, making.job.folder / make.CALLS, making.job.folder)
    assert again.told()["euros"] == pytest.approx(1.2)  # what goes on has spent that already
    poor = make.Drafting(replace(spec, budget=1.9), making.job.folder / make.CALLS, making.job.folder)
    asyncio.run(poor.finish([recipes.Task("new", "distil", {"messages": said("Is cup 3 red?", "")[:1]})]))
    assert poor.spent and len(heard) == 6  # 1.2 are spent, and its dearest answer alone would take 0.8


def test_no_budget_is_promised_where_nobody_knows_the_price(taught_store):
    store, heard = taught_store
    with pytest.raises(Problem, match="Nobody knows what teacher costs"):
        makings.start(store, plan(recipe="distil", source="", lines=("Is it blue?",), n=1, budget=1.0), "ada")
    assert heard == [] and makings.listed(store) == []


def test_what_it_would_cost_is_said_before_and_how_that_was_reached(taught_store):
    store, heard = taught_store
    wanted = plan(recipe="distil", source="", lines=("One?", "Two?"), n=2)
    assert makings.estimate(store, wanted).euros is None  # nobody has said what its tokens cost
    endpoints.rate(store, "teacher", 2.0, 6.0, "the price list", "ada")
    guess = makings.estimate(store, wanted)
    assert guess.calls == 2 and "guess" in guess.how and heard == []
    known = makings.estimate(store, wanted, makings.taste(store, wanted)[1])
    assert (known.tokens_in, known.tokens_out) == (200, 100) and known.how == "from the 2 calls made so far"
    assert known.euros == pytest.approx((200 * 2.0 + 100 * 6.0) / 1e6)


def test_calls_that_fail_are_told_and_the_others_stand(store, monkeypatch):
    monkeypatch.setattr(calls, "PAUSES", (0.01,))

    def moody(messages: list[dict[str, Any]]) -> str | int:
        return 400 if "cup 3" in messages[-1]["content"] else taught(messages)

    with teacher(moody) as url:
        endpoints.add(store, "teacher", url, "teacher", "ada")
        wanted = plan(recipe="distil", source="", lines=tuple(f"Is cup {n} blue?" for n in range(6)), n=6)
        making = ended(store, wanted)
    failed = [row for row in making.rows if row["failed"]]
    assert making.taken == 5 and len(failed) == 1 and "Not now." in failed[0]["failed"]


def test_the_teachers_instructions_are_not_part_of_the_example(taught_store):
    store, heard = taught_store
    ended(store, plan(recipe="distil", source="", lines=("Is it blue?",), n=1, instructions="Be brief."))
    assert heard[0]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [m["role"] for m in examples.find(store, "made")[0][0].messages] == ["user", "assistant"]


def test_variations_come_from_approved_examples_and_what_has_no_words_is_told(taught_store, tmp_path):
    store, _ = taught_store
    rows = [
        {"messages": [{"role": "user", "content": f"Mug {n}?"}, {"role": "assistant", "content": "Yes."}]}
        for n in range(5)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, tmp_path / "a.jsonl", "tone", "ada")
    making = ended(store, plan(recipe="vary", source="tone", n=2, each=2))
    assert making.taken == 1
    assert [row["failed"] for row in making.rows if row["failed"]] == ['It has no "user" and "assistant" with words.']


def test_drafts_that_repeat_what_is_there_or_each_other_are_held_back_and_can_be_taken_in_after_all(taught_store):
    store, _ = taught_store
    lines = ("Is the big cup blue?", "Is the big cup blue ?", "Where is my parcel?")
    making = ended(store, plan(recipe="distil", source="", lines=lines, n=3))
    held = [row for row in making.rows if row["held"]]
    assert making.taken == 2 and [row["held"] for row in held] == ["Draft 1 says nearly the same."]
    again = ended(store, plan(name="second", recipe="distil", source="", lines=lines[2:], n=1))
    assert again.taken == 0 and again.rows[0]["held"] == "The dataset has nearly this already."
    assert makings.take(store, making, held, "ada") == 1
    assert {example.status for example in examples.find(store, "made")[0]} == {"in review"}


def test_a_judge_holds_back_what_it_finds_weak(taught_store):
    store, _ = taught_store
    lines = ("Is it one?", "Is it two?")
    making = ended(store, plan(recipe="distil", source="", lines=lines, n=2, judge="teacher"))
    assert [row["points"] for row in making.rows] == [3, 0]
    assert [row["held"] for row in making.rows] == ["", "The judge gave 0 of 3: fine"]


@pytest.mark.parametrize(
    "reply, points",
    [
        ('{"reason": "good", "points": 3}', 3),
        ('The answer says "points": 3. {"reason": "but wrong", "points": 0}', 0),
        ('{"points": 7}', None),
        ("I would give it a two", None),
    ],
)
def test_points_that_cannot_be_read_are_no_zero(reply, points):
    assert sifting.points(reply)[0] == points


@pytest.mark.parametrize(
    "answer, held",
    [
        ("According to the text, it holds 1.5 litres.", 'It speaks of its source: "According to the text".'),
        ("The passage states that it is blue.", 'It speaks of its source: "The passage states".'),
        ("It holds 1.5 litres.", ""),
        ("Send us a text message and we do the rest.", ""),
        ("", "The answer is empty."),
    ],
)
def test_who_has_no_page_before_them_reads_of_no_page(answer, held):
    assert (
        sifting.held_back([{"role": "user", "content": "How much?"}, {"role": "assistant", "content": answer}], Sieve())
        == held
    )


def test_length_and_style_hold_back_with_their_reason():
    said = [{"role": "user", "content": "When?"}, {"role": "assistant", "content": "Kindly wait until tomorrow."}]
    assert "fewer than 6" in sifting.held_back(said, Sieve(fewest_words=6))
    assert "more than 3" in sifting.held_back(said, Sieve(most_words=3))
    assert "avoids “kindly”" in sifting.held_back(said, Sieve(guide=Guide(avoid=["kindly"])))


def test_a_reply_is_read_through_its_fence_and_its_chatter():
    assert recipes._strings('Sure! ["a", "b"] Enjoy.') == ["a", "b"]
    assert recipes._strings('{"questions": ["a"]}') == ["a"]
    assert recipes._strings("no list") is None


def test_an_endpoint_keeps_the_name_of_the_variable_and_never_the_key(taught_store, monkeypatch):
    store, _ = taught_store
    url = models.get(store, "teacher").path
    monkeypatch.setenv("TEACHER_KEY", "sk-very-secret")
    endpoints.add(store, "paid", url, "teacher", "ada", key_from="TEACHER_KEY")
    making = ended(store, plan(model="paid", recipe="distil", source="", lines=("Is it blue?",), n=1))
    kept = b"".join(path.read_bytes() for path in store.home.root.rglob("*") if path.is_file())
    assert making.taken == 1 and b"sk-very-secret" not in kept and b"TEACHER_KEY" in kept
    with pytest.raises(Problem, match="not the name of an environment variable") as told:
        endpoints.add(store, "other", url, "teacher", "ada", key_from="sk-very-secret")
    assert "sk-very" not in str(told.value)


def test_an_endpoint_that_does_not_know_the_model_is_refused(taught_store):
    store, _ = taught_store
    with pytest.raises(Problem, match="no model called large"):
        endpoints.add(store, "large", models.get(store, "teacher").path, "large", "ada")


def test_where_texts_would_go_is_known_before(taught_store):
    store, _ = taught_store
    assert makings.leaving(store, plan()) == ""  # loopback
    models.add(store, "far", models.ENDPOINT, "https://models.example.org/v1", "ada")
    assert makings.leaving(store, replace(plan(), model="far")) == "https://models.example.org/v1"


@pytest.mark.slow
def test_the_shipped_model_drafts_too(store, tmp_path: Path):
    models.add_starter(store)
    lines = ("What does the kettle weigh?", "Hello", "Where is my parcel?")
    try:
        making = ended(store, plan(model="starter", recipe="distil", source="", lines=lines, n=3, max_tokens=24))
    finally:
        for server in servers.listed(store.home.servers):
            servers.stop(server)
    assert making.taken + sum(bool(row["held"]) for row in making.rows) == 3


def test_the_page_orders_a_making_and_shows_what_came(taught_store, app, tmp_path):
    store, heard = taught_store
    rows = [{"messages": said(f"Mug {n}?", "Yes.")} for n in range(5)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, tmp_path / "a.jsonl", "tone", "ada")
    page = look(app, "making", dataset="tone")
    page = page.selectbox(key="writer").select("teacher").run()
    assert "12 calls" in words(page) and "nobody has set a price" in words(page)
    page = page.button(key="taste").click().run()
    assert len(heard) == 8 and "Its own source does not answer the question." in words(page)
    page = page.button(key="make").click().run()
    (making,) = makings.listed(store)
    assert waited(making.job) == jobs.DONE
    page = look(app, "making", dataset="tone", making=making.id)
    assert not page.exception and "Review them" in words(page)
    assert {tab.label for tab in page.tabs} == {"Passed (6)", "Held back (0)", "Failed (3)"}


def test_the_page_says_what_would_leave_the_machine_and_waits_for_leave(taught_store, app, tmp_path):
    store, heard = taught_store
    (tmp_path / "a.jsonl").write_text(json.dumps({"messages": said("Write to ada@kettle.org", "Yes.")}) + "\n")
    datasets.bring_in(store, tmp_path / "a.jsonl", "tone", "ada")
    models.add(store, "far", models.ENDPOINT, "https://models.example.org/v1", "ada")
    page = look(app, "making", dataset="tone")
    page.segmented_control(key="how").set_value("distil")
    page = page.run()
    page.selectbox(key="prompts").select("tone")
    page = page.selectbox(key="writer").select("far").run()
    assert "This leaves your machine" in words(page) and "1 e-mail address" in words(page)
    assert page.button(key="make").disabled and heard == []
    page = page.checkbox(key="allow-https://models.example.org/v1").check().run()
    assert not page.button(key="make").disabled
