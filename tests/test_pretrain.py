"""Pretraining: the job, its resuming, and the shape and rows that it trains."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine import events, specs
from engine.pretraining import packing, pretrain, shape, tokenizer_training
from engine.pretraining.corpus import conversations
from engine.pretraining.settings import PretrainSpec
from engine.training.bases import template

TINY = PretrainSpec(
    vocabulary=400,
    tokenizer_texts=150,
    feed_forward=64,
    layers=2,
    row=96,
    batch_size=4,
    copy_steps=2,
    steps=4,
    warmup=2,
    compile=False,
    report_every=1,
    checkpoint_every=2,
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer_training.train(folder, vocabulary=600, texts=300, seed=0)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A finished job."""
    folder = tmp_path_factory.mktemp("job")
    specs.write(folder, TINY)
    pretrain.run(folder)
    return folder


def test_digits_stay_single_and_padding_is_on_the_left(tokenizer):
    assert len(tokenizer.tokenize("4711")) == 4
    assert tokenizer.padding_side == "left"


def test_any_text_survives_the_tokenizer(tokenizer):
    for text in ("Your order 4471 costs €12.90.", "Yay! 🎉 Naïve Zoë, 20 °C", "\ttwo  spaces\n"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_rows_are_written_as_the_chat_template_writes_them(tokenizer):
    for conversation in islice(conversations(seed=2), 100):
        joined = "".join(text for text, _ in packing.pieces(conversation))
        assert joined == tokenizer.apply_chat_template(conversation, tokenize=False)


def test_the_template_marks_what_the_assistant_says(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    text, spans = template.load(str(tmp_path)).spans(talk)
    assert [text[span.start : span.end] for span in spans] == [" Hello.</s>"]


def test_every_answer_token_of_a_packed_row_is_learned_in_full(tokenizer):
    spec = replace(TINY, row=256, vocabulary=600)
    rows = packing.shard(0, spec, tokenizer.backend_tokenizer)
    end = tokenizer.eos_token_id
    documents = sum(len(set(row) - {-1}) for row in rows.document)
    assert documents > 0.8 * packing.SHARD
    assert (rows.weight[rows.tokens == end] == 1.0).all()
    assert ((rows.document == -1) == (rows.tokens == tokenizer.pad_token_id)).all()


def test_a_shard_is_the_same_whenever_it_is_made(tokenizer):
    first, again = (packing.segments(3, TINY, number=5) for _ in range(2))
    assert np.array_equal(first.tokens, again.tokens)


def test_a_random_segment_returns_where_it_is_learned():
    rows = packing.segments(20, TINY, number=1)
    for tokens, weight in zip(rows.tokens, rows.weight, strict=True):
        for at in np.flatnonzero(weight):
            pair = tokens[at - 1 : at + 1]
            assert any(np.array_equal(pair, tokens[n : n + 2]) for n in range(at - 1))


def test_hand_written_heads_copy_what_was_repeated_before_any_training():
    """Chance is 1 in 500."""
    model = shape.build(shape.config(500, 256, 64, 2, 4, 512), seed=0).eval()
    segment = torch.randint(6, 500, (4, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        said = model(input_ids=torch.cat([segment, segment], dim=1)).logits.argmax(-1)
    assert (said[:, 41:-1] == segment[:, 2:]).float().mean() > 0.5


def test_a_packed_conversation_is_read_as_if_it_were_alone():
    model = shape.build(shape.config(400, 256, 64, 2, 4, 512), seed=0).eval()
    model.set_attn_implementation("eager")
    tokens = torch.randint(6, 400, (1, 24), generator=torch.Generator().manual_seed(1))
    document, position = torch.tensor([[0] * 10 + [1] * 14]), torch.tensor([[*range(10), *range(14)]])
    where = torch.arange(10, 23)
    with torch.no_grad():
        packed = pretrain._loss(model, replace(TINY, row=24))(tokens, document, position, where, tokens[0, where + 1])
        alone = pretrain._loss(model, replace(TINY, row=14))(
            tokens[:, 10:], document[:, 10:], position[:, 10:], where - 10, tokens[0, where + 1]
        )
    assert torch.allclose(packed, alone, atol=0.05)


def test_the_learning_rate_rises_stays_and_falls():
    spec = replace(TINY, steps=100, warmup=10, decay_from=0.5, learning_rate=1.0)
    assert pretrain.rate(0, spec) == pytest.approx(0.1)
    assert pretrain.rate(30, spec) == 1.0
    assert pretrain.rate(75, spec) == pytest.approx((1 + pretrain.FLOOR) / 2)


def test_the_job_leaves_a_model_that_transformers_loads(done):
    model = AutoModelForCausalLM.from_pretrained(done / "model")
    tokenizer = AutoTokenizer.from_pretrained(done / "model")
    assert model.config.model_type == "mistral"
    assert model.config.vocab_size == len(tokenizer) == TINY.vocabulary
    assert json.loads((done / "model" / "config.json").read_text())["dtype"] == "bfloat16"
    steps = [event["step"] for event in events.read(done)[0] if event["kind"] == "step"]
    assert steps == [1, 2, 3, 4]


def test_a_killed_job_goes_on_and_ends_with_the_same_weights(done, tmp_path, monkeypatch):
    specs.write(tmp_path, TINY)
    tell = pretrain._tell

    def killed(folder, spec, step, *others):
        if step == 3:
            raise KeyboardInterrupt
        tell(folder, spec, step, *others)

    monkeypatch.setattr(pretrain, "_tell", killed)
    with pytest.raises(KeyboardInterrupt):
        pretrain.run(tmp_path)
    monkeypatch.undo()
    pretrain.run(tmp_path)
    kinds = [(event["kind"], event["step"]) for event in events.read(tmp_path)[0]]
    assert ("resumed", 2) in kinds
    whole, resumed = (
        AutoModelForCausalLM.from_pretrained(folder / "model").state_dict() for folder in (done, tmp_path)
    )
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
