"""The chat server, as a real process on loopback with a tiny random base and a random adapter."""

import asyncio
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from engine import events, processes
from engine.problems import Problem
from engine.serving import health, servers
from engine.serving.asking import client
from engine.serving.asking.client import Decoding, Endpoint, Question
from engine.serving.small import protocol
from engine.serving.small.protocol import Refused
from studio.cli import shell
from tests import adapters, tiny
from tests.patience import until

QUESTIONS = [*tiny.SENTENCES, "Hm?", "Tell me about the copper kettle and about every cup that you have, please."]


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    adapters.lively(folder / "kettle")
    adapters.adapter(folder / "kettle", folder / "playful")
    return folder


@pytest.fixture(scope="module")
def endpoint(place):
    yield servers.ensure(place / "servers", place / "kettle")
    for server in servers.listed(place / "servers"):
        servers.stop(server)
    assert servers.listed(place / "servers") == []


def together(endpoint: Endpoint, names: list[str], decoding: Decoding) -> list[client.Answer]:
    """One answer for each of QUESTIONS and each name, all asked at the same moment."""

    async def all_of_them() -> list[client.Answer]:
        async with client.pool(endpoint, 64) as pool:
            waits = [client.achat(endpoint, n, Question(asked(q), decoding), pool) for n in names for q in QUESTIONS]
            return await asyncio.gather(*waits)

    return asyncio.run(all_of_them())


def refusal(endpoint: Endpoint, body: object, path: str = "chat/completions") -> tuple[int, str]:
    response = httpx.post(f"{endpoint.api}/{path}", json=body)
    error = response.json()
    assert error["object"] == "error" and error["code"] == response.status_code and error["type"]
    return response.status_code, error["message"]


def test_it_answers_as_transformers_generates(endpoint, place):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(place / "kettle")
    model = AutoModelForCausalLM.from_pretrained(place / "kettle")
    prompt = tokenizer.apply_chat_template(asked(QUESTIONS[1]), add_generation_prompt=True, return_tensors="pt")
    ids = model.generate(**prompt, do_sample=False, max_new_tokens=20)[0, prompt["input_ids"].shape[1] :]
    answer = client.chat(endpoint, "kettle", Question(asked(QUESTIONS[1]), Decoding(max_tokens=20)))
    assert answer.text == tokenizer.decode(ids, skip_special_tokens=True)
    assert (answer.model, answer.tokens_in, answer.tokens_out) == ("kettle", prompt["input_ids"].shape[1], len(ids))


@pytest.mark.parametrize("decoding", [Decoding(max_tokens=24), Decoding(0.9, 0.8, 24, seed=7)])
def test_an_answer_does_not_depend_on_who_else_asks(endpoint, decoding):
    alone = [client.chat(endpoint, "kettle", Question(asked(question), decoding)).text for question in QUESTIONS]
    assert [answer.text for answer in together(endpoint, ["kettle"], decoding)] == alone
    assert len(set(alone)) > len(alone) / 2


def test_a_late_question_joins_the_answers_on_their_way(endpoint):
    long, short = Decoding(max_tokens=400), Decoding(max_tokens=4)
    alone = client.chat(endpoint, "kettle", Question(asked(QUESTIONS[0]), long))
    stream = iter(client.stream(endpoint, "kettle", Question(asked(QUESTIONS[0]), long)))
    first = next(stream)
    late = client.chat(endpoint, "kettle", Question(asked(QUESTIONS[1]), short))
    assert late.text == client.chat(endpoint, "kettle", Question(asked(QUESTIONS[1]), short)).text
    assert late.seconds < alone.seconds
    assert first + "".join(stream) == alone.text


def test_a_streamed_answer_is_the_plain_one_in_pieces(endpoint):
    decoding = Decoding(temperature=1.2, max_tokens=60, seed=3)  # hot enough for broken characters
    plain = client.chat(endpoint, "kettle", Question(asked(QUESTIONS[2]), decoding))
    stream = client.stream(endpoint, "kettle", Question(asked(QUESTIONS[2]), decoding))
    pieces = list(stream)
    assert len(pieces) > 5
    assert "".join(pieces) == plain.text == stream.answer.text
    assert 0 < stream.answer.first_token_seconds < stream.answer.seconds
    same = {"seconds": 0.0, "first_token_seconds": None}
    assert replace(stream.answer, **same) == replace(plain, **same)


