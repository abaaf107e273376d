"""The embedded servers under real processes and real kills. Each test has a data folder of its own."""

import os
import re
import shutil
import signal
import time
from pathlib import Path

import psycopg
import pytest
import redis
from kombu import Connection

from tests.config.actors import (
    Actor,
    acceptance,
    alive,
    as_owner,
    gone,
    holder,
    named,
    on_linux,
    postmaster,
    query,
    until,
)

pytestmark = on_linux


# --- what is there after a start


def test_first_attach_makes_two_plain_roles_and_a_durable_database(place):
    mode = place.stat().st_mode
    actor = Actor(place / "data", durable=True)
    url = actor.attached()
    roles = query(
        url,
        "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles "
        "WHERE rolname LIKE 'attune%' ORDER BY 1",
    )
    assert roles == [
        ("attune_app", True, False, False, False, False),
        ("attune_owner", True, False, False, False, True),
    ]
    owner = (
        "SELECT d.datdba::regrole::text, pg_encoding_to_char(d.encoding) FROM pg_database d WHERE datname = 'attune'"
    )
    assert query(url, owner) == [("attune_owner", "UTF8")]
    assert query(url, "SELECT current_setting('fsync'), current_setting('listen_addresses')") == [("on", "")]
    assert query(url, "SELECT current_setting('full_page_writes'), current_setting('TimeZone')") == [("on", "UTC")]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(url, "CREATE TABLE t (i int)")
    query(as_owner(url), "CREATE EXTENSION pg_trgm")
    assert {path.name for path in (place / "data").iterdir()} >= {"postgres", "valkey", "run", "log"}
    for private in ("postgres", "valkey", "run", "log"):
        assert (place / "data" / private).stat().st_mode & 0o077 == 0, private
    assert place.stat().st_mode == mode
    actor.end()


def test_without_fsync_it_is_another_pair_of_servers(created, place):
    shutil.copytree(created, place / "data")
    shutil.copytree(created, place / "data" / "nosync")
    safe, fast = Actor(place / "data"), Actor(place / "data", durable=False)
    assert query(safe.attached(), "SELECT current_setting('fsync')") == [("on",)]
    url = fast.attached()
    assert query(url, "SELECT current_setting('fsync')") == [("off",)]
    assert f"{place}/data/nosync/run" in url
    safe.end(), fast.end()


@pytest.mark.parametrize("name", ["a b%20c&d'\"ü", "long," * 30], ids=["odd", "long"])
def test_any_path_works_in_all_four_addresses(created, place, name):
    data = place / name
    shutil.copytree(created, data)
    actor = Actor(data)
    url = actor.attached()
    assert query(url, "SELECT current_database()") == [("attune",)]
    broker, cache = actor.do("(servers.broker_url, servers.cache_url)").strip("()").replace("'", "").split(", ")
    with Connection(broker) as connection:
        queue = connection.SimpleQueue("q")
        queue.put({"id": 7})
        assert queue.get(timeout=5).payload == {"id": 7}
    client = redis.Redis.from_url(cache)
    assert client.set("k", "v") and client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    assert client.config_get("appendonly")["appendonly"] == "yes"
    actor.end()
    run = Path(re.search(r"host=([^&]+)", url)[1])
    if not name.startswith("a b"):
        assert run.parent == Path("/tmp")
        until(lambda: gone(data) and not run.exists())


# --- who keeps the servers up


def test_servers_outlive_the_command_that_started_them_and_end_with_the_last_user(data):
    acceptance(data)


def test_six_processes_at_once_get_one_pair_of_servers(data, actor):
    actors = [actor(wait=True) for _ in range(6)]
    for one in actors:
        assert one.up()
    for one in actors:
        one.go()
    assert len({one.attached() for one in actors}) == 1
    assert (data / "log" / "holder.log").read_text().count("] ready") == 2  # one made the cluster
    postmaster(data), named(data, "valkey-server"), holder(data)


def test_two_commands_in_a_row_find_the_same_servers(data, actor):
    first = actor(grace=60)
    first.attached()
    before = postmaster(data)
    first.kill()
    actor().attached()
    assert postmaster(data) == before


