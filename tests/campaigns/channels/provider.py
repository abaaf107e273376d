"""A real HTTP server on loopback: keeps what is posted to it, and answers, refuses, hangs up or says nothing as told."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HANG_UP, SAY_NOTHING, TRICKLE = "hang up", "say nothing", "trickle"


@dataclass
class Posted:
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: float

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Provider:
    """`answers`: (status, body), or one of the words above, in turn; then `usual`."""

    url: str = ""
    usual: tuple = (200, {})
    answers: list = field(default_factory=list)
    got: list[Posted] = field(default_factory=list)
    connections: int = 0
    greeting: float = 0.0  # seconds from the connection to the first look at the request


@contextmanager
def provider(*answers, usual=(200, {}), **options) -> Iterator[Provider]:
    state = Provider(answers=list(answers), usual=usual, **options)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            state.connections += 1
            while self._one():
                pass

        def _one(self) -> bool:
            first = self.rfile.readline()
            if not first:
                return False
            headers = {}
            while line := self.rfile.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length", 0)))
            state.got.append(Posted(first.split()[1].decode(), headers, body, time.monotonic()))
            answer = state.answers.pop(0) if state.answers else state.usual
            if answer == HANG_UP:
                return False
            if answer == SAY_NOTHING:
                time.sleep(1)
                return False
            if answer == TRICKLE:
                for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 40:
                    self.wfile.write(bytes([letter]))
                    time.sleep(0.05)
                return False
            status, said, *more = answer
            raw = json.dumps(said).encode() if not isinstance(said, bytes) else said
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(raw)}", *more]
            self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode() + raw)
            return True

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request, client_address):
            pass  # the other side hung up first, which is what some tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield state
        finally:
            server.shutdown()
