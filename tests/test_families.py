"""The families that are known by name, and what a base is made of: exact counts, and what must not be used."""

import json
import shutil
from pathlib import Path

import pytest

from engine.checking.counting import FAMILIES as TOKENIZERS
from engine.problems import Problem
from engine.training.bases import anatomy, families
from studio.folders import STARTER
from tests import tiny

BASIC = {
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 20,
    "vocab_size": 101,
    "max_position_embeddings": 128,
}
PUBLISHED = {  # billions of weights, and of those that one token meets, as their maker prints them
    "mistral-7b": (7.3, 7.3),
    "mistral-nemo": (12.2, 12.2),
    "mistral-small": (23.6, 23.6),
    "mistral-large": (122.6, 122.6),
    "mixtral-8x7b": (46.7, 12.9),
    "mixtral-8x22b": (140.6, 39.1),
    "ministral-3b": (3.4, 3.4),
    "ministral-8b": (8.5, 8.5),
    "ministral-14b": (13.5, 13.5),
}


def built(kind: str, **more):
    """A small random model of an architecture."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(kind, **{**BASIC, **more})
    return AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", sorted(anatomy.KNOWN))
def test_a_model_of_each_architecture_has_as_many_weights_as_are_counted(kind, tied):
    experts = {"num_local_experts": 4, "num_experts_per_tok": 2} if kind == "mixtral" else {}
    model = built(kind, tie_word_embeddings=tied, **experts)
    found = anatomy.of(model.config.to_dict())
    assert found.parameters == model.num_parameters()


@pytest.mark.parametrize("kind", ["mistral", "mixtral"])
@pytest.mark.parametrize("wanted", ["", "q_proj,v_proj"])
def test_an_adapter_has_as_many_weights_as_are_counted(kind, wanted, tmp_path):
    from peft import get_peft_model

    from engine.training import targets
    from engine.training.settings import TrainSpec

    experts = {"num_local_experts": 4, "num_experts_per_tok": 2} if kind == "mixtral" else {}
    model = built(kind, **experts)
    spec = TrainSpec(base="", train="", rank=6, targets=wanted)
    adapted = get_peft_model(model, targets.lora(model, spec))
    moving = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    assert anatomy.of(model.config.to_dict()).adapter(6, wanted) == moving


def test_a_model_that_also_sees_is_read_by_its_text_part():
    text = {"model_type": "ministral3", **BASIC}
    found = anatomy.of({"model_type": "mistral3", "text_config": text, "tie_word_embeddings": True})
    assert (
        found.sees and found.tied and found.parameters == built("ministral3", tie_word_embeddings=True).num_parameters()
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_numbers_of_a_family_add_up_to_its_published_size(name):
    known = families.get(name).anatomy
    billions = PUBLISHED[name]
    assert (round(known.parameters / 1e9, 1), round(known.active_parameters / 1e9, 1)) == pytest.approx(
        billions, abs=0.11
    )


def test_mistral_7b_has_the_weights_that_everybody_counts():
    assert families.get("mistral-7b").anatomy.parameters == 7_248_023_552


def test_every_family_has_a_tokenizer_that_counts_and_a_licence():
    for family in families.listed():
        assert family.tokenizer in TOKENIZERS and family.licence


def test_the_starter_in_the_list_is_the_one_that_is_shipped():
    assert families.get("starter").anatomy == anatomy.read(STARTER)
    assert families.of_base(str(STARTER)) == families.get("starter")


def test_a_folder_of_a_known_shape_is_known_whatever_it_is_called(tmp_path):
    shape = {"model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
    shape |= {"num_key_value_heads": 8, "intermediate_size": 14336, "num_local_experts": 8, "num_experts_per_tok": 2}
    shape |= {"vocab_size": 32002, "max_position_embeddings": 4096}
    (tmp_path / "config.json").write_text(json.dumps(shape))
    assert families.of_base(str(tmp_path)) == families.get("mixtral-8x7b")
    assert families.of_base(str(tmp_path / "elsewhere")) is None


def test_where_sources_disagree_all_of_them_are_kept():
    seven = families.get("mistral-7b")
    rates = {advice.source.publisher: advice.learning_rate for advice in seven.advice if advice.learning_rate}
    assert rates["Tensoria"] == (1e-5, 2e-5) and rates["TrueTech"] == (2e-4, 2e-4)
    assert (6e-5, 6e-5) in rates.values() and seven.learning_rates == (1e-5, 2e-4)
    assert families.get("mistral-large").learning_rates == (1e-6, 1e-6)


def test_every_source_says_where_and_when():
    for advice in [advice for family in families.listed() for advice in family.advice]:
        assert advice.source.publisher and advice.source.title and len(advice.source.read) == 10


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return tiny.base(tmp_path_factory.mktemp("sound"))


def changed(sound: Path, to: Path, **config) -> Path:
    shutil.copytree(sound, to, dirs_exist_ok=True)
    told = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**told, **config}))
    return to


def test_a_sound_base_is_accepted(sound):
    assert families.examine(str(sound)).layers == 2


def test_a_base_that_brings_code_is_refused(sound, tmp_path):
    with pytest.raises(Problem, match="auto_map"):
        families.examine(str(changed(sound, tmp_path, auto_map={"AutoModelForCausalLM": "modeling.Model"})))


def test_pickled_weights_are_refused(sound, tmp_path):
    place = changed(sound, tmp_path)
    (place / "model.safetensors").rename(place / "pytorch_model.bin")
    with pytest.raises(Problem, match="safetensors"):
        families.examine(str(place))


def test_a_base_without_a_chat_template_is_refused(sound, tmp_path):
    place = changed(sound, tmp_path)
    (place / "chat_template.jinja").unlink()
    with pytest.raises(Problem, match="chat template"):
        families.examine(str(place))


def test_an_unknown_architecture_is_refused_by_name(sound, tmp_path):
    with pytest.raises(Problem, match="mamba"):
        families.examine(str(changed(sound, tmp_path, model_type="mamba")))


def test_a_configuration_that_lacks_a_number_says_which(sound, tmp_path):
    with pytest.raises(Problem, match="hidden_size"):
        anatomy.of({"model_type": "mistral", "num_attention_heads": 2})


def test_a_hub_id_that_cannot_be_had_is_told_so(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Problem, match="neither a folder"):
        families.examine("nobody/nothing-at-all")


@pytest.mark.parametrize("tied", [True, False])
def test_the_text_model_that_docs_save_on_its_own_answers_as_the_whole_did(tied, tmp_path):
    """The lines of docs/models.md, on a small random model that also sees."""
    import torch
    from transformers import AutoModelForCausalLM, Mistral3Config, Mistral3ForConditionalGeneration

    sight = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    sight |= {"head_dim": 8, "image_size": 28, "patch_size": 14}
    words = {"model_type": "ministral3", **BASIC, "tie_word_embeddings": tied}
    config = Mistral3Config(text_config=words, vision_config=sight, tie_word_embeddings=tied)
    Mistral3ForConditionalGeneration(config).save_pretrained(tmp_path / "whole")
    block = (Path(__file__).parents[1] / "docs/models.md").read_text().split("```python\n")[1].split("```")[0]
    lines = block.replace("path/or/hub-id-in-bf16", str(tmp_path / "whole")).replace('"ministral-text"', "place")
    names = {"place": str(tmp_path / "text")}
    exec(lines.replace("bfloat16", "float32"), names)
    tokens = torch.arange(9)[None]
    text = AutoModelForCausalLM.from_pretrained(names["place"])
    assert torch.allclose(text(tokens).logits, names["whole"](input_ids=tokens).logits, atol=1e-5)
    assert not anatomy.read(names["place"]).sees
