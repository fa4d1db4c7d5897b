"""How fast supervised tuning learns, against TRL's SFTTrainer and LLaMA-Factory.

    python -m benchmarks.training [--repeat 3] [--epochs 1] [--llamafactory PYTHON]
    python -m benchmarks.training --gpu [--steps 20]

All read the sample project's tone conversations and answers, on the starter: LoRA of rank 16 on every linear layer,
batches of 16, the same learning rate along half a cosine, loss on what the assistant says; whatever else is each one's
default. Contestants take turns, each in a process of its own. First all take one step on the same 16 examples, whose
loss must be the same. Tokens are those of the examples, padding not counted; seconds those of the training loop, each
as its own trainer reports them; CPU seconds those of the whole process beyond the one-step run, which say less about a
free machine and more where others work on it; what was learned is the loss of each adapter on the validation files.
LLaMA-Factory needs other versions: give the Python of an environment that has it.

With --gpu: a randomly initialised model of Mistral 7B's shape, LoRA of rank 32, rows of 2,048 tokens, bfloat16,
against TRL's default, with the share of the GPU's peak. --tiny tries that way out on any machine.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BASE = ROOT / "starter"
FILES = [ROOT / "sample" / name / "train.jsonl" for name in ("tone", "answers")]
VALIDATION = [ROOT / "sample" / name / "validation.jsonl" for name in ("tone", "answers")]
RATE, BATCH, RANK, ALPHA, LONGEST = 1e-3, 16, 16, 32, 1024
OURS, PLAIN, PACKED, TRL, TRL_PACKING, FACTORY = (
    "ours", "ours on plain layers", "ours packing", "TRL", "TRL packing", "LLaMA-Factory",
)  # fmt: skip


@dataclass(frozen=True)
class Round:
    """One training: seconds of its loop, the loss of its first step, that of its adapter on the validation files."""

    seconds: float
    first: float
    validation: float
    cpu: float
    megabytes: float
    tokens: int | None  # as the contestant counts them; None if it does not


def ours(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    import contextlib

    from engine import events, specs
    from engine.training import swift, train
    from engine.training.settings import TrainSpec

    if job["name"] == PLAIN:
        swift.computing = lambda model: contextlib.nullcontext()
    spec = TrainSpec(
        base=str(BASE), train=job["data"], learning_rate=RATE, batch_size=BATCH, rank=RANK, alpha=ALPHA, warmup=0.0,
        epochs=job["epochs"], max_tokens=LONGEST, checkpoint_every=10_000, packing=job["name"] == PACKED,
    )  # fmt: skip
    specs.write(folder, spec)
    result = train.run(folder)
    losses = [event["loss"] for event in events.read(folder)[0] if event["kind"] == "step"]
    return {"seconds": result["seconds"], "first": losses[0], "tokens": result["tokens"], "adapter": result["adapter"]}


def trl(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    rows = [json.loads(line)["messages"] for line in Path(job["data"]).read_text().splitlines()]
    data = Dataset.from_list([{"prompt": row[:-1], "completion": row[-1:]} for row in rows])
    settings = SFTConfig(
        str(folder), use_cpu=True, per_device_train_batch_size=BATCH, learning_rate=RATE, max_length=LONGEST,
        num_train_epochs=job["epochs"], packing=job["name"] == TRL_PACKING,
        lr_scheduler_type="cosine",
        logging_steps=1, report_to=[], save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    lora = LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=ALPHA, target_modules="all-linear")
    trainer = SFTTrainer(str(BASE), args=settings, train_dataset=data, peft_config=lora)
    trainer.train()
    trainer.save_model(str(folder / "out"))
    *steps, end = trainer.state.log_history
    tokens = round(steps[-1]["num_tokens"])
    adapter = str(folder / "out")
    return {"seconds": end["train_runtime"], "first": steps[0]["loss"], "tokens": tokens, "adapter": adapter}


def factory(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    """LLaMA-Factory through its own command line. Its template `mistral` writes what the starter's writes."""
    data = Path(job["data"])
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    listed = {"file_name": data.name, "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}
    (data.parent / "dataset_info.json").write_text(json.dumps({data.stem: listed}))
    settings = {
        "stage": "sft", "do_train": True, "model_name_or_path": str(BASE), "template": "mistral",
        "finetuning_type": "lora", "lora_rank": RANK, "lora_alpha": ALPHA, "lora_target": "all",
        "dataset_dir": str(data.parent), "dataset": data.stem, "cutoff_len": LONGEST, "output_dir": str(folder / "out"),
        "per_device_train_batch_size": BATCH, "gradient_accumulation_steps": 1, "learning_rate": RATE,
        "lr_scheduler_type": "cosine",
        "num_train_epochs": job["epochs"], "bf16": True, "use_cpu": True,
        "logging_steps": 1, "save_strategy": "no", "report_to": "none",
    }  # fmt: skip
    (folder / "run.yaml").write_text(json.dumps(settings))  # JSON is YAML, and its reader of JSON fails
    command = [str(Path(job["python"]).parent / "llamafactory-cli"), "train", str(folder / "run.yaml")]
    subprocess.run(command, check=True, env={**os.environ, "DISABLE_VERSION_CHECK": "1"})
    state = json.loads((folder / "out" / "trainer_state.json").read_text())
    *steps, end = state["log_history"]
    adapter = str(folder / "out")
    return {"seconds": end["train_runtime"], "first": steps[0]["loss"], "tokens": None, "adapter": adapter}


CONTESTANTS = {OURS: ours, PLAIN: ours, PACKED: ours, TRL: trl, TRL_PACKING: trl, FACTORY: factory}


def race(name: str, data: Path, epochs: float, settings: argparse.Namespace) -> Round:
    """Let one contestant train in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        job = {"name": name, "data": str(data), "epochs": epochs, "python": settings.llamafactory}
        (folder / "job.json").write_text(json.dumps(job))
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.training", "--inside", scratch], stdout=log, stderr=log, cwd=ROOT
            )
            status = process.wait()
        if status:
            sys.exit(f"{name} failed:\n{(folder / 'log').read_text()[-3000:]}")
        return Round(**json.loads((folder / "found.json").read_text()))


def inside(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    found = CONTESTANTS[job["name"]](folder, job)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found["megabytes"] = max(one.ru_maxrss for one in used) / 1024
    found["cpu"] = sum(one.ru_utime + one.ru_stime for one in used)
    found["validation"] = held_out(found.pop("adapter"))
    (folder / "found.json").write_text(json.dumps(found))


def held_out(adapter: str) -> float:
    """Loss per learned token of the validation files, in float32."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from engine.training import objective
    from engine.training.bases import template
    from engine.training.material import batches

    os.environ[objective.PRECISION] = "float32"
    words = template.load(str(BASE))
    rows = [row for file in VALIDATION for row in batches.read(file, words, LONGEST).rows]
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32), adapter).eval()
    with torch.no_grad():
        total = sum(objective.loss(model.get_base_model(), rows[n : n + 32]).item() for n in range(0, len(rows), 32))
    return total / sum(row.n_trained for row in rows)


