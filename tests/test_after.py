"""After a run: a small real one on the starter, and what it is served, merged, converted and pushed as."""

import json
import math
import os
import shutil
from pathlib import Path

import pytest

from engine import events, jobs, processes, specs
from engine.job import main as work
from engine.problems import Problem
from engine.serving import servers
from engine.serving.asking import client
from engine.serving.asking.client import Decoding, Question
from engine.training.after import converting, parity, probes
from engine.training.after.errands import ConvertSpec, MergeSpec, ParitySpec, PushSpec
from engine.training.settings import TrainSpec
from studio.building import keeping, lineage, models, runs
from studio.building import parity as verdicts
from studio.data import datasets
from studio.folders import CODE, SAMPLE, STARTER
from studio.freezing import snapshots
from tests import judged, tiny
from tests.conftest import look, words
from tests.patience import waited

pytestmark = pytest.mark.slow
VLLM = Path(os.environ.get(servers.VLLM) or CODE / ".venv-vllm" / "bin" / "python")
needs_vllm = pytest.mark.skipif(not VLLM.exists(), reason="vLLM is not installed: make serving")
needs_llama = pytest.mark.skipif(not (CODE / ".llama.cpp").exists(), reason="no converter: make gguf")


def job(folder: Path, kind: str, spec: object) -> Path:
    """A job's folder, worked on in this process."""
    folder.mkdir(parents=True)
    specs.write(folder, spec)
    (folder / "job.json").write_text(json.dumps({"id": folder.name, "kind": kind, "by": "ada", "made_at": 0.0}))
    work(folder)
    return folder


def outcome(folder: Path) -> dict:
    end = events.last(folder, "end")
    assert end is not None and end["state"] == jobs.DONE, jobs.why(folder)
    return end


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("after")


@pytest.fixture(scope="module")
def trained(place) -> Path:
    """The folder of a run that taught the starter from the sample's short examples."""
    known = (SAMPLE / "tone" / "train.jsonl").read_text().splitlines()[:200]
    watched = (SAMPLE / "tone" / "validation.jsonl").read_text().splitlines()[:12]
    train, validation = place / "train.jsonl", place / "validation.jsonl"
    train.write_text("\n".join(known) + "\n")
    validation.write_text("\n".join(watched) + "\n")
    spec = TrainSpec(base=str(STARTER), train=str(train), validation=str(validation), epochs=2.0)
    folder = job(place / "jobs" / "train-1", "train", spec)
    outcome(folder)
    return folder


@pytest.fixture(scope="module")
def living(place):
    """Where this module's servers live."""
    yield place / "servers"
    for server in servers.listed(place / "servers"):
        servers.stop(server)


