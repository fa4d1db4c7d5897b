"""Settings of a server: what it serves, where, and how it is watched."""

from dataclasses import dataclass, field
from pathlib import Path

from engine import specs


@dataclass(frozen=True)
class ServeSpec:
    """One server: a base, and whatever adapters it is told to load."""

    model: str = field(metadata={"help": "Folder of the base model."})
    name: str = specs.setting("", "What the base answers to; empty for the folder's name.")
    host: str = specs.setting("127.0.0.1", "Address to listen on; the default is this machine only.")
    port: int = specs.setting(0, "Port to listen on; 0 for any free one.", least=0, most=65535)
    max_batch: int = specs.setting(32, "Answers of one model that are written at the same time.", least=1)
    adapters: int = specs.setting(8, "Adapters kept in memory; the least recently used one makes room.", least=1)
    idle_minutes: float = specs.setting(30.0, "Minutes without a question after which it ends; 0 for never.", least=0)
    patience: float = specs.setting(60.0, "Seconds without a sign of life after which it is started anew.", least=1)
    pause: float = specs.setting(1.0, "Seconds before it is started anew after its second death; then longer.", least=0)
    share: float = specs.setting(0.9, "Share of the GPU's memory that vLLM takes.", least=0.05, most=1)
    version: str = specs.setting("", "Which state of the base's files it serves.")
    program: str = specs.setting("", "Python with vLLM in it; empty for a server of our own.")
    module: str = specs.setting("engine.serving.small.serve", "Which of our own servers it is.")

    @property
    def served_name(self) -> str:
        return self.name or Path(self.model).name
