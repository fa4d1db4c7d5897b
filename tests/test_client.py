"""The client against foreign servers, played by a small real HTTP server that does what it is told."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.problems import Problem
from engine.serving.asking import calls, client, question
from engine.serving.asking.client import Decoding, Endpoint, Question

HELLO = [{"role": "user", "content": "Hello"}]


def whole(model: str = "large", text: str = "Good day", **more: object) -> dict:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"model": model, "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}, **more}


def part(text: str, finish: str | None = None, **more: object) -> dict:
    return {"model": "large", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}], **more}


class Foreign(BaseHTTPRequestHandler):
    """Gives the answers in its server's list one after the other; notes what it was asked."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        status, headers, said = self.server.script.pop(0)
        if status is None:
            return self.connection.close()
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def foreign(*script: tuple) -> Iterator[tuple[Endpoint, list]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    server.script, server.asked = list(script), []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield Endpoint(f"http://127.0.0.1:{server.server_port}", "secret-key"), server.asked
    finally:
        server.shutdown()


def events(*said: dict) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in said) + b"data: [DONE]\n\n"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(calls, "PAUSES", (0.01, 0.02))


def test_an_answer_brings_its_text_tokens_time_and_the_model_that_gave_it():
    with foreign((200, {}, whole())) as (endpoint, asked):
        answer = client.chat(endpoint, "large", Question(HELLO, Decoding(0.5, 0.9, 40, seed=7)))
    assert (answer.text, answer.model, answer.tokens_in, answer.tokens_out, answer.finish) == (
        "Good day",
        "large",
        3,
        2,
        "stop",
    )
    assert answer.seconds > 0 and answer.first_token_seconds is None
    [(path, headers, body)] = asked
    assert path == "/v1/chat/completions"
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == "Bearer secret-key"
    assert body == {
        "model": "large",
        "messages": HELLO,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 40,
        "seed": 7,
    }


@pytest.mark.parametrize("passing", [(429, {"retry-after": "0.01"}, {}), (503, {}, b"busy"), (None, {}, {})])
def test_what_may_pass_is_tried_again(passing):
    with foreign(passing, passing, (200, {}, whole())) as (endpoint, asked):
        assert client.chat(endpoint, "large", Question(HELLO)).text == "Good day"
    assert len(asked) == 3


def test_what_does_not_pass_is_a_problem_with_the_servers_own_sentence():
    script = [(500, {}, {"message": "Out of memory."})] * 3
    with foreign(*script) as (endpoint, asked), pytest.raises(Problem, match=r"with 500\. Out of memory\."):
        client.chat(endpoint, "large", Question(HELLO))
    assert len(asked) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"object": "error", "message": "No such model."},
        {"error": {"message": "No such model.", "type": "x"}},
        {"detail": "No such model."},
        {"message": {"detail": "No such model."}},
    ],
)
def test_a_mistake_is_told_at_once_whatever_shape_its_error_has(body):
    with foreign((404, {}, body)) as (endpoint, asked), pytest.raises(Problem, match=r"404\. No such model\."):
        client.chat(endpoint, "large", Question(HELLO))
    assert len(asked) == 1


def test_a_server_that_is_not_there_is_a_problem():
    with pytest.raises(Problem, match=r"127\.0\.0\.1:\d+ cannot be reached"):
        client.chat(Endpoint("http://127.0.0.1:9/v1"), "large", Question(HELLO))


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("large", "large", True),
        ("mistral-small-latest", "mistral-small-2506", True),
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("starter", "starter-tone", False),
        ("tuned", "base", False),
        ("large", "", False),
    ],
)
def test_an_answer_by_another_model_is_refused(asked, answered, same):
    with foreign((200, {}, whole(answered))) as (endpoint, _):
        if same:
            assert client.chat(endpoint, asked, Question(HELLO)).model == answered
        else:
            with pytest.raises(Problem, match=f"Asked {asked}, but"):
                client.chat(endpoint, asked, Question(HELLO))


@pytest.mark.parametrize("strange", [b"<html>Please log in</html>", {"choices": []}, [1]])
def test_an_answer_in_another_language_than_the_protocol_is_a_problem(strange):
    script = [(200, {}, strange), (200, {}, b"data: " + (strange if isinstance(strange, bytes) else b"[1]") + b"\n\n")]
    with foreign(*script) as (endpoint, _):
        with pytest.raises(Problem, match="not in the chat protocol"):
            client.chat(endpoint, "large", Question(HELLO))
        with pytest.raises(Problem, match=r"not in the chat protocol|could not finish"):
            list(client.stream(endpoint, "large", Question(HELLO)))


