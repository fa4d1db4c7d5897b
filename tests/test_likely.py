"""What a model finds likely: token by token against a plain loop, the figures by hand, the labels ranked."""

import asyncio
import math
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest

from engine.problems import Problem
from engine.scoring import likely
from engine.scoring.candidates import Candidate
from engine.serving import servers
from engine.serving.asking import client
from engine.serving.asking.client import Endpoint
from engine.serving.asking.likelihood import Likelihood, Reader
from engine.serving.small import echoes
from engine.serving.small.protocol import Refused
from engine.training.bases import template
from engine.training.material import batches
from tests import adapters
from tests.patience import LONG

QUESTION = [{"role": "user", "content": "Where is my order?"}]
ANSWERS = ["On its way.", "It left our workshop this morning.", "No idea", "Of course you can. Send it back, please."]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("likely")
    adapters.lively(folder / "kettle")
    adapters.adapter(folder / "kettle", folder / "playful")
    return folder


@pytest.fixture(scope="module")
def endpoint(place):
    found = servers.ensure(place / "servers", place / "kettle")
    client.load_adapter(found, "playful", place / "playful")
    yield found
    for server in servers.listed(place / "servers"):
        servers.stop(server)


def reader(endpoint: Endpoint, model: str, calls: list[str] | None = None) -> Reader:
    """One that asks by httpx, and notes what it asks."""

    async def post(path: str, body: dict) -> object:
        if calls is not None:
            calls.append(path)
        at = endpoint.url + path if path.startswith("/") else f"{endpoint.api}/{path}"
        async with httpx.AsyncClient(timeout=LONG) as http:
            response = await http.post(at, json={"model": model, **body})
        response.raise_for_status()
        return response.json()

    return Reader(endpoint, model, post)


def by_hand(model: object, base: Path, answer: str) -> list[float]:
    """The logarithms of the chances of what training would learn of an answer, one token after the other."""
    import torch

    [row] = [
        batches.row({"messages": [*QUESTION, {"role": "assistant", "content": answer}]}, template.load(str(base)), 999)
    ]
    found = []
    for at, trained in enumerate(row.trained):
        if trained:
            with torch.no_grad():
                logits = model(torch.tensor([row.tokens[:at]])).logits[0, -1].float()
            found.append((logits[row.tokens[at]] - logits.exp().sum().log()).item())
    return found


def model_of(place: Path, adapter: str = "") -> object:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(place / "kettle")
    return PeftModel.from_pretrained(model, place / adapter) if adapter else model


@pytest.mark.parametrize("adapter", ["", "playful"])
def test_the_server_and_a_plain_loop_find_an_answer_equally_likely(endpoint, place, adapter):
    model = model_of(place, adapter)
    asked = reader(endpoint, adapter or "kettle")
    found = asyncio.run(asked.likelihoods(QUESTION, ANSWERS))
    alone = [asyncio.run(asked.likelihoods(QUESTION, [answer]))[0] for answer in ANSWERS]
    for answer, one, other in zip(ANSWERS, found, alone, strict=True):
        wanted = by_hand(model, place / "kettle", answer)
        assert list(one.logprobs) == pytest.approx(wanted, abs=1e-3)
        assert list(other.logprobs) == pytest.approx(wanted, abs=1e-3)


def test_labels_are_spelled_once_and_asked_in_one_call(endpoint):
    calls: list[str] = []
    asked = reader(endpoint, "kettle", calls)
    asyncio.run(asked.likelihoods(QUESTION, ANSWERS))
    assert calls.count("completions") == 1
    calls.clear()
    asyncio.run(asked.likelihoods([{"role": "user", "content": "And now?"}], ANSWERS))
    assert calls == ["/tokenize", "/tokenize", "completions"]


