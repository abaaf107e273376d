"""Dump and restore, of the embedded database and of any other, by the owner's address.

An embedded data folder belongs to one major version of Postgres; an archive goes from any to any, so this is also the
way to a new version and from the laptop to a server. It holds personal data: only its owner may read the file.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.embedded import postgres
from config.embedded.exceptions import StartRefused

CHUNK = 1 << 16
PATIENCE = "10s"  # for the locks of processes that still use what is to be dropped
# Tables of extensions do not count, and neither does what lies outside the schema of Attune.
TABLES = """
SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
# As INSERTs: where these rows come back the tables stand already, with their policies, which COPY does not know.
ROWS = ("--data-only", "--rows-per-insert=500")


def nothing(done: int) -> None:
    """Progress that nobody watches."""


def dump(
    url: str,
    target: Path,
    progress: Callable[[int], None] = nothing,
    *,
    apart: tuple[Sequence[str], Path] | None = None,
) -> None:
    """Writes the whole database into a file of pg_dump's custom format; all of it or no file. Raises StartRefused.

    `apart` names tables whose rows go into a file of their own instead, of the same moment. `progress` gets the bytes
    written so far, a few times a second.
    """
    files = [target.absolute(), *([apart[1].absolute()] if apart else [])]
    for file in files:
        if file.exists():
            raise StartRefused(f"{file} exists: name another file, or remove it first.")
    server, _ = _ask(url)
    tables = [table for table in apart[0] if _has(url, table)] if apart else []
    if not tables:
        _write(url, server, files[0], [], progress)
        return
    # One snapshot for both: nobody's row without its part, and no part without its row.
    with psycopg.connect(url) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = f"--snapshot={holder.execute('SELECT pg_export_snapshot()').fetchone()[0]}"
        _write(url, server, files[1], [snapshot, *ROWS, *(f"--table=public.{table}" for table in tables)], nothing)
        try:
            _write(
                url,
                server,
                files[0],
                [snapshot, *(f"--exclude-table-data=public.{table}" for table in tables)],
                progress,
            )
        except StartRefused:
            files[1].unlink(missing_ok=True)
            raise


