"""Real vLLM: the starter, given places for tools, and adapters from one process, killed while an evaluation runs.

One start, one restart.
"""

import asyncio
import json
import math
import os
import re
import signal
import statistics
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tokenizers import AddedToken

from engine import events, jobs, jsonl, processes, specs
from engine.scoring import candidates, likely
from engine.scoring.candidates import Candidate
from engine.scoring.evaluate import EvaluateSpec
from engine.scoring.given import Given
from engine.serving import health, scratch, servers, vllms
from engine.serving.asking import calls, client
from engine.serving.asking.asker import Asker
from engine.serving.asking.calls import Failure
from engine.serving.asking.client import Decoding, Endpoint, Question
from engine.training import train
from engine.training.bases import template
from engine.training.forecast import machine
from engine.training.material import batches
from engine.training.settings import TrainSpec
from studio.folders import CODE, SAMPLE, STARTER
from tests import adapters, tiny
from tests.patience import LONG, until
from tests.test_after import job
from tests.test_tools import AFTER, ORDER, RESULT, STOCK, ask, calling, functions

VLLM = Path(os.environ.get(servers.VLLM) or CODE / ".venv-vllm" / "bin" / "python")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not VLLM.exists(), reason="vLLM is not installed: make serving"),
]
QUESTIONS = [f"Where is my order number {n}?" for n in range(40)]
SHORT = Decoding(max_tokens=24)


CALLED = [("find_order", {"number": 41})]
LEARNED: list[dict[str, Any]] = [
    {"messages": [*ask("Where is order 41?"), calling(*CALLED)]},
    {"messages": [*ask("Where is order 7?"), calling(("find_order", {"number": 7}))]},
    {"messages": [*AFTER, {"role": "assistant", "content": RESULT}]},
    {"messages": [*ask("Hello!"), {"role": "assistant", "content": "Hello to you."}]},
]
# the starter's template with Mistral's places for tools
PLACES = {
    "{{ '[INST] ' +": "{% if at.first and tools %}{{ '[AVAILABLE_TOOLS] ' + tools | tojson + '[/AVAILABLE_TOOLS]' }}"
    "{% endif %}{{ '[INST] ' +",
    "{% elif message['role'] == 'assistant' %}": "{% elif message['role'] == 'tool' %}"
    "{{ '[TOOL_RESULTS] ' + message['content'] + '[/TOOL_RESULTS]' }}{% elif message['tool_calls'] %}{% generation %}"
    "{{ '[TOOL_CALLS] [' }}{% for call in message['tool_calls'] %}{{ call['function'] | tojson }}"
    "{{ ', ' if not loop.last else ']' }}{% endfor %}{{ eos_token }}{% endgeneration %}"
    "{% elif message['role'] == 'assistant' %}",
}


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """The starter with Mistral's marks of tools, of which it knows nothing."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("base") / STARTER.name
    words = AutoTokenizer.from_pretrained(STARTER)
    words.add_tokens(
        [AddedToken(mark, special=True, normalized=False) for mark in tiny.TOOL_MARKS], special_tokens=True
    )
    for place, filled in PLACES.items():
        assert place in words.chat_template
        words.chat_template = words.chat_template.replace(place, filled)
    model = AutoModelForCausalLM.from_pretrained(STARTER)
    torch.manual_seed(0)
    model.resize_token_embeddings(len(words), mean_resizing=False)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory, base) -> Path:
    folder = tmp_path_factory.mktemp("vllm")
    for seed, name in enumerate(("plain", "playful", "late")):
        adapters.adapter(base, folder / name, seed=seed)
    return folder


@pytest.fixture(scope="module")
def caller(place, base) -> Path:
    """An adapter that learned to call a tool and to read what comes of it."""
    rows = tiny.jsonl(place / "train.jsonl", [{**row, "tools": [ORDER]} for row in LEARNED])
    run = place / "run"
    run.mkdir()
    spec = TrainSpec(
        base=str(base), train=str(rows), steps=24, batch_size=4, rank=8, learning_rate=5e-3, checkpoint_every=1000
    )
    specs.write(run, spec)
    return Path(train.run(run)["adapter"])


@pytest.fixture(scope="module")
def small(running, place, base) -> Endpoint:
    """Our own server of the same base, to compare with."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(servers.VLLM)
        found = servers.ensure(place / "small", base)
    yield found
    for server in servers.listed(place / "small"):
        servers.stop(server)


