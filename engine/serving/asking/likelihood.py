"""Likelihood: how likely a model finds an answer that somebody else wrote, token by token, at the server that has it.

The tokens are those of training: the server's own chat template writes the conversation, and counted is what comes
after the prompt, the token that ends the answer included, since stopping there is part of the answer and the chances
of all answers add up to one only with it. What a template writes behind that token is nobody's choice, and left out.

Asks as vLLM understands it: `/tokenize`, then a completion that echoes and writes nothing. Hosted chat APIs offer
neither; that is a Problem.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.problems import Problem
from engine.serving.asking import calls
from engine.serving.asking.calls import Endpoint, Use

Message = dict[str, str]
Tools = Sequence[Mapping[str, Any]]
Post = Callable[[str, dict[str, Any]], Awaitable[Any]]  # a path at the endpoint and a body: what it answers, as JSON
SILENT = ("mistral.ai", "openai.com")  # hosts known to tell nothing of given texts
MISSING = (400, 404, 405, 422, 501)  # how a server says that it does not know such a call
AT_ONCE = 512  # answers in one call; vLLM takes 1,024


@dataclass(frozen=True)
class Likelihood:
    """`logprobs` is one natural logarithm for each token of the answer, its end included."""

    logprobs: tuple[float, ...]

    @property
    def nll(self) -> float:
        """Nats: the less, the likelier."""
        return -math.fsum(self.logprobs)

    @property
    def tokens(self) -> int:
        return len(self.logprobs)


@dataclass(frozen=True)
class Weighed:
    """What was found of some answers, and what finding it took."""

    likelihoods: list[Likelihood]
    use: Use


class Reader:
    """One model at one server, asked about given answers. Remembers how answers are spelled that come again."""

    def __init__(self, endpoint: Endpoint, model: str, post: Post) -> None:
        self.endpoint, self.model, self.post = endpoint, model, post
        self._closing: list[int] = []
        self._spelled: dict[str, list[int]] = {}
        self._learning = asyncio.Lock()

    async def likelihoods(
        self, messages: Sequence[Message], answers: Sequence[str], tools: Tools = ()
    ) -> list[Likelihood]:
        """How likely each of `answers` is as the next message, all in one question to the model. `tools` are those
        that were offered: they are part of what the model reads."""
        prompt = await self._ids(messages, tools, prompt=True)
        tails = await self._tails(messages, tools, prompt, answers)
        starts = range(0, len(tails), AT_ONCE)
        found = [await self._weighed(prompt, tails[start : start + AT_ONCE]) for start in starts]
        return [one for some in found for one in some]

    async def _weighed(self, prompt: list[int], tails: Sequence[list[int]]) -> list[Likelihood]:
        rows = [[*prompt, *tail] for tail in tails]
        asked = {"prompt": rows, "max_tokens": 0, "echo": True, "prompt_logprobs": 0}
        body = await self._post("completions", asked)
        try:
            if body["model"] != self.model:
                raise Problem(f"Asked {self.model}, but {body['model']} answered.", do="Check the endpoint.")
            known = {choice["index"]: choice["prompt_logprobs"] for choice in body["choices"]}
            return [
                Likelihood(tuple(known[n][at][str(row[at])]["logprob"] for at in range(len(prompt), len(row))))
                for n, row in enumerate(rows)
            ]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise _silent(self.endpoint, f"It says: {str(body)[:200]}") from error

    async def _tails(
        self, messages: Sequence[Message], tools: Tools, prompt: list[int], answers: Sequence[str]
    ) -> list[list[int]]:
        """The tokens of each answer. Those of a list are spelled once: as long as its first is spelled as before, the
        question makes no difference to the others."""
        first = await self._tail(messages, tools, prompt, answers[0])
        if len(answers) == 1:
            return [first]
        async with self._learning:
            if self._spelled.get(answers[0]) != first:
                self._spelled = {}
            new = [answer for answer in answers if answer not in self._spelled]
            spelled = await asyncio.gather(*[self._tail(messages, tools, prompt, answer) for answer in new])
            self._spelled |= dict(zip(new, spelled, strict=True))
            return [self._spelled[answer] for answer in answers]

    async def _tail(self, messages: Sequence[Message], tools: Tools, prompt: list[int], answer: str) -> list[int]:
        if not self._closing:
            self._closing = await self._end()
        whole = await self._ids([*messages, {"role": "assistant", "content": answer}], tools, prompt=False)
        tail, closing = whole[len(prompt) :], self._closing
        if whole[: len(prompt)] != prompt or tail[-len(closing) :] != closing or len(tail) <= len(closing):
            raise Problem(
                f"The answer {answer[:60]!r} cannot be told from the conversation around it.",
                "The chat template of the model writes earlier messages differently once an answer follows, or the "
                "tokenizer makes one token of both.",
                "Remove white space at the beginning and the end of the answer.",
            )
        return tail[: len(tail) - len(closing) + 1]

    async def _end(self) -> list[int]:
        """What the template writes behind every answer: the token that ends it, and perhaps more."""
        talks = [[{"role": "user", "content": "a"}, {"role": "assistant", "content": word}] for word in ("b", "c")]
        one, other = [await self._ids(talk, (), prompt=False) for talk in talks]
        same = 0
        while same < min(len(one), len(other)) and one[-1 - same] == other[-1 - same]:
            same += 1
        if not same:
            raise Problem(
                f"The chat template of {self.model} does not end an answer with a token of its own.",
                "So nobody can tell how likely it is that the answer ends there.",
            )
        return one[len(one) - same :]

    async def _ids(self, messages: Sequence[Message], tools: Tools, prompt: bool) -> list[int]:
        offered = {"tools": list(tools)} if tools else {}
        asked = {"messages": list(messages), "add_generation_prompt": prompt, **offered}
        body = await self._post("/tokenize", asked)
        try:
            return [int(token) for token in body["tokens"]]
        except (ValueError, LookupError, TypeError) as error:
            raise _silent(self.endpoint, f"It says: {str(body)[:200]}") from error

    async def _post(self, path: str, asked: dict[str, Any]) -> Any:
        if silent(self.endpoint):
            raise _silent(self.endpoint, "It is a chat API, which only answers.")
        try:
            return await self.post(path, {"model": self.model, **asked})
        except calls.Refused as refused:
            if refused.status in MISSING and "model" not in refused.why.casefold():
                raise _silent(self.endpoint, f"It says: {refused.why}") from refused
            raise


def silent(endpoint: Endpoint) -> bool:
    """Whether an endpoint is known to tell nothing of given texts; it is not even asked."""
    return endpoint.host.endswith(SILENT)


def _silent(endpoint: Endpoint, why: str) -> Problem:
    return Problem(
        f"{endpoint} does not tell how likely a given answer is.",
        why,
        "Serve the model with Atelier or with vLLM, which do; or leave out the scores that need it.",
    )
