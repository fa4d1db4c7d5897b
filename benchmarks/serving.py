"""How fast our chat server answers, against bare batched `generate` of transformers on the same machine.

    python -m benchmarks.serving [BASE] [--tokens 64] [--repeat 3]

For 1, 8 and 32 questions at once it says tokens/s of the server over HTTP (plain and streamed) and of `generate`
called directly with the same prompts and no HTTP, and their ratio; the median of the rounds, taken in turns. Both write
to the limit, with a copy of the base whose end token is one that it never writes. Client and server share the machine,
so the client's own work counts against the server.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.ending import ending
from engine.serving import servers
from engine.serving.asking import client
from engine.serving.asking.client import Decoding, Endpoint, Question

QUESTION = "How long does the battery of the {} lamp last, and what does it cost to have it repaired after {} months?"


def questions(count: int) -> list[list[dict[str, str]]]:
    names = ["Aurora", "Willow", "Fjord", "Ember", "Skylark", "Glimmer", "Heron", "Otter"]
    texts = [QUESTION.format(names[n % len(names)], n + 10) for n in range(count)]
    return [[{"role": "user", "content": text}] for text in texts]


async def served(endpoint: Endpoint, name: str, asked: list[list[dict[str, str]]], tokens: int) -> float:
    """Tokens/s of the server."""
    async with client.pool(endpoint, len(asked)) as pool:
        began = time.perf_counter()
        decoding = Decoding(max_tokens=tokens)
        answers = await asyncio.gather(*[client.achat(endpoint, name, Question(one, decoding), pool) for one in asked])
        return sum(answer.tokens_out or 0 for answer in answers) / (time.perf_counter() - began)


def streamed(endpoint: Endpoint, name: str, asked: list[list[dict[str, str]]], tokens: int) -> float:
    """Tokens/s of the server when every answer is streamed, read by a thread each."""

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*[asyncio.to_thread(one_stream, messages) for messages in asked])

    def one_stream(messages: list[dict[str, str]]) -> int:
        stream = client.stream(endpoint, name, Question(messages, Decoding(max_tokens=tokens)))
        for _ in stream:
            pass
        return stream.answer.tokens_out or 0

    began = time.perf_counter()
    return sum(asyncio.run(all_of_them())) / (time.perf_counter() - began)


def endless(base: Path, folder: Path) -> Path:
    """A copy of the base that ends no answer by itself."""
    shutil.copytree(base, folder)
    tokenizer = AutoTokenizer.from_pretrained(base, padding_side="left")
    tokenizer.eos_token = tokenizer.pad_token
    tokenizer.save_pretrained(folder)
    for name in ("config.json", "generation_config.json"):
        values = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(values | {"eos_token_id": tokenizer.pad_token_id}))
    return folder


def bare(model, tokenizer, asked: list[list[dict[str, str]]], tokens: int) -> float:
    """Tokens/s of one batched call of `generate`."""
    began = time.perf_counter()
    batch = tokenizer.apply_chat_template(
        asked, add_generation_prompt=True, return_dict=True, return_tensors="pt", padding=True
    )
    with torch.inference_mode():
        model.generate(**batch, do_sample=False, max_new_tokens=tokens)
    return len(asked) * tokens / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", default="starter", type=Path)
    parser.add_argument("--tokens", default=64, type=int)
    parser.add_argument("--repeat", default=3, type=int)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ending(Path(scratch) / "servers") as running:
        compare(endless(settings.base, Path(scratch) / "endless"), running, settings)


def compare(base: Path, running: Path, settings: argparse.Namespace) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype="auto").eval()
    endpoint = servers.ensure(running, base)
    tokens = settings.tokens
    print(f"{settings.base}, {model.dtype}, {torch.get_num_threads()} threads, {tokens} tokens each")
    for count in (1, 8, 32):
        asked = questions(count)
        rounds = [
            (
                asyncio.run(served(endpoint, base.name, asked, tokens)),
                streamed(endpoint, base.name, asked, tokens),
                bare(model, tokenizer, asked, tokens),
            )
            for _ in range(settings.repeat + 1)
        ]
        plain, live, direct = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
        print(
            f"{count:>3} at once: server {plain:6.0f} tokens/s, streamed {live:6.0f}, generate {direct:6.0f}; "
            f"ratio {plain / direct:.2f}, streamed {live / direct:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