def test_a_program_that_a_user_starts_does_not_keep_the_servers(data, actor):
    one = actor()
    one.attached()
    one.do("import subprocess")
    one.do("p = subprocess.Popen(['sleep', '60'], close_fds=False, stdin=-3, stdout=-3, stderr=-3)")
    stranger = int(one.do("(p.pid)"))
    one.end()
    until(lambda: gone(data))
    os.kill(stranger, signal.SIGKILL)  # still there: it was not its end that let the servers go


def test_after_a_killed_holder_the_next_attach_starts_both_again_with_all_data(data, actor):
    one = actor()
    url = one.attached()
    query(as_owner(url), "CREATE TABLE t AS SELECT 42 AS i")
    one.do("import redis; redis.Redis.from_url(servers.cache_url).set('k', 'v')")
    os.kill(holder(data), signal.SIGKILL)
    two = actor()
    assert query(as_owner(two.attached()), "SELECT i FROM t") == [(42,)]
    assert two.do("import redis") == "None"
    assert two.do("(redis.Redis.from_url(servers.cache_url).get('k'))") == "b'v'"
    assert two.do("__import__('config.embedded').embedded.renew()") == "None"


def test_attach_waits_for_servers_that_take_long_to_end(data, actor):
    """owner.lock is free only when the last process of the old pair is gone: no second server on the same files."""
    one = actor()
    one.attached()
    one.do("c = psycopg.connect(servers.database_url)")
    backend = int(one.do("(c.info.backend_pid)"))
    os.kill(backend, signal.SIGSTOP)  # Postgres waits for it before it ends
    old = postmaster(data)
    os.kill(holder(data), signal.SIGKILL)
    two = actor(wait=True)
    assert two.up()
    two.go()
    time.sleep(0.5)  # enough for a start
    assert postmaster(data) == old
    os.kill(backend, signal.SIGCONT)
    assert query(two.attached(), "SELECT 1") == [(1,)]
    assert postmaster(data) != old


def test_killed_servers_come_back_with_every_committed_row_while_users_stay(data, actor):
    one = actor()
    url = one.attached()
    query(as_owner(url), "CREATE TABLE t AS SELECT 42 AS i")
    old = postmaster(data), named(data, "valkey-server")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    until(lambda: "answer again" in (data / "log" / "holder.log").read_text())
    assert query(as_owner(actor().attached()), "SELECT i FROM t") == [(42,)]
    assert not {postmaster(data), named(data, "valkey-server")} & set(old)


def test_a_server_that_cannot_stay_up_is_given_up_and_tried_again_by_the_next_attach(data, actor):
    one = actor()
    one.attached()
    keeper, log = holder(data), data / "log" / "holder.log"
    version = data / "postgres" / "PG_VERSION"
    version.write_text("13\n")
    os.kill(postmaster(data), signal.SIGKILL)
    until(lambda: gone(data))
    assert "gives up: The data in" in log.read_text()
    version.write_text("18\n")
    one.do("from config.embedded import renew; renew()")
    assert holder(data) != keeper


def test_the_holder_stops_both_in_order_when_the_machine_shuts_down(data, actor):
    actor().attached()
    os.kill(holder(data), signal.SIGTERM)
    until(lambda: gone(data))
    assert "database system is shut down" in (data / "log" / "postgres.log").read_text().splitlines()[-1]


def test_a_removed_folder_ends_its_servers_and_a_new_one_gets_its_own(data, created, actor):
    actor().attached()
    before = holder(data)
    shutil.rmtree(data, ignore_errors=True)  # Postgres may write in the middle of it
    shutil.copytree(created, data, dirs_exist_ok=True)
    until(lambda: before not in alive(data))
    assert query(actor().attached(), "SELECT 1") == [(1,)]


# --- what is left over from a crash


def test_a_stale_pid_file_that_names_a_living_stranger_does_not_hinder(data, actor):
    (data / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{data}/postgres\n1\n5432\n")
    (data / "run" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    assert query(actor().attached(), "SELECT 1") == [(1,)]


def test_a_creation_that_was_killed_starts_over(place):
    half = place / "data" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")  # initdb writes it first
    actor = Actor(place / "data")
    assert query(actor.attached(), "SELECT 1") == [(1,)]
    actor.end()