def test_the_same_seed_repeats_an_answer_and_another_does_not(endpoint):
    def text(seed: int) -> str:
        return client.chat(endpoint, "kettle", Question(asked("Hm?"), Decoding(1.0, 0.95, 30, seed))).text

    assert text(1) == text(1) != text(2)


def test_an_adapter_answers_under_its_own_name_and_leaves_the_base_as_it_was(endpoint, place):
    decoding = Decoding(max_tokens=24)
    before = together(endpoint, ["kettle"], decoding)
    client.load_adapter(endpoint, "playful", place / "playful")
    client.load_adapter(endpoint, "playful", place / "playful")  # again is no error
    assert client.models(endpoint) == ["kettle", "playful"]
    after = together(endpoint, ["kettle", "playful"], decoding)
    assert [answer.text for answer in after[: len(QUESTIONS)]] == [answer.text for answer in before]
    assert {answer.model for answer in after[len(QUESTIONS) :]} == {"playful"}
    assert [answer.text for answer in after[len(QUESTIONS) :]] != [answer.text for answer in before]
    client.unload_adapter(endpoint, "playful")
    assert refusal(endpoint, {"model": "playful", "messages": asked("Hm?")})[0] == 404


def test_an_adapter_answers_as_peft_does(endpoint, place):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(place / "kettle")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(place / "kettle"), place / "playful")
    client.load_adapter(endpoint, "by-peft", place / "playful")
    for question in QUESTIONS[:4]:
        prompt = tokenizer.apply_chat_template(asked(question), add_generation_prompt=True, return_tensors="pt")
        ids = model.generate(**prompt, do_sample=False, max_new_tokens=16)[0, prompt["input_ids"].shape[1] :]
        answer = client.chat(endpoint, "by-peft", Question(asked(question), Decoding(max_tokens=16)))
        assert answer.text == tokenizer.decode(ids, skip_special_tokens=True)


def lost(weights: dict) -> dict:
    return {name: weight for name, weight in weights.items() if "layers.1.mlp" not in name}


def deeper(weights: dict) -> dict:
    return weights | {name.replace("layers.1", "layers.2"): weight for name, weight in weights.items()}


def wider(weights: dict) -> dict:
    return {name: weight.repeat(2, 2) for name, weight in weights.items()}


@pytest.mark.parametrize("changed", [lost, deeper, wider])
def test_an_adapter_for_another_base_is_refused(endpoint, place, tmp_path, changed):
    from safetensors.torch import load_file, save_file

    weights = load_file(place / "playful" / "adapter_model.safetensors")
    save_file(
        {name: weight.clone() for name, weight in changed(weights).items()}, tmp_path / "adapter_model.safetensors"
    )
    (tmp_path / "adapter_config.json").write_bytes((place / "playful" / "adapter_config.json").read_bytes())
    status, message = refusal(endpoint, {"lora_name": "x", "lora_path": str(tmp_path)}, "load_lora_adapter")
    assert status == 400 and "does not fit this base" in message
    assert "x" not in client.models(endpoint)


def test_what_is_no_adapter_or_has_no_free_name_is_refused(endpoint, place, tmp_path):
    playful = str(place / "playful")
    for body, status in (
        ({"lora_name": "x", "lora_path": str(tmp_path)}, 400),
        ({"lora_name": "x"}, 400),
        ({"lora_name": "kettle", "lora_path": playful}, 400),
    ):
        assert refusal(endpoint, body, "load_lora_adapter")[0] == status
    assert refusal(endpoint, {"lora_name": "nobody"}, "unload_lora_adapter")[0] == 404


def test_stop_words_end_an_answer_and_are_never_shown_not_even_in_a_stream(endpoint):
    body = {"model": "kettle", "messages": asked(QUESTIONS[3]), "max_tokens": 40, "temperature": 0}
    whole = client.chat(endpoint, "kettle", Question(asked(QUESTIONS[3]), Decoding(max_tokens=40))).text
    stop = whole[10:14]
    expected = whole[: whole.index(stop)]
    plain = httpx.post(f"{endpoint.api}/chat/completions", json={**body, "stop": [stop, "never"]}).json()["choices"][0]
    assert (plain["message"]["content"], plain["finish_reason"]) == (expected, "stop")
    with httpx.stream("POST", f"{endpoint.api}/chat/completions", json={**body, "stop": stop, "stream": True}) as got:
        lines = [line.removeprefix("data: ") for line in got.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    events = [json.loads(line) for line in lines[:-1]]
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in events) == expected
    assert events[-1]["choices"][0]["finish_reason"] == "stop" and events[-1]["usage"]["completion_tokens"] > 0


