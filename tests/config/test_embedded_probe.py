"""What web and workers refuse to start on, asked of a real server."""

import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command

from config.embedded import StartRefused, check_port, free_port, probe

ROOT = Path(__file__).resolve().parents[2]
SERVE = "import sys; from pathlib import Path; from config.embedded import attach; "
SERVE += "print(attach(Path(sys.argv[1]), durable=False, grace=0.2).owner_url, flush=True); sys.stdin.read()"


@pytest.fixture(scope="module")
def superuser():
    """A server of this file's own; the address of its superuser."""
    place = Path(tempfile.mkdtemp(prefix="attune-"))
    argv = [sys.executable, "-c", SERVE, str(place)]
    process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip().replace("attune_owner@", "postgres@")
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (
            "CREATE ROLE bypasser LOGIN BYPASSRLS",
            "CREATE ROLE member LOGIN NOINHERIT IN ROLE attune_owner",
            "CREATE ROLE tabler LOGIN",
            "GRANT CREATE ON SCHEMA public TO tabler",
            "SET ROLE tabler",
            "CREATE TABLE public.t ()",
            "RESET ROLE",
            "CREATE ROLE locked LOGIN PASSWORD 'open sesame'",
        ):
            connection.execute(statement)
        rules = Path(connection.execute("SHOW hba_file").fetchone()[0])
        rules.write_text(f"local all locked scram-sha-256\n{rules.read_text()}")
        connection.execute("SELECT pg_reload_conf()")
    yield url
    process.communicate()
    # The holder has the folder as an argument and goes by itself; its end is test_embedded's matter.
    shutil.rmtree(place, ignore_errors=True)


def refusal(url: str, **options) -> str:
    with pytest.raises(StartRefused) as refused:
        probe(url, **options)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def role(superuser: str, name: str) -> str:
    return superuser.replace("postgres@", f"{name}@")


def test_takes_the_application_role_and_for_migrations_the_owner(superuser):
    probe(role(superuser, "attune_app"))
    probe(role(superuser, "attune_owner"), role="owner")
    probe(superuser, role="owner")


@pytest.mark.parametrize(
    ("name", "power"),
    [
        ("postgres", "is a superuser"),
        ("bypasser", "may bypass row-level security"),
        ("attune_owner", "owns the database"),
        ("member", "owns the database"),
        ("tabler", "owns tables"),
    ],
)
def test_refuses_a_role_with_more_rights_than_the_application_needs(superuser, name, power):
    said = refusal(role(superuser, name))
    assert said.startswith(f"DATABASE_URL ({name}@") and f"the role {power}, itself or as a member" in said
    assert "use a plain role for web and workers" in said


def test_a_role_that_hides_behind_another_is_seen(superuser):
    """SET ROLE in the address: the session may RESET it at any time."""
    said = refusal(f"{superuser}&options=-c%20role%3Dattune_app")
    assert "is a superuser" in said


def test_refuses_an_owner_address_that_cannot_migrate(superuser):
    said = refusal(role(superuser, "attune_app"), role="owner")
    assert said.startswith("DATABASE_OWNER_URL (attune_app@") and "does not own the database" in said


def test_refuses_a_wrong_database_user_and_password_by_name(superuser):
    assert "no database shop: create it" in refusal(superuser.replace("/attune?", "/shop?"))
    assert "the server knows no role ghost: create it" in refusal(role(superuser, "ghost"))
    said = refusal(role(superuser, "locked:open%20sesamy"))
    assert "wrong user or password: correct them" in said and "sesamy" not in said
    assert "asks for a password" in refusal(role(superuser, "locked"))
    probe(role(superuser, "locked:open%20sesame"))


def test_refuses_a_server_that_is_too_old(superuser, monkeypatch):
    monkeypatch.setitem(probe.__globals__, "OLDEST", 99)
    assert "is too old: use 99 or newer" in refusal(role(superuser, "attune_app"))


def test_refuses_a_server_that_is_not_there(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        said = refusal(f"postgresql://app:secret@127.0.0.1:{port}/attune")
    assert said == (
        "DATABASE_URL (app@127.0.0.1/attune): nothing listens there: start the server, or correct host and port."
    )
    assert "no socket there: start the server" in refusal(f"postgresql://app@/attune?host={tmp_path}")
    assert "the host name is not known" in refusal("postgresql://app@nowhere.invalid/attune")


def test_waits_only_so_long_for_a_server_that_says_nothing(monkeypatch):
    monkeypatch.setitem(probe.__globals__, "TIMEOUT", 2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        said = refusal(f"postgresql://app@127.0.0.1:{mute.getsockname()[1]}/attune")
    assert "no answer within 2 seconds: check host, port and firewall" in said


@pytest.mark.parametrize(
    "url", ["mysql://u:geheim@h/d", "postgresql://u:geheim/x@h/d", "postgresql://u:ge@heim@h/d", "postgresql://[h/d"]
)
def test_a_malformed_address_is_refused_without_showing_its_password(url):
    said = refusal(url)
    assert said.startswith("DATABASE_URL is not a PostgreSQL address: write postgresql://USER:PASSWORD@HOST:5432/NAME")
    assert "heim" not in said


def test_a_busy_port_is_refused_with_a_free_one_and_the_variable_to_set():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartRefused) as refused:
            check_port("127.0.0.1", port)
        free = free_port("127.0.0.1", port)
        assert free > port
        assert str(refused.value) == (
            f"127.0.0.1:{port} is taken by another program: stop it, or set PORT to a free port such as {free}."
        )
        check_port("127.0.0.1", free)
    check_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [("127.0.0.1", 70000, "Cannot listen on 127.0.0.1:70000"), ("192.0.2.1", 8000, "Cannot listen on 192.0.2.1:8000")],
)
def test_an_address_that_is_not_this_machines_is_refused(host, port, said):
    with pytest.raises(StartRefused, match=said):
        check_port(host, port)


def test_servers_prints_every_address_and_no_password(superuser, settings, capsys):
    settings.DATABASE_URL = role(superuser, "locked:open%20sesame")
    settings.DATABASE_OWNER_URL = role(superuser, "attune_owner")
    settings.CELERY_BROKER_URL = "redis://:geheim@broker.example:6379/0"
    call_command("servers")
    said = capsys.readouterr().out.splitlines()
    assert [line.split("=")[0] for line in said] == [
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "CELERY_BROKER_URL",
        "CACHE_URL",
    ]
    assert said[0].startswith("DATABASE_URL='postgresql://locked:***@/attune?host=")
    assert said[2] == "CELERY_BROKER_URL='redis://:***@broker.example:6379/0'"