def test_texts_that_share_their_beginning_are_read_as_if_they_did_not(place):
    import torch

    from engine.serving.small import weighing

    model = model_of(place)
    torch.manual_seed(0)
    rows = [[1, *torch.randint(6, 200, (size,)).tolist()] for size in (3, 9, 1, 5)]
    rows = [[1, 7, 8, 9, *row[1:]] for row in rows] + [[1, 7]]
    together = weighing.logprobs(model, rows)
    for row, line in zip(rows, together, strict=True):
        with torch.no_grad():
            known = model(torch.tensor([row])).logits[0].log_softmax(-1)
        assert line == pytest.approx([known[at, token].item() for at, token in enumerate(row[1:])], abs=1e-4)
    strangers = [[1, 7, 8], [2, 9, 7]]
    assert weighing.logprobs(model, strangers)[1] == pytest.approx(weighing.logprobs(model, strangers[1:])[0], abs=1e-4)
    assert weighing.common(rows) == 1 and weighing.common(rows[:4]) == 4


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"prompt": [[1, 2]], "max_tokens": 5, "echo": True, "prompt_logprobs": 0}, "completes nothing"),
        ({"prompt": [[1, 2]]}, "completes nothing"),
        ({"prompt": "words", "max_tokens": 0, "echo": True, "prompt_logprobs": 0}, "token ids"),
        ({"prompt": [[1]], "max_tokens": 0, "echo": True, "prompt_logprobs": 0}, "at least two"),
        (
            {"prompt": [[1, 2]], "max_tokens": 0, "echo": True, "prompt_logprobs": 0, "suffix": "x"},
            "does not know suffix",
        ),
    ],
)
def test_what_the_small_server_cannot_tell_is_refused_by_name(body, why):
    with pytest.raises(Refused, match=why):
        echoes.texts({"model": "kettle", **body})


def test_a_token_that_is_none_and_a_text_too_long_are_refused(endpoint):
    ask = {"model": "kettle", "max_tokens": 0, "echo": True, "prompt_logprobs": 0}
    for row in ([1, 99_999], [1] * 600):
        response = httpx.post(f"{endpoint.api}/completions", json={**ask, "prompt": row})
        assert response.status_code == 400 and "at most 512 tokens" in response.json()["message"]
    unknown = httpx.post(f"{endpoint.api}/completions", json={**ask, "model": "nobody", "prompt": [1, 2]})
    assert unknown.status_code == 404


def test_hosted_chat_apis_are_told_apart_before_anything_is_sent():
    with pytest.raises(Problem, match="does not tell how likely"):
        asyncio.run(reader(Endpoint("https://api.mistral.ai"), "mistral-small-latest").likelihoods(QUESTION, ["Yes"]))


def test_an_answer_that_melts_into_its_surroundings_is_a_problem():
    async def post(path: str, body: dict) -> object:
        words = "".join(message["content"] for message in body["messages"])
        pairs = [hash(words[at : at + 2]) for at in range(0, len(words), 2)]  # a token for each two letters
        return {"tokens": pairs if body["add_generation_prompt"] else [*pairs, 2]}

    asked = Reader(Endpoint("http://127.0.0.1:1"), "one", post)
    with pytest.raises(Problem, match="cannot be told from the conversation"):
        asyncio.run(asked.likelihoods([{"role": "user", "content": "odd"}], ["end"]))


def test_what_a_template_writes_behind_the_end_is_not_counted():
    asked_for = []

    async def post(path: str, body: dict) -> object:
        if path == "/tokenize":
            words = [ord(sign) for message in body["messages"] for sign in message["content"]]
            return {"tokens": words if body["add_generation_prompt"] else [*words, 2, 10]}
        asked_for.extend(body["prompt"])
        places = [[None, *({str(token): {"logprob": -1.0}} for token in row[1:])] for row in body["prompt"]]
        choices = [{"index": n, "prompt_logprobs": line} for n, line in enumerate(places)]
        return {"model": "one", "choices": choices[::-1]}

    asked = Reader(Endpoint("http://127.0.0.1:1"), "one", post)
    found = asyncio.run(asked.likelihoods([{"role": "user", "content": "q"}], ["yes", "no"]))
    assert asked_for == [[ord("q"), *map(ord, "yes"), 2], [ord("q"), *map(ord, "no"), 2]]
    assert [one.tokens for one in found] == [4, 3] and found[0].nll == 4.0


class Told:
    """An asker for which every answer has a known likelihood."""

    def __init__(self, known: dict[str, list[float]]) -> None:
        self.known = known

    async def likelihoods(self, candidate: Candidate, messages: list, answers: list[str], tools=()) -> list[Likelihood]:
        return [Likelihood(tuple(self.known[answer])) for answer in answers]


