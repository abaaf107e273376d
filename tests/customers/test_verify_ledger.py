"""Somebody with the owner's rights got at the rows: the command names shard, record and cause, and exits 1."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from customers.models import ConsentRecord, ConsentState
from customers.services import consent
from tests import factories
from tests.customers.rows import act

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def run(**options) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_ledger", stdout=out, stderr=err, **options)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}"
    return out.getvalue(), err.getvalue()


def past_the_guard(statement: str, parameters) -> None:
    """What only the table's owner can do: lift the triggers, change rows, and put the triggers back."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE customers_consentrecord DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)
        for name in ("ledger_no_change", "ledger_no_truncate", "ledger_dated_now"):
            cursor.execute(f"ALTER TABLE customers_consentrecord ENABLE ALWAYS TRIGGER {name}")


def five_records() -> list[ConsentRecord]:
    ann = factories.customer()
    consent.record_many([act(ann.pk, action) for action in ("requested", "given", "withdrawn", "given", "withdrawn")])
    return list(ConsentRecord.objects.order_by("seq"))


def test_a_sound_ledger_says_how_much_it_read():
    rows = five_records()
    consent.record(act(factories.customer().pk))

    out, err = run()
    assert out.startswith("6 records in ")
    assert "Every chain holds; the projection fits." in out
    assert err == ""
    out, err = run(shard=rows[0].shard)
    assert "Every chain holds." in out


def test_an_edited_record_is_named():
    rows = five_records()
    past_the_guard("UPDATE customers_consentrecord SET action = 'given' WHERE id = %s", [rows[2].pk])

    out, err = run()
    assert f"shard {rows[2].shard}, record 3: edited: its fields do not give its hash" in err
    assert "The ledger does not hold: 1 fault." in err
    assert out.startswith("5 records in 1 shards verified")


def test_a_deleted_record_is_a_gap_before_the_next():
    rows = five_records()
    ConsentState.objects.all().delete()
    past_the_guard("DELETE FROM customers_consentrecord WHERE id = %s", [rows[1].pk])
    consent.rebuild_state()

    _, err = run()
    assert f"shard {rows[1].shard}, record 3: gap: 1 record is missing before it" in err


def test_a_cut_tail_shows_in_the_projection_even_without_an_anchor():
    """The chain alone cannot notice it, but somebody's newest word is gone with the tail."""
    rows = five_records()
    ConsentState.objects.update(record=rows[3])
    past_the_guard("DELETE FROM customers_consentrecord WHERE id = %s", [rows[4].pk])

    _, err = run()
    assert f"marketing/email: it says withdrawn by record {rows[3].pk}; the ledger says given" in err


def test_a_changed_projection_is_named():
    rows = five_records()
    ConsentState.objects.update(is_given=True, action="given")

    _, err = run()
    assert f"state of customer {rows[0].customer_id}, marketing/email: it says given" in err


def test_an_unknown_customer_is_said_so():
    _, err = run(customer="nobody")
    assert err == "nobody: no such customer, or none with consent records."