PAGE = b"<!doctype html><html><head><title>Sign in &amp; wait</title></head><body>...</body></html>"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ((200, {}, PAGE), "not in the chat protocol. It is a web page called “Sign in & wait”. Check the address."),
        ((404, {}, PAGE), "refused with 404. It is a web page called “Sign in & wait”. Check the address"),
        (
            (302, {"location": "https://login.example.org/sso?to=1"}, b""),
            "to login.example.org/sso. Check the",
        ),
        ((429, {"retry-after": "3600"}, {"message": "Quota exceeded"}), "429. Quota exceeded. Wait 3,600 seconds"),
        ((401, {}, {"message": "Unauthorized"}), "refused with 401. Unauthorized. Check the key."),
    ],
)
def test_what_is_no_answer_is_told_in_sentences_whole_or_streamed(script, sentence):
    with foreign(script, script, script) as (endpoint, _):
        for ask in (
            lambda: client.chat(endpoint, "large", Question(HELLO)),
            lambda: list(client.stream(endpoint, "large", Question(HELLO))),
            lambda: streamed_among_others(endpoint),
        ):
            with pytest.raises(Problem) as caught:
                ask()
            assert sentence in str(caught.value)


def streamed_among_others(endpoint: Endpoint) -> client.Answer:
    async def ask() -> client.Answer:
        pool = client.pool(endpoint, 1)
        try:
            said = client.request(endpoint, "large", Question(HELLO), stream=True)
            return await client.apost(endpoint, "large", said, pool, stream=True)
        finally:
            await pool.close()

    return asyncio.run(ask())


def test_a_server_that_cannot_stream_is_heard_all_the_same():
    with foreign((200, {}, whole()), (200, {}, whole())) as (endpoint, _):
        stream = client.stream(endpoint, "large", Question(HELLO))
        assert list(stream) == ["Good day"]
        for answer in (stream.answer, streamed_among_others(endpoint)):
            assert (answer.text, answer.tokens_out, answer.first_token_seconds) == ("Good day", 2, None)


def test_a_model_that_thinks_aloud_is_taken_by_what_it_says():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "They greet me."}]}
    parts = [thought, {"type": "text", "text": "Good "}, {"type": "text", "text": "day"}]
    pieces = events(part([thought]), part([{"type": "text", "text": "Good "}]), part("day"), part("", "stop"))
    with foreign((200, {}, whole(text=parts)), (200, {}, pieces)) as (endpoint, _):
        assert client.chat(endpoint, "large", Question(HELLO)).text == "Good day"
        assert "".join(client.stream(endpoint, "large", Question(HELLO))) == "Good day"


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": "3", "completion_tokens": 2.5}, {"prompt_tokens_details": {"cached_tokens": "many"}}]
)
def test_tokens_that_are_no_numbers_count_as_untold(usage):
    last = {"model": "large", "choices": [], "usage": usage}
    said = events(part("Good day", "stop"), last)
    with foreign((200, {}, {**whole(), "usage": usage}), (200, {}, said)) as (endpoint, _):
        stream = client.stream(endpoint, "large", Question(HELLO))
        for answer in (client.chat(endpoint, "large", Question(HELLO)), (list(stream), stream.answer)[1]):
            assert answer.text == "Good day"
            assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached) == (None, None, None)


def test_an_answer_without_a_name_is_nobodys():
    with foreign((200, {}, whole(None))) as (endpoint, _), pytest.raises(Problem, match="somebody without a name"):
        client.chat(endpoint, "large", Question(HELLO))
    nameless = events({**part("Good day", "stop"), "model": ""})
    with foreign((200, {}, nameless)) as (endpoint, _), pytest.raises(Problem, match="somebody without a name"):
        list(client.stream(endpoint, "large", Question(HELLO)))


def test_what_says_nothing_needs_no_name():
    filtered = {"model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    with foreign((200, {}, events(filtered, part("Good day", "stop"), filtered))) as (endpoint, _):
        stream = client.stream(endpoint, "large", Question(HELLO))
        assert list(stream) == ["Good day"] and stream.answer.model == "large"


def test_a_stream_gives_pieces_and_then_its_answer():
    usage = {"model": "large", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    said = events(part(""), part("Good "), part("day"), part("", "stop"), usage)
    with foreign((503, {}, {}), (200, {}, said)) as (endpoint, asked):
        stream = client.stream(endpoint, "large", Question(HELLO))
        assert list(stream) == ["Good ", "day"]
    assert (stream.answer.text, stream.answer.tokens_out, stream.answer.finish) == ("Good day", 2, "stop")
    assert stream.answer.first_token_seconds is not None
    assert asked[-1][2]["stream"] is True


TOOL = {"type": "function", "function": {"name": "order", "parameters": {"type": "object"}}}


def called(**function: str) -> dict:
    return {"index": 0, "id": "call-1", "type": "function", "function": function}


def test_schemas_tools_seeds_and_whatever_else_the_protocol_has_is_passed_on():
    schema = {"type": "object", "properties": {"cup": {"type": "string"}}}
    with foreign((200, {}, whole())) as (endpoint, asked):
        more = {"stop": ["###"], "logprobs": True, "top_logprobs": 2, "tool_choice": "any"}
        client.chat(endpoint, "large", Question(HELLO, Decoding(seed=5, schema=schema), tools=[TOOL], more=more))
    [(_, _, body)] = asked
    assert body["response_format"]["json_schema"]["schema"] == schema and body["seed"] == 5
    assert (body["stop"], body["logprobs"], body["top_logprobs"], body["tools"]) == (["###"], True, 2, [TOOL])
    assert body["tool_choice"] == "required"
    must = Question(HELLO, tools=[TOOL], more={"tool_choice": "required"})
    assert question.body(Endpoint("https://api.mistral.ai"), "m", must)["tool_choice"] == "any"


def test_calls_of_tools_logprobs_and_cached_tokens_come_with_the_answer():
    message = {"role": "assistant", "content": None, "tool_calls": [called(name="order", arguments='{"cup": 1}')]}
    token = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": {"content": [token]}}
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}}
    with foreign((200, {}, {"model": "large", "choices": [choice], "usage": usage})) as (endpoint, _):
        answer = client.chat(endpoint, "large", Question(HELLO, tools=[TOOL]))
    assert (answer.text, answer.finish, answer.tokens_cached) == ("", "tool_calls", 6)
    assert answer.calls == [called(name="order", arguments='{"cup": 1}')] and answer.logprobs == [token]


