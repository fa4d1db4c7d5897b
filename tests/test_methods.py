"""Two ways of learning that need no pairs and no rewards, each on the starter: documents read on, and every weight."""

import json
import math
from pathlib import Path

import pytest

from engine.training.settings import CPT, FULL, TrainSpec
from tests import tiny
from tests.test_preference import STARTER, TONE, ran, told

PLANTS = ["Velmora", "Tarqueth", "Ossilane", "Brindlewick"]
PLACES = ["the salt terraces", "a cold orchard", "the river meadows", "an old glasshouse"]
NEEDS = ["three drops of amber water", "a week of frost", "no light at all", "the shade of a wall"]


def almanac(first: int, last: int) -> list[dict[str, str]]:
    """Pages of a gardener's almanac that nobody has ever read: made-up plants, and always the same manner."""
    found = []
    for n in range(first, last):
        plant, place, need = PLANTS[n % 4], PLACES[n // 4 % 4], NEEDS[n // 16 % 4]
        text = f"{plant} grows in {place}. In month {n % 12 + 1} it wants {need}. Gardeners of {plant} never hurry."
        found.append({"text": text})
    return found


@pytest.mark.slow
def test_reading_documents_on_lowers_the_perplexity_of_those_held_out(tmp_path: Path) -> None:
    """Perplexity is e to the loss in nats a token; the held-out pages put the same words together anew."""
    spec = TrainSpec(
        base=str(STARTER),
        train=str(tiny.jsonl(tmp_path / "train.jsonl", almanac(0, 48))),
        validation=str(tiny.jsonl(tmp_path / "validation.jsonl", almanac(48, 64))),
        method=CPT,
        epochs=2,
        batch_size=8,
        evaluate_every=6,
    )
    result = ran(tmp_path / "run", spec)
    before = told(tmp_path / "run", "validation")[0]
    assert before["n"] == 16
    assert math.exp(result["validation_loss"]) < math.exp(before["loss"]) / 3


@pytest.mark.slow
def test_moving_every_weight_lowers_the_loss_of_held_out_answers(tmp_path: Path) -> None:
    def rows(side: str, n: int) -> str:
        found = [json.loads(line) for line in (TONE / f"{side}.jsonl").read_text().splitlines()[:n]]
        return str(tiny.jsonl(tmp_path / f"{side}.jsonl", [{"messages": row["messages"]} for row in found]))

    spec = TrainSpec(
        base=str(STARTER),
        train=rows("train", 160),
        validation=rows("validation", 32),
        tuning=FULL,
        epochs=1,
        batch_size=8,
        evaluate_every=10,
        learning_rate=5e-4,
    )
    result = ran(tmp_path / "run", spec)
    before = told(tmp_path / "run", "validation")[0]["loss"]
    assert result["validation_loss"] < 0.7 * before
    plan = told(tmp_path / "run", "plan")[0]
    assert plan["trained_parameters"] == plan["parameters"] and (Path(result["path"]) / "model.safetensors").exists()
