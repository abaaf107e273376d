"""Anchors elsewhere than the database: what was cut or rewritten there is named, whoever has the public key can look."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from customers import ledger
from customers.models import ConsentRecord, ConsentState, LedgerGenesis
from customers.services import anchors, consent
from tests import factories
from tests.customers.rows import act
from tests.customers.test_verify_ledger import past_the_guard, run

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.ANCHOR_DIR = tmp_path / "elsewhere"
    return settings.ANCHOR_DIR


def five_records() -> list[ConsentRecord]:
    ann = factories.customer()
    consent.record_many([act(ann.pk, action) for action in ("requested", "given", "withdrawn", "given", "withdrawn")])
    return list(ConsentRecord.objects.order_by("seq"))


def cut(row: ConsentRecord) -> None:
    """Deletes the tail from this record on and makes the projection fit: the chain that is left is whole."""
    ConsentState.objects.all().delete()
    past_the_guard("DELETE FROM customers_consentrecord WHERE shard = %s AND seq >= %s", [row.shard, row.seq])
    consent.rebuild_state()


def test_a_sound_ledger_is_checked_against_its_anchors():
    five_records()
    anchors.append()
    anchors.append()
    out, err = run()
    assert "Checked against 2 anchors" in out
    assert "Every chain holds; the projection fits." in out
    assert err == ""


def test_without_an_anchor_it_says_what_it_cannot_know():
    five_records()
    assert "There is no anchor yet: a tail that was cut off would not be noticed." in run()[0]


def test_a_cut_tail_is_named_by_its_first_record():
    rows = five_records()
    anchors.append()
    cut(rows[3])
    _, err = run()
    assert f"shard {rows[0].shard}, record 4: cut: the chain ends at record 3, the anchor names 5" in err
    assert "The ledger does not hold: 1 fault." in err


def test_a_missing_shard_is_named():
    rows = five_records()
    anchors.append()
    cut(rows[0])
    assert f"shard {rows[0].shard}, record 1: missing shard: no record of it is left, the anchor names 5" in run()[1]


def test_a_chain_that_was_rewritten_and_anchored_anew_contradicts_the_first_anchor():
    rows = five_records()
    anchors.append()
    cut(rows[4])
    consent.record(act(rows[0].customer_id, "refused"))  # another record 5, in a chain that is whole
    anchors.append()
    _, err = run()
    assert f"shard {rows[0].shard}, record 5: anchor: anchors-" in err
    assert "it contradicts an earlier anchor" in err
    assert f"shard {rows[0].shard}, record 5: rewritten: the anchor holds another hash for this record" in err


def test_a_changed_line_and_a_line_taken_out_are_named(folder):
    five_records()
    for _ in range(3):
        path, _ = anchors.append()
    lines = path.read_text().splitlines()

    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    assert f"anchor: {path.name}, line 2: the line before it is missing or was replaced" in run()[1]
    path.write_text("\n".join([lines[0].replace('"previous": ""', '"previous": "00"'), *lines[1:]]) + "\n")
    assert f"anchor: {path.name}, line 1: The anchor was changed, or signed with another key." in run()[1]


def test_the_public_key_alone_is_enough_to_check(settings, folder):
    rows = five_records()
    anchors.append()
    out = StringIO()
    call_command("anchor_ledger", public_key=True, stdout=out)
    key = out.getvalue().strip()
    settings.ANCHOR_KEY = ""  # an auditor has none

    assert "Checked against 1 anchors" in run(public_key=key, anchors=folder)[0]
    cut(rows[4])
    assert "record 5: cut" in run(public_key=key, anchors=folder)[1]
    with pytest.raises(CommandError, match="64 hex digits"):
        call_command("verify_ledger", public_key="abc")
    with pytest.raises(CommandError, match="there is no folder"):
        call_command("verify_ledger", public_key=key, anchors=folder / "none")


def test_a_bad_key_says_so(settings):
    settings.ANCHOR_KEY = "c2hvcnQ="
    with pytest.raises(CommandError, match="ATTUNE_ANCHOR_KEY is not 32 bytes"):
        call_command("anchor_ledger")


def test_the_genesis_record_names_the_number_of_shards_and_is_guarded():
    rows = five_records()
    genesis = LedgerGenesis.objects.get()
    assert (genesis.shard, genesis.shard_count) == (rows[0].shard, 64)
    assert bytes(genesis.hash) == bytes(rows[0].prev_hash) == ledger.genesis_hash(genesis.shard)
    with pytest.raises(Exception, match="append-only"), connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE customers_ledgergenesis SET shard_count = 32")

    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE customers_ledgergenesis DISABLE TRIGGER genesis_no_change")
        cursor.execute("UPDATE customers_ledgergenesis SET shard_count = 32")
        cursor.execute("ALTER TABLE customers_ledgergenesis ENABLE ALWAYS TRIGGER genesis_no_change")
    assert f"shard {genesis.shard}, record 0: genesis: it names 32 shards" in run()[1]


def test_the_projection_is_compared_and_made_anew():
    five_records()
    out = StringIO()
    call_command("rebuild_consent", check=True, stdout=out)
    assert "says what the ledger says" in out.getvalue()

    ConsentState.objects.update(is_given=True, action="given")
    err = StringIO()
    with pytest.raises(CommandError, match="1 row differs from the ledger"):
        call_command("rebuild_consent", check=True, stderr=err)
    assert "marketing/email: it says given by record" in err.getvalue()
    call_command("rebuild_consent", stdout=out)
    assert ConsentState.objects.get().action == "withdrawn"
    call_command("rebuild_consent", check=True, stdout=out)
