"""Everybody as a file: for a reason that a second person read, taken once; addresses only for who may have them."""

import csv
import io

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.models import AuditEntry, ExportRequest
from customers.contracts import Channel, NewContact
from customers.models import ContactPoint, Customer, SubjectKey
from customers.queries import people_export
from customers.services import consent, people, suppression
from tests import factories
from tests.accounts.test_login import log_in
from tests.campaigns.pages import signed_in
from tests.customers.rows import act

pytestmark = pytest.mark.django_db
ASK = reverse("customers:export")
LIST = reverse("customers:list")
EMAIL, PHONE, CARD = "ann@example.com", "+493012345678", "=1+1"


@pytest.fixture(autouse=True)
def _no_counts_of_other_tests():
    cache.clear()


@pytest.fixture
def ann() -> Customer:
    ann = factories.customer(external_id="=ann", attributes={"age": "35-44"})
    given = [(ann.pk, "email", EMAIL), (ann.pk, "phone", PHONE), (ann.pk, "loyalty", CARD), (ann.pk, "device", "d-1")]
    people.add_contact_points([NewContact(*one) for one in given])
    consent.record(act(ann.pk))
    return ann


def decided(asked_by: str, *, approve: bool = True) -> ExportRequest:
    """A second person, through the page, says yes or no to the newest request."""
    found = ExportRequest.objects.latest("pk")
    assert found.asked_by.username == asked_by
    ada = log_in(factories.staff("administrator"))
    assert found.what in ada.get(reverse("accounts:exports")).content.decode()
    word = "approved" if approve else "refused"
    ada.post(reverse("accounts:export-decide", args=[found.pk]), {"decision": word, "reason": "the auditor asked"})
    found.refresh_from_db()
    assert found.state == word
    return found


def lines(answer) -> list[dict]:
    assert answer.streaming
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_asked_decided_and_taken_once_without_any_address(ann):
    mara = log_in(factories.staff("marketer", "mara"))
    assert "in the clear" not in mara.get(LIST).content.decode()
    mara.post(ASK, {"export-reason": "a count by country", "export-contacts": "on"})  # the box is not theirs to tick
    found = ExportRequest.objects.get()
    assert (found.object_id, found.what) == ("bare", "All customers, without addresses")
    take = reverse("customers:export-download", args=["bare", found.pk])
    assert mara.post(take).url == LIST  # nobody has decided
    decided("mara")
    assert take in mara.get(LIST).content.decode()

    (row,) = lines(mara.post(take))
    assert list(row) == list(people_export.COLUMNS)
    assert (row["customer"], row["attributes"], row["marketing_allowed_on"]) == ("'=ann", '{"age": "35-44"}', "email")
    assert "@" not in str(row) and "4930" not in str(row)
    assert mara.post(take).url == LIST  # once
    actions = AuditEntry.objects.filter(action__startswith="export.").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["export.asked", "export.approved", "export.downloaded"]


def test_addresses_go_only_to_who_has_the_right_and_by_a_request_that_says_so(ann):
    suppression.suppress_people([(ann.pk, Channel.EMAIL)], "unsubscribed")
    otto = factories.staff("officer", "otto")
    client = log_in(otto)
    assert "in the clear" in client.get(LIST).content.decode()
    client.post(ASK, {"export-reason": "the authority asked", "export-contacts": "on"})
    found = decided("otto")
    bare, take = (reverse("customers:export-download", args=[which, found.pk]) for which in ("bare", "contacts"))
    assert client.post(bare).url == LIST  # approved was the other one

    (row,) = lines(client.post(take))
    assert {name: row[name] for name in people_export.CONTACT_COLUMNS} == {
        "email": EMAIL, "phone": f"'{PHONE}", "social": "", "loyalty": f"'{CARD}", "stopped": "email",
    }  # fmt: skip
    assert "d-1" not in str(row)

    # The right was taken away between the decision and the download.
    client.post(ASK, {"export-reason": "once more", "export-contacts": "on"})
    found = decided("otto")
    role = otto.roles.get()
    role.capabilities.remove("contact.export")
    role.save()
    refused = client.post(reverse("customers:export-download", args=["contacts", found.pk]))
    assert refused.status_code == 403
    found.refresh_from_db()
    assert found.state == "approved"  # and nothing of it was taken


def test_a_session_that_was_left_open_says_first_who_it_is():
    led = signed_in(factories.staff("marketer")).post(ASK, {"export-reason": "x"})
    assert led.url.startswith(reverse("account_reauthenticate"))
    assert not ExportRequest.objects.exists()


def test_without_a_reason_nothing_is_asked():
    client = log_in(factories.staff("marketer"))
    answer = client.post(ASK, {"export-reason": " "}, follow=True)
    assert "Say what the export is for" in answer.content.decode()
    assert not ExportRequest.objects.exists()


def test_it_is_read_in_blocks_and_whoever_is_gone_or_does_not_open_is_left_out(
    ann, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(people_export, "BLOCK", 2)
    bob, cid, dee = (factories.customer(external_id=name) for name in ("bob", "cid", "dee"))
    people.add_contact_points(
        [NewContact(one.pk, "email", f"{one.external_id}@example.com") for one in (bob, cid, dee)]
    )
    Customer.objects.filter(pk=cid.pk).update(merged_into=ann)
    SubjectKey.objects.filter(customer=bob).delete()
    with django_assert_num_queries(2 * 6 + 1):  # two blocks, and the empty one
        found = {row[0]: row[12] for row in people_export.rows(with_contacts=True)}
    assert found == {"=ann": EMAIL, "bob": "", "dee": "dee@example.com"}

    reading = people_export.rows(with_contacts=True)
    assert next(reading)[0] == "=ann"
    Customer.objects.filter(pk=dee.pk).update(erased_at="2026-05-01T00:00:00Z")  # while it streams
    assert [row[0] for row in reading] == ["bob"]
    assert ContactPoint.objects.filter(customer=dee).exists()
