"""`python -m tests.failing PORT SEED SHARE`: a fast chat server in a process of its own, which fails by a seed.

A failure depends on the question and on how often it was asked: the same seed fails the same tries. Questions that
begin with "never:" fail each time, with the kind that follows. It notes every question that it has answered.
"""

import asyncio
import hashlib
import json
import sys
from collections import Counter
from typing import ClassVar

KINDS = ("timeout", "429", "500", "broken", "cut")
ANSWER = {"id": "c", "object": "chat.completion", "created": 1}


class Failing(asyncio.Protocol):
    seed, share, delay = "", 0.0, 0.0
    tries: ClassVar[Counter[str]] = Counter()
    answered: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.heard = transport, b""

    def data_received(self, data: bytes) -> None:
        self.heard += data
        head, gap, rest = self.heard.partition(b"\r\n\r\n")
        if not gap:
            return
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if len(rest) < int(length or 0):
            return
        self.heard = b""
        if head.startswith(b"GET /answered"):
            self._say(200, json.dumps(self.answered).encode())
        elif head.startswith(b"GET"):
            self._say(200, b'{"data": [{"id": "fast"}]}')
        elif self.delay:
            asyncio.get_running_loop().call_later(self.delay, self._answer, rest)
        else:
            self._answer(rest)

    def _answer(self, data: bytes) -> None:
        asked = json.loads(data)
        question = asked["messages"][-1]["content"]
        self.tries[question] += 1
        kind = self._kind(question)
        said = "yes" if "yes" in question else "no"
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": len(question.split()), "completion_tokens": 1}
        body = json.dumps(ANSWER | {"model": asked["model"], "choices": [choice], "usage": usage}).encode()
        if kind == "timeout":
            return
        if kind == "429":
            self._say(429, b'{"message": "Too many."}', b"retry-after: 0.01\r\n")
        elif kind == "500":
            self._say(500, b'{"message": "Out of memory."}')
        elif kind == "broken":
            self._say(200, body[: len(body) // 2])
        elif kind == "cut":
            self._say(200, body, missing=10)
        elif kind == "refused":
            self._say(400, b'{"message": "Not this one."}')
        else:
            self.answered[question] += 1
            self._say(200, body)

    def _kind(self, question: str) -> str:
        if question.startswith("never:"):
            return question.split(":")[1]
        drawn = hashlib.sha256(f"{self.seed} {question} {self.tries[question]}".encode()).digest()
        return KINDS[drawn[4] % len(KINDS)] if int.from_bytes(drawn[:4]) < self.share * 2**32 else ""

    def _say(self, status: int, body: bytes, more: bytes = b"", missing: int = 0) -> None:
        if self.transport.is_closing():
            return
        head = b"HTTP/1.1 %d Said\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % (status, len(body))
        self.transport.write(head + more + b"\r\n" + body[: len(body) - missing])
        if missing:
            self.transport.close()


async def main(port: int, seed: str, share: float, delay: float) -> None:
    Failing.seed, Failing.share, Failing.delay = seed, share, delay
    server = await asyncio.get_running_loop().create_server(Failing, "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(int(given[0]), given[1], float(given[2]), float(given[3]) if len(given) > 3 else 0.0))
