"""The ledger in the database: what it takes, what it refuses, and who is allowed what by it."""

from datetime import timedelta

import pytest
from django.db import InternalError, ProgrammingError, connection, connections, transaction
from django.utils import timezone

from customers.exceptions import ConsentRefused, NoticeChanged
from customers.models import ConsentRecord, ConsentState, Notice
from customers.queries.consent import consent_summary
from customers.services import consent, people
from tests import factories
from tests.customers.rows import act

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def states() -> dict[tuple[str, str], tuple[str, bool]]:
    rows = ConsentState.objects.values_list("purpose", "channel", "action", "is_given")
    return {(purpose, channel): (action, is_given) for purpose, channel, action, is_given in rows}


def test_a_record_is_chained_dated_by_the_database_and_projected():
    ann = factories.customer()
    before = timezone.now()
    record_id = consent.record(act(ann.pk, ip="192.0.2.77", user_agent="Firefox", language="en"))

    record = ConsentRecord.objects.get(pk=record_id)
    assert (record.seq, record.action, record.ip_truncated) == (1, "given", "192.0.2.0/24")
    assert bytes(record.notice_sha256) == bytes(Notice.objects.get().sha256)
    assert b"Firefox" not in bytes(record.sealed)
    assert abs(record.recorded_at - before) < 60 * SECOND
    assert states() == {("marketing", "email"): ("given", True)}
    assert list(consent.verify()) == []
    assert list(consent.compare_state()) == []


def test_a_persons_records_stand_in_one_shard_without_gaps():
    ann, ben = factories.customer(), factories.customer()
    acts = [act(pk, action) for action in ("requested", "confirmed", "withdrawn", "given") for pk in (ann.pk, ben.pk)]

    assert consent.record_many(acts) == 8

    rows = ConsentRecord.objects.filter(customer_id=ann.pk).order_by("id")
    assert [row.action for row in rows] == ["requested", "confirmed", "withdrawn", "given"]
    assert len({(row.shard, bytes(row.subject)) for row in rows}) == 1
    assert list(consent.verify()) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"purpose": "everything"}, "purpose"),
        ({"channel": "pigeon"}, "channel"),
        ({"lawful_basis": "because"}, "lawful_basis"),
        ({"actor": ""}, "actor"),
        ({"notice_version": "never-published"}, "notice_version"),
        ({"notice_version": ""}, "notice_version"),
    ],
)
def test_what_proves_nothing_is_refused_and_nothing_is_recorded(change, field):
    good, bad = factories.customer(), factories.customer()
    fields = {"purpose": "marketing", "channel": "email"} | change
    with pytest.raises(ConsentRefused) as refused:
        consent.record_many([act(good.pk), act(bad.pk, **fields)])

    assert refused.value.field == field
    assert not ConsentRecord.objects.exists()


def test_an_erased_person_gets_no_new_records():
    ann = factories.customer(erased_at=timezone.now())
    with pytest.raises(ConsentRefused, match="erased"):
        consent.record(act(ann.pk))


def test_an_objection_to_all_closes_every_channel_and_a_later_yes_opens_its_own_alone():
    ann = factories.customer()
    consent.record_many([act(ann.pk, channel="email"), act(ann.pk, channel="sms")])
    consent.record(act(ann.pk, "objected", channel="any"))
    assert states() == {
        ("marketing", "email"): ("objected", False),
        ("marketing", "sms"): ("objected", False),
        ("marketing", "any"): ("objected", False),
    }

    consent.record(act(ann.pk, "given", channel="sms"))
    assert states()["marketing", "sms"] == ("given", True)
    assert states()["marketing", "email"] == ("objected", False)
    assert list(consent.compare_state()) == []


def test_a_yes_for_all_channels_bundles_nothing():
    ann = factories.customer()
    consent.record(act(ann.pk, "given", channel="any"))
    assert states() == {("marketing", "any"): ("given", True)}


def test_acts_of_one_batch_project_as_if_they_came_one_by_one():
    ann = factories.customer()
    consent.record_many(
        [act(ann.pk, channel="email"), act(ann.pk, "objected", channel="any"), act(ann.pk, channel="any")]
    )
    assert states()["marketing", "email"] == ("objected", False)
    assert list(consent.compare_state()) == []


