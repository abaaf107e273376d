"""Processes that use the embedded servers and can be killed, and ways to look at what they left."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(psycopg.__file__).parents[1]
GRACE = 0.5  # seconds without a user before the servers stop
# In memory where there is room for some clusters of 45 MB: no test here is about the disk.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > 2 << 30 else None
NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about what root does")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: death signals, /proc, namespaces")

# A process that attaches and then does what it is told, a line at a time. `config` is a stand-in: the real one loads
# Celery and Django, half of such a process's time, and no test here is about them.
ACTOR = """
import sys, types
from pathlib import Path
sys.modules["config"] = types.ModuleType("config")
sys.modules["config"].__path__ = [f"{sys.path[0] or '.'}/config"]
from config.embedded import StartRefused, attach
import psycopg
print("up", flush=True)
data = Path(sys.stdin.readline().rstrip("\\n"))
durable, grace = eval(sys.stdin.readline())
try:
    servers = attach(data, durable, grace)
except StartRefused as refusal:
    sys.exit(f"refused: {refusal}")
print(servers.database_url, flush=True)
for line in sys.stdin:
    print(repr(eval(line)) if line.startswith("(") else exec(line), flush=True)
"""


class Actor:
    """A command that uses the servers: `do` runs a line in it, `end` closes it, `kill` is SIGKILL."""

    def __init__(
        self, data: Path, *wrapper: str, durable=True, grace=GRACE, wait=False, python=sys.executable, **options
    ):
        env = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{SITE}:{os.environ.get('PYTHONPATH', '')}",
            **options.pop("env", {}),
        }
        argv = [*wrapper, python, "-c", ACTOR]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=env, **options
        )
        self.told = f"{data}\n{durable}, {grace}\n"
        if not wait:
            self.go()

    def up(self) -> bool:
        """Whether it is about to attach; it waits for `go`."""
        return self.process.stdout.readline() == "up\n"

    def go(self) -> None:
        self.process.stdin.write(self.told)
        self.process.stdin.flush()

    def attached(self) -> str:
        """The address of the database, once it is there."""
        url = self.process.stdout.readline().strip().removeprefix("up") or self.process.stdout.readline().strip()
        assert url, self.process.communicate()[1]
        return url

    def do(self, line: str) -> str:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer, self.process.communicate()[1]
        return answer

    def refusal(self) -> str:
        """What a refused attach says."""
        _, said = self.process.communicate(timeout=60)
        assert said.startswith("refused: "), said
        return said.removeprefix("refused: ").strip()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.communicate(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def alive(data: Path) -> dict[int, str]:
    """All processes of a data folder, the actors excepted: command line by number."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            place = os.readlink(entry / "cwd")  # noqa: PTH115 (of a dead folder: "... (deleted)")
        except OSError:
            continue
        if re.search(f"{re.escape(str(data))}[/ ]", command) or place.startswith(f"{data}/"):
            found[int(entry.name)] = command
    return found


def named(data: Path, part: str) -> int:
    """The number of the one process whose command line holds `part`."""
    found = [pid for pid, command in alive(data).items() if part in command]
    assert len(found) == 1, alive(data)
    return found[0]


def postmaster(data: Path) -> int:
    return named(data, "bin/postgres -D")


def holder(data: Path) -> int:
    return named(data, "embedded/__main__.py hold")


def until(done, seconds=20):
    """What `done` answers as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (answer := done()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return answer


def gone(data: Path) -> bool:
    return not alive(data)


def query(url: str, statement: str, **options):
    with psycopg.connect(url, autocommit=True, **options) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def as_owner(url: str) -> str:
    return url.replace("attune_app", "attune_owner")


def as_superuser(url: str) -> str:
    return url.replace("attune_app@/attune", "postgres@/attune")


def acceptance(data: Path, **options) -> None:
    """A starts, B attaches, A is killed: B's open transaction commits. After B nothing is left."""
    a = Actor(data, **options)
    a.attached()
    started = holder(data)
    b = Actor(data, **options)
    b.attached()
    b.do("c = psycopg.connect(servers.owner_url)")
    b.do("c.execute('CREATE TABLE t AS SELECT 42 AS i')")
    a.kill()
    time.sleep(GRACE + 0.6)  # the time in which servers without a user would have stopped
    b.do("c.commit()")
    assert b.do("(c.execute('SELECT i FROM t').fetchone())") == "(42,)"
    assert holder(data) == started
    b.end()
    until(lambda: gone(data))
    assert not list((data / "run").iterdir())
