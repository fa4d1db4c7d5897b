"""`python -m engine.serving.small MODULE FOLDER PORT`: one of our servers. Started by engine.serving.watch."""

import importlib
import sys
from pathlib import Path

from engine import waking

if __name__ == "__main__":
    with waking.modules():
        server = importlib.import_module(sys.argv[1])
    server.main(Path(sys.argv[2]), int(sys.argv[3]))
