"""Before a run starts: what it takes, what would keep it from working, and what to think about."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from engine import events, jobs
from engine.checking.cost import Rate
from engine.problems import Problem
from engine.training.forecast import machine, memory, pace, preflight
from engine.training.forecast.machine import Gpu, Machine
from engine.training.settings import TrainSpec
from studio.building import advice
from studio.folders import STARTER
from tests import tiny

LAPTOP = Machine((), 16_000_000_000, 9_000_000_000, 4, True)
LARGE_GPU = Machine((Gpu("NVIDIA H100 80GB HBM3", 80 << 30, 79 << 30),), 64 << 30, 60 << 30, 16, True)


@pytest.fixture
def spec(tmp_path: Path) -> TrainSpec:
    rows = [tiny.conversation(f"Where is cup {n}?", f"Cup {n} is on its way to you!") for n in range(96)]
    train, validation = tiny.jsonl(tmp_path / "train.jsonl", rows[:80]), tiny.jsonl(tmp_path / "val.jsonl", rows[80:])
    return TrainSpec(base=str(STARTER), train=str(train), validation=str(validation), learning_rate=2e-3)


def about(remarks) -> set[str]:
    return {remark.about for remark in remarks}


def test_a_sound_run_may_start_and_nothing_speaks_against_it(spec):
    found = preflight.of(spec, here=LAPTOP)
    assert found.ready and found.stops == () and found.warnings == ()
    assert found.plan.steps == 15 and found.plan.read_tokens == 3 * found.plan.tokens
    assert found.family and found.family.name == "starter" and "Apache-2.0" in str(found.notes[0])


def test_all_of_it_can_be_written_as_json(spec):
    told = json.loads(json.dumps(preflight.of(spec, here=LAPTOP).as_dict()))
    assert told["ready"] and told["memory"]["total"] == sum(term["size"] for term in told["memory"]["terms"])


def test_a_row_that_is_too_long_stops_it_by_line_and_is_never_cut(spec):
    found = preflight.of(replace(spec, max_tokens=12), here=LAPTOP)
    assert not found.ready and "data" in about(found.stops)
    assert "Line 1" in found.stops[0].what and "at most 12" in found.stops[0].what


def test_a_base_that_must_not_be_used_stops_it(spec, tmp_path):
    base = tiny.base(tmp_path / "base")
    told = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**told, "auto_map": {"AutoModelForCausalLM": "m.M"}}))
    found = preflight.of(replace(spec, base=str(base)), here=LAPTOP)
    assert about(found.stops) == {"base"} and found.memory is None and found.seconds is None


def test_qlora_without_a_gpu_stops_it_and_says_what_would_work(spec):
    (stop,) = preflight.of(replace(spec, tuning="qlora"), here=LAPTOP).stops
    assert "GPU" in stop.what and stop.do == "Choose lora."


def test_what_does_not_fit_is_stopped_with_what_would(spec, tmp_path):
    """Half the batch twice learns the same, as the tests of batches show; it is advised only where it would fit."""
    rows = [tiny.conversation(f"Where is cup {n}? " * 20, f"Cup {n} is on its way! " * 20) for n in range(80)]
    wide = replace(spec, train=str(tiny.jsonl(tmp_path / "long.jsonl", rows)), batch_size=80)
    needs = preflight.of(wide, here=LAPTOP).memory
    half = preflight.of(replace(wide, batch_size=40, accumulation=2), here=LAPTOP).memory
    assert needs and half and half.high < needs.low
    (stop,) = preflight.of(wide, here=replace(LAPTOP, memory=half.high + 1)).stops
    assert stop.about == "memory" and stop.do.startswith("Set batch_size to 40 and accumulation to 2")
    (stop,) = preflight.of(wide, here=replace(LAPTOP, memory=100_000_000)).stops
    assert stop.do.startswith("Choose a smaller base")


def test_where_the_error_of_the_estimate_decides_it_warns_and_lets_start(spec):
    needs = preflight.of(spec, here=LAPTOP).memory
    assert needs
    found = preflight.of(spec, here=replace(LAPTOP, memory=needs.total, free=needs.total))
    assert found.ready and "may not fit" in str(next(one for one in found.warnings if one.about == "memory"))


def test_too_little_disk_stops_it(spec, monkeypatch):
    monkeypatch.setattr(machine, "free_disk", lambda folder: 1000)
    assert about(preflight.of(spec, here=LAPTOP).stops) == {"disk"}


@pytest.mark.parametrize(("rate", "word"), [(0.5, "above"), (1e-6, "below")])
def test_a_learning_rate_far_from_what_is_recommended_is_named_with_who_says_so(spec, rate, word):
    (warning,) = [one for one in preflight.of(replace(spec, learning_rate=rate), here=LAPTOP).warnings]
    assert word in warning.what and "Atelier" in warning.what


def test_few_examples_many_epochs_and_nobody_watching_are_told(spec, tmp_path):
    few = tiny.jsonl(tmp_path / "few.jsonl", [tiny.conversation("Where?", "There, dear!")] * 12)
    found = preflight.of(replace(spec, train=str(few), validation="", epochs=20.0), here=LAPTOP)
    assert found.ready and {"overfitting", "data"} <= about(found.warnings)


def test_no_reward_and_two_processes_stop_grpo(spec):
    found = preflight.of(replace(spec, method="grpo", workers=2), here=LAPTOP)
    assert {"settings"} == about(found.stops) and len(found.stops) == 2


@pytest.mark.parametrize("method", ["dpo", "orpo", "kto"])
def test_preferences_are_counted_with_both_answers(spec, tmp_path, method):
    worse = [{"role": "assistant", "content": "Cup gone."}]
    rows = [{**tiny.conversation(f"Where is cup {n}?", f"Cup {n} is near!"), "rejected": worse} for n in range(60)]
    pairs = tiny.jsonl(tmp_path / "pairs.jsonl", rows)
    found = preflight.of(replace(spec, train=str(pairs), validation="", method=method), here=LAPTOP)
    alone = preflight.of(replace(spec, train=str(pairs), validation=""), here=LAPTOP)
    assert found.ready and found.plan.tokens > 1.5 * alone.plan.tokens
    assert found.memory and alone.memory and found.memory.of("logits") > alone.memory.of("logits")


def test_a_missing_file_is_a_problem(spec):
    with pytest.raises(Problem, match="no file"):
        preflight.of(replace(spec, train="/nowhere.jsonl"), here=LAPTOP)


def ended(folder: Path, spec: TrainSpec, tokens: int, seconds: float) -> None:
    job = jobs.submit(folder, "train", spec, "ada")
    events.append(job.folder, "end", state=jobs.DONE, tokens=tokens, seconds=seconds)


def test_time_and_cost_come_from_earlier_runs_that_were_alike(spec, tmp_path):
    ended(tmp_path / "jobs", spec, 10_000, 5.0)
    ended(tmp_path / "jobs", spec, 20_000, 5.0)
    ended(tmp_path / "jobs", replace(spec, tuning="dora"), 90_000, 5.0)
    found = preflight.of(spec, jobs=tmp_path / "jobs", rate=Rate(per_hour=3600.0), here=LAPTOP)
    assert found.pace and found.pace.n == 2 and found.pace.likely == 3000 and found.pace.measured
    assert found.seconds and found.seconds.likely == pytest.approx(found.plan.read_tokens / 3000)
    assert found.seconds.low < found.seconds.likely < found.seconds.high
    assert found.price and found.price.likely == pytest.approx(found.seconds.likely)


def test_without_an_earlier_run_the_time_is_called_a_guess_and_has_its_range(spec):
    found = preflight.of(spec, here=LAPTOP)
    assert found.pace and not found.pace.measured and "guess" in found.pace.source
    assert found.seconds and found.seconds.high >= 3 * found.seconds.low and found.price is None


def test_a_guess_for_a_gpu_counts_operations_over_its_peak(spec):
    seven = preflight.families.get("mistral-7b").anatomy
    found = pace.guess(spec, seven, LARGE_GPU)
    # twice forward, once back and once again: 3 x 2 operations for each of 7.2 billion weights
    assert found.likely == pytest.approx(989e12 * 0.30 / (6 * 7_248_023_552))


def test_disk_is_enough_for_two_checkpoints_the_best_and_the_last(spec):
    found = preflight.of(spec, here=LAPTOP)
    assert found.trained_parameters == 373_760
    assert found.disk.needed == 373_760 * 4 * 9 + preflight.SMALL


def test_gpus_are_read_off_the_drivers_own_list():
    told = "NVIDIA H100 80GB HBM3, 81559, 81000\nNVIDIA, Inc. A10G, 23028, 22000\nNo devices were found\n"
    first, second = machine.listed(told)
    assert (first.name, first.memory, second.name) == ("NVIDIA H100 80GB HBM3", 81559 << 20, "NVIDIA, Inc. A10G")


def test_this_machine_is_described_without_torch():
    here = machine.here()
    assert here.memory > here.free > 0 and here.cores >= 1 and str(here)


def test_a_preflight_agrees_with_the_estimate_it_shows(spec):
    found = preflight.of(spec, here=LAPTOP)
    assert found.anatomy and found.memory
    again = memory.estimate(found.anatomy, spec, found.plan.largest, "cpu", True)
    assert asdict(again) == asdict(found.memory)


def test_advice_begins_with_the_smallest_that_could_do_it():
    first = advice.of("sort, route or tag texts", 40, LARGE_GPU)
    assert first.family.name == "ministral-3b" and "200" in first.examples and "LoRA" in first.machine
    assert advice.of("draft long or difficult texts", 900, LAPTOP).family.name == "mistral-small"
    above = advice.larger(first.family)
    assert above and above.name == "ministral-8b"
    assert advice.of("write in our tone", 900, LAPTOP).examples == ""
