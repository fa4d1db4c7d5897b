"""Errands: the settings of the jobs that follow a run. Light, so that whoever orders one needs no torch."""

from dataclasses import dataclass, field

from engine import specs
from engine.problems import Problem

# Measured (docs/after-training.md): computing in another order moves a probability by about 0.01, an adapter of
# twice the strength or on another base by 0.2 and more.
TOLERANCE = 0.05
TYPES = {
    "bf16": "As exact as the model itself, 2 bytes a weight.",
    "f16": "2 bytes a weight, for machines that do not compute in bf16.",
    "q8_0": "About 1 byte a weight, hardly worse.",
    "f32": "4 bytes a weight.",
}
HUB = "hub:"  # before a repository: hub:team/model


@dataclass(frozen=True)
class ParitySpec:
    """One check that what is served is what was trained."""

    model: str = field(metadata={"help": "Name of the model that is checked."})
    base: str = field(metadata={"help": "Folder of the base; of the model itself when there is no adapter."})
    adapter: str = field(metadata={"help": "Folder of the adapter, empty for none."})
    probes: str = field(metadata={"help": "What the trainer noted (probes.json)."})
    servers: str = field(metadata={"help": "Folder in which servers live."})
    url: str = specs.setting("", "A server that is to be checked; empty for the one that is used here.")
    tolerance: float = specs.setting(TOLERANCE, "Largest difference of a probability that passes.", least=0, most=1)


@dataclass(frozen=True)
class MergeSpec:
    """One merge of an adapter into its base."""

    model: str = field(metadata={"help": "Name of the model that is merged."})
    base: str = field(metadata={"help": "Folder (or hub id) of the base."})
    adapter: str = field(metadata={"help": "Folder of the adapter."})
    card: str = specs.setting("", "README of the folder that comes out.")


@dataclass(frozen=True)
class ConvertSpec:
    """One conversion to GGUF."""

    model: str = field(metadata={"help": "Name of the model that is converted."})
    base: str = field(metadata={"help": "Folder of the base; of the model itself when there is no adapter."})
    adapter: str = field(metadata={"help": "Folder of the adapter, empty for none."})
    type: str = specs.setting("bf16", "How weights are written: " + ", ".join(TYPES) + ".")
    card: str = specs.setting("", "README beside the file that comes out.")

    def __post_init__(self) -> None:
        specs.check(self)
        if self.type not in TYPES:
            raise Problem(f"There is no type {self.type!r}.", do=f"Use one of {', '.join(TYPES)}.")


@dataclass(frozen=True)
class PushSpec:
    """One push of a folder of model files."""

    model: str = field(metadata={"help": "Name of the model."})
    source: str = field(metadata={"help": "Folder that is pushed."})
    target: str = field(metadata={"help": "A folder that does not exist yet, or hub:team/model."})
    card: str = specs.setting("", "The README that goes with it.")