@pytest.fixture(scope="module")
def running(place) -> Path:
    """The folder of servers, with vLLM in it for whoever wants the base."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(servers.VLLM, str(VLLM))
        environment.setenv(machine.PRECISION, "float32")
        yield place / "servers"
        for server in servers.every(place / "servers"):
            servers.stop(server)


@pytest.fixture(scope="module")
def endpoint(running, place, base) -> Endpoint:
    found = servers.ensure(running, base)
    for name in ("plain", "playful"):
        client.load_adapter(found, named(place, name), place / name)
    return found


def named(place: Path, name: str) -> str:
    return candidates.adapter_name(place / name)


def together(endpoint: Endpoint, names: list[str]) -> dict[str, list[client.Answer]]:
    """The answers of each name to all of QUESTIONS, asked for at the same moment."""

    async def all_of_them() -> list[client.Answer]:
        async with client.pool(endpoint, 64) as pool:
            waits = [client.achat(endpoint, name, Question(asked(q), SHORT), pool) for name in names for q in QUESTIONS]
            return await asyncio.gather(*waits)

    found = asyncio.run(all_of_them())
    return {name: found[n * len(QUESTIONS) :][: len(QUESTIONS)] for n, name in enumerate(names)}


def test_a_base_and_its_adapters_answer_from_one_process_each_as_itself(endpoint, place):
    names = [STARTER.name, named(place, "plain"), named(place, "playful")]
    assert client.models(endpoint) == names
    found = together(endpoint, names)
    for name in names:
        assert {answer.model for answer in found[name]} == {name}
        assert all(answer.tokens_in and answer.tokens_out for answer in found[name])
    texts = [[answer.text for answer in found[name]] for name in names]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert sum(a != b for a, b in zip(texts[one], texts[other], strict=True)) > len(QUESTIONS) * 0.9
    again = [answer.text for answer in together(endpoint, names[:1])[names[0]]]
    assert sum(a == b for a, b in zip(again, texts[0], strict=True)) >= len(QUESTIONS) - 2  # near ties may tip
    with pytest.raises(Failure, match="404"):
        client.chat(endpoint, "nobody", Question(asked("Hello"), SHORT))


def test_an_adapter_is_loaded_and_unloaded_while_others_are_asked(endpoint, running, place):
    begun: list[int] = []
    rounds: list[dict[str, list[client.Answer]]] = []
    loaded = threading.Event()

    def ask() -> None:
        while not loaded.is_set():
            begun.append(len(begun))
            rounds.append(together(endpoint, [STARTER.name, named(place, "playful")] * 2))

    thread = threading.Thread(target=ask)
    thread.start()
    until(
        lambda: len(begun) > 1, alive=thread.is_alive
    )  # from now on there are questions on their way until it is there
    client.load_adapter(endpoint, named(place, "late"), place / "late")
    loaded.set()
    thread.join()
    assert len(rounds) == len(begun), "a question had no answer"
    assert all(len(answers) == len(QUESTIONS) for found in rounds for answers in found.values())
    late = client.chat(endpoint, named(place, "late"), Question(asked(QUESTIONS[0]), SHORT))
    assert late.model == named(place, "late")
    servers.unload(running, endpoint, named(place, "late"))
    with pytest.raises(Failure, match="404"):
        client.chat(endpoint, named(place, "late"), Question(asked(QUESTIONS[0]), SHORT))


def test_schemas_logprobs_seeds_and_stop_words_reach_it(endpoint):
    schema = {
        "type": "object",
        "properties": {"team": {"enum": ["returns", "orders"]}},
        "required": ["team"],
        "additionalProperties": False,
    }
    shaped = client.chat(endpoint, STARTER.name, Question(asked(QUESTIONS[0]), Decoding(max_tokens=60, schema=schema)))
    assert json.loads(shaped.text)["team"] in ("returns", "orders")

    chances = Question(asked(QUESTIONS[0]), SHORT, more={"logprobs": True, "top_logprobs": 3})
    told = client.chat(endpoint, STARTER.name, chances)
    assert len(told.logprobs) == told.tokens_out
    for token in told.logprobs:
        assert token["logprob"] <= 0 and token["logprob"] == max(one["logprob"] for one in token["top_logprobs"])

    def drawn(seed: int) -> str:
        return client.chat(endpoint, STARTER.name, Question(asked(QUESTIONS[0]), Decoding(1.6, 1.0, 24, seed))).text

    assert drawn(1) == drawn(1) and len({drawn(seed) for seed in range(5)}) > 2
    text = client.chat(endpoint, STARTER.name, Question(asked(QUESTIONS[0]), SHORT)).text
    cut = client.chat(endpoint, STARTER.name, Question(asked(QUESTIONS[0]), SHORT, more={"stop": [text[5:9]]}))
    assert cut.text == text[: text.index(text[5:9])] and cut.finish == "stop"


def test_a_base_that_knows_no_tools_calls_rightly_when_it_must_and_the_same_with_the_same_seed(endpoint):
    def called(seed: int, **more: Any) -> tuple[list[tuple[str, dict[str, Any]]], str]:
        question = Question(ask("Hm?"), Decoding(1.0, 1.0, 130, seed), [ORDER, STOCK], more)
        answer = client.chat(endpoint, STARTER.name, question)
        stream = client.stream(endpoint, STARTER.name, question)
        assert list(stream) == [] and functions(stream.answer) == functions(answer)
        return functions(answer), answer.finish

    stock = {"tool_choice": {"type": "function", "function": {"name": "stock"}}}
    for seed in range(3):
        [(name, arguments)], finish = called(seed, **stock)
        assert (name, finish) == ("stock", "stop") and arguments["cup"] in ("large", "small")
        assert called(seed, **stock) == ([(name, arguments)], finish)


def test_calls_and_what_comes_of_them_are_the_same_from_vllm_and_from_the_small_server(endpoint, small, place, caller):
    offered, room = [ORDER], Decoding(max_tokens=80)
    for server in (endpoint, small):
        client.load_adapter(server, "caller", caller)
    try:
        for server in (endpoint, small):
            question = Question(LEARNED[0]["messages"][:1], room, offered, {"logprobs": True})
            whole = client.chat(server, "caller", question)
            stream = client.stream(server, "caller", replace(question, more={}))
            assert list(stream) == []
            for answer in (whole, stream.answer):
                assert (functions(answer), answer.text, answer.finish) == (CALLED, "", "tool_calls")
                [call] = answer.calls
                assert re.fullmatch("[a-zA-Z0-9]{9}", call["id"]) and call["type"] == "function"
            assert len(whole.logprobs) == whole.tokens_out
            must = Question(ask("Hello!"), room, offered, {"tool_choice": "required"})
            [(name, arguments)] = functions(client.chat(server, "caller", must))
            assert name == "find_order" and arguments["number"] in (7, 41)
            result = {"role": "tool", "tool_call_id": call["id"], "content": "shipped"}
            turn = [*question.messages, {"role": "assistant", "tool_calls": whole.calls}, result]
            assert client.chat(server, "caller", Question(turn, room, offered)).text.strip() == RESULT
            hello = client.chat(server, "caller", Question(ask("Hello!"), room, offered))
            assert (hello.text.strip(), hello.calls, hello.finish) == ("Hello to you.", [], "stop")
    finally:
        for server in (endpoint, small):
            client.unload_adapter(server, "caller")


def test_it_knows_the_readers_of_calls_that_it_is_told_to_use():
    [known] = VLLM.parent.parent.glob("lib/python*/site-packages/vllm/tool_parsers/__init__.py")
    for name in {"mistral", *vllms.PARSERS.values()}:
        assert f'"{name}": (' in known.read_text()


def test_perplexity_is_the_same_through_vllm_the_small_server_transformers_and_by_hand(
    endpoint, running, small, place, base
):
    """All in 32 bits: in 16 the rounding of each makes about a thousandth over so few tokens (docs/likelihood.md)."""
    rows = [json.loads(line)["messages"] for line in (SAMPLE / "answers" / "validation.jsonl").open()]
    light = adapters.adapter(base, place / "light", seed=3, std=0.02)
    for server in (endpoint, small):
        client.load_adapter(server, named(place, "light"), light)
    try:
        for name, adapter in ((STARTER.name, None), (named(place, "light"), light)):
            wanted = by_hand(base, rows, adapter)
            found = [perplexity(server, name, rows) for server in (endpoint, small)]
            print(name, wanted, found)
            assert len({tokens for _, tokens in [*wanted, *found]}) == 1
            for value, _ in [*wanted, *found]:
                assert value == pytest.approx(wanted[0][0], rel=1e-4)
    finally:
        servers.unload(running, endpoint, named(place, "light"))


def by_hand(base: Path, rows: list[list[dict[str, str]]], adapter: Path | None) -> list[tuple[float, int]]:
    """Perplexity and tokens of what training would learn: by transformers' own loss, and one token after the other."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = (PeftModel.from_pretrained(model, adapter) if adapter else model).eval()
    words, nll, loop, tokens = template.load(str(base)), 0.0, 0.0, 0
    for messages in rows:
        row = batches.row({"messages": messages}, words, 1024)
        learned = [at for at, trained in enumerate(row.trained) if trained]
        labels = [token if trained else -100 for token, trained in zip(row.tokens, row.trained, strict=True)]
        with torch.no_grad():
            out = model(input_ids=torch.tensor([row.tokens]), labels=torch.tensor([labels]))
        nll += out.loss.item() * len(learned)
        for at in learned:
            logits = out.logits[0, at - 1].float().numpy().astype(float)
            loop += np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[row.tokens[at]]
        tokens += len(learned)
    return [(math.exp(nll / tokens), tokens), (math.exp(loop / tokens), tokens)]