def test_what_it_cannot_honour_it_refuses_in_a_sentence(endpoint):
    good = {"model": "kettle", "messages": asked("Hm?"), "max_tokens": 2}
    assert refusal(endpoint, {**good, "model": "nobody"}) == (
        404,
        f"The model nobody is not served here; {', '.join(client.models(endpoint))} can be asked.",
    )
    assert refusal(endpoint, {**good, "messages": [*asked("a"), {"role": "system", "content": "b"}]})[0] == 400
    status, message = refusal(endpoint, {**good, "max_tokens": 600})
    assert status == 400 and "at most 512 tokens" in message
    response = httpx.post(f"{endpoint.api}/chat/completions", content=b"{nothing")
    assert response.status_code == 400 and "not JSON" in response.json()["message"]
    assert refusal(endpoint, good, "audio/speech")[0] == 404
    assert httpx.get(f"{endpoint.url}/health").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "judge", "content": "a"}]}, "must have a role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "text only"),
        ({"temperature": "hot"}, "temperature must be a number"),
        ({"top_p": 0}, "top_p must be above 0"),
        ({"max_tokens": 0}, "max_tokens must be a whole number"),
        ({"stop": [""]}, "stop must be a text"),
        ({"n": 3}, "n=3"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"logit_bias": {"1": 2}}, "does not know logit_bias"),
    ],
)
def test_a_request_with_a_mistake_names_the_field(wrong, sentence):
    with pytest.raises(Refused, match=sentence):
        protocol.read({"model": "kettle", "messages": asked("Hm?"), **wrong})


def test_both_dialects_are_read():
    text = [{"type": "text", "text": "Hm"}, {"type": "text", "text": "?"}]
    ask = protocol.read(
        {"model": "m", "messages": [{"role": "user", "content": text}], "random_seed": 4, "max_completion_tokens": 9,
         "safe_prompt": False, "stop": None, "n": 1}
    )  # fmt: skip
    assert (ask.messages, ask.seed, ask.limit, ask.stops) == (asked("Hm?"), 4, 9, ())


def test_a_client_that_goes_away_frees_the_server(endpoint):
    body = {"model": "kettle", "messages": asked("Hm?"), "max_tokens": 450, "temperature": 0, "stream": True}
    streams = [client.stream(endpoint, "kettle", Question(asked("Hm?"), Decoding(max_tokens=450))) for _ in range(3)]
    for stream in streams:
        pieces = iter(stream)
        next(pieces)
        pieces.close()
    assert client.chat(endpoint, "kettle", Question(asked("Hm?"), Decoding(max_tokens=2))).tokens_out == 2
    with httpx.stream("POST", f"{endpoint.api}/chat/completions", json=body) as response:
        next(response.iter_lines())


def test_one_server_for_one_base_however_many_ask_for_it(endpoint, place):
    program = (
        "import sys; from pathlib import Path; from engine.serving import servers\n"
        "print(servers.ensure(Path(sys.argv[1]), Path(sys.argv[2])).url)"
    )
    arguments = [sys.executable, "-c", program, str(place / "servers"), str(place / "kettle")]
    askers = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert {asker.communicate()[0].strip() for asker in askers} == {endpoint.url}
    [server] = servers.listed(place / "servers")
    assert server.endpoint == endpoint and server.spec.model == str(place / "kettle")


def test_a_server_that_nobody_asks_ends_itself_and_a_changed_base_is_not_answered_for_by_the_old_one(tmp_path):
    base = adapters.lively(tmp_path / "kettle")
    endpoint = servers.ensure(tmp_path / "servers", base, idle_minutes=3 / 60)
    [server] = servers.listed(tmp_path / "servers")
    assert server.spec.version == servers.version(base)
    adapters.lively(base, seed=1)
    assert server.spec.version != servers.version(base)
    until(lambda: not server.alive)
    assert "nobody asked" in processes.log(server.folder) and server.ended == "idle"
    with pytest.raises(Problem, match="cannot be reached"):
        client.models(endpoint)


def test_a_server_that_cannot_start_says_why(tmp_path):
    with pytest.raises(Problem, match=r"no model in .*config\.json"):
        servers.ensure(tmp_path / "servers", tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Problem, match=r"ended before it answered(.|\n)*has no tokenizer\.json"):
        servers.ensure(tmp_path / "servers", tmp_path)