def compare(settings: argparse.Namespace) -> None:
    names = (
        settings.only.split(",") if settings.only else [n for n in CONTESTANTS if n != FACTORY or settings.llamafactory]
    )
    if not settings.llamafactory:
        print("LLaMA-Factory is absent: give the Python of an environment that has it as --llamafactory.")
    with tempfile.TemporaryDirectory() as scratch:
        data, few = Path(scratch) / "all.jsonl", Path(scratch) / "few.jsonl"
        lines = [json.loads(line)["messages"] for file in FILES for line in file.read_text().splitlines()]
        for path, some in ((data, lines), (few, lines[:BATCH])):
            path.write_text("".join(json.dumps({"messages": one}) + "\n" for one in some))
        firsts = {name: race(name, few, 1, settings) for name in names}
        agree({name: first for name, first in firsts.items() if name != TRL_PACKING})
        tokens = count(data) * settings.epochs
        print(
            f"{len(lines)} examples, {tokens:.0f} tokens a round; load before it {os.getloadavg()[0]:.1f}", flush=True
        )
        rounds: dict[str, list[Round]] = {name: [] for name in names}
        for _ in range(settings.repeat):
            for name in names:
                rounds[name].append(race(name, data, settings.epochs, settings))
        report(rounds, firsts, tokens)
        print(f"load after it {os.getloadavg()[0]:.1f}")


def agree(firsts: dict[str, Round]) -> None:
    """All compute the same loss before they learn: the same tokens, the same ones of them learned."""
    losses = {name: found.first for name, found in firsts.items()}
    print("loss of the first step on the same 16 examples: " + ", ".join(f"{n} {x:.4f}" for n, x in losses.items()))
    assert max(losses.values()) - min(losses.values()) < 0.01 * min(losses.values()), losses
    counts = {name: found.tokens for name, found in firsts.items() if found.tokens}
    assert len(set(counts.values())) == 1, counts


def count(data: Path) -> int:
    from engine.training.bases import template
    from engine.training.material import batches

    return batches.read(data, template.load(str(BASE)), LONGEST).n_tokens


def report(rounds: dict[str, list[Round]], firsts: dict[str, Round], tokens: float) -> None:
    """Median and range of each, and how many times as long as the first one it took: the median of the rounds."""
    print("| | tokens/s | range | times as long | range | CPU s | times | validation loss | peak memory, MB | n |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    reference = next(iter(rounds))
    for name, found in rounds.items():
        counted = {one.tokens for one in found if one.tokens}
        assert counted <= {round(tokens)}, f"{name} read {counted}, not {tokens:.0f} tokens"
        speeds = [tokens / one.seconds for one in found]
        times = [one.seconds / us.seconds for one, us in zip(found, rounds[reference], strict=True)]
        cpu, least = (statistics.median(r.cpu for r in rounds[n]) - firsts[n].cpu for n in (name, reference))
        print(
            f"| {name} | {statistics.median(speeds):.0f} | {min(speeds):.0f}..{max(speeds):.0f} "
            f"| {statistics.median(times):.2f} | {min(times):.2f}..{max(times):.2f} | {cpu:.1f} | {cpu / least:.2f} "
            f"| {statistics.mean(one.validation for one in found):.3f} | {max(one.megabytes for one in found):.0f} "
            f"| {len(found)} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", default=3, type=int)
    parser.add_argument("--epochs", default=1.0, type=float)
    parser.add_argument("--llamafactory", default="", help="Python of an environment with LLaMA-Factory")
    parser.add_argument("--only", default="", help="contestants, separated by commas; the first is compared with")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="with --gpu: a tiny shape, on any machine")
    parser.add_argument("--steps", default=20, type=int)
    parser.add_argument("--peak", default=0.0, type=float, help="with --gpu: dense bfloat16 peak in TFLOP/s")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.inside:
        inside(Path(settings.inside))
    elif settings.gpu:
        from benchmarks import training_gpu

        training_gpu.compare(settings)
    else:
        compare(settings)


if __name__ == "__main__":
    main()