def test_calls_of_tools_are_put_together_from_a_stream():
    def piece(finish: str | None = None, *calls: dict) -> dict:
        choice = {"index": 0, "delta": {"tool_calls": list(calls)}, "finish_reason": finish}
        return {"model": "large", "choices": [choice]}

    more = {"index": 0, "function": {"arguments": '1, "of": "tea"}'}}
    other = {"index": 1, "id": "call-2", "type": "function", "function": {"name": "pay", "arguments": "{}"}}
    said = events(
        piece(None, called(name="order", arguments='{"cup": ')), piece(None, more), piece("tool_calls", other)
    )
    with foreign((200, {}, said)) as (endpoint, _):
        stream = client.stream(endpoint, "large", Question(HELLO, tools=[TOOL]))
        assert list(stream) == []
    assert [call["function"] for call in stream.answer.calls] == [
        {"name": "order", "arguments": '{"cup": 1, "of": "tea"}'},
        {"name": "pay", "arguments": "{}"},
    ]
    assert stream.answer.finish == "tool_calls" and stream.answer.first_token_seconds is not None


def test_a_stream_that_breaks_off_is_a_problem_and_has_no_answer():
    with foreign((200, {}, events(part("Good ")))) as (endpoint, _):
        stream = client.stream(endpoint, "large", Question(HELLO))
        with pytest.raises(Problem, match="broke off"):
            list(stream)
    with pytest.raises(Problem, match="has not finished"):
        _ = stream.answer


def test_an_error_in_a_stream_is_a_problem():
    said = events(part("Good "), {"object": "error", "message": "Lost it."})
    with foreign((200, {}, said)) as (endpoint, _), pytest.raises(Problem, match="Lost it"):
        list(client.stream(endpoint, "large", Question(HELLO)))


def test_the_key_is_neither_shown_nor_logged_nor_echoed(caplog):
    caplog.set_level(logging.DEBUG)
    refusal = (401, {}, {"message": "The key secret-key is wrong."})
    with foreign(refusal) as (endpoint, _), pytest.raises(Problem) as caught:
        client.chat(endpoint, "large", Question(HELLO))
    for text in (repr(endpoint), str(caught.value), caplog.text):
        assert "secret-key" not in text
    assert "401" in str(caught.value)


@pytest.mark.parametrize(
    "said", [b"You sent Bearer secret-key.", events(part("Good "), {"error": {"message": "secret-key: no room"}})]
)
def test_the_key_stays_out_of_what_an_endpoint_says_with_200(said):
    with foreign((200, {}, said), (200, {}, said)) as (endpoint, _):
        for ask in (
            lambda: list(client.stream(endpoint, "large", Question(HELLO))),
            lambda: streamed_among_others(endpoint),
        ):
            with pytest.raises(Problem) as caught:
                ask()
            assert "secret-key" not in str(caught.value)


def test_a_key_is_taken_without_what_stands_around_it_and_one_that_cannot_be_sent_is_not_shown(monkeypatch):
    monkeypatch.setenv("SOME_KEY", " secret-key\r\n")
    with foreign((200, {}, whole())) as (endpoint, asked):
        client.chat(calls.keyed(endpoint.url, "SOME_KEY"), "large", Question(HELLO))
    assert {name.lower(): value for name, value in asked[0][1].items()}["authorization"] == "Bearer secret-key"
    for wrong in ("secret\nkey", "“secret-key”"):
        monkeypatch.setenv("SOME_KEY", wrong)
        with pytest.raises(Problem, match="What SOME_KEY holds cannot be a key") as caught:
            calls.keyed("https://api.mistral.ai", "SOME_KEY")
        assert "secret" not in str(caught.value)


def test_mistrals_hosted_api_is_spoken_to_in_its_dialect():
    hosted, other = Endpoint("https://api.mistral.ai"), Endpoint("https://api.openai.com/v1/")
    assert (hosted.api, other.api) == ("https://api.mistral.ai/v1", "https://api.openai.com/v1")
    assert question.body(hosted, "m", Question(HELLO, Decoding(seed=3)))["random_seed"] == 3
    assert "stream_options" not in client.stream(hosted, "m", Question(HELLO)).asked
    assert client.stream(other, "m", Question(HELLO)).asked["stream_options"] == {"include_usage": True}