def _has(url: str, table: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT to_regclass(%s)", [f"public.{table}"]).fetchone()[0] is not None


def _write(url: str, server: int, target: Path, extra: list[str], progress: Callable[[int], None]) -> None:
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)  # what lies there may be open to others, or lead elsewhere
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StartRefused(f"Cannot write {part} ({error.strerror}): name a file in a folder of your own.") from error
    # An owner is held to row-level security too, so it says that it reads for the platform; else pg_dump refuses.
    argv = [
        _program("pg_dump", server, url),
        "--format=custom",
        "--enable-row-security",
        *extra,
        f"--file={part}",
        _dbname(url),
    ]
    try:
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=errors, env=_environment(url))
            with _ended_with(process):
                while process.poll() is None:
                    progress(part.stat().st_size)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(0.2)
            if process.returncode:
                raise StartRefused(f"No dump was written: {_last(errors)}")
        progress(part.stat().st_size)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def restore(
    url: str,
    source: Path,
    replace: bool = False,
    progress: Callable[[int], None] = nothing,
    *,
    apart: Path | None = None,
) -> None:
    """Fills the database from a file of `dump`, all of it or nothing, as objects of the owner. Raises StartRefused.

    Refuses a database that holds tables; with `replace` all that the owner's role owns in it is dropped first, in the
    same transaction. Rights of other roles are not restored (the archive may come from a server with other names):
    `migrate` grants them. `apart` is the file of the tables that were dumped apart; it goes in after the rest, in a
    transaction of its own. `progress` gets the bytes of SQL loaded so far.
    """
    server, tables = _ask(url)
    if tables and not replace:
        raise StartRefused(
            f"The database {conninfo_to_dict(url).get('dbname')} holds {tables} tables: add --replace to drop them, "
            "or name an empty database in DATABASE_OWNER_URL."
        )
    begin = ["-c", f"SET lock_timeout = '{PATIENCE}'", "-c", "DROP OWNED BY CURRENT_USER"] if replace else []
    _load(url, server, source, begin, progress)
    if apart is not None:
        _load(
            url,
            server,
            apart,
            [],
            nothing,
            failed=f"{source} was restored and {apart} was not: restore both with --replace",
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")  # an archive holds no statistics, and without them the first plans are bad


def _load(
    url: str,
    server: int,
    source: Path,
    begin: list[str],
    progress: Callable[[int], None],
    *,
    failed: str = "Nothing was restored, the database is as it was",
) -> None:
    pg_restore = _program("pg_restore", server, url)
    with tempfile.NamedTemporaryFile(suffix=".list") as contents, tempfile.TemporaryFile() as errors:
        contents.writelines(_contents(pg_restore, source))
        contents.flush()
        # Through psql and not by pg_restore itself: only so the drop and the load are one transaction.
        read = [
            pg_restore,
            "--no-owner",
            "--no-privileges",
            "--enable-row-security",
            f"--use-list={contents.name}",
            "--file=-",
            source,
        ]
        load = [pg_restore.with_name("psql"), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", _dbname(url)]
        load += begin
        reader = subprocess.Popen(read, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        loader = subprocess.Popen(
            [*load, "-f", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_environment(url),
        )
        with _ended_with(reader), _ended_with(loader):
            _pump(reader, loader, server, progress)
        if reader.returncode or loader.returncode:
            raise StartRefused(f"{failed}: {_last(errors)}")


def _pump(reader: subprocess.Popen, loader: subprocess.Popen, server: int, progress: Callable[[int], None]) -> None:
    """Moves the SQL along. psql commits at the end of its input: after a failed read it must not come to see one."""
    done, first = 0, True
    with contextlib.suppress(BrokenPipeError):  # psql has left at an error, and said which
        while chunk := reader.stdout.read(CHUNK):
            if first and server < 17:  # the archive of a newer server opens with a setting that older ones do not know
                chunk = chunk.replace(b"SET transaction_timeout = 0;\n", b"", 1)
            loader.stdin.write(chunk)
            done, first = done + len(chunk), False
            progress(done)
    reader.stdout.close()
    if reader.wait():
        loader.kill()
    with contextlib.suppress(BrokenPipeError):
        loader.stdin.close()
    loader.wait()


@contextlib.contextmanager
def _ended_with(process: subprocess.Popen):
    """No process is left when a Ctrl-C comes in between."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _ask(url: str) -> tuple[int, int]:
    """The server's major version, and how many tables it holds for us."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            return connection.info.server_version // 10000, connection.execute(TABLES).fetchone()[0]
    except psycopg.OperationalError as error:
        raise StartRefused(f"DATABASE_OWNER_URL: cannot connect ({str(error).splitlines()[-1].strip()}).") from error


def _contents(pg_restore: Path, source: Path) -> list[bytes]:
    """The archive's table of contents, without comments on extensions: those are the superuser's on some servers."""
    if not source.is_file():
        raise StartRefused(f"There is no file {source.absolute()}: name one that `manage.py dump` wrote.")
    run = subprocess.run([pg_restore, "--list", source], capture_output=True, check=False)
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise StartRefused(f"{source} cannot be read as a dump ({said[-1]}): name one that `manage.py dump` wrote.")
    return [line for line in run.stdout.splitlines(keepends=True) if b" COMMENT - EXTENSION " not in line]


def _program(name: str, server: int, url: str) -> Path:
    """pg_dump or pg_restore, at least as new as the server.

    PG_BINDIR decides if it is set. The wheel's programs are built without TLS, so for a server on the network those
    of the machine come first.
    """
    installed = shutil.which(name)
    found = [Path(installed)] if installed else []
    if os.environ.get("PG_BINDIR"):
        found = [postgres.programs() / name]
    elif embedded := postgres.wheel():
        local = conninfo_to_dict(url).get("host", "/").startswith("/")
        found = [embedded / name, *found] if local else [*found, embedded / name]
    for program in found:
        if program.exists() and postgres.major(program) >= server:
            return program
    raise StartRefused(f"No {name} of Postgres {server} or newer here: install one, or set PG_BINDIR to its folder.")


def _dbname(url: str) -> str:
    """--dbname with all but the password, which any user of the machine could read in the list of processes."""
    given = {key: value for key, value in conninfo_to_dict(url).items() if key != "password"}
    given["options"] = f"{given.get('options', '')} -c attune.merchant=platform".strip()
    return f"--dbname={make_conninfo(**given)}"


def _environment(url: str) -> dict[str, str]:
    password = conninfo_to_dict(url).get("password")
    return {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": password} if password else {})}


def _last(errors) -> str:
    """The first error in what the programs wrote: the others follow from it."""
    errors.seek(0)
    lines = [line.strip() for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    if any("lock timeout" in line for line in lines):
        return "other processes use it; stop `manage.py serve` and try again."
    bad = [line for line in lines if "error:" in line.lower()] or lines or ["no reason given"]
    return bad[0]
