"""`python -m tests.answering FOLDER PORT`: a server that is up at once and answers what a watcher asks, and no more.

It knows the adapters that it had and those that it is told of, and dies at its start when its base is gone.
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
    known: dict[str, str]
    asked = 0

    def do_GET(self) -> None:
        known = [{"id": name, "root": path, "parent": "base"} for name, path in self.known.items()]
        page = {
            "/health": "",
            "/v1/models": json.dumps({"data": [{"id": "base", "root": "", "parent": None}, *known]}),
            "/metrics": health.page(Figures(read=Answering.asked, written=2 * Answering.asked)),
        }[self.path]
        self._say(page)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/v1/load_lora_adapter":
            told = json.loads(body)
            self.known[told["lora_name"]] = told["lora_path"]
        elif self.path == "/v1/unload_lora_adapter":
            del self.known[json.loads(body)["lora_name"]]
        else:
            Answering.asked += 10
        self._say("{}")

    def _say(self, text: str) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: tests read assertions, not access logs."""


def main(folder: Path, port: int) -> None:
    Answering.folder = folder
    Answering.known = adapters.folders(adapters.kept(folder))
    assert (Path(specs.read(folder, ServeSpec).model) / "config.json").exists(), "the base is gone"
    ThreadingHTTPServer(("127.0.0.1", port), Answering).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
