"""Child processes that die with their parent and write to bounded log files."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LINUX = sys.platform == "linux"
LIBC = ctypes.CDLL(None) if LINUX else None  # loaded before any fork: a forked child of a threaded process may not
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
LOG_LIMIT = 8 << 20  # bytes; with the one older file kept beside it, a log costs at most twice that


@dataclass(frozen=True)
class Account:
    """As whom a child runs: as this process, as root disguised by a user namespace, or as another user (uid, gid)."""

    namespace: bool = False
    uid: int | None = None
    gid: int | None = None

    @classmethod
    def of(cls, uid: int) -> "Account":
        return cls(uid=uid, gid=pwd.getpwuid(uid).pw_gid)

    def options(self) -> dict:
        """The arguments of subprocess that become the other user."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


MYSELF = Account()
DISGUISED = Account(namespace=True)


def before_exec(account: Account, death: signal.Signals):
    """What a child does between fork and exec: enter the namespace, and ask the kernel to be told of its parent's end.

    The wish is dropped when credentials change, so it comes last. It follows the *thread* that forked: spawn from the
    main one. Elsewhere than on Linux children outlive a killed parent.
    """
    parent = os.getpid()

    def enter() -> None:
        if account.namespace:
            # PostgreSQL refuses root. In a namespace of its own it sees itself as `nobody`, while outside its files
            # stay root's: no user is added, no owner or mode of a folder changes.
            if LIBC.unshare(CLONE_NEWUSER):
                os._exit(97)
            for name, text in (("setgroups", b"deny"), ("uid_map", b"65534 0 1"), ("gid_map", b"65534 0 1")):
                descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
                os.write(descriptor, text)
                os.close(descriptor)
        if LINUX:
            LIBC.prctl(PR_SET_PDEATHSIG, death)
            if os.getppid() != parent:  # it died before the wish was known
                os._exit(98)

    return enter


def spawn(
    argv: Sequence[str | Path],
    log: Path,
    *,
    account: Account = MYSELF,
    death: signal.Signals = signal.SIGTERM,
    cwd: Path | str = "/",
    env: dict[str, str] | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen:
    """Starts a child in its own process group, output appended to `log`; `keep` are descriptors it inherits.

    A file and not a pipe: nobody has to read it for the child to go on.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=env,
            pass_fds=keep,
            process_group=0,
            preexec_fn=before_exec(account, death),  # noqa: PLW1509 (no holder or supervisor has threads)
            **account.options(),
        )


def ended(process: subprocess.Popen) -> bool:
    """Whether a child has exited, without reaping it: unreaped, its number can name no other process or group."""
    if process.returncode is not None or not hasattr(os, "waitid"):  # macOS has none before Python 3.13
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def stop(process: subprocess.Popen, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Sends the signals one after the other, each with its seconds of patience, then kills what is left of the group."""
    for number, patience in steps:
        if not ended(process):
            process.send_signal(number)
        if wait_until(lambda: ended(process), patience):
            break
    kill_group(process)


def kill_group(process: subprocess.Popen) -> None:
    """SIGKILL for the child and for what it left behind, so that no two generations work side by side; reaps it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def bound(log: Path, limit: int = LOG_LIMIT) -> None:
    """Moves the contents of a log over its limit to NAME.1. Children append, so they go on at the new end.

    What is written between copy and cut is lost: a rare line of a log against a log process of its own.
    """
    if log.exists() and log.stat().st_size > limit:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def tail(log: Path, lines: int = 1, since: int = 0) -> list[str]:
    """The last lines, without empty ones, of what was written to a log after `since` bytes."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(since, size(log) - 65536))
        text = file.read().decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()][-lines:]


def wait_until(done, seconds: float, pause: float = 0.02) -> bool:
    """Asks `done` until it says yes; False when the time is over."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
