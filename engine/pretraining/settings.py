"""Settings of a pretraining, each with its help text."""

from dataclasses import dataclass

from engine.specs import setting


@dataclass(frozen=True)
class PretrainSpec:
    """The starter's pretraining, from nothing. The defaults are the recipe of the weights that are shipped."""

    vocabulary: int = setting(2048, "Tokens that the tokenizer learns.")
    tokenizer_texts: int = setting(12_000, "Conversations that the tokenizer learns from.")
    hidden: int = setting(256, "Width of the model, in dimensions.")
    feed_forward: int = setting(704, "Width of its feed-forward layers.")
    layers: int = setting(5, "Layers.")
    heads: int = setting(4, "Attention heads of 64 dimensions each.")
    context: int = setting(1024, "Longest text that the model says it can read, in tokens.")
    row: int = setting(256, "Tokens of a row into which whole conversations are packed.")
    batch_size: int = setting(8, "Rows of a step.")
    copy_steps: int = setting(120, "First steps, spent on copying segments of random tokens.")
    steps: int = setting(9000, "All steps.")
    copy_share: float = setting(0.04, "Share of the later rows that are still random segments to copy.")
    prompt_weight: float = setting(0.12, "Weight in the loss of a token that is only read; an answer's token weighs 1.")
    learning_rate: float = setting(1.2e-3, "Size of a learning step while it is steady.")
    warmup: int = setting(100, "Steps in which the learning rate rises.")
    decay_from: float = setting(0.55, "Share of the steps after which the learning rate falls.")
    weight_decay: float = setting(0.1, "Pull of the weights towards zero.")
    clip: float = setting(1.0, "Longest gradient allowed.")
    compile: bool = setting(True, "Compile the model first: a minute once, then twice as fast. Needs a C++ compiler.")
    report_every: int = setting(25, "Steps between two events.")
    checkpoint_every: int = setting(250, "Steps between two checkpoints; a crash loses at most these.")
    seed: int = setting(0, "Same seed, same corpus and first weights.")
