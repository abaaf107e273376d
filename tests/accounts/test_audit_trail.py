"""The audit trail: nobody changes it, and who has the right finds in it what they look for and takes it along."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.db import InternalError, ProgrammingError, connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, User
from accounts.services import audit, formula_safe
from accounts.views import trail
from tests import factories

pytestmark = pytest.mark.django_db


def reader(role: str = "officer") -> Client:
    client = Client()
    client.force_login(factories.staff(role, f"reader-{role}"))
    return client


def entries(page) -> list[str]:
    return [entry.action for entry in page.context["entries"]]


@pytest.mark.parametrize("alias", ["default", "owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET reason = 'another'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
    ],
)
@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_neither_the_application_nor_the_owner_changes_the_trail(alias, statement):
    ada = factories.staff("administrator")
    entry = audit(ada, "thing.done", ada, reason="the truth")

    # The application lacks the right; the owner has it and meets the trigger.
    refusal = pytest.raises((ProgrammingError, InternalError), match=r"permission denied|append-only")
    with refusal, transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.get(pk=entry.pk).reason == "the truth"


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_replica_mode_does_not_walk_past_the_guard():
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'accounts_auditentry'::regclass "
            "AND NOT tgisinternal ORDER BY 1"
        )
        assert dict(cursor.fetchall()) == {"audit_dated_now": "A", "audit_no_change": "A", "audit_no_truncate": "A"}


def test_an_entry_dated_by_the_client_is_refused():
    ada = factories.staff("administrator")
    for moved in (timedelta(minutes=-1), timedelta(minutes=1)):
        with pytest.raises(Exception, match="dated by the database"), transaction.atomic():
            AuditEntry.objects.create(actor=ada, action="x", object_type="y", object_id="1", at=timezone.now() + moved)
    assert not AuditEntry.objects.exists()


def test_an_entry_that_belongs_to_an_undone_change_is_undone_with_it():
    ada = factories.staff("administrator")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        audit(ada, "thing.done", ada)
        raise ZeroDivisionError
    assert not AuditEntry.objects.exists()


def test_it_is_searched_by_who_what_thing_and_day():
    ada, ben = factories.staff("administrator", "ada"), factories.staff("approver", "ben")
    audit(ada, "key.issued", ben, reason="r")
    audit(ben, "campaign.approve", ada, reason="r")
    client, address = reader(), reverse("accounts:audit")
    today = timezone.now().date()

    assert entries(client.get(address)) == ["campaign.approve", "key.issued"]
    assert entries(client.get(address, {"actor": "ada"})) == ["key.issued"]
    assert entries(client.get(address, {"action": "campaign."})) == ["campaign.approve"]
    assert entries(client.get(address, {"object_type": "accounts.user", "object_id": ben.pk})) == ["key.issued"]
    assert len(entries(client.get(address, {"since": today, "until": today}))) == 2
    assert entries(client.get(address, {"since": today + timedelta(days=1)})) == []
    assert entries(client.get(address, {"until": today - timedelta(days=1)})) == []


def test_a_day_that_is_none_is_refused_at_its_field():
    page = reader().get(reverse("accounts:audit"), {"since": "yesterday"})
    assert page.status_code == 400
    assert "Enter a valid date." in page.content.decode()


def test_its_pages_lead_through_every_entry_once_also_within_one_moment(monkeypatch):
    monkeypatch.setattr(trail, "PAGE", 3)
    ada = factories.staff("administrator")
    for number in range(8):  # one transaction: all have the same time
        audit(ada, f"step.{number}", ada)
    client, seen, url = reader(), [], reverse("accounts:audit")
    while url:
        page = client.get(url)
        seen += entries(page)
        url = page.context["next_url"] and reverse("accounts:audit") + page.context["next_url"]

    assert seen == [f"step.{number}" for number in reversed(range(8))]


def test_a_cursor_that_nobody_made_shows_the_first_page():
    ada = factories.staff("administrator")
    audit(ada, "thing.done", ada)
    client = reader()
    for cursor in ("x", "2026-01-01~1", "2026-01-01T00:00:00+00:00~", "~~~", "2026-01-01T00:00:00+00:00~" + "9" * 40):
        assert entries(client.get(reverse("accounts:audit"), {"before": cursor})) == ["thing.done"]


def test_the_export_is_what_the_search_finds_and_an_entry_of_its_own():
    ada, ben = factories.staff("administrator", "ada"), factories.staff("approver", "ben")
    audit(ada, "key.issued", ben, before={"n": 1}, after={"n": 2}, reason='=HYPERLINK("http://evil")')
    audit(ben, "campaign.approve", ada)
    client = reader()

    answer = client.post(reverse("accounts:audit-export"), {"actor": "ada", "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    assert answer["Content-Disposition"].startswith('attachment; filename="audit-')
    assert [(row["actor"], row["action"], row["after"]) for row in rows] == [("ada", "key.issued", '{"n": 2}')]
    assert rows[0]["reason"] == '\'=HYPERLINK("http://evil")'  # no spreadsheet takes it for a formula
    entry = AuditEntry.objects.get(action="audit.exported")
    assert (entry.actor.username, entry.after) == ("reader-officer", {"format": "csv", "actor": "ada"})


def test_the_export_as_json_is_one_object_a_line():
    ada = factories.staff("administrator", "ada")
    audit(ada, "key.issued", ada, after={"n": 2}, reason="why")
    answer = reader().post(reverse("accounts:audit-export"), {"action": "key.", "format": "json"})

    (line,) = b"".join(answer.streaming_content).decode().splitlines()
    found = json.loads(line)
    assert (found["actor"], found["action"], found["after"], found["reason"]) == ("ada", "key.issued", {"n": 2}, "why")


def test_who_may_read_the_trail_may_not_take_it_along():
    client = reader("administrator")
    assert client.get(reverse("accounts:audit")).status_code == 200
    assert client.post(reverse("accounts:audit-export"), {"format": "csv"}).status_code == 403
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-x", "'-x"),
        ("@a", "'@a"),
        ("\tx", "'\tx"),
        (-3, "-3"),
        (None, ""),
        ("a=b", "a=b"),
    ],
)
def test_a_cell_that_begins_like_a_formula_is_disarmed_and_numbers_stay_numbers(cell, safe):
    assert formula_safe(cell) == safe


def test_rights_that_are_given_in_the_admin_stand_in_the_trail():
    root = factories.enrol(User.objects.create_superuser("root", password="correct horse battery"))
    client = Client()
    client.force_login(root)
    role = factories.staff("analyst").roles.get()
    url = reverse("admin:accounts_role_change", args=[role.pk])

    answer = client.post(url, {"slug": role.slug, "name": role.name, "capabilities": "campaign.read,key.manage"})

    assert answer.status_code == 302, answer.content
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.action, entry.object_type) == (root, "admin.changed", "accounts.role")
    assert entry.after["capabilities"] == ["campaign.read", "key.manage"]
    assert entry.request_id == answer["X-Request-Id"]

    user = factories.staff("marketer")
    client.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"})
    gone = AuditEntry.objects.latest("pk")
    assert (gone.action, gone.before["name"], gone.before["roles"]) == ("admin.deleted", user.username, ["marketer"])
