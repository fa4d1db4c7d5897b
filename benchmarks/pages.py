"""How long the server takes to draw each page again: `python -m benchmarks.pages HOME`, on a home with the demo in it.

Beside each page stands an empty script in the same process, since machines differ and are noisy: read the ratio.
"""

import os
import statistics
import sys
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[1]
ROUNDS = 7


def median(app: AppTest) -> tuple[float, float]:
    """Milliseconds of one rerun, as (wall, processor)."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        app.run()
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    return statistics.median(walls), statistics.median(cpus)


def asked(page: str) -> dict[str, str]:
    """What the URL names, for pages that show one thing."""
    from studio.building import runs
    from studio.data import datasets
    from studio.folders import Home
    from studio.judging import evaluations
    from studio.store import opened

    store = opened(Home.default())
    found = {
        "run": {"run": runs.listed(store)[0].id},
        "examples": {"dataset": datasets.listed(store)[0].name},
        "datasets": {"dataset": datasets.listed(store)[0].name},
        "evaluations": {"evaluation": evaluations.listed(store)[0].id},
        "arena": {"evaluation": evaluations.listed(store)[0].id},
    }
    return found.get(page, {})


def main(home: str) -> None:
    os.environ["ATELIER_HOME"] = str(Path(home).resolve())
    empty = AppTest.from_string("import streamlit as st\nst.write('.')", default_timeout=60).run()
    wall, cpu = median(empty)
    print(f"{'page':<14}{'wall ms':>9}{'cpu ms':>9}   median of {ROUNDS} reruns")
    print(f"{'(empty)':<14}{wall:>9.0f}{cpu:>9.0f}")
    for path in sorted((ROOT / "pages").glob("*.py")):
        app = AppTest.from_file(str(ROOT / "studio" / "ui" / "app.py"), default_timeout=60).run()
        for name, value in asked(path.stem).items():
            app.query_params[name] = value
        app.switch_page(str(path)).run()
        assert not app.exception, f"{path.stem}: {app.exception}"
        wall, cpu = median(app)
        print(f"{path.stem:<14}{wall:>9.0f}{cpu:>9.0f}")


if __name__ == "__main__":
    main(sys.argv[1])
