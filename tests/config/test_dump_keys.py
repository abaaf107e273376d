"""Keys are dumped apart: without their file an archive reveals nobody, with it everything is there again."""

import subprocess
from pathlib import Path

import psycopg
import pytest

from config.embedded import StartRefused, dump, restore
from tests.config.test_dump_restore import databases, run, server  # noqa: F401 - fixtures

SECRET = "wrapped-key-of-ann"


def people(url: str) -> str:
    run(
        url,
        "CREATE TABLE customers_customer (id int PRIMARY KEY, name text); "
        "CREATE TABLE customers_subjectkey (customer_id int PRIMARY KEY REFERENCES customers_customer, sealed text); "
        f"INSERT INTO customers_customer VALUES (1, 'ann'); INSERT INTO customers_subjectkey VALUES (1, '{SECRET}')",
    )
    return url


def keys(url: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT * FROM customers_subjectkey").fetchall()


def text_of(archive: Path) -> str:
    from config.embedded import archive as module

    program = module._program("pg_restore", 15, "postgresql:///x?host=/")
    return subprocess.run([program, "--file=-", archive], capture_output=True, text=True, check=True).stdout


def test_the_archive_holds_everything_but_the_keys(databases, tmp_path):  # noqa: F811
    url = people(databases("people"))
    dump(url, tmp_path / "all", apart=("customers_subjectkey", tmp_path / "all.keys"))

    assert "ann" in text_of(tmp_path / "all")
    assert SECRET not in text_of(tmp_path / "all")
    assert SECRET in text_of(tmp_path / "all.keys")
    with_keys, without = databases("with_keys"), databases("without")
    restore(with_keys, tmp_path / "all", apart=tmp_path / "all.keys")
    restore(without, tmp_path / "all")
    assert keys(with_keys) == [(1, SECRET)]
    assert keys(without) == []


def test_neither_file_is_written_over(databases, tmp_path):  # noqa: F811
    url = people(databases("people2"))
    (tmp_path / "all.keys").write_text("older")
    with pytest.raises(StartRefused, match=r"all\.keys exists"):
        dump(url, tmp_path / "all", apart=("customers_subjectkey", tmp_path / "all.keys"))
    assert not (tmp_path / "all").exists()


def test_what_another_user_left_in_the_way_gets_no_copy(databases, tmp_path):  # noqa: F811
    url, elsewhere = people(databases("people3")), tmp_path / "elsewhere"
    elsewhere.touch(0o666)
    (tmp_path / "all.keys.part").symlink_to(elsewhere)

    dump(url, tmp_path / "all", apart=("customers_subjectkey", tmp_path / "all.keys"))

    assert elsewhere.read_bytes() == b""
    assert (tmp_path / "all.keys").stat().st_mode & 0o777 == 0o600


def test_keys_that_do_not_fit_are_named_and_nobody_is_told_that_nothing_changed(databases, tmp_path):  # noqa: F811
    url = people(databases("people4"))
    dump(url, tmp_path / "all", apart=("customers_subjectkey", tmp_path / "all.keys"))
    run(url, "INSERT INTO customers_customer VALUES (2, 'ben'); INSERT INTO customers_subjectkey VALUES (2, 'other')")
    dump(url, tmp_path / "later", apart=("customers_subjectkey", tmp_path / "later.keys"))

    with pytest.raises(StartRefused, match=r"all was restored and .*later\.keys was not"):
        restore(databases("mixed"), tmp_path / "all", apart=tmp_path / "later.keys")