def test_the_projection_is_compared_with_the_ledger_and_rebuilt_from_it():
    ann = factories.customer()
    consent.record_many(
        [act(ann.pk, channel="email"), act(ann.pk, "objected", channel="any"), act(ann.pk, channel="sms")]
    )
    right = states()
    ConsentState.objects.filter(channel="email").update(is_given=True, action="given")
    ConsentState.objects.filter(channel="sms").delete()

    faults = {(fault.channel, fault.detail.split(";")[0].split(" by ")[0]) for fault in consent.compare_state()}
    assert faults == {("email", "it says given"), ("sms", "it is missing")}
    assert consent.rebuild_state() == 3
    assert states() == right
    assert list(consent.compare_state()) == []


def test_the_state_of_an_earlier_day_is_read_off_the_ledger():
    ann = factories.customer()
    first = ConsentRecord.objects.get(pk=consent.record(act(ann.pk)))
    last = ConsentRecord.objects.get(pk=consent.record(act(ann.pk, "withdrawn", channel="any")))

    def given(at):
        return [(line.channel, line.is_given) for line in consent_summary(ann.pk, at=at)]

    assert given(first.recorded_at - SECOND) == []
    assert given(first.recorded_at) == [("email", True)]
    assert given(last.recorded_at) == [("any", False), ("email", False)]


def test_consent_that_ended_is_shown_as_no():
    ann = factories.customer()
    consent.record(act(ann.pk, valid_until=timezone.now() + SECOND))
    (line,) = consent_summary(ann.pk)
    assert line.is_given
    (line,) = consent_summary(ann.pk, at=timezone.now() + 2 * SECOND)
    assert not line.is_given


def test_a_published_wording_stays_as_it_is():
    digest = consent.publish_notice("2026-01", "en", "We may write to you.")
    assert consent.publish_notice("2026-01", "en", "We may write to you.") == digest
    with pytest.raises(NoticeChanged):
        consent.publish_notice("2026-01", "en", "We may write to you daily.")
    assert Notice.objects.get().text == "We may write to you."


@pytest.mark.parametrize("alias", ["default", "owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customers_consentrecord SET action = 'given'",
        "DELETE FROM customers_consentrecord",
        "TRUNCATE customers_consentrecord CASCADE",
    ],
)
@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_neither_the_application_nor_the_owner_changes_the_ledger(alias, statement):
    record_id = consent.record(act(factories.customer().pk, "refused"))

    # The application lacks the right; the owner has it and meets the trigger.
    refusal = pytest.raises((ProgrammingError, InternalError), match=r"permission denied|append-only")
    with refusal, transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(statement)
    assert ConsentRecord.objects.get(pk=record_id).action == "refused"


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_replica_mode_does_not_walk_past_the_guard():
    """Ordinary triggers sleep in that mode. The owner may not even enter it; what holds it is ENABLE ALWAYS."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'customers_consentrecord'::regclass "
            "AND NOT tgisinternal AND tgname LIKE 'ledger%' ORDER BY 1"
        )
        assert dict(cursor.fetchall()) == {"ledger_dated_now": "A", "ledger_no_change": "A", "ledger_no_truncate": "A"}


def test_a_record_dated_by_the_client_is_refused():
    record = ConsentRecord.objects.get(pk=consent.record(act(factories.customer().pk)))
    for moved in (-60 * SECOND, 60 * SECOND):
        record.pk, record.seq, record.recorded_at = None, record.seq + 1, timezone.now() + moved
        with pytest.raises(Exception, match="dated by the database"), transaction.atomic():
            record.save(force_insert=True)
    assert ConsentRecord.objects.count() == 1


def test_the_application_has_no_right_on_any_partition_of_events():
    people.import_customers([])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') "
            "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'customers_event'::regclass AND c.relkind = 'r'"
        )
        rights = dict(cursor.fetchall())
    assert len(rights) >= 4  # the default one, this month, and three to come
    assert set(rights.values()) == {False}
