"""The supervisor over real processes, and `serve` with all of Attune's own."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from config import supervisor as module
from config.embedded import attachment, child, free_port
from config.supervisor import GaveUp, Supervisor, processes

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]

# A supervisor in a process of its own: two obedient children and a stubborn one, each with a log of its signals.
TRIAL = """
import signal, sys
from pathlib import Path
import django.conf
django.conf.settings.configure(NIGHTLY_TRAINING=(2, 30))  # importing config loads the schedule
from config import supervisor
supervisor.STOPS = ((signal.SIGTERM, 0.5), (signal.SIGQUIT, 0.2))
CHILD = '''
import os, signal, sys, time
def heard(number, frame):
    print(signal.Signals(number).name, time.monotonic(), flush=True)
    if sys.argv[1] == "obedient":
        sys.exit()
signal.signal(signal.SIGTERM, heard)
signal.signal(signal.SIGQUIT, heard)
print("up", flush=True)
while True:
    time.sleep(0.05)
'''
trial = supervisor.Supervisor(Path(sys.argv[1]))
for name in ("first", "second", "stubborn"):
    trial.spawn(name, [sys.executable, "-c", CHILD, "stubborn" if name == "stubborn" else "obedient", sys.argv[1]])
trial.run()
print("stopped", flush=True)
"""


def until(done, seconds=90):
    deadline = time.monotonic() + seconds
    while not (answer := done()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return answer


def alive(mark: str, data: Path | None = None) -> list[int]:
    """Processes whose command line holds `mark`, this one excepted; with `data` only those of that data folder, because
    somebody may run Attune on this machine meanwhile.
    """
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if data is not None and f"ATTUNE_DATA_DIR={data}".encode() not in (entry / "environ").read_bytes():
                continue
            if mark in (entry / "cmdline").read_bytes().decode() and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def text(log: Path) -> str:
    return log.read_text() if log.exists() else ""


@pytest.fixture
def trial(tmp_path):
    """The supervisor's process, with its three children up."""
    argv = [sys.executable, "-c", TRIAL, str(tmp_path)]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    names = ("first", "second", "stubborn")
    until(lambda: all("up" in text(tmp_path / f"{name}.log") for name in names) or process.poll() is not None)
    assert process.poll() is None, "the supervisor ended at its start"
    yield process
    process.kill()
    process.communicate()
    until(lambda: not alive(str(tmp_path)))


@pytest.fixture
def supervisor(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.05)
    said = []
    one = Supervisor(tmp_path / "log", said.append)
    one.said = said
    yield one
    one.stop()


def test_a_killed_process_comes_back_and_what_it_left_behind_does_not_live_on(supervisor, tmp_path):
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '61.5']).pid, flush=True); time.sleep(60)"
    supervisor.spawn("worker", [sys.executable, "-c", code])
    log = tmp_path / "log" / "worker.log"
    pool = int(until(lambda: text(log)))
    os.kill(supervisor.children[0].process.pid, signal.SIGKILL)
    until(lambda: supervisor.poll() or len(text(log).split()) == 2)
    assert pool not in alive("61.5")  # the new one's is another
    assert len(supervisor.said) == 1
    assert supervisor.said[0].startswith("worker was ended by SIGKILL after 0 s; starts again in 0 s. Log: ")


def test_a_process_that_cannot_start_is_given_up_with_its_last_words(supervisor, tmp_path):
    supervisor.spawn("fine", SLEEPER)
    supervisor.spawn("web", [sys.executable, "-c", "import sys; sys.exit('attune: DATABASE_URL: no such server')"])
    with pytest.raises(GaveUp) as gave_up:
        until(supervisor.poll)
    said = str(gave_up.value).splitlines()
    assert said[0] == (
        f"web ended with status 1 {module.MOST} times at its start. Its last words ({tmp_path}/log/web.log):"
    )
    assert said[-1].strip() == "attune: DATABASE_URL: no such server"
    assert len(supervisor.said) == module.MOST - 1


def test_an_end_after_a_long_life_is_no_failed_start(supervisor, monkeypatch):
    """A worker that the kernel kills for memory once an hour is brought back for ever."""
    monkeypatch.setattr(module, "QUICK", 0.0)
    supervisor.spawn("worker", [sys.executable, "-c", ""])
    until(lambda: supervisor.poll() or len(supervisor.said) == module.MOST + 1)