def given(known: dict[str, list[float]], labels: tuple[str, ...] = (), **item: object) -> object:
    body = {"id": "1", "messages": QUESTION, **item}
    return SimpleNamespace(
        item=body, answer={"passages": []}, candidate=Candidate("one", "one"), labels=labels, asker=Told(known)
    )


def test_perplexity_of_a_uniform_guess_is_the_vocabulary_size():
    found = asyncio.run(likely.rate_answer(given({"Yes": [-math.log(2048)] * 3}, answer="Yes")))
    assert found["perplexity"].value == pytest.approx(2048)
    assert found["bits_per_byte"].value == pytest.approx(11.0)  # three tokens of 11 bits, three bytes
    assert found["perplexity"].detail == {"nll": pytest.approx(3 * math.log(2048)), "tokens": 3, "bytes": 3}


def test_bytes_are_those_of_utf_8():
    found = asyncio.run(likely.rate_answer(given({"é": [-math.log(2)]}, answer="é")))
    assert found["bits_per_byte"].value == pytest.approx(0.5)


def test_a_corpus_counts_tokens_not_items():
    rows = np.array([[1.0, 10.0], [9.0, 10.0], [20.0, 5.0]])  # nll, tokens
    assert likely.FIGURES["perplexity"](rows.sum(0, keepdims=True))[0] == pytest.approx(math.exp(30 / 25))
    assert likely.FIGURES["bits_per_byte"](rows.sum(0, keepdims=True))[0] == pytest.approx(30 / 25 / math.log(2))


LABELS = {"pay / late": [0.4], "pay / lost": [0.1], "post / late": [0.3], "post / lost": [0.2]}
CHANCES = {label: [math.log(chance / 2)] for label, [chance] in LABELS.items()}  # half of all is no label


def test_labels_are_ranked_at_each_level_by_their_chances():
    found = asyncio.run(likely.rate_labels(given(CHANCES, tuple(CHANCES), label="post / late")))
    assert {name: score.value for name, score in found.items()} == {
        "type_top1": 0.0, "type_top3": 1.0, "top1": 0.0, "top3": 1.0,
    }  # fmt: skip
    detail = found["top1"].detail
    assert (detail["place"], detail["of"], detail["mass"]) == (2, 4, pytest.approx(0.5))
    assert detail["best"] == [["pay / late", 0.4], ["post / late", 0.3], ["post / lost", 0.2], ["pay / lost", 0.1]]
    assert found["top1"].why == "“post / late” has place 2 of 4 (30%); “pay / late” is likeliest (40%)."


def test_a_level_above_is_the_sum_of_its_leaves():
    known = {"a / 1": [math.log(0.4)], "b / 1": [math.log(0.3)], "b / 2": [math.log(0.3)]}
    found = asyncio.run(likely.rate_labels(given(known, tuple(known), label="b / 1")))
    assert found["type_top1"].value == 1.0 and found["top1"].value == 0.0
    assert found["type_top1"].detail["best"] == [["b", 0.6], ["a", 0.4]]


def test_ties_are_told_and_bring_no_luck():
    known = {name: [math.log(0.25)] for name in ("a / 1", "a / 2", "b / 1", "b / 2")}
    found = asyncio.run(likely.rate_labels(given(known, tuple(known), label="a / 1")))
    assert [found[name].value for name in ("top1", "top3", "type_top1")] == [0.0, 0.0, 0.0]
    assert found["top1"].detail["ties"] == ["a / 2", "b / 1", "b / 2"]
    assert found["type_top1"].why.endswith("It shares it with 1 other: b.")


def test_an_item_without_what_is_needed_has_no_score():
    assert asyncio.run(likely.rate_answer(given({})))["perplexity"].value is None
    for item in ({}, {"label": "c"}):
        found = asyncio.run(likely.rate_labels(given(CHANCES, tuple(CHANCES), **item)))["top1"]
        assert found.value is None and found.detail["best"][0] == ["pay / late", 0.4]
    assert asyncio.run(likely.rate_labels(given({}, ("a",), label="a")))["top1"].value is None
