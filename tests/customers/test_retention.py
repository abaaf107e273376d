"""What is older than its rule goes, as the owner, and nothing else: not what is held, not what proves something."""

import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, IdempotencyKey
from customers.exceptions import RetentionRefused
from customers.models import Event, LegalHold, Quarantine, RetentionRule, RetentionRun
from customers.services import partitions, retention
from tests import factories

RULES = import_module("customers.migrations.0010_retention").RULES
both = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
OLD = datetime(2021, 3, 10, tzinfo=UTC)


def run(**options) -> str:
    out = StringIO()
    call_command("retention", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def shipped():
    """The rules that come with Attune; a test that commits leaves the tables flushed."""
    for table, column, days, only_where, why in RULES:
        fields = {"column": column, "keep_days": days, "only_where": only_where, "why": why}
        RetentionRule.objects.update_or_create(table=table, defaults=fields)


@pytest.fixture
def rules():
    RetentionRule.objects.all().delete()
    for table, column, days, only_where in (
        ("accounts_idempotencykey", "created_at", 7, ""),
        ("customers_event", "occurred_at", 1095, ""),
        ("customers_quarantine", "received_at", 90, "resolved_at"),
    ):
        RetentionRule.objects.create(table=table, column=column, keep_days=days, only_where=only_where, why="a purpose")


@pytest.fixture
def old_events(rules):
    partitions.ensure(since=OLD, until=OLD + timedelta(days=31))
    for at in (OLD, OLD + timedelta(days=25), timezone.now()):
        Event.objects.create(occurred_at=at, message_id=f"m-{at}", name="Product Viewed", source="api", channel="web")
    yield
    with connections["owner"].cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS customers_event_2021_03, customers_event_2021_04")


def old_key(user, key: str, days: int):
    row = IdempotencyKey.objects.create(user=user, key=key, body_digest=b"x" * 32)
    IdempotencyKey.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=days))


@both
def test_without_apply_it_says_what_is_due_and_removes_nothing(old_events):
    said = run()
    assert "customers_event_2021_03, customers_event_2021_04 due" in said
    assert "Nothing was removed; --apply does it." in said
    assert Event.objects.count() == 3
    newest = RetentionRun.objects.get(table="customers_event")
    assert (newest.due, newest.removed, newest.unit) == (2, 0, "partitions")


@both
def test_whole_months_go_and_the_trail_says_which(old_events):
    assert "customers_event_2021_03, customers_event_2021_04 removed" in run(apply=True)
    assert Event.objects.count() == 1
    entry = AuditEntry.objects.get(action="retention.applied")
    assert entry.after["names"] == ["customers_event_2021_03", "customers_event_2021_04"]
    assert entry.reason == "a purpose"
    assert "nothing due" in run(apply=True)


