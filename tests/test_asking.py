"""Asking several candidates at once: words as they come, and a failure that stays its own."""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from itertools import pairwise

import pytest

from studio.building import candidates, endpoints, models
from studio.judging import asking
from studio.judging.asking import DONE, FAILED
from studio.reading import libraries
from tests import speaking
from tests.patience import until


@pytest.fixture
def heard():
    return []


@pytest.fixture
def speaker(store, heard):
    with speaking.endpoint("Two whole years, petal!", heard) as url:
        models.add(store, "speaker", models.ENDPOINT, url, "ada")
        models.add(store, "gone", models.BASE, "/nowhere/at/all", "ada")
        yield "speaker"


def test_words_come_one_after_the_other_and_then_what_they_took(store, speaker):
    endpoints.rate(store, speaker, 1e6, 2e6, "made up", "ada")
    chosen = [candidates.draft(store, "warm", speaker, "ada")]
    drafts = [answers[0] for answers in asking.ask(store, chosen, "How long?")]
    assert drafts[0].live and drafts[0].text == ""
    assert all(after.text.startswith(before.text) for before, after in pairwise(drafts))
    last = drafts[-1]
    assert (last.stage, last.text, last.tokens_out) == (DONE, "Two whole years, petal! ", 4)
    assert last.cost == pytest.approx(5 * 1 + 4 * 2)  # five tokens read, four written, in euros


def test_what_nobody_has_priced_has_no_cost(store, speaker):
    *_, (said,) = asking.ask(store, [candidates.draft(store, "warm", speaker, "ada")], "How long?")
    assert said.stage == DONE and said.cost is None


def test_one_that_fails_is_told_in_a_sentence_and_the_other_answers(store, speaker):
    chosen = [candidates.draft(store, name, name, "ada") for name in ("gone", speaker)]
    *_, (failed, answered) = asking.ask(store, chosen, "How long?")
    assert failed.stage == FAILED and "There is no model in /nowhere/at/all" in failed.error
    assert answered.stage == DONE and answered.text.startswith("Two whole years")


def test_a_question_stands_alone_unless_what_was_said_is_given(store, speaker, heard):
    chosen = [candidates.draft(store, "warm", speaker, "ada", system="Be kind.")]
    *_, said = asking.ask(store, chosen, "How long?")
    turn = asking.Turn("How long?", tuple(said))
    list(asking.ask(store, chosen, "And then?"))
    list(asking.ask(store, chosen, "And then?", [turn]))
    roles = [[message["role"] for message in asked["messages"]] for asked in heard]
    assert roles == [["system", "user"], ["system", "user"], ["system", "user", "assistant", "user"]]
    assert heard[2]["messages"][2]["content"] == "Two whole years, petal! "


def test_a_question_that_was_never_answered_is_not_part_of_the_conversation(store, speaker, heard):
    failed = asking.Turn("How long?", (asking.Said("warm", FAILED, error="The server ended."),))
    list(asking.ask(store, [candidates.draft(store, "warm", speaker, "ada")], "And then?", [failed]))
    assert [message["content"] for message in heard[0]["messages"]] == ["And then?"]


def test_what_was_retrieved_comes_with_the_answer_and_went_into_the_question(store, speaker, heard):
    libraries.add(store, "docs", {"kettle.md": "# Kettle\n\nThe kettle has a warranty of 24 months."}, "ada")
    chosen = [candidates.draft(store, "reader", speaker, "ada", library="docs", passages=1)]
    *_, (said,) = asking.ask(store, chosen, "What warranty has the kettle?")
    assert [passage["source"] for passage in said.passages] == ["kettle.md"]
    assert "24 months" in said.passages[0]["text"] and "24 months" in heard[0]["messages"][-1]["content"]


def test_whoever_waits_is_heard_while_no_word_comes(store):
    gate = threading.Event()
    with speaking.endpoint("Two years.", gate=gate) as url:
        models.add(store, "slow", models.ENDPOINT, url, "ada")
        heard = asking.ask(store, [candidates.draft(store, "slow", "slow", "ada")], "How long?")
        assert all(next(heard)[0].live for _ in range(4))
        gate.set()
        *_, (said,) = heard
        assert said.text == "Two years. "


def test_a_candidate_is_not_listened_to_any_more_once_it_is_enough(store):
    left = threading.Event()

    class Endless(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()
            word = {"model": asked["model"], "choices": [{"delta": {"content": "more "}, "finish_reason": None}]}
            with suppress(OSError):
                while True:
                    self.wfile.write(f"data: {json.dumps(word)}\n\n".encode())
                    time.sleep(0.01)  # a word takes its time
            left.set()

        def log_message(self, *_: object) -> None:
            """Nothing: tests read assertions, not access logs."""

    with speaking.served(Endless) as url:
        models.add(store, "endless", models.ENDPOINT, url, "ada")
        heard = asking.ask(store, [candidates.draft(store, "endless", "endless", "ada")], "Go on?")
        until(lambda: next(heard)[0].text)
        heard.close()
        until(left.is_set)
