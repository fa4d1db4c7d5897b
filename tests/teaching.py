"""A chat endpoint that answers by what it is asked, and fails on demand: a model that drafts, without a model."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.speaking import served

Answer = str | int | dict[str, Any]  # the words, the status of a failure, or a whole body


@contextmanager
def teacher(
    answers: Callable[[list[dict[str, Any]]], Answer], heard: list[dict[str, Any]] | None = None
) -> Iterator[str]:
    """The URL of an endpoint that knows the model `teacher`; what it was asked is added to `heard`."""

    class Teacher(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, {"data": [{"id": "teacher"}]})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if heard is not None:
                heard.append(asked)
            said = answers(asked["messages"])
            if isinstance(said, dict):
                self._send(200, said)
                return
            if isinstance(said, int):
                self._send(said, {"error": {"message": "Not now."}})
                return
            choice = {"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 100, "completion_tokens": 50}
            self._send(200, {"model": asked["model"], "choices": [choice], "usage": usage})

        def _send(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing: tests read assertions, not access logs."""

    with served(Teacher) as url:
        yield url
