"""A real HTTP server on loopback that stands in for the providers of texts and push, and for a merchant's receiver."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from campaigns.services import sink

MOST = 2**20  # bytes of a post


def server(host: str, port: int, folder: Path) -> ThreadingHTTPServer:
    """Keeps each post as a file of `folder`. Raises OSError where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            size = self.headers.get("Content-Length", "")
            if not size.isdecimal() or int(size) > MOST:
                self._answer(413, {})
                self.close_connection = True
                return
            body, path = self.rfile.read(int(size)), urlsplit(self.path).path
            try:
                status, said = sink.take(folder, path, body)
            except ValueError as refusal:
                status, said = 400, {"code": "bad_request", "detail": str(refusal)}
            self._answer(status, said)

        def _answer(self, status: int, said: dict) -> None:
            raw = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args):
            pass  # what is posted names people

    return ThreadingHTTPServer((host, port), Handler)