@pytest.fixture(scope="module")
def twice(trained, place) -> Path:
    """The adapter at double strength: it loads, and is another model."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(trained / "adapter", place / "twice")
    weights = load_file(folder / "adapter_model.safetensors")
    doubled = {name: weight * (2 if "lora_B" in name else 1) for name, weight in weights.items()}
    save_file(doubled, folder / "adapter_model.safetensors")
    return folder


def checked(trained: Path, living: Path, adapter: Path, base: Path = STARTER) -> dict:
    spec = ParitySpec(
        model="tone",
        base=str(base),
        adapter=str(adapter),
        probes=str(trained / probes.FILE),
        servers=str(living),
    )
    folder = living.parent / "checks" / jobs.new_id("parity")
    return outcome(job(folder, "parity", spec))


def test_the_trainer_notes_what_it_said_in_the_run_s_folder_and_not_in_the_adapter(trained):
    noted = probes.read(trained / probes.FILE)
    assert len(noted) == probes.MOST
    for probe in noted:
        assert len(probe.first) == probes.BEST
        assert 0 < sum(probe.first.values()) <= 1 + 1e-6
        assert probe.messages[-1]["role"] == "user"
    assert not (trained / "adapter" / probes.FILE).exists()


def test_a_sound_adapter_passes(trained, living):
    found = checked(trained, living, trained / "adapter")
    assert found["passed"] and found["n"] == probes.MOST
    assert [side["name"] for side in found["sides"]] == ["merged", "server"]
    for side in found["sides"]:
        assert side["same_ids"] == side["n"]
        assert side["difference"] < 0.03 and side["kl"] < 0.01


def test_an_adapter_at_double_strength_fails(trained, living, twice):
    found = checked(trained, living, twice)
    assert not found["passed"]
    assert all(side["difference"] > found["tolerance"] for side in found["sides"])


def test_an_adapter_on_another_base_of_the_same_shape_fails_with_the_reason(trained, living, place):
    from transformers import AutoModelForCausalLM

    other = place / "other"
    if not other.exists():
        shutil.copytree(STARTER, other)
        model = AutoModelForCausalLM.from_pretrained(STARTER)
        for weight in model.parameters():
            weight.data = weight.data * 0.9
        model.save_pretrained(other)
    found = checked(trained, living, trained / "adapter", other)
    assert not found["passed"]
    assert all("made for another base" in side["why"] for side in found["sides"])


def test_the_figures_of_a_check_by_hand():
    one, other = {1: 0.5, 2: 0.3, 3: 0.1}, {1: 0.6, 2: 0.3, 4: 0.05}
    assert parity.difference(one, other) == pytest.approx(0.1)
    by_hand = 0.5 * math.log(0.5 / 0.6) + 0.3 * math.log(1.0) + 0.2 * math.log(0.2 / 0.1)
    assert parity.divergence(one, other) == pytest.approx(by_hand)
    assert parity.divergence(one, one) == pytest.approx(0.0)
    side = parity.compare("server", [probes.Probe([], [5], one)], [parity.Heard([6], one)])
    assert (side.difference, side.same_ids) == (0.0, 0) and not side.passes(1.0)


def test_the_server_names_the_likeliest_tokens_as_openai_does(trained, living):
    endpoint = servers.ensure(living, STARTER)
    body = {"model": "starter", "messages": [{"role": "user", "content": "Where is my parcel?"}], "max_tokens": 3}
    asked = {**body, "temperature": 0, "logprobs": True, "top_logprobs": 4, "return_token_ids": True}
    from engine.serving.asking import calls

    found = calls.send(endpoint, "POST", "chat/completions", asked).json()
    choice = found["choices"][0]
    assert len(choice["token_ids"]) == len(choice["logprobs"]["content"]) == found["usage"]["completion_tokens"]
    assert len(found["prompt_token_ids"]) == found["usage"]["prompt_tokens"]
    first = choice["logprobs"]["content"][0]
    assert first["token"] == first["top_logprobs"][0]["token"] and len(first["top_logprobs"]) == 4
    assert first["logprob"] == first["top_logprobs"][0]["logprob"] <= 0
    assert calls.send(endpoint, "POST", "chat/completions", body).json()["choices"][0]["logprobs"] is None
    for wrong, why in (
        ({"logprobs": True, "top_logprobs": 21}, "at most 20"),
        ({"top_logprobs": 2}, "needs logprobs"),
        ({"logprobs": True, "stream": True}, "leave stream out"),
    ):
        with pytest.raises(Problem, match=why):
            calls.send(endpoint, "POST", "chat/completions", {**body, **wrong})


@pytest.fixture(scope="module")
def merged(trained, place) -> Path:
    spec = MergeSpec(model="tone", base=str(STARTER), adapter=str(trained / "adapter"), card="# tone\n")
    return Path(outcome(job(place / "jobs" / "merge-1", "merge", spec))["path"])


def test_a_merged_model_answers_as_its_adapter_does(trained, merged, living):
    names = {path.name for path in merged.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "README.md"} <= names
    assert (merged / "chat_template.jinja").read_text() == (STARTER / "chat_template.jinja").read_text()
    spec = ParitySpec(
        model="tone", base=str(merged), adapter="", probes=str(trained / probes.FILE), servers=str(living)
    )
    found = outcome(job(living.parent / "checks" / "whole", "parity", spec))
    assert found["passed"] and all(side["difference"] < 0.03 for side in found["sides"])
    assert json.loads((merged / "config.json").read_text())["dtype"] == "bfloat16"


@needs_llama
def test_a_gguf_file_holds_the_model_that_went_in(trained, place):
    import numpy as np
    from safetensors.torch import load_file

    spec = ConvertSpec(model="tone", base=str(STARTER), adapter="", type="f32", card="# tone\n")
    end = outcome(job(place / "jobs" / "convert-1", "convert", spec))
    assert (end["architecture"], end["tokens"]) == ("llama", 2048)
    read = converting._gguf(converting.converter()).GGUFReader(end["file"])
    held = {tensor.name: np.array(tensor.data) for tensor in read.tensors}
    told = load_file(STARTER / "model.safetensors")["model.embed_tokens.weight"].float().numpy()
    assert np.array_equal(held["token_embd.weight"].reshape(told.shape), told)
    assert read.fields["tokenizer.ggml.pre"].contents() == "smollm"  # digits one by one, then as GPT-2 splits


def test_without_the_converter_one_sentence_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv(converting.SETTING, str(tmp_path))
    with pytest.raises(Problem, match=r"holds no convert_hf_to_gguf.py.*make gguf"):
        converting.converter()


def test_a_push_to_a_folder_takes_the_model_and_the_card_and_nothing_else(trained, place):
    (trained / "adapter" / "notes.log").write_text("not for others")
    target = place / "shared" / "tone"
    card = "# tone, with its lineage\n"
    spec = PushSpec(model="tone", source=str(trained / "adapter"), target=str(target), card=card)
    assert outcome(job(place / "jobs" / "push-1", "push", spec))["where"] == str(target)
    names = {path.name for path in target.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "base.json", "README.md"} <= names
    assert not names & {"notes.log", probes.FILE}
    assert (target / "README.md").read_text() == card
    again = job(place / "jobs" / "push-2", "push", spec)
    assert "something at" in jobs.why(again)


@pytest.mark.parametrize(
    ("target", "why"),
    [("models/tone", "no place to push to"), ("hub:tone", "names no repository"), ("hub:team/tone", "no HF_TOKEN")],
)
def test_a_push_that_cannot_work_is_refused_before_anything_is_copied(trained, monkeypatch, place, target, why):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    spec = PushSpec(model="tone", source=str(trained / "adapter"), target=target)
    folder = job(place / "jobs" / f"push-{target.replace('/', '-')}", "push", spec)
    assert why in jobs.why(folder) and not (folder / "leaving").exists()


@needs_vllm
def test_vllm_answers_as_plain_peft_does_and_tells_a_damaged_adapter(trained, twice, living, monkeypatch):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.setenv(servers.VLLM, str(VLLM))
    base = AutoModelForCausalLM.from_pretrained(STARTER)
    tuned = PeftModel.from_pretrained(base, str(trained / "adapter")).eval()
    tokenizer = AutoTokenizer.from_pretrained(trained / "adapter")
    sound = checked(trained, living, trained / "adapter")
    assert sound["passed"] and all(side["difference"] < 0.03 for side in sound["sides"])
    assert not checked(trained, living, twice)["passed"]
    endpoint = servers.ensure(living, STARTER)
    client.load_adapter(endpoint, "tone", trained / "adapter")
    same = 0
    noted = probes.read(trained / probes.FILE)
    for probe in noted:
        with torch.no_grad():
            out = tuned.generate(input_ids=torch.tensor([probe.ids]), do_sample=False, max_new_tokens=12)
        plain = tokenizer.decode(out[0, len(probe.ids) :], skip_special_tokens=True)
        question = Question(probe.messages, Decoding(max_tokens=12))
        same += plain.strip() == client.chat(endpoint, "tone", question).text.strip()
    assert same >= len(noted) - 2  # a near tie between two tokens may tip when sums are rounded in another order


@pytest.fixture
def tuned(store, trained, tmp_path):
    """A studio in which that run has just ended."""
    models.add_starter(store)
    rows = [tiny.conversation(f"Where is cup {n}?", "Here!") for n in range(12)]
    datasets.bring_in(store, tiny.jsonl(tmp_path / "cups.jsonl", rows), "cups", "ada")
    snapshot = snapshots.freeze(store, "cups", "ada")
    run = runs.launch(store, "tone", "starter", snapshot.id, "ada")
    folder = run.job.folder
    kept = {name: (folder / name).read_bytes() for name in ("job.json", "spec.json")}
    shutil.rmtree(folder)
    shutil.copytree(trained, folder)
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    noted = folder / processes.FILE
    noted.write_text(json.dumps(judged.GONE))
    os.utime(noted, (0, 0))  # before its last word
    return store


def test_the_check_begins_by_itself_when_a_run_is_done_and_its_verdict_is_the_model_s(tuned, app):
    runs.catch_up(tuned)
    runs.catch_up(tuned)  # and only once
    model = models.get(tuned, "tone")
    assert verdicts.verdict(tuned, model).state == verdicts.LIVE
    checks = list(tuned.home.jobs.glob("parity-*"))
    assert len(checks) == 1
    try:
        assert waited(jobs.get(tuned.home.jobs, checks[0].name)) == jobs.DONE
    finally:
        for server in servers.listed(tuned.home.servers):
            servers.stop(server)
    found = verdicts.verdict(tuned, model)
    assert (found.state, found.n) == (verdicts.PASSED, probes.MOST)
    card = lineage.card(tuned, model)
    for part in (
        "license: apache-2.0",
        "Served as trained: PASS",
        "n = 8 prompts",
        model.run,
        "euros",
        "learning_rate",
    ):
        assert part in card
    assert str(tuned.home.root) not in card and str(STARTER) not in card
    page = words(look(app, "model", model="tone"))
    assert "PASS" in page and "Lowest validation loss" in page and not app.exception


def test_a_model_is_tagged_archived_and_deleted_and_stays_deleted(tuned):
    runs.catch_up(tuned)
    [check] = tuned.home.jobs.glob("parity-*")
    jobs.stop(jobs.get(tuned.home.jobs, check.name))
    assert keeping.tag(tuned, "tone", [" best ", "june", "best"], "ada").tags == ["best", "june"]
    keeping.archive(tuned, "tone", "ada")
    assert "tone" not in [model.name for model in models.offered(tuned)]
    assert not keeping.archive(tuned, "tone", "ada", archived=False).archived
    assert keeping.depends(tuned, "tone") == {"candidates": 0, "answers": 0, "adapters": 0}
    models.add(tuned, "child", models.ADAPTER, str(STARTER), "ada", base="tone")
    with pytest.raises(Problem, match="tone is the base of child"):
        keeping.delete(tuned, "tone", "ada")
    keeping.delete(tuned, "child", "ada")
    assert STARTER.exists()  # what lies outside of the home is not deleted
    folder = Path(models.get(tuned, "tone").path)
    assert keeping.delete(tuned, "tone", "ada") == [folder] and not folder.exists()
    runs.catch_up(tuned)
    assert "tone" not in [model.name for model in models.listed(tuned)]
    with pytest.raises(Problem, match="comes with Atelier"):
        keeping.delete(tuned, "starter", "ada")
