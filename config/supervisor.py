"""Runs all processes of Attune under one command, on one machine: starts, watches, restarts and stops them in order.

Children are direct, die with the supervisor (on Linux) and write to files. On more than one machine the same command
lines belong into systemd units or containers.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from config.embedded import child

ROOT = Path(__file__).resolve().parents[1]
POLL = 0.2  # seconds between two looks at the children
QUICK = 15.0  # a process that ends sooner has not got over its start, which takes a worker some five seconds
MOST = 5  # so many quick ends in a row, about twenty seconds with the pauses, and one more start is of no use
LONGEST_PAUSE = 30.0
# SIGTERM lets web finish its requests and a worker its tasks; SIGQUIT makes a worker hand back what still runs.
STOPS = ((signal.SIGTERM, 10.0), (signal.SIGQUIT, 5.0))
KIB = 1024


class GaveUp(Exception):
    """A process ends again and again at its start; the message says which, how, and its last words."""


@dataclass
class Child:
    name: str
    argv: Sequence[str]
    env: dict[str, str] | None
    log: Path
    process: subprocess.Popen | None = None
    started: float = 0.0  # time.monotonic(), as the next
    due: float = 0.0
    quick_ends: int = 0


class Supervisor:
    """Call all of it from the main thread: the kernel ties children to the thread that made them."""

    def __init__(self, log_dir: Path, say: Callable[[str], None] = print):
        self.log_dir, self.say = log_dir, say
        self.children: list[Child] = []
        self._signal = 0

    def spawn(self, name: str, argv: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Starts a process and keeps it running; `env` is added to this process's own environment."""
        self.log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        one = Child(name, argv, env, self.log_dir / f"{name}.log")
        self.children.append(one)
        self._start(one)

    def _start(self, one: Child) -> None:
        env = {**os.environ, **(one.env or {})}
        one.process = child.spawn(one.argv, one.log, cwd=ROOT, env=env)
        one.started = time.monotonic()

    def poll(self) -> None:
        """One look at the children: restarts what ended, after a pause that doubles. Raises GaveUp."""
        now = time.monotonic()
        for one in self.children:
            if one.process is None:
                if now >= one.due:
                    self._start(one)
            elif child.ended(one.process):
                # First what it left: a pool process that still works on a task must not meet the task's second run.
                child.kill_group(one.process)
                self._plan_restart(one, now)

    def _plan_restart(self, one: Child, now: float) -> None:
        how, lived = ending(one.process.returncode), now - one.started
        one.process = None
        one.quick_ends = one.quick_ends + 1 if lived < QUICK else 0
        if one.quick_ends >= MOST:
            words = "\n".join(f"  {line}" for line in child.tail(one.log, 12))
            raise GaveUp(f"{one.name} {how} {MOST} times at its start. Its last words ({one.log}):\n{words}")
        pause = min(0.5 * 2**one.quick_ends, LONGEST_PAUSE)
        one.due = now + pause
        self.say(f"{one.name} {how} after {lived:.0f} s; starts again in {pause:.0f} s. Log: {one.log}")

    def run(self, also: Callable[[], None] | None = None) -> None:
        """Watches until SIGINT, SIGTERM or SIGHUP, then stops all; `also` is called about once a second meanwhile."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._note) for number in numbers}
        turn = 0
        try:
            while not self._signal:
                self.poll()
                if turn % round(1 / POLL) == 0:
                    for one in self.children:
                        child.bound(one.log)
                    if also:
                        also()
                turn += 1
                time.sleep(POLL)
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame) -> None:
        self._signal = number

    def stop(self) -> None:
        """Stops the children, last started first, each with its time to finish. May be called twice."""
        while self.children:
            one = self.children.pop()
            if one.process is not None:
                child.stop(one.process, STOPS)


def ending(returncode: int) -> str:
    """How a process ended, in words; a negative code is the signal that ended it."""
    return f"was ended by {signal.Signals(-returncode).name}" if returncode < 0 else f"ended with status {returncode}"


def processes(port: int, host: str = "127.0.0.1") -> list[tuple[str, list[str]]]:
    """Attune's processes as (name, command line), in the order of their start. The working directory is the root."""
    # A training uses all it gets: on two cores the pages would wait for it, at the start for the workers' imports too.
    celery = ["nice", "-n", "5", sys.executable, "-m", "celery", "-A", "config.celery"]

    def worker(name: str, queues: str, concurrency: int, memory: int) -> tuple[str, list[str]]:
        """`memory` in MB: a pool process that grew beyond it is replaced after its task."""
        limit = f"--max-memory-per-child={memory * KIB}"
        argv = [*celery, "worker", "-Q", queues, "-n", f"{name}@%h", "--pool=prefork", f"--concurrency={concurrency}"]
        # Workers have nothing to tell each other: the broker is asked less, and they are up a second sooner.
        return f"worker-{name}", [*argv, limit, "--loglevel=INFO", "--without-gossip", "--without-mingle"]

    sink = [("mail-sink", [sys.executable, str(ROOT / "manage.py"), "mail_sink"])] if settings.MAIL_SINK else []
    # Loaded before the fork, a refusal to start ends the command instead of one web worker after the other.
    # No log of requests: their paths hold tokens of people. No control socket: it would lie in the home folder.
    web = [sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind={host}:{port}", "--preload", "--no-control-socket"]
    web += ["--worker-class=gthread", "--workers=2", "--threads=4", "--timeout=60", "--graceful-timeout=8"]
    return [
        *sink,
        worker("ml", "ml", concurrency=1, memory=4096),  # one training at a time: each takes all the memory it can
        worker("default", "default,delivery", concurrency=2, memory=768),
        ("beat", [*celery, "beat", f"--schedule={settings.DATA_DIR / 'beat-schedule'}", "--pidfile="]),
        ("web", web),
    ]