@both
def test_rows_go_batch_by_batch_and_what_is_still_open_stays(rules, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    user = factories.staff("marketer")
    for number in range(5):
        old_key(user, f"old-{number}", 8)
    old_key(user, "young", 6)
    for resolved in (None, timezone.now()):
        row = Quarantine.objects.create(source="api", field="event", reason="x", sealed=b"x", resolved_at=resolved)
        Quarantine.objects.filter(pk=row.pk).update(received_at=timezone.now() - timedelta(days=91))
    run(apply=True)
    assert [row.key for row in IdempotencyKey.objects.all()] == ["young"]
    assert [row.resolved_at for row in Quarantine.objects.all()] == [None]
    assert RetentionRun.objects.get(table="accounts_idempotencykey").removed == 5


@both
@pytest.mark.parametrize("table", ["customers_event", "*"])
def test_a_hold_stops_its_table_until_it_is_lifted(old_events, table):
    otto = factories.staff("officer")
    hold = retention.place_hold(table=table, reason="case 7", actor=otto)
    assert "kept by a legal hold: case 7" in run(apply=True)
    assert Event.objects.count() == 3

    assert retention.lift_hold(hold.pk, reason="settled", actor=otto)
    assert not retention.lift_hold(hold.pk, reason="settled", actor=otto)
    run(apply=True)
    assert Event.objects.count() == 1
    assert [e.action for e in AuditEntry.objects.order_by("pk")] == ["hold.placed", "hold.lifted", "retention.applied"]


@both
def test_a_hold_placed_between_the_look_and_the_removal_still_holds(old_events):
    found = [one for one in retention.due() if one.rule.table == "customers_event"]
    retention.place_hold(table="customers_event", reason="case 7", actor=factories.staff("officer"))
    retention.apply(found[0])
    assert Event.objects.count() == 3


@both
def test_a_rule_that_cannot_be_kept_is_refused_before_anything_goes(rules):
    young = IdempotencyKey.objects.create(user=factories.staff("marketer"), key="old", body_digest=b"x" * 32)
    IdempotencyKey.objects.update(created_at=OLD)
    for table, column, words in (
        ("customers_consentrecord", "recorded_at", "append-only: what proves something is kept"),
        ("accounts_auditentry", "at", "append-only"),
        ("no_such_table", "at", "There is no such table"),
        ("catalog_offer", "no_such_column", "has no column no_such_column"),
        ('customers_event"; DROP TABLE x', "at", "There is no such table"),
    ):
        bad = RetentionRule.objects.create(table=table, column=column, keep_days=1, why="x")
        with pytest.raises(CommandError, match=words):
            run(apply=True)
        bad.delete()
    assert IdempotencyKey.objects.get() == young


@pytest.mark.django_db
def test_every_rule_that_comes_with_attune_fits_its_table(shipped):
    assert RetentionRule.objects.count() == len(RULES)
    with connections["default"].cursor() as cursor:
        for rule in RetentionRule.objects.all():
            retention._check(cursor, rule)


@pytest.mark.django_db
def test_the_officer_places_and_lifts_a_hold_with_a_reason(shipped):
    client = Client()
    client.force_login(factories.staff("officer"))
    page, place = reverse("customers:retention"), reverse("customers:hold")
    assert "customers_event" in client.get(page).content.decode()

    refused = client.post(place, {"table": "customers_event", "reason": ""})
    assert refused.status_code == 400
    assert not LegalHold.objects.exists()
    assert client.post(place, {"table": "auth_group", "reason": "x"}).status_code == 400
    assert client.post(place, {"table": "customers_event", "reason": "case 7"}).status_code == 302
    assert "held" in client.get(page).content.decode()

    hold = LegalHold.objects.get()
    lift = reverse("customers:lift-hold", args=[hold.pk])
    assert client.post(lift, {"reason": ""}).status_code == 400
    assert client.post(lift, {"reason": "settled"}).status_code == 302
    hold.refresh_from_db()
    assert hold.lifted_at is not None


@pytest.mark.django_db
def test_a_hold_names_what_is_wrong_with_it():
    otto = factories.staff("officer")
    with pytest.raises(RetentionRefused, match="customers_customer, table: No rule throws anything of it away"):
        retention.place_hold(table="customers_customer", reason="x", actor=otto)
    with pytest.raises(RetentionRefused, match="reason: Say which case"):
        retention.place_hold(table="*", reason=" ", actor=otto)


@pytest.mark.django_db
def test_who_may_only_read_sees_the_holds_and_no_form_that_would_refuse_them(shipped):
    otto = factories.staff("officer")
    retention.place_hold(table="customers_event", reason="case 7", actor=otto)
    client = Client()
    client.force_login(otto)
    page = reverse("customers:retention")
    assert {"Place the hold", "Lift the hold"} <= set(
        re.findall("Place the hold|Lift the hold", client.get(page).content.decode())
    )
    role = otto.roles.get()
    role.capabilities.remove("consent.write")
    role.save()
    shown = client.get(page).content.decode()
    assert "case 7" in shown
    assert not re.search("<form[^>]*hold", shown)
