"""The two-level classifier end to end, in a small size: from the file through the studio's verbs to the figures."""

from pathlib import Path

import pytest

from benchmarks import clinc
from studio.folders import STARTER, Home

CLINC = Path(__file__).parents[2] / "shared" / "data" / "clinc150"
needs_data = pytest.mark.skipif(not CLINC.exists(), reason="the CLINC150 data is not beside the project")


@needs_data
def test_every_intent_stands_below_its_domain():
    rows = list(clinc.utterances(CLINC))
    labels = {row["label"] for row in rows}
    assert len(rows) == 22_500 and len(labels) == 150
    assert len({label.split(" / ")[0] for label in labels}) == 10
    assert "banking / freeze account" in labels
    some = list(clinc.utterances(CLINC, clinc.Size(domains=3, intents=2, examples=4)))
    assert len(some) == 3 * 2 * 3 * 4 and len({row["label"] for row in some}) == 6


@pytest.mark.slow
@needs_data
@pytest.mark.skipif(not (STARTER / "model.safetensors").exists(), reason="the starter model is not built yet")
def test_nine_intents_of_three_domains_are_learned_and_ranked(tmp_path, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    size = clinc.Size(domains=3, intents=3, examples=30, items=45)
    found = clinc.walk(CLINC, Home(tmp_path / "home"), size)
    tuned, linear, commonest = found["starter"], found["linear"], found["commonest"]
    for name in clinc.RANKED:
        assert tuned[name].n == linear[name].n == commonest[name].n == 45
    assert tuned["top1"].value > 0.6 > 0.3 > commonest["top1"].value
    assert tuned["type_top1"].value >= tuned["top1"].value
    assert tuned["top3"].value >= tuned["top1"].value and tuned["type_top3"].value == 1.0
    assert tuned["out of scope"].value > 0.6
    assert tuned["perplexity: corpus perplexity"].value < 2


def test_chances_that_are_kept_have_no_calibration_error():
    kept = [(0.75, 1.0), (0.75, 1.0), (0.75, 1.0), (0.75, 0.0)]
    assert clinc.calibrated(kept)["calibration error"] == pytest.approx(0.0)
    assert clinc.calibrated([(0.95, 0.0), (0.95, 1.0)])["calibration error"] == pytest.approx(0.45)


def test_two_groups_are_apart_as_far_as_their_chances():
    assert clinc.apart([0.9, 0.8], [0.1, 0.2]).value == 1.0
    found = clinc.apart([0.9, 0.3], [0.1, 0.5])
    assert found.value == 0.75 and found.low < 0.75 < found.high and found.n == 4


def test_the_commonest_label_is_that_of_what_was_learned():
    learned = [("", "a / 1"), ("", "a / 1"), ("", "b / 1"), ("", "b / 2")]
    found = clinc.commonest(learned, [{"label": "a / 1"}, {"label": "b / 2"}, {"label": "b / 1"}, {"label": "c / 1"}])
    assert {name: one.value for name, one in found.items()} == {
        "type_top1": 0.25, "type_top3": 0.75, "top1": 0.25, "top3": 0.75,
    }  # fmt: skip
