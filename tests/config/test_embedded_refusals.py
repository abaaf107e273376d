"""What the embedded servers refuse to start on: always one line that says what to do."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config.embedded import StartRefused, attach, attachment
from tests.config.actors import NOBODY, Actor, as_root, gone, on_linux, query, until

pytestmark = on_linux


def refusal(data: Path) -> str:
    """The one line of a refused attach, which leaves no process and no claim behind."""
    with pytest.raises(StartRefused) as refused:
        attach(data)
    assert len(str(refused.value).splitlines()) == 1
    until(lambda: gone(data))
    assert not attachment._shares.keys() & {data, data.resolve()}
    return str(refused.value)


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
