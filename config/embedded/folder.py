"""The data folder: what lies where in it, who may use it, and the locks that its processes share."""

import fcntl
import hashlib
import os
import shutil
import stat
from pathlib import Path

from config.embedded.exceptions import StartRefused

ELSEWHERE = "set ATTUNE_DATA_DIR to a folder of your own"
# A fresh cluster is 70 MB with its first write-ahead segments, a checkpoint of a small store needs some ten more.
ROOM_TO_CREATE, ROOM_TO_START = 300 << 20, 50 << 20
# sockaddr_un holds 108 bytes on Linux, 104 on macOS, with the closing zero.
LONGEST_SOCKET = 103


class Folder:
    """The embedded servers' home. Sub-folders hold the servers' data, their sockets (`run`) and their logs.

    Three lock files, all flock, so that the kernel forgets a dead process and no state file can be stale:
    users.lock   shared by every process that uses the servers; exclusive by a holder that found no user and leaves
    owner.lock   exclusive, one open file shared by the holder and its servers: free means that none of them lives
    ready.lock   exclusive by the holder alone, while both servers answer
    """

    def __init__(self, path: Path):
        self.path = path.resolve()
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.log = self.path / "log"
        self.programs = self.path / "programs"
        self.run = self._short(self.path / "run")

    @staticmethod
    def _short(run: Path) -> Path:
        """The folder of the sockets; where its path cannot be an address, a private folder under /tmp instead.

        That is when it is too long, or holds a comma, at which libpq begins the next host. The name is the same for
        every process: TMPDIR may differ between them and is not asked.
        """
        if len(os.fsencode(run / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET and "," not in str(run):
            return run
        digest = hashlib.sha256(os.fsencode(run)).hexdigest()[:16]
        return Path("/tmp") / f"attune-{os.geteuid()}-{digest}"  # noqa: S108 (made 0700 and checked in prepare)

    def prepare(self) -> None:
        """Makes the folder and what is in it, or refuses. Changes no folder that was there before.

        Only folders made here are closed to others (0700), so the servers' data and sockets lie in those.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._check_owner()
            for folder in (self.log, self.valkey, self.run):
                folder.mkdir(mode=0o700, exist_ok=True)
            self._check_sockets()
            for name in ("users", "owner", "ready"):
                os.close(self._open(name))
        except (FileExistsError, NotADirectoryError) as error:
            raise StartRefused(f"{error.filename} is a file, not a folder: {ELSEWHERE}.") from error
        except OSError as error:
            raise StartRefused(
                f"The data folder {self.path} cannot be used ({error.strerror}): {ELSEWHERE}."
            ) from error

    def _check_owner(self) -> None:
        status = self.path.stat()
        if status.st_uid != os.geteuid():
            raise StartRefused(
                f"The data folder {self.path} belongs to another user (uid {status.st_uid}): "
                f"run this as that user, or {ELSEWHERE}."
            )
        if status.st_mode & stat.S_IWOTH:
            raise StartRefused(f"Everybody may write to the data folder {self.path}: {ELSEWHERE}.")

    def _check_sockets(self) -> None:
        """Under /tmp anybody could have made the folder first. Root may have handed it to Postgres's user."""
        status = self.run.lstat()
        owners = {os.geteuid()}
        if os.geteuid() == 0:
            owners.add(status.st_uid if self.run.parent == self.path else self.postgres_owner())
        if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077 or status.st_uid not in owners:
            raise StartRefused(f"{self.run} is not a private folder of this user: remove it.")

    def postgres_owner(self) -> int:
        """The user (uid) whose Postgres's data are, this one when there are none."""
        return self.postgres.stat().st_uid if self.postgres.exists() else os.geteuid()

    def check_room(self) -> None:
        """Refuses a disk too full for Postgres, which stops hard when it cannot write its log."""
        free = shutil.disk_usage(self.path).free
        need = ROOM_TO_START if self.postgres.exists() else ROOM_TO_CREATE
        if free < need:
            raise StartRefused(
                f"The disk of {self.path} is full ({free >> 20} MB free, {need >> 20} MB needed): "
                "free some space, or set ATTUNE_DATA_DIR to a folder on another disk."
            )

    def _open(self, name: str) -> int:
        return os.open(self.path / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def lock(self, name: str, kind: int) -> int | None:
        """The descriptor of a lock that was free, or None. `kind` is fcntl.LOCK_SH or LOCK_EX."""
        descriptor = self._open(name)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def is_held(self, name: str) -> bool:
        """Whether somebody holds the lock exclusively."""
        descriptor = self.lock(name, fcntl.LOCK_SH)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def knows(self, descriptor: int) -> bool:
        """Whether users.lock is still the file behind the descriptor: no longer after `rm -rf` of the folder."""
        try:
            return os.path.samestat(os.fstat(descriptor), (self.path / "users.lock").stat())
        except FileNotFoundError:
            return False