def test_a_process_gets_what_is_added_to_the_environment_and_no_terminal(supervisor, tmp_path, monkeypatch):
    monkeypatch.setenv("COLOUR", "red")
    code = "import os, sys; print(os.environ['COLOUR'], os.environ['SHAPE'], repr(sys.stdin.read()), os.getcwd())"
    supervisor.spawn("one", [sys.executable, "-c", code], env={"SHAPE": "round"})
    assert until(lambda: text(tmp_path / "log" / "one.log")) == f"red round '' {ROOT}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stops_the_last_started_first_and_kills_who_does_not_listen(trial, tmp_path, number):
    trial.send_signal(number)
    assert trial.communicate(timeout=20)[0] == "stopped\n"
    assert trial.returncode == 0
    assert not alive(str(tmp_path))
    heard = {name: text(tmp_path / f"{name}.log").split()[1:] for name in ("first", "second", "stubborn")}
    assert [len(heard[name]) // 2 for name in ("first", "second", "stubborn")] == [1, 1, 2]
    (_, asked, quit_, again), (_, second), (_, first) = heard["stubborn"], heard["second"], heard["first"]
    assert quit_ == "SIGQUIT" and float(again) - float(asked) > 0.4
    assert float(asked) < float(again) < float(second) < float(first)


def test_a_killed_supervisor_takes_its_processes_along(trial, tmp_path):
    """The kernel sends them SIGTERM; the stubborn one is killed here, as it listens to nothing."""
    trial.kill()
    until(lambda: "SIGTERM" in text(tmp_path / "stubborn.log"))
    left = until(lambda: len(found := alive(str(tmp_path))) == 1 and found)
    os.kill(left[0], signal.SIGKILL)


def test_a_log_over_its_limit_moves_aside_and_goes_on(tmp_path):
    log = tmp_path / "web.log"
    with log.open("ab") as writer:
        writer.write(b"old\n" * 30)
        writer.flush()
        child.bound(log, limit=200)
        assert log.stat().st_size == 120
        child.bound(log, limit=100)
        writer.write(b"new\n")
        writer.flush()
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"old\n" * 30


def test_lists_one_worker_for_training_and_every_queue_has_a_worker(settings, tmp_path):
    settings.DATA_DIR, settings.MAIL_SINK = tmp_path, True
    lines = dict(processes(8123))
    assert list(lines) == ["mail-sink", "worker-ml", "worker-default", "beat", "web"]
    queues = {queue for name in lines for queue in _option(lines[name], "-Q").split(",") if queue}
    assert queues == {"default", "ml", "delivery"}
    assert "--concurrency=1" in lines["worker-ml"]
    assert "--bind=127.0.0.1:8123" in lines["web"] and "--no-control-socket" in lines["web"]
    assert f"--schedule={tmp_path}/beat-schedule" in lines["beat"]
    settings.MAIL_SINK = False
    assert "mail-sink" not in dict(processes(8123))


def _option(argv: list[str], name: str) -> str:
    return argv[argv.index(name) + 1] if name in argv else ""


# --- serve


@pytest.fixture
def served(django_db_setup, tmp_path):
    """The environment of a `serve` on the test database, with a queue of its own in the tests' broker."""
    servers = attachment.Servers.of(attachment.Folder(next(iter(attachment._shares))))
    name = quote(connections["owner"].settings_dict["NAME"])
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "ATTUNE_DATA_DIR": str(tmp_path),
        "DATABASE_URL": servers.database_url.replace("/attune?", f"/{name}?"),
        "DATABASE_OWNER_URL": servers.owner_url.replace("/attune?", f"/{name}?"),
        "CELERY_BROKER_URL": f"{servers.broker_url}?virtual_host=7",
        "CACHE_URL": servers.cache_url.replace("db=1", "db=8"),
        "ATTUNE_MAIL_SINK": "0",
    }


def test_serve_runs_everything_brings_back_a_killed_worker_and_stops(served, tmp_path):
    port = free_port("127.0.0.1", 18000)
    argv = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", str(port)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, cwd=ROOT, env=served, stdout=pipe, stderr=subprocess.STDOUT, text=True)
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines[1] == f"Attune runs at http://127.0.0.1:{port}/\n", "".join(lines) + process.stdout.read()
        with pytest.raises(urllib.error.HTTPError) as nothing:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/no-such-page", timeout=30)
        assert nothing.value.code in {403, 404}

        log = tmp_path / "log" / "worker-default.log"
        until(lambda: "ready." in text(log))
        master = min(pid for pid in alive("default@%h") if "PPid:\t" + str(process.pid) in text_of(pid))
        os.kill(master, signal.SIGKILL)
        until(lambda: text(log).count("ready.") == 2)
    finally:
        process.terminate()
        said = process.communicate(timeout=60)[0]
    assert said.splitlines()[-1] == "Stopped."
    assert not alive(f"--bind=127.0.0.1:{port}") and not alive("default@%h", tmp_path)


def text_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def refusal(**options) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("serve", **options)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def test_serve_refuses_a_role_with_power(settings, tmp_path):
    settings.DATA_DIR, settings.DATABASE_URL = tmp_path, settings.DATABASE_OWNER_URL
    said = refusal()
    assert said.startswith("DATABASE_URL (attune_owner@") and "owns the database" in said


def test_serve_refuses_a_busy_port_by_the_name_of_its_variable(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "set PORT to a free port" in refusal(port=taken.getsockname()[1])


def test_serve_runs_once_on_a_data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with (tmp_path / "serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert refusal().startswith(f"Attune already runs from {tmp_path}: stop it there")
