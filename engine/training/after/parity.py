"""Parity: whether a model that is served is the model that was trained. A light job, and its verdict.

The prompts of `after.probes` are put to three: the trainer (what it noted at the end), the merged model (through
transformers' own tokenizer) and the server. All must make the same token ids of a prompt, and give the first token
of the answer nearly the same probabilities.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer
from transformers.utils import logging

from engine import specs
from engine.problems import Problem
from engine.serving import servers
from engine.serving.asking import calls
from engine.serving.asking.client import Endpoint
from engine.training.after import merge, probes
from engine.training.after.errands import ParitySpec
from engine.training.after.probes import Probe
from engine.training.bases import weights


@dataclass(frozen=True)
class Heard:
    """What one of the three made of a prompt."""

    ids: list[int]
    first: dict[int, float]


@dataclass(frozen=True)
class Side:
    """How far the merged model or the server is from the trainer, over `n` prompts.

    `difference` is the largest of a first token's probability, `kl` the mean divergence KL(trainer || side) in nats,
    both None where nothing could be heard; then `why` tells. `same_ids` and `same_first` count prompts.
    """

    name: str
    n: int
    same_ids: int = 0
    same_first: int = 0
    difference: float | None = None
    kl: float | None = None
    why: str = ""

    def passes(self, tolerance: float) -> bool:
        return self.difference is not None and self.same_ids == self.n and self.difference <= tolerance


def run(folder: Path) -> dict[str, Any]:
    """Check as `folder/spec.json` says: {passed, n, tolerance, sides}."""
    spec = specs.read(folder, ParitySpec)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    noted = probes.read(Path(spec.probes))
    if not noted:
        raise Problem(
            f"{spec.model} cannot be checked.",
            "None of its examples can be asked in a plain chat: each needs tools, or is too long.",
            "Try it in the playground.",
        )
    sides = [_side("merged", noted, lambda: _merged(spec, noted)), _side("server", noted, lambda: _served(spec, noted))]
    passed = all(side.passes(spec.tolerance) for side in sides)
    return {
        "passed": passed,
        "n": len(noted),
        "tolerance": spec.tolerance,
        "sides": [asdict(side) for side in sides],
    }


def compare(name: str, noted: list[Probe], heard: list[Heard]) -> Side:
    """One side against the trainer."""
    pairs = list(zip(noted, heard, strict=True))
    return Side(
        name=name,
        n=len(pairs),
        same_ids=sum(probe.ids == one.ids for probe, one in pairs),
        same_first=sum(_top(probe.first) == _top(one.first) for probe, one in pairs),
        difference=max(difference(probe.first, one.first) for probe, one in pairs),
        kl=sum(divergence(probe.first, one.first) for probe, one in pairs) / len(pairs),
    )


def difference(one: dict[int, float], other: dict[int, float]) -> float:
    """Largest difference of a token's probability. A token that a list of the likeliest lacks counts as nothing."""
    return max(abs(one.get(token, 0.0) - other.get(token, 0.0)) for token in one.keys() | other.keys())


def divergence(one: dict[int, float], other: dict[int, float]) -> float:
    """KL(one || other) in nats over the tokens that both name and the rest as one: never more than the true one."""
    common = one.keys() & other.keys()
    pairs = [(one[token], other[token]) for token in common]
    pairs.append((1 - sum(p for p, _ in pairs), 1 - sum(q for _, q in pairs)))
    least = 1e-12  # what is left over may round to nothing, or below
    return max(0.0, sum(p * math.log(p / max(q, least)) for p, q in pairs if p > least))


def _side(name: str, noted: list[Probe], hear: Callable[[], list[Heard]]) -> Side:
    """What cannot be loaded or asked is not ready, and says why."""
    try:
        return compare(name, noted, hear())
    except Problem as problem:
        return Side(name, len(noted), why=str(problem))


def _merged(spec: ParitySpec, noted: list[Probe]) -> list[Heard]:
    model = merge.load_base(spec.base)
    if spec.adapter:
        model = merge.with_adapter(model, Path(spec.adapter))
    tokenizer = AutoTokenizer.from_pretrained(merge.speaks(spec.base, spec.adapter))
    heard = []
    for probe in noted:
        ids: Any = tokenizer.apply_chat_template(probe.messages, add_generation_prompt=True, return_dict=False)
        heard.append(Heard(ids, probes.likeliest(model, ids)))
    return heard


def _served(spec: ParitySpec, noted: list[Probe]) -> list[Heard]:
    endpoint = Endpoint(spec.url) if spec.url else servers.ensure(Path(spec.servers), Path(spec.base))
    if not spec.adapter:
        return [ask(endpoint, Path(spec.base).name, probe) for probe in noted]
    adapter = Path(spec.adapter)
    name = f"parity-{weights.fingerprint(adapter)}"  # a name of its own: what is loaded as the model may be older
    servers.load(Path(spec.servers), endpoint, name, adapter)
    try:
        return [ask(endpoint, name, probe) for probe in noted]
    finally:
        servers.unload(Path(spec.servers), endpoint, name)


def ask(endpoint: Endpoint, model: str, probe: Probe) -> Heard:
    """The first token's probabilities at a server, and the ids it made of the prompt. Field names as vLLM has them."""
    body = {
        "model": model,
        "messages": probe.messages,
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": probes.BEST,
        "return_token_ids": True,
        "return_tokens_as_token_ids": True,
    }
    response = calls.send(endpoint, "POST", "chat/completions", body)
    try:
        found = response.json()
        best = found["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        first = {int(one["token"].removeprefix("token_id:")): math.exp(one["logprob"]) for one in best}
        return Heard(list(found["prompt_token_ids"]), first)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Problem(
            f"{endpoint} does not tell token ids and probabilities.",
            f"It says: {response.text[:200]}",
            "Check against Atelier's own server or vLLM, which do.",
        ) from error


def _top(first: dict[int, float]) -> int:
    return max(first, key=lambda token: first[token])
