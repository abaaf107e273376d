"""What the kill trials strike: a database, a broker, workers and a clock, all of them real, in a folder of their own.

Importing it sets the environment of this process to that folder and sets Django up.
"""

# ruff: noqa: E402 - Django is set up only when the servers that it asks for are there
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

# Under /var/tmp: files that are synced, and a path short enough for a socket. A worker gets the place of its trials.
PLACE = Path(os.environ.get("ATTUNE_TRIALS") or tempfile.mkdtemp(prefix="attune-kill-", dir="/var/tmp"))
_run = quote(str(PLACE / "data" / "run"))
os.environ |= {
    "ATTUNE_TRIALS": str(PLACE), "ATTUNE_DATA_DIR": str(PLACE / "data"), "ATTUNE_FREQUENCY_CAPS": "",
    "DJANGO_SETTINGS_MODULE": "config.settings.base", "SMTP_HOST": "127.0.0.1", "SMTP_TLS": "none",
    "DATABASE_URL": f"postgresql://attune_app@/attune?host={_run}&port=5432",
    "DATABASE_OWNER_URL": f"postgresql://attune_owner@/attune?host={_run}&port=5432",
    "CELERY_BROKER_URL": f"redis+socket://{_run}%2Fvalkey.sock", "CACHE_URL": f"unix://{_run}%2Fvalkey.sock?db=1",
}  # fmt: skip

import django

django.setup()

from campaigns import tasks
from campaigns.services import delivery, senders
from config.celery import app
from config.embedded import child
from config.embedded.folder import Folder
from config.embedded.holder import environment
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey

FOLDER = Folder(PLACE / "data")
ROOT = Path(__file__).resolve().parents[1]
TIMEOUT, LEASE, BATCH = 3, timedelta(seconds=10), 4
WORKERS = 2
RING = 0.5  # seconds from one sweep to the next; an install's is 15
CLOCK = "clock"
# How often each is struck, of twelve. "all": the servers, the workers and the clock in one moment.
TARGETS = ["worker"] * 4 + ["database"] * 3 + ["broker"] * 3 + [CLOCK, "all"]


# --- what the processes run


def work(name: str) -> None:
    tasks.LOST = 20
    senders.SMTP_TIMEOUT = delivery.SMTP_TIMEOUT = TIMEOUT
    delivery.LEASE, delivery.RESERVE, delivery.BATCH = LEASE, timedelta(seconds=2 * TIMEOUT + 2), BATCH
    delivery.send_batch.__defaults__ = delivery.claim.__defaults__ = (BATCH, "")
    argv = ["worker", "-Q", "default,delivery", "-n", f"{name}@here", "--concurrency=1", "--pool=prefork"]
    app.worker_main([*argv, "--loglevel=WARNING", "--without-gossip", "--without-mingle"])


def ring() -> None:
    """Celery's own clock, with the sweep alone, which it rings more often."""
    entry = app.conf.beat_schedule["go on sending"] | {"schedule": RING, "options": {"expires": 2}}
    app.conf.beat_schedule, app.conf.beat_max_loop_interval = {"go on sending": entry}, RING
    app.Beat(schedule=str(PLACE / "rings"), loglevel="WARNING").run()


# --- and what starts, strikes and mends them


@dataclass
class Stack:
    env: dict[str, str]
    folder: Folder = FOLDER
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)  # which ended by themselves, and how

    def start_server(self, server: Postgres | Valkey) -> None:
        """As the holder does, but without its end after five deaths in a minute."""
        server.prepare()
        while True:
            before = child.size(server.log)
            process = child.spawn(
                server.argv(), server.log, account=server.account, death=server.death, env=environment()
            )
            while not child.ended(process):
                if server.answers():
                    server.provision()
                    self.processes[server.name] = process
                    return
                time.sleep(0.02)
            child.kill_group(process)
            if not server.may_retry(before):
                raise SystemExit(server.why(before))
            time.sleep(0.1)

    def start(self, name: str) -> None:
        """A worker or the clock."""
        what = ["--clock"] if name == CLOCK else ["--worker", f"{name.replace(' ', '')}-{time.monotonic_ns()}"]
        argv = [sys.executable, "-m", "benchmarks.kill_trials", *what]
        self.processes[name] = child.spawn(argv, self.log_of(name), cwd=ROOT, env=self.env)

    def log_of(self, name: str) -> Path:
        return self.folder.log / f"{name.replace(' ', '-')}.log"

    def start_all(self) -> None:
        for name in (*workers(), CLOCK):
            self.start(name)

    def strike(self, what: str, dice: random.Random) -> None:
        """SIGKILL for it and everything of it; a server is back before this returns, the others are on their way."""
        servers = [Postgres(self.folder, True), Valkey(self.folder)]
        names = {"database": [servers[0].name], "broker": [servers[1].name], "worker": [dice.choice(workers())]}
        names["all"] = list(self.processes)
        struck = names.get(what, [what])
        for name in struck:
            child.kill_group(self.processes[name])
        down = [server for server in servers if server.name in struck]
        if down:
            time.sleep(dice.uniform(0, 0.5))
        for server in down:
            self.start_server(server)
        for name in struck:
            if name in (*workers(), CLOCK):
                self.start(name)

    def mend(self) -> None:
        """Starts again what ended by itself, as the supervisor does: a worker refuses to start without its database."""
        for name in (*workers(), CLOCK):
            process = self.processes[name]
            if child.ended(process):
                child.kill_group(process)
                self.ended.append(f"{name} with {process.returncode}")
                self.start(name)

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            child.kill_group(process)


def workers() -> list[str]:
    return [f"worker {number}" for number in range(WORKERS)]
