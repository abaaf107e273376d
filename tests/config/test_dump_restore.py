"""Dump and restore between real databases, and what is refused."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import connections

from config.embedded import StartRefused, archive, attachment, dump, free_port, restore

ROOT = Path(__file__).resolve().parents[2]
SERVE = "import sys; from pathlib import Path; from config.embedded import attach; "
SERVE += "print(attach(Path(sys.argv[1]), durable=False, grace=0.2).owner_url, flush=True); sys.stdin.read()"


def serve(place: Path, **env) -> tuple[subprocess.Popen, str]:
    """A server of its own on a folder, up until its standard input closes; the owner's address."""
    argv = [sys.executable, "-c", SERVE, str(place)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, env={**os.environ, **env})
    return process, process.stdout.readline().strip()


@pytest.fixture(scope="module")
def server():
    place = Path(tempfile.mkdtemp(prefix="attune-"))
    process, url = serve(place)
    yield url
    process.communicate()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def databases(server):
    """Makes empty databases of the owner and drops them again; the address of one by its name."""
    made = []

    def make(name: str) -> str:
        made.append(name)
        run(server, f"CREATE DATABASE {name}")
        return server.replace("/attune?", f"/{name}?")

    yield make
    for name in made:
        run(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def shop(databases) -> str:
    """A database with what Attune's own has: extension, comment, partition, guard."""
    url = databases("shop")
    run(url, "CREATE EXTENSION pg_trgm")
    run(url, "CREATE TABLE consent (id bigint PRIMARY KEY, said text)")
    run(url, "COMMENT ON TABLE consent IS 'append-only: kept'")
    run(url, "INSERT INTO consent SELECT i, 'yes ' || i FROM generate_series(1, 5000) i")
    run(url, "CREATE TABLE zebra AS SELECT sha256(i::text::bytea)::text AS stripe FROM generate_series(1, 4000) i")
    run(url, "CREATE TABLE event (at date, what text) PARTITION BY RANGE (at)")
    run(url, "CREATE TABLE event_2026_11 PARTITION OF event FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')")
    run(url, "INSERT INTO event VALUES ('2026-11-05', 'a line\nof two'), ('2026-11-06', NULL)")
    guard = "BEGIN RAISE EXCEPTION 'append only'; END"
    run(url, f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {guard} $$")
    run(url, "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON consent FOR EACH ROW EXECUTE FUNCTION refuse()")
    run(url, "GRANT SELECT ON consent TO attune_app")
    return url


def run(url: str, statement: str):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def assert_is_the_shop(url: str) -> None:
    assert run(url, "SELECT count(*), min(said), max(said) FROM consent") == [(5000, "yes 1", "yes 999")]
    assert run(url, "SELECT count(*) FROM zebra") == [(4000,)]
    assert run(url, "SELECT what FROM event_2026_11 ORDER BY at") == [("a line\nof two",), (None,)]
    assert run(url, "SELECT obj_description('consent'::regclass)") == [("append-only: kept",)]
    assert run(url, "SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'") == [("pg_trgm",)]
    with pytest.raises(psycopg.errors.RaiseException, match="append only"):
        run(url, "DELETE FROM consent")
    owners = "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert run(url, owners) == [("attune_owner",)]


def refusal(work, *arguments, **options) -> str:
    with pytest.raises(StartRefused) as refused:
        work(*arguments, **options)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def test_what_was_dumped_comes_back_whole_in_another_database(shop, databases, tmp_path):
    file, seen = tmp_path / "shop.dump", []
    dump(shop, file, seen.append)
    assert file.stat().st_mode & 0o777 == 0o600
    assert seen[-1] == file.stat().st_size > 10_000
    assert list(tmp_path.iterdir()) == [file]

    copy, seen = databases("copy"), []
    superuser = copy.replace("attune_owner@", "postgres@")
    run(superuser, "CREATE EXTENSION pg_trgm")  # as on a server where only the superuser may; the owner cannot touch it
    restore(copy, file, progress=seen.append)
    assert_is_the_shop(copy)
    assert seen == sorted(seen) and seen[-1] > 50_000
    rights = run(copy, "SELECT has_table_privilege('attune_app', 'consent', 'SELECT')")
    assert rights == [(False,)]  # migrate's to give: the archive may come from a server with other roles
    assert run(copy, "SELECT reltuples FROM pg_class WHERE relname = 'consent'") == [(5000.0,)]  # analysed


def test_restore_refuses_a_database_that_holds_tables_and_replaces_it_when_told(shop, databases, tmp_path):
    dump(shop, tmp_path / "shop.dump")
    full = databases("full_one")
    run(full, "CREATE TABLE consent (other int)")
    run(full, "CREATE TABLE later AS SELECT 42 AS i")

    said = refusal(restore, full, tmp_path / "shop.dump")
    assert said.startswith("The database full_one holds 2 tables: add --replace to drop them")
    assert run(full, "SELECT i FROM later") == [(42,)]

    restore(full, tmp_path / "shop.dump", replace=True)
    assert_is_the_shop(full)
    assert run(full, "SELECT to_regclass('later')") == [(None,)]
    restore(full, tmp_path / "shop.dump", replace=True)  # the owner has kept all it needs to do it again
    assert_is_the_shop(full)


def test_a_broken_file_changes_nothing(shop, tmp_path):
    dump(shop, tmp_path / "shop.dump")
    whole = (tmp_path / "shop.dump").read_bytes()
    (tmp_path / "cut.dump").write_bytes(
        whole[: len(whole) * 9 // 10]
    )  # in the last table, whose lines may end anywhere
    said = refusal(restore, shop, tmp_path / "cut.dump", replace=True)
    assert said.startswith("Nothing was restored, the database is as it was: ")
    assert_is_the_shop(shop)

    (tmp_path / "letter.txt").write_text("Dear shop")
    assert "cannot be read as a dump" in refusal(restore, shop, tmp_path / "letter.txt", replace=True)
    assert "There is no file" in refusal(restore, shop, tmp_path / "none.dump", replace=True)


def test_restore_does_not_wait_for_ever_for_those_who_still_work(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "PATIENCE", "300ms")
    dump(shop, tmp_path / "shop.dump")
    with psycopg.connect(shop) as busy:
        busy.execute("SELECT count(*) FROM consent")  # and its transaction stays open
        said = refusal(restore, shop, tmp_path / "shop.dump", replace=True)
    assert said.endswith("other processes use it; stop `manage.py serve` and try again.")
    assert_is_the_shop(shop)


def test_dump_refuses_and_leaves_no_half_file(shop, tmp_path):
    (tmp_path / "old.dump").write_text("precious")
    assert "exists: name another file" in refusal(dump, shop, tmp_path / "old.dump")
    assert (tmp_path / "old.dump").read_text() == "precious"
    assert "No such file or directory" in refusal(dump, shop, tmp_path / "no" / "where.dump")

    said = refusal(dump, shop.replace("attune_owner", "attune_app"), tmp_path / "new.dump")  # may not read events
    assert said.startswith("No dump was written: ") and "permission denied" in said
    said = refusal(dump, "postgresql://o:geheim@127.0.0.1:1/x", tmp_path / "new.dump")
    assert said.startswith("DATABASE_OWNER_URL: cannot connect") and "geheim" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["old.dump"]


def test_a_password_stands_in_no_command_line():
    url = "postgresql://owner:geheim@db.example:5433/attune?sslmode=require"
    assert "geheim" not in archive._dbname(url) and "sslmode=require" in archive._dbname(url)
    assert archive._environment(url)["PGPASSWORD"] == "geheim"


def test_from_the_embedded_version_to_an_older_server(shop, tmp_path):
    found = sorted(Path("/usr/lib/postgresql").glob("1[567]/bin/postgres"))
    if not found:
        pytest.skip("no Postgres 15 to 17 under /usr/lib/postgresql")
    dump(shop, tmp_path / "shop.dump")
    place = Path(tempfile.mkdtemp(prefix="attune-"))
    process, url = serve(place, PG_BINDIR=str(found[0].parent))
    try:
        restore(url, tmp_path / "shop.dump")
        assert_is_the_shop(url)
        dump(url, tmp_path / "back.dump")
    finally:
        process.communicate()
        shutil.rmtree(place, ignore_errors=True)


def test_the_commands_bring_a_migrated_database_with_its_rights_into_an_empty_one(django_db_setup, tmp_path):
    """The tests' own database, migrated, into one beside it; `restore` migrates, which grants."""
    servers = attachment.Servers.of(attachment.Folder(next(iter(attachment._shares))))
    name = quote(connections["owner"].settings_dict["NAME"])
    target = f"{name}_restored"

    def manage(database: str, *arguments: str) -> subprocess.CompletedProcess:
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
            "ATTUNE_DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": servers.database_url.replace("/attune?", f"/{database}?"),
            "DATABASE_OWNER_URL": servers.owner_url.replace("/attune?", f"/{database}?"),
            "CELERY_BROKER_URL": servers.broker_url,
            "CACHE_URL": servers.cache_url,
        }
        argv = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)

    file = str(tmp_path / "attune.dump")
    done = manage(name, "dump", file)
    assert done.returncode == 0 and "keep that key too" in done.stdout, done.stderr
    refused = manage(name, "restore", file)
    assert refused.returncode == 1 and refused.stderr.startswith("CommandError: The database test_attune")

    run(servers.owner_url, f"CREATE DATABASE {target}")
    try:
        missing = manage(target, "serve", "--port", str(free_port("127.0.0.1", 18000)))
        assert "migrations are missing: run `manage.py migrate` first" in missing.stderr
        done = manage(target, "restore", file)
        assert (done.returncode, done.stdout) == (0, f"Restored from {file}.\n"), done.stderr
        here, there = (
            run(
                servers.owner_url.replace("/attune?", f"/{database}?"),
                "SELECT relname, has_table_privilege('attune_app', oid, 'INSERT'), "
                "has_table_privilege('attune_app', oid, 'UPDATE') FROM pg_class "
                "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
            )
            for database in (name, target)
        )
        assert there == here
        assert ("customers_consentrecord", True, False) in there
    finally:
        run(servers.owner_url, f"DROP DATABASE {target} WITH (FORCE)")