def perplexity(endpoint: Endpoint, name: str, rows: list[list[dict[str, str]]]) -> tuple[float, int]:
    """The same as an evaluation asks for it."""

    async def all_of_them() -> list[dict[str, float]]:
        asker = Asker("", 16)
        try:
            one = Candidate(name, name, endpoint=endpoint.url)
            items = [{"id": "", "messages": row[:-1], "answer": row[-1]["content"]} for row in rows]
            given = [Given(item, {"passages": []}, one, None, None, (), asker) for item in items]
            found = await asyncio.gather(*[likely.rate_answer(each) for each in given])
            return [one[likely.PERPLEXITY].detail for one in found]
        finally:
            await asker.close()

    details = asyncio.run(all_of_them())
    sums = np.array([[one["nll"], one["tokens"]] for one in details]).sum(0, keepdims=True)
    return float(likely.FIGURES[likely.PERPLEXITY](sums)[0]), int(sums[0, 1])


def test_what_it_does_is_told_in_its_folder(endpoint, running, place):
    [server] = servers.listed(running)
    until(lambda: client.chat(endpoint, STARTER.name, Question(asked("Hello"), SHORT)) and server.health.per_second)
    found = server.health
    assert found.state == health.UP and found.written > 100 and found.per_second and found.first_token
    assert {named(place, "plain"), named(place, "playful")} <= set(found.adapters)
    log = (server.folder / "log.txt").read_text()
    assert "POST /v1/chat/completions" in log and not any(f"GET {path} " in log for path in vllms.WATCHED.split(","))


