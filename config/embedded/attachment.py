"""Attaching to the embedded servers: a shared lock for as long as this process lives, and a holder if there is none."""

import fcntl
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.embedded import child
from config.embedded.exceptions import StartRefused
from config.embedded.folder import Folder
from config.embedded.holder import PATIENCE
from config.embedded.postgres import APPLICATION, DATABASE, OWNER, PORT

HOLDER = Path(__file__).with_name("__main__.py")
# Two commands in a row, typed or in a script, find the servers still up; after the last one they are soon gone.
GRACE = 3.0


@dataclass(frozen=True)
class Servers:
    """The addresses of the embedded servers: libpq's, kombu's and redis-py's spelling of a unix socket."""

    database_url: str
    owner_url: str
    broker_url: str
    cache_url: str

    @classmethod
    def of(cls, folder: Folder) -> "Servers":
        place, valkey = quote(str(folder.run)), quote(str(folder.run / "valkey.sock"))
        return cls(
            database_url=f"postgresql://{APPLICATION}@/{DATABASE}?host={place}&port={PORT}",
            owner_url=f"postgresql://{OWNER}@/{DATABASE}?host={place}&port={PORT}",
            broker_url=f"redis+socket://{valkey}",
            cache_url=f"unix://{valkey}?db=1",
        )


@dataclass(frozen=True)
class Share:
    descriptor: int  # of users.lock, open to the end of the process
    data_dir: Path
    durable: bool
    grace: float


_shares: dict[Path, Share] = {}


def attach(data_dir: Path, durable: bool = True, grace: float = GRACE) -> Servers:
    """Makes sure that the embedded servers of a folder run, and keeps them for the life of this process.

    May be called any number of times, from any process; the kernel lets go when the process ends, however it ends.
    Processes it forks share the claim, programs it executes do not. `durable=False` (tests only) is a second pair of
    servers in the sub-folder `nosync` that a power cut may destroy, so that no test ever runs on data worth keeping.
    `grace` is in seconds; the process that starts the holder decides. Raises StartRefused.
    """
    folder = Folder(Path(data_dir) if durable else Path(data_dir) / "nosync")
    folder.prepare()
    share = _shares.get(folder.path)
    if share is None or not folder.knows(share.descriptor):
        share = Share(_take_share(folder), Path(data_dir), durable, grace)
        try:
            _await_ready(folder, share)
        except BaseException:
            os.close(share.descriptor)
            raise
        _shares[folder.path] = share
    _await_ready(folder, share)
    return Servers.of(folder)


def renew() -> None:
    """Attaches again to all this process is attached to: starts a holder where somebody killed it. Cheap when not."""
    for share in list(_shares.values()):
        attach(share.data_dir, share.durable, share.grace)


def _take_share(folder: Folder) -> int:
    """Takes users.lock with the others. Refused only by a holder on its way out, which is over in a moment."""
    deadline = time.monotonic() + PATIENCE
    while (descriptor := folder.lock("users", fcntl.LOCK_SH)) is None:
        if time.monotonic() > deadline:
            raise StartRefused(f"The servers of {folder.path} do not stop: see {folder.log}, then end them by hand.")
        time.sleep(0.02)
    return descriptor


def _await_ready(folder: Folder, share: Share) -> None:
    """From here on a living holder cannot leave. If none lives, the process that gets owner.lock makes one."""
    deadline = time.monotonic() + PATIENCE
    while not folder.is_held("ready"):
        owner = folder.lock("owner", fcntl.LOCK_EX)
        if owner is not None:
            _start_holder(folder, owner, share)
            return
        if time.monotonic() > deadline:
            raise StartRefused(
                f"The servers of {folder.path} neither answer nor end: see {folder.log}, then end them by hand."
            )
        time.sleep(0.02)


def _start_holder(folder: Folder, owner: int, share: Share) -> None:
    """Hands owner.lock over to a new holder, without a gap, and waits for its answer."""
    if not folder.postgres.exists() and sys.stderr.isatty():
        sys.stderr.write(f"attune: makes a database in {folder.path}, once; some five seconds\n")
    reading, writing = os.pipe()
    argv = [sys.executable, str(HOLDER), "hold", str(folder.path), f"--owner={owner}", f"--report={writing}"]
    argv += [f"--grace={share.grace}", *([] if share.durable else ["--unsafe"])]
    log = folder.log / "holder.log"
    child.bound(log)
    try:
        with log.open("ab") as output:
            subprocess.run(
                argv,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(owner, writing),
                start_new_session=True,
                check=False,
            )  # returns at once: the holder is this one's child
    finally:
        os.close(writing)
        os.close(owner)
    answer = _read(reading)
    if answer != "ready":
        raise StartRefused(answer.removeprefix("refused: ") or f"The holder of the servers ended early: see {log}.")


def _read(pipe: int) -> str:
    """All that comes until the other end closes, or nothing when that takes too long."""
    deadline, parts = time.monotonic() + PATIENCE, []
    with os.fdopen(pipe, "rb", buffering=0) as file:
        while select.select([file], [], [], max(0.0, deadline - time.monotonic()))[0]:
            part = file.read(4096)
            if not part:
                break
            parts.append(part)
    return b"".join(parts).decode()
