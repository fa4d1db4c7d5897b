"""Embeddings and topics: near what shares words, of unit length, the same after being kept."""

import numpy as np
import pytest

from engine.data import language
from engine.problems import Problem
from engine.quality import embedding, topics

PARCELS = [f"the parcel number {n} arrived late at the door" for n in range(20)]
TEXTS = PARCELS + [f"my password number {n} was refused by the login page" for n in range(20)]


def test_texts_that_share_words_are_near_and_rows_have_unit_length():
    embedder = embedding.lexical(TEXTS)
    vectors = embedder.encode(TEXTS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    best = embedding.nearest(vectors, embedder.encode(["a parcel that is late"])[0], 5)
    assert all(at < 20 for at, _ in best)
    assert [score for _, score in best] == sorted((score for _, score in best), reverse=True)


def test_an_embedder_says_the_same_after_it_was_kept(tmp_path):
    embedder = embedding.lexical(TEXTS)
    embedder.save(tmp_path)
    again = embedding.load(tmp_path)
    assert np.allclose(embedder.encode(TEXTS), again.encode(TEXTS), atol=2e-3)
    assert again.says == "finds shared words, not meaning"


def test_no_text_one_text_and_empty_texts_are_no_trouble():
    assert embedding.lexical(["one"]).encode([]).shape[0] == 0
    assert not embedding.lexical(["one"]).encode([""]).any()
    assert embedding.nearest(np.empty((0, 4), dtype=np.float32), np.ones(4, dtype=np.float32), 3) == []


def test_a_model_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv(embedding.SETTING, str(tmp_path / "none"))
    with pytest.raises(Problem):
        embedding.fit(TEXTS).encode(TEXTS)


def test_neighbours_are_those_that_counting_finds():
    vectors = embedding.lexical(TEXTS).encode(TEXTS)
    cosines = vectors @ vectors.T
    plain = {(i, j) for i in range(40) for j in range(i + 1, 40) if cosines[i, j] >= 0.5}
    assert {(i, j) for i, j, _ in embedding.neighbours(vectors, 0.5, most=40)} == plain


def test_two_kinds_of_texts_are_two_topics_with_their_words():
    vectors = embedding.lexical(TEXTS).encode(TEXTS)
    found = topics.find(vectors, TEXTS, [at < 20 for at in range(40)])
    assert found is not None and sum(topic.n for topic in found.topics) == 40
    of = {found.belongs[at] for at in range(20)}
    assert of.isdisjoint(found.belongs[20:])
    assert {word for number in of for word in found.topics[number].words} & {"parcel", "arrived", "late", "door"}
    assert all(topic.gap for topic in found.topics if topic.number not in of)  # nothing of it is approved
    assert topics.find(vectors[:10], TEXTS[:10], [True] * 10) is None


def test_a_short_text_has_no_language_that_can_be_told():
    assert language.of("ok")[0] == ""
    assert language.of("Wo bleibt denn meine Bestellung von letzter Woche?")[0] == "de"
    assert language.name("") == "cannot tell"
