"""A chat endpoint that fits on a screen: it says a text word by word, as any server of the chat protocol would."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.patience import LONG


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The URL at which a handler answers, on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def endpoint(
    text: str,
    heard: list[dict[str, Any]] | None = None,
    gate: threading.Event | None = None,
    finish: str = "stop",
) -> Iterator[str]:
    """The URL of an endpoint that answers everything with `text`, once the `gate` is open where there is one, and says
    that it ended with `finish`; what it was asked is added to `heard`."""

    class Speaker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if heard is not None:
                heard.append(asked)
            if gate is not None:
                gate.wait(LONG)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            words = [word + " " for word in text.split()]
            for word in words:
                self._say(asked["model"], {"delta": {"content": word}, "finish_reason": None})
            usage = {"prompt_tokens": 5, "completion_tokens": len(words)}
            self._say(asked["model"], {"delta": {}, "finish_reason": finish}, usage=usage)
            self.wfile.write(b"data: [DONE]\n\n")

        def _say(self, model: str, choice: dict[str, Any], **more: Any) -> None:
            self.wfile.write(f"data: {json.dumps({'model': model, 'choices': [choice], **more})}\n\n".encode())

        def log_message(self, *_: Any) -> None:
            """Nothing: tests read assertions, not access logs."""

    with served(Speaker) as url:
        yield url
