"""A job kind for the tests: prints, counts to its spec's `steps` from where it stopped, and may fail.

After its first step it waits until there is a file `gate`, if it has one."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import events
from engine.problems import Problem


@dataclass(frozen=True)
class Sleep:
    steps: int = 1
    fail: bool = False
    gate: str = ""


def run(folder: Path) -> dict[str, Any]:
    spec = json.loads((folder / "spec.json").read_text())
    found, _ = events.read(folder)
    done = sum(event["kind"] == "progress" for event in found)
    print(f"sleeping from step {done}")
    if spec["fail"]:
        raise Problem("The bed is broken.", do="Mend it.")
    for step in range(done, spec["steps"]):
        while step and spec["gate"] and not Path(spec["gate"]).exists():
            time.sleep(0.02)
        time.sleep(0.05)
        events.append(folder, "progress", done=step + 1, of=spec["steps"])
    return {"steps": spec["steps"]}
