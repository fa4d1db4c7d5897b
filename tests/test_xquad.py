"""Search on questions that people wrote: XQuAD, English and German, by words, by points and by both."""

from pathlib import Path

import pytest

from benchmarks import retrieval as measured
from engine.reading import indexing, ranking, retrieval
from engine.reading.settings import DENSE, HYBRID, LEXICAL, OFFLINE, LibrarySettings
from engine.scoring.stats import Estimate
from engine.serving import servers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not measured.DATA.is_dir(), reason="XQuAD is not beside the project"),
]


def found(place: Path, language: str, embedder: str, every: int) -> dict[str, dict[str, Estimate]]:
    """The figures of each way of searching, over every so manieth question."""
    paragraphs, questions = measured.xquad(measured.DATA, language)
    assert (len(paragraphs), len(questions)) == (240, 1190)
    folder = measured.library(place / "libraries" / language, paragraphs, language)
    indexing.update(folder, LibrarySettings(embedder=embedder), place / "servers")
    index = retrieval.open_index(folder)
    return {how: ranking.quality(index, questions[::every], how) for how in measured.WAYS}


def test_in_english_both_halves_together_find_more_than_either_with_letters_alone(tmp_path):
    by = found(tmp_path, "en", OFFLINE, 1)
    assert by[HYBRID]["recall@5"].value >= 0.98 and by[HYBRID]["recall@5"].low >= 0.95
    for half in (LEXICAL, DENSE):
        assert by[HYBRID]["recall@5"].value > by[half]["recall@5"].value
        assert by[HYBRID]["ndcg"].value > by[half]["ndcg"].value


def test_in_german_compounds_and_endings_cost_little(tmp_path):
    by = found(tmp_path, "de", OFFLINE, 1)
    assert by[LEXICAL]["recall@5"].value >= 0.97 and by[HYBRID]["recall@5"].value >= 0.98
    assert by[HYBRID]["ndcg"].value > max(by[LEXICAL]["ndcg"].value, by[DENSE]["ndcg"].value)


@pytest.mark.skipif(not measured.packaged_model(), reason="no embedding model is installed")
def test_a_real_model_finds_the_passage_among_the_first_five(tmp_path):
    try:
        by = found(tmp_path, "en", measured.packaged_model(), 12)
    finally:
        for server in servers.listed(tmp_path / "servers"):
            servers.stop(server)
    assert by[HYBRID]["recall@5"].n == 100
    assert by[HYBRID]["recall@5"].value >= 0.95
    assert by[HYBRID]["mrr"].value >= by[DENSE]["mrr"].value
