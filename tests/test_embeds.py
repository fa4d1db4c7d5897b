"""The server of embedding models: started, watched and asked as chat servers are, in a process of its own."""

import json
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from engine.problems import Problem
from engine.reading import documents, embedders, indexing, retrieval
from engine.reading.documents import Block, Document
from engine.reading.settings import DENSE, HYBRID, LibrarySettings
from engine.serving import servers

pytestmark = pytest.mark.slow

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"the a lamp kettle parcel runs boils returned hours days in for".split()]
SMALL = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
}
TEXTS = ["the lamp runs for hours", "the kettle boils", "a parcel returned in days"]


def tokenizer(folder: Path):
    from transformers import BertTokenizer

    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)


def bi_encoder(folder: Path) -> Path:
    """A sentence-transformers model with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    plain = folder.with_name("plain")
    plain.mkdir(parents=True)
    tokenizer(plain)
    torch.manual_seed(0)
    BertModel(BertConfig(**SMALL)).save_pretrained(plain)
    words = Transformer(str(plain))
    SentenceTransformer(modules=[words, Pooling(words.get_embedding_dimension())]).save(str(folder))
    return folder


def cross_encoder(folder: Path) -> Path:
    """A cross-encoder with random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder.mkdir(parents=True)
    tokenizer(folder)
    torch.manual_seed(1)
    BertForSequenceClassification(BertConfig(**SMALL, num_labels=1)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("embeds")
    bi_encoder(home / "models" / "points")
    cross_encoder(home / "models" / "crossing")
    yield home
    for server in servers.listed(home / "servers"):
        servers.stop(server)


def library(home, name):
    place = home / "libraries" / name
    for at, text in enumerate(TEXTS):
        documents.save(place, Document(f"{at}.md", "", "text", (Block("paragraph", text),), language="en"))
    return place


def test_a_served_model_says_what_it_says_by_itself_and_a_library_is_searched_with_it(home):
    from sentence_transformers import SentenceTransformer

    folder = home / "models" / "points"
    served = embedders.of(str(folder), home / "servers")
    alone = SentenceTransformer(str(folder)).encode(TEXTS, normalize_embeddings=True)
    assert np.allclose(served.passages(TEXTS), alone, atol=1e-5)
    assert served.id.startswith("points@") and "meaning" in served.says

    place = library(home, "one")
    done = indexing.update(place, LibrarySettings(embedder=str(folder)), home / "servers")
    opened = retrieval.open_index(place)
    assert (done.embedded, opened.embedder) == (3, served.id)
    best = opened.search(TEXTS[1], 1, DENSE)[0]
    assert best.text == TEXTS[1] and best.dense.score == pytest.approx(1, abs=1e-4)
    assert len(servers.listed(home / "servers")) == 1  # the same server for both

    [server] = servers.listed(home / "servers")
    servers.stop(server)  # as if it had been idle
    assert opened.search(TEXTS[1], 1, HYBRID)[0].text == TEXTS[1]

    endpoint = servers.listed(home / "servers")[0].endpoint

    def ask(path, body):
        return httpx.post(f"{endpoint.api}/{path}", json=body, trust_env=False)

    found = ask("embeddings", {"model": "points", "input": TEXTS[0]}).json()
    assert np.allclose(found["data"][0]["embedding"], alone[0], atol=1e-5) and found["usage"]["prompt_tokens"] == 7
    assert ask("embeddings", {"model": "else", "input": "x"}).status_code == 404
    assert ask("embeddings", {"model": "points", "input": []}).status_code == 400
    assert "/v1/embeddings" in ask("rerank", {"model": "points", "query": "x", "documents": ["y"]}).text


def test_a_cross_encoder_puts_what_was_found_in_its_own_order(home):
    from sentence_transformers import CrossEncoder

    folder = home / "models" / "crossing"
    place = library(home, "two")
    indexing.update(place, replace(LibrarySettings(), reranker=str(folder)), home / "servers")
    opened = retrieval.open_index(place)
    found = opened.search("the lamp", 3)
    wanted = dict(zip(TEXTS, CrossEncoder(str(folder)).predict([("the lamp", text) for text in TEXTS]), strict=True))
    assert [hit.reranked for hit in found] == sorted((hit.reranked for hit in found), reverse=True)
    for hit in found:
        assert hit.reranked == hit.score == pytest.approx(float(wanted[hit.text]), abs=1e-4)
    plain = opened.search("the lamp", 3, rerank=False)
    assert all(hit.reranked is None for hit in plain) and plain[0].text == TEXTS[0]


def test_a_folder_that_is_no_model_and_a_model_that_is_nowhere_are_told(home, monkeypatch):
    (home / "models" / "empty").mkdir()
    with pytest.raises(Problem, match="no model"):
        embedders.of(str(home / "models" / "empty"), home / "servers").queries(["x"])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Problem, match="neither a folder here nor to be had from the hub"):
        embedders.of("nobody/no-such-model", home / "servers")


def test_another_model_in_the_same_folder_is_another_embedder(home):
    folder = home / "models" / "points"
    before = embedders.of(str(folder), home / "servers").id
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"noted": 1}))
    assert embedders.of(str(folder), home / "servers").id != before