def worked(server: psutil.Process) -> float:
    """Seconds of a processor that a server and its workers have used so far."""
    return sum(sum(one.cpu_times()[:4]) for one in [server, *server.children(recursive=True)])


def test_killed_while_an_evaluation_runs_it_is_back_and_no_request_is_lost(endpoint, running, place, base):
    """Every item is answered once, by who was asked, and scored as it would have been without.

    A minute of a processor suffices; by the clock, where nothing else runs, `benchmarks/revival.py` says how long.
    """
    items = [
        {"id": f"i{n}", "messages": asked(question), "answer": "Nobody says this."}
        for n, question in enumerate(QUESTIONS * 3)
    ]
    jsonl.write(place / "items.jsonl", items)
    chosen = [
        Candidate("base", STARTER.name, base=str(base), decoding=SHORT),
        Candidate("playful", "playful", base=str(base), adapter=str(place / "playful"), decoding=SHORT),
    ]
    spec = EvaluateSpec(
        candidates=[asdict(one) for one in chosen],
        items=str(place / "items.jsonl"),
        metrics=["exact"],
        concurrency=8,
        servers=str(running),
        patience=LONG,
    )
    [server] = servers.listed(running)
    loaded = {named(place, name): place / name for name in ("plain", "playful")}
    for name, folder in loaded.items():
        servers.load(running, endpoint, name, folder)
    until(lambda: server.health.adapters == {name: str(folder) for name, folder in loaded.items()})
    child, watcher = processes.find(server.folder, servers.CHILD), processes.find(server.folder)
    scratch_then = (server.folder / scratch.LINK).readlink()
    assert any(one.is_socket() for one in scratch_then.iterdir())
    killed: list[float] = []
    work: list[float] = []

    def kill() -> None:
        answers = place / "jobs" / "evaluate-1" / "responses.jsonl"
        until(lambda: answers.exists() and answers.read_text().count("\n") >= 40)
        child.send_signal(signal.SIGKILL)
        killed.append(time.time())
        until(lambda: [event["kind"] for event in events.read(server.folder)[0]].count("up") > 1)
        work.append(worked(processes.find(server.folder, servers.CHILD)))

    thread = threading.Thread(target=kill)
    thread.start()
    folder = job(place / "jobs" / "evaluate-1", "evaluate", spec)
    thread.join()
    end = events.last(folder, "end")
    assert end is not None and end["state"] == jobs.DONE, jobs.why(folder)
    lines = jsonl.read(folder / "responses.jsonl")
    assert len(lines) == len(items) * len(chosen)
    assert len({(line["item"], line["candidate"]) for line in lines}) == len(lines)
    assert [line["error"] for line in lines if line["error"]] == []
    names = {"base": STARTER.name, "playful": named(place, "playful")}
    assert all(line["model"] == names[line["candidate"]] for line in lines)
    assert statistics.fmean(line["scores"]["exact"]["value"] for line in lines) == 0.0

    told = events.read(server.folder)[0]
    assert [event["kind"] for event in told] == ["started", "up", "died", "started", "up"]
    assert told[-1]["url"] == endpoint.url
    assert told[-2]["adapters"] == sorted([named(place, "plain"), named(place, "playful")])
    away = told[-1]["at"] - killed[0]
    print(f"vLLM was back {away:.1f} s after it was killed; its first start took {told[1]['seconds']} s;", *work)
    assert work[0] < 60, "seconds of a processor, which a machine that is busy with other work gives later, not more of"
    assert not scratch_then.exists() and (server.folder / scratch.LINK).readlink() != scratch_then
    assert processes.find(server.folder) == watcher


def test_the_watcher_is_killed_and_vllm_goes_on_answering(endpoint, running, place, base):
    [server] = servers.listed(running)
    child = processes.find(server.folder, servers.CHILD)
    processes.find(server.folder).send_signal(signal.SIGKILL)
    until(lambda: not server.alive)
    assert servers.ensure(running, base) == endpoint and server.alive
    assert client.chat(endpoint, named(place, "playful"), Question(asked("Hello"), SHORT)).text
    assert processes.find(server.folder, servers.CHILD) == child
    servers.stop(server)
    with pytest.raises(Failure) as caught:
        client.models(endpoint)
    assert caught.value.code == calls.UNREACHABLE
    assert processes.find(server.folder, servers.CHILD) is None
