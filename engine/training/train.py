"""Train: the job that teaches a base model from conversations and leaves an adapter.

Reads a `TrainSpec`; leaves `adapter/` in peft's own format, with the tokenizer and a README that says where it
comes from. Goes on from its checkpoint when it is started again. What the loop does is `training.learn`'s business.
"""

import functools
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.helpers import disable_input_dtype_casting
from transformers import PreTrainedTokenizerBase
from transformers.utils import logging

from engine import events, specs
from engine.problems import Problem
from engine.training import batches, card, loading, objective, plan, template
from engine.training.batches import Data, Row
from engine.training.learn import Learner, Sampler
from engine.training.settings import TrainSpec
from engine.training.template import Template

ADAPTER = "adapter"
SAMPLES, SAMPLE_TOKENS = 2, 60  # prompts answered at a few moments, and how long such an answer may get
SHOWN = 4  # rows of the first batch to look at


def run(folder: Path) -> dict[str, Any]:
    """Train as `folder/spec.json` says. The fields of the result: see `_result`."""
    folder = folder.resolve()
    spec = specs.read(folder, TrainSpec)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # peft asks by an old name
    train, validation = plan.read(spec)
    rows, watched = train.accepted(), validation.accepted() if validation else []
    tokenizer, model = loading.load(spec)
    words = template.load(spec.base)
    _agree(rows[0], train, tokenizer)
    learner = Learner(model, rows, watched, spec, folder)
    _announce(learner, train, words)
    sample = functools.partial(answers, model, words, watched[:SAMPLES]) if watched else None
    # under autocast peft would turn every input into float32, only for it to be turned back
    with disable_input_dtype_casting(model, active=objective.precise(learner.device) == torch.bfloat16):
        _learn(learner, sample)
    result = _result(learner, folder)
    save(folder / ADAPTER, model, tokenizer)
    (folder / ADAPTER / "README.md").write_text(card.text(spec, train, validation, result))
    return result


@torch.no_grad()
def answers(model: PeftModel, words: Template, rows: list[Row]) -> list[dict[str, str]]:
    """What the model would answer to each row, greedily, up to its first learned token."""
    found = []
    for row in rows:
        prompt = row.tokens[: row.trained.index(1)]
        with objective.precision(model.device):
            out = model.generate(
                input_ids=torch.tensor([prompt], device=model.device),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.long, device=model.device),
                max_new_tokens=SAMPLE_TOKENS,
                do_sample=False,
                use_cache=True,
                eos_token_id=words.end_token,
                pad_token_id=words.end_token,
            )
        asked, answer = (words.tokenizer.decode(part).strip() for part in (prompt, out[0, len(prompt) :].tolist()))
        found.append({"prompt": asked, "answer": answer})
    return found


def save(adapter: Path, model: PeftModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Leave the adapter so that `PeftModel.from_pretrained` and any server can load it."""
    model.save_pretrained(str(adapter), save_embedding_layers=False)  # untouched, and asking the hub takes a network
    tokenizer.save_pretrained(adapter)


def _learn(learner: Learner, sample: Sampler | None) -> None:
    try:
        objective.check(learner.causal, learner.train[0])
        learner.learn(sample)
    except torch.OutOfMemoryError as error:
        spec = learner.spec
        raise Problem(
            f"The memory of the GPU is too small for {spec.batch_size} examples at once.",
            do=f"Halve batch_size and double accumulation, now {spec.accumulation}: that learns the same.",
        ) from error


def _announce(learner: Learner, train: Data, words: Template) -> None:
    """Tell what is going to happen, and show what the model will read and learn."""
    events.append(
        learner.folder,
        "plan",
        examples=len(train.rows),
        tokens=train.n_tokens,
        trained_tokens=train.n_trained,
        steps=len(learner.steps),
        epochs=learner.spec.epochs,
        parameters=sum(weight.numel() for weight in learner.model.parameters()),
        trained_parameters=sum(weight.numel() for weight in learner.weights.values()),
        device=learner.device.type,
        precision=str(objective.precise(learner.device)).removeprefix("torch."),
    )
    first = [train.rows[n] for n in learner.steps[0][0][:SHOWN]]
    events.append(learner.folder, "first_batch", rows=[batches.words(row, words) for row in first])


def _agree(row: Row, data: Data, tokenizer: PreTrainedTokenizerBase) -> None:
    """Problem unless transformers, which will serve the model, writes a conversation exactly as it is learned."""
    conversation = batches.conversation(data.path, row.line)
    messages = [
        {key: value for key, value in message.items() if key != "weight"} for message in conversation["messages"]
    ]
    theirs = tokenizer.apply_chat_template(messages, tools=conversation.get("tools"), return_dict=False)
    if theirs != row.tokens:
        raise Problem(
            f"{data.path.name} line {row.line} would be learned in other tokens than it is asked for later.",
            "The base's tokenizer.json and what transformers makes of it differ: "
            f"{len(row.tokens)} tokens against {len(theirs)}.",
            "Save the base's tokenizer anew with transformers.",
        )


def _result(learner: Learner, folder: Path) -> dict[str, Any]:
    """Losses in nats per trained token: `loss` is the mean of the last ten steps; `validation_loss` is the lowest,
    that of `best_step`, whose adapter is the one that is kept. None where there is no validation file."""
    done = learner.progress
    best = done.best
    return {
        "steps": done.step,
        "loss": round(done.recent_loss, 5),
        "validation_loss": round(best.validation, 5) if best else None,
        "validation_examples": len(learner.validation),
        "best_step": best.step if best else done.step,
        "tokens": done.tokens,
        "seconds": round(done.seconds, 1),
        "adapter": str(folder / ADAPTER),
    }