def test_a_killed_server_is_back_at_its_address_with_its_adapters(endpoint, place):
    [server] = servers.listed(place / "servers")
    client.load_adapter(endpoint, "kept", place / "playful")
    before = client.chat(endpoint, "kept", Question(asked(QUESTIONS[1]), Decoding(max_tokens=12))).text
    until(lambda: "kept" in server.health.adapters)
    child = processes.find(server.folder, servers.CHILD)
    child.send_signal(signal.SIGKILL)
    until(lambda: processes.find(server.folder, servers.CHILD) != child)
    assert servers.ensure(place / "servers", place / "kettle") == endpoint
    assert client.chat(endpoint, "kept", Question(asked(QUESTIONS[1]), Decoding(max_tokens=12))).text == before
    told = [event["adapters"] for event in events.read(server.folder)[0] if event["kind"] == "started"]
    assert "kept" in told[-1]  # beside those that other tests have loaded


def test_the_command_line_names_each_server_and_its_address_in_full_however_narrow_it_is(endpoint, place, monkeypatch):
    [server] = servers.listed(place / "servers")
    monkeypatch.setattr(shell.console, "width", 40)
    said = CliRunner().invoke(shell.app, ["servers", "--home", str(place)]).stdout.splitlines()
    assert f"{endpoint.api}  {server.id}" in said[0] and "our own server" in said[1]


def test_more_adapters_than_fit_in_memory_are_all_answered_for(place):
    """Two fit; the one that was not asked for longest makes room, and is merged again when it is asked."""
    server = servers.begin(place / "many", servers.ServeSpec(model=str(place / "kettle"), adapters=2))
    endpoint = servers.ready(server)
    try:
        for seed in range(3):
            folder = adapters.adapter(place / "kettle", place / f"many-{seed}", seed=seed)
            client.load_adapter(endpoint, f"many-{seed}", folder)
        decoding = Decoding(max_tokens=12)
        once = [client.chat(endpoint, f"many-{seed}", Question(asked("Hm?"), decoding)).text for seed in range(3)]
        again = [answer.text for seed in range(3) for answer in together(endpoint, [f"many-{seed}"], decoding)]
        assert len(set(once)) == 3 and again[QUESTIONS.index("Hm?") :: len(QUESTIONS)] == once
        listed = httpx.get(f"{endpoint.api}/models").json()["data"]
        assert [one["loaded"] for one in listed] == [True, False, True, True]
    finally:
        servers.stop(server)


def test_an_answer_follows_a_json_schema(endpoint):
    """Even one that babbles: the schema forbids what would break it."""
    schema = {
        "type": "object",
        "properties": {"cup": {"enum": ["large", "small"]}, "n": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["cup", "n"],
        "additionalProperties": False,
    }
    for seed in range(4):
        answer = client.chat(endpoint, "kettle", Question(asked("Which cup?"), Decoding(1.0, 1.0, 60, seed, schema)))
        found = json.loads(answer.text)
        assert found["cup"] in ("large", "small") and 1 <= found["n"] <= 9 and answer.finish == "stop"
    plain = client.chat(endpoint, "kettle", Question(asked("Which cup?"), Decoding(max_tokens=20)))
    body = {"model": "kettle", "messages": asked("Hm?"), "response_format": {"type": "json_object"}, "max_tokens": 3}
    assert (
        httpx.post(f"{endpoint.api}/chat/completions", json=body).json()["choices"][0]["message"]["content"][0] == "{"
    )
    assert client.chat(endpoint, "kettle", Question(asked("Which cup?"), Decoding(max_tokens=20))).text == plain.text
    wrong = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}
    assert refusal(endpoint, {**body, "response_format": wrong}) == (
        400,
        "The JSON schema cannot be followed. Invalid type: nonsense. Mend it, or leave it out.",
    )
    assert refusal(endpoint, {**body, "response_format": {"type": "json_schema"}})[0] == 400


def test_it_counts_what_it_does(endpoint):
    def now() -> health.Figures:
        return health.figures(httpx.get(f"{endpoint.url}/metrics").text)

    before = now()
    answer = client.chat(endpoint, "kettle", Question(asked("Hm?"), Decoding(max_tokens=7)))
    after = now()
    assert (after.read - before.read, after.written - before.written) == (answer.tokens_in, answer.tokens_out)
    assert after.firsts - before.firsts == 1 and 0 < after.first_seconds - before.first_seconds < answer.seconds
    assert (after.running, after.waiting) == (0, 0)
