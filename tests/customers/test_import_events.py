"""manage.py import_events: a file with broken lines loads the good ones, lists the bad ones, and loses nothing."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from customers.management.commands import import_events
from customers.models import Event, Quarantine
from customers.services import seal
from tests import factories
from tests.customers.rows import event

pytestmark = pytest.mark.django_db


def run(path, **options) -> list[str]:
    out = StringIO()
    call_command("import_events", str(path), stdout=out, stderr=StringIO(), **options)
    return out.getvalue().splitlines()


@pytest.fixture
def feed(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = [
        json.dumps(event()).encode(),
        b'{"messageId": "cut',
        b"",
        json.dumps(event("Bought")).encode(),
        b'{"messageId": "\xff"}',
        json.dumps(event(userId="ben")).encode(),
    ]
    path.write_bytes(b"\n".join(lines))
    return path


def test_good_lines_load_and_each_bad_one_is_listed_and_kept(feed):
    out = run(feed)

    assert [line.split(": ")[:2] for line in out[:3]] == [["line 2", "event"], ["line 4", "event"], ["line 5", "event"]]
    assert out[3] == "2 taken in, 0 known before, 3 set aside."
    assert Event.objects.count() == 2
    kept = [json.loads(seal.open_install(row.sealed))["event"] for row in Quarantine.objects.order_by("id")]
    assert kept[0] == '{"messageId": "cut'
    assert kept[2] == '{"messageId": "\\xff"}'


def test_a_second_run_changes_nothing_in_what_was_taken_in(feed):
    run(feed)
    assert run(feed)[-1] == "0 taken in, 2 known before, 3 set aside."
    assert Event.objects.count() == 2


def test_line_numbers_hold_across_batches(feed, monkeypatch):
    monkeypatch.setattr(import_events, "BATCH", 2)
    assert [line.split(":")[0] for line in run(feed)[:3]] == ["line 2", "line 4", "line 5"]


def test_the_merchant_source_and_origin_are_as_told(feed):
    merchant = factories.merchant()
    run(feed, merchant=merchant.external_id, source="store", origin="simulated")
    assert set(Event.objects.values_list("merchant", "source", "origin", "channel")) == {
        (merchant.pk, "store", "simulated", "store")
    }


def test_an_unknown_merchant_or_a_missing_file_is_said_in_one_line(tmp_path, feed):
    with pytest.raises(CommandError, match="No merchant has the id “nobody”"):
        run(feed, merchant="nobody")
    with pytest.raises(CommandError, match="cannot be read"):
        run(tmp_path / "missing.jsonl")
