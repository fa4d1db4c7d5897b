"""An embeddings API that fits on a screen: a text's point is made of its letters, and every text asked is heard."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.speaking import served

SIZE = 16


def point(text: str) -> list[float]:
    counts = [0.01] * SIZE
    for letter in text.casefold():
        counts[ord(letter) % SIZE] += 1.0
    return counts


@contextmanager
def endpoint(heard: list[str], key: str = "", held: Callable[[], object] = bool) -> Iterator[str]:
    """The URL of an API that wants `key` if there is one, and answers no call before `held` returns."""

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if key and self.headers.get("authorization") != f"Bearer {key}":
                return self._say(401, {"error": {"message": "no such key"}})
            held()
            heard.extend(asked["input"])
            rows = [{"index": at, "embedding": point(text)} for at, text in enumerate(asked["input"])]
            return self._say(200, {"model": asked["model"], "data": rows[::-1]})  # in any order

        def _say(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing: tests read assertions, not access logs."""

    with served(Api) as url:
        yield url
