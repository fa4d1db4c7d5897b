"""`python -m tests.answering FOLDER PORT`: a server that is up at once and answers what a watcher asks, and no more.

It knows the adapters that it had, and dies at its start when its base is gone.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from engine import specs
from engine.serving import adapters, health
from engine.serving.health import Figures
from engine.serving.settings import ServeSpec


class Answering(BaseHTTPRequestHandler):
    folder: Path
    asked = 0

    def do_GET(self) -> None:
        known = [{"id": name, "root": one.path, "parent": "base"} for name, one in adapters.kept(self.folder).items()]
        page = {
            "/health": "",
            "/v1/models": json.dumps({"data": [{"id": "base", "root": "", "parent": None}, *known]}),
            "/metrics": health.page(Figures(read=Answering.asked, written=2 * Answering.asked)),
        }[self.path]
        self._say(page)

    def do_POST(self) -> None:
        Answering.asked += 10
        self._say("{}")

    def _say(self, text: str) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: tests read assertions, not access logs."""


if __name__ == "__main__":
    Answering.folder = Path(sys.argv[1])
    assert (Path(specs.read(Answering.folder, ServeSpec).model) / "config.json").exists(), "the base is gone"
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Answering).serve_forever()
