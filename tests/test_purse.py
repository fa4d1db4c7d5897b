"""What calls cost, also those that failed: paid, unsure, or nothing; and how long an answer that was paid holds."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.scoring.candidates import Candidate
from engine.serving.asking import calls, kept
from engine.serving.asking.asker import Asker, Manner
from engine.serving.asking.calls import Failure
from engine.serving.asking.kept import Kept
from engine.serving.asking.purse import Bill, Purse, Rates, Spent
from engine.serving.asking.question import Decoding, Question, request
from tests.test_client import events, foreign, part, whole

HELLO = Question([{"role": "user", "content": "Hello"}], Decoding(max_tokens=10))
RATES = {"far": Rates(read=1e6, written=2e6)}  # a euro for a token read, two for one written
ONCE = Manner(timeout=5.0, patience=0.2, tries=1, pause=0.01)
DAY = 86400.0


def far(url: str) -> Candidate:
    return Candidate("far", "large", endpoint=url)


def dearest(url: str) -> float:
    """By hand: every byte a token, and as many written as it may write."""
    return len(request(calls.Endpoint(url), "large", HELLO)) + 2 * 10


def asked(
    purse: Purse, call: Callable[[Asker], Awaitable[Any]], manner: Manner = ONCE, **more: Any
) -> tuple[Any, Bill]:
    async def all_of_it() -> tuple[Any, Bill]:
        asker = Asker("", 4, manner, purse=purse, **more)
        try:
            with purse.bill() as bill:
                try:
                    return await call(asker), bill
                except (Failure, Spent) as failure:
                    return failure, bill
        finally:
            await asker.close()

    return asyncio.run(all_of_it())


@pytest.mark.parametrize(
    ("stream", "said", "code"),
    [
        (False, whole("small"), calls.WRONG_MODEL),
        (False, {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}, calls.BROKEN),
        (
            True,
            events(part("Good "), part("", usage={"prompt_tokens": 3, "completion_tokens": 2})).split(b"data: [DONE]")[
                0
            ],
            calls.CUT,
        ),
    ],
)
def test_a_failed_call_is_paid_by_what_the_server_told_of_it(stream, said, code):
    purse = Purse(RATES)
    with foreign((200, {}, said)) as (endpoint, _):
        failure, bill = asked(purse, lambda asker: asker.ask(far(endpoint.url), HELLO), stream=stream)
    assert failure.code == code
    assert (bill.calls, bill.tokens_in, bill.tokens_out, bill.euros, bill.unsure) == (1, 3, 2, 3 * 1 + 2 * 2, 0.0)


@pytest.mark.parametrize("said", [b'{"model": "la', b"<html>"])
def test_what_a_failed_call_took_and_nobody_told_is_unsure_and_not_nothing(said):
    purse = Purse(RATES)
    with foreign((200, {}, said)) as (endpoint, _):
        _, bill = asked(purse, lambda asker: asker.ask(far(endpoint.url), HELLO))
    assert (bill.euros, bill.unsure) == (0.0, dearest(endpoint.url))


def test_an_answer_that_keeps_its_tokens_to_itself_is_unsure_too():
    with foreign((200, {}, {**whole(), "usage": None})) as (endpoint, _):
        answer, bill = asked(Purse(RATES), lambda asker: asker.ask(far(endpoint.url), HELLO))
    assert answer.text == "Good day" and (bill.euros, bill.unsure) == (0.0, dearest(endpoint.url))


@pytest.mark.parametrize("said", [(404, {}, {"detail": "No such model."}), (429, {}, {}), (500, {}, {})])
def test_a_refusal_costs_nothing(said):
    with foreign(*[said] * 9) as (endpoint, _):
        failure, bill = asked(Purse(RATES), lambda asker: asker.ask(far(endpoint.url), HELLO))
    assert isinstance(failure, Failure) and (bill.calls, bill.euros, bill.unsure) == (0, 0.0, 0.0)
    _, bill = asked(Purse(RATES), lambda asker: asker.ask(far("http://127.0.0.1:9"), HELLO))
    assert bill == Bill()


def test_every_try_is_paid_and_none_is_made_that_might_exceed_the_budget():
    broken = (200, {}, b'{"model": "la')
    with foreign(broken, broken, broken) as (endpoint, heard):
        most = dearest(endpoint.url)
        purse = Purse(RATES, budget=2.5 * most)
        patient = Manner(timeout=5.0, patience=1.0, tries=3, pause=0.01)
        failure, bill = asked(purse, lambda asker: asker.ask(far(endpoint.url), HELLO), patient)
        assert len(heard) == 2 and failure.code == calls.BROKEN and bill.unsure == 2 * most
        spent, _ = asked(purse, lambda asker: asker.ask(far(endpoint.url), HELLO), patient)
        assert len(heard) == 2 and isinstance(spent, Spent)
        assert f"0 are spent, and up to {2 * most:.4g} by calls of which nobody told" in str(spent)


def spelled(*ids: int) -> tuple:
    return 200, {}, {"tokens": list(ids)}


def test_how_likely_an_answer_is_costs_what_was_read_and_is_kept_with_that(tmp_path):
    """The prompt; the end of every answer; the conversation; and the call that reads five tokens."""
    chances = [None, *({str(token): {"logprob": -0.5}} for token in (2, 3, 7, 9))]
    read = {"model": "large", "choices": [{"index": 0, "prompt_logprobs": chances}], "usage": {"prompt_tokens": 5}}
    read["usage"]["completion_tokens"] = 1
    script = [spelled(1, 2, 3), spelled(1, 5, 9), spelled(1, 6, 9), spelled(1, 2, 3, 7, 9), (200, {}, read)]
    with foreign(*script) as (endpoint, heard):

        def call(asker: Asker) -> Awaitable[Any]:
            return asker.likelihoods(far(endpoint.url), [{"role": "user", "content": "Hm?"}], ["Yes"])

        [found], first = asked(Purse(RATES), call, kept=Kept(tmp_path / "kept"))
        [again], second = asked(Purse(RATES), call, kept=Kept(tmp_path / "kept"))
    assert len(heard) == 5 and found == again and found.nll == 1.0
    assert (first.calls, first.tokens_in, first.tokens_out, first.euros) == (1, 5, 1, 5 + 2)
    assert (second.calls, second.tokens_in, second.tokens_out, second.euros) == (1, 5, 1, 0.0)


def test_no_likelihood_is_asked_for_that_might_exceed_the_budget():
    with foreign(*[spelled(1, 2, 3), spelled(1, 5, 9), spelled(1, 6, 9), spelled(1, 2, 3, 7, 9)]) as (endpoint, heard):
        purse = Purse(RATES, budget=4.0)
        spent, bill = asked(purse, lambda asker: asker.likelihoods(far(endpoint.url), HELLO.messages, ["Yes"]))
    assert isinstance(spent, Spent) and len(heard) == 4 and bill.euros == 0.0


def test_an_answer_of_a_model_elsewhere_holds_for_some_days_and_of_one_of_ours_for_ever(tmp_path: Path):
    now = [1000 * DAY]
    store = Kept(tmp_path / "kept", days=7, now=lambda: now[0])
    store.put(b"k", "large", b"said")
    store.flush()
    now[0] += 7 * DAY
    assert store.get(b"k", moves=True) == store.get(b"k") == b"said"
    now[0] += 1
    assert store.get(b"k", moves=True) is None and store.get(b"k") == b"said"
    assert kept.known(store.path, [b"k"]) == 1
    assert kept.known(store.path, [b"k"], since=kept.oldest(7, now[0])) == 0
    store.put(b"k", "large", b"said anew")
    store.flush()
    assert store.get(b"k", moves=True) == b"said anew"
    store.close()


def test_a_model_elsewhere_is_asked_again_when_its_answer_is_too_old(tmp_path: Path):
    now = [1000 * DAY]

    def ask(url: str) -> Any:
        store = Kept(tmp_path / "kept", days=2, now=lambda: now[0])
        return asked(Purse({}), lambda asker: asker.ask(far(url), HELLO), kept=store)[0]

    with foreign((200, {}, whole(text="old")), (200, {}, whole(text="new"))) as (endpoint, heard):
        said = [ask(endpoint.url), ask(endpoint.url)]
        now[0] += 3 * DAY
        said.append(ask(endpoint.url))
    assert [(one.text, one.kept) for one in said] == [("old", False), ("old", True), ("new", False)]
    assert len(heard) == 2
