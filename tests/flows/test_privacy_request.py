"""From the public form to the file: a letter over real SMTP, a one-time link, a button, a download."""

import json
import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.exceptions import Refused
from campaigns.models import Message
from campaigns.services import rights as own
from campaigns.tasks import send_letters
from customers.contracts import NewContact
from customers.models import ConsentRecord, Customer, PrivacyRequest, TypedRequest
from customers.services import optin, people, rights, typed_requests
from tests import factories
from tests.campaigns.pages import shop_sending, signed_in
from tests.customers.rows import reachable

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


def letter(folder) -> str:
    mails = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime)
    text = mails[-1].read_bytes().decode().replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
    return re.search(r"http://testserver(\S+)", text)[1]


def test_a_person_gets_their_data_by_a_link_to_an_address_on_file(sink):
    folder = sink()
    ann = reachable("ann@example.invalid", external_id="ann")
    client = Client(enforce_csrf_checks=True)

    page = client.post(reverse("campaigns:privacy"), {"email": "Ann@Example.invalid", "kind": "access"})
    assert "a link is on its way" in page.content.decode()
    send_letters()
    send_letters()  # may ring twice
    mail = next(folder.glob("*.eml")).read_text()
    assert "To: ann@example.invalid" in mail
    assert "List-Unsubscribe" not in mail  # no advertisement
    link = letter(folder)

    assert "Opening this page alone changes nothing" in client.get(link).content.decode()
    assert PrivacyRequest.objects.get().state == "received"
    assert "The link works once" in client.post(link).content.decode()
    file = client.post(link)
    known = json.loads(file.content)
    assert known["data"]["customers"]["profile"]["external_id"] == "ann"
    assert known["data"]["customers"]["contact_points"][0]["value"] == "ann@example.invalid"
    assert rights.proof_holds(known["proof"])
    assert PrivacyRequest.objects.get(customer=ann).state == "completed"
    assert client.post(link).status_code == 400  # once


def test_nobody_learns_who_is_known_and_nobody_is_pestered():
    reachable("ann@example.invalid")
    client = Client()
    pages = {
        client.post(reverse("campaigns:privacy"), {"email": email, "kind": "erasure"}).content
        for email in ("ann@example.invalid", "nobody@example.invalid")
    }
    assert len(pages) == 1
    answers = [
        client.post(reverse("campaigns:privacy"), {"email": "ann@example.invalid", "kind": "erasure"}).status_code
        for _ in range(4)
    ]
    assert answers == [200, 200, 429, 429]
    assert typed_requests.take() == 3  # the same, three times
    assert PrivacyRequest.objects.count() == 1
    assert not TypedRequest.objects.exists()


def test_a_known_address_takes_the_same_steps_as_an_unknown_one():
    """Not only the same words: the same statements, so that the time tells nothing either. Who it is, a worker asks."""
    for address in ("ann@example.invalid", "a-long-name-that-is-shared@example.invalid"):
        reachable(address)
    reachable("a-long-name-that-is-shared@example.invalid")
    done = {}
    for email in ("ann@example.invalid", "a-long-name-that-is-shared@example.invalid", "nobody@example.invalid"):
        with CaptureQueriesContext(connection) as queries:
            assert Client().post(reverse("campaigns:privacy"), {"email": email, "kind": "erasure"}).status_code == 200
        done[email] = [re.sub(r"'.*?'", "?", one["sql"]) for one in queries]
    assert len(set(map(tuple, done.values()))) == 1
    assert sum("INSERT" in sql for sql in done["ann@example.invalid"]) == 1
    assert not PrivacyRequest.objects.exists()

    typed = TypedRequest.objects.earliest("pk")
    assert b"ann@" not in bytes(typed.sealed)
    TypedRequest.objects.filter(pk=typed.pk).update(received_at=typed.received_at - timedelta(days=3))
    assert typed_requests.take() == 1 + 2
    row = PrivacyRequest.objects.earliest("pk")
    assert row.received_at == typed.received_at - timedelta(days=3)  # the clock runs from the day it came in
    assert row.due_at - row.received_at > timedelta(days=27)
    assert typed_requests.take() == 0


def test_a_tampered_or_foreign_link_opens_nothing():
    ann = reachable()
    request = rights.receive("erasure", ann, via="page", contact_point=ann.contact_points.get())
    _, secret = rights.new_link(request.pk)
    other = rights.receive("erasure", reachable("ben@example.invalid"), via="page")
    for reference, word in ((request.reference, secret + "x"), (other.reference, secret), (request.reference, "x")):
        address = reverse("campaigns:privacy-link", args=[reference, word])
        assert Client().post(address).status_code == 400
    assert set(PrivacyRequest.objects.values_list("state", flat=True)) == {"received"}


def test_the_officer_sees_the_clock_verifies_and_erases():
    ann = reachable(external_id="ann")
    people.add_contact_points([NewContact(ann.pk, "loyalty", "card-1")])
    officer = signed_in(factories.staff("officer"))

    officer.post(reverse("campaigns:request-new"), {"customer": "ann", "kind": "erasure"})
    request = PrivacyRequest.objects.get()
    page = officer.get(reverse("campaigns:requests")).content.decode()
    assert "GDPR art. 12(3)" in officer.get(reverse("campaigns:request", args=[request.pk])).content.decode()
    assert re.search(r"(29|30) days left", page)
    refused = officer.post(reverse("campaigns:request-erase", args=[request.pk]), follow=True).content.decode()
    assert "it is not known yet, or no longer, who asks" in refused

    officer.post(reverse("campaigns:request-verify", args=[request.pk]), {"evidence": "passport seen at the counter"})
    done = officer.post(reverse("campaigns:request-erase", args=[request.pk]), follow=True).content.decode()
    assert "the signature holds" in done
    ann.refresh_from_db()
    assert ann.erased_at is not None
    assert "passport" not in str(PrivacyRequest.objects.values())


def test_refusing_needs_a_reason():
    request = rights.receive("access", reachable(), via="staff")
    officer = signed_in(factories.staff("officer"))
    answer = officer.post(reverse("campaigns:request-refuse", args=[request.pk]), {"reason": ""})
    assert answer.status_code == 400
    officer.post(reverse("campaigns:request-refuse", args=[request.pk]), {"reason": "Asked three times this week."})
    request.refresh_from_db()
    assert (request.state, request.refusal) == ("refused", "Asked three times this week.")


def test_an_objection_by_link_stops_everything_at_once_and_for_good():
    shop = shop_sending(people=2)
    person = shop.people[0]
    request = rights.receive("objection", person, via="page", contact_point=person.contact_points.get(kind="email"))
    _, secret = rights.new_link(request.pk)
    address = reverse("campaigns:privacy-link", args=[request.reference, secret])
    assert not ConsentRecord.objects.filter(action="objected").exists()

    page = Client().post(address).content.decode()

    assert "Done, and it holds from now on" in page
    assert "None is under way." in page
    assert Message.objects.get(customer=person).reason == "withdrawn"
    assert sorted(ConsentRecord.objects.filter(action="objected").values_list("purpose", "channel")) == [
        ("marketing", "any"), ("profiling", "any"),
    ]  # fmt: skip
    assert Customer.objects.get(pk=person.pk).personalise is False
    assert "nobody may ask again" in optin.may_ask(person, "email")
    request.refresh_from_db()
    assert rights.proof_holds(request.proof)
    with pytest.raises(Refused):
        own.export(request.pk)


def test_behind_the_trusted_proxy_visitors_are_counted_by_their_own_network(settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    client = Client(REMOTE_ADDR="10.0.0.1")

    def asked(n: int) -> int:
        network = {"x-forwarded-for": f"203.0.{n}.7"}
        form = {"email": f"p{n}@example.invalid", "kind": "access"}
        return client.post(reverse("campaigns:privacy"), form, headers=network).status_code

    assert {asked(n) for n in range(40)} == {200}


def link_of(row: PrivacyRequest) -> str:
    return reverse("campaigns:privacy-link", args=[row.reference, rights.new_link(row.pk)[1]])


def test_a_file_that_was_not_fetched_in_time_is_reached_by_a_new_letter(client):
    ann = reachable()
    point = ann.contact_points.get()
    row = rights.receive("access", ann, via="page", contact_point=point)
    old = link_of(row)
    client.post(old)
    assert rights.receive("access", ann, via="page", contact_point=point).state == "verified"  # the link still lives
    PrivacyRequest.objects.update(link_until=timezone.now())

    again = rights.receive("access", ann, via="page", contact_point=point)

    assert (again.pk, again.state, rights.waiting_for_a_letter()) == (row.pk, "received", [row.pk])
    new = link_of(again)
    assert client.post(old).status_code == 400
    client.post(new)
    assert client.post(new)["Content-Type"].startswith("application/json")


def test_an_objection_whose_step_was_cut_off_is_carried_out_by_the_next_press(client):
    ann = reachable()
    row = rights.receive("objection", ann, via="page", contact_point=ann.contact_points.get())
    address = link_of(row)
    assert rights.verify_by_link(PrivacyRequest.objects.get(pk=row.pk))  # and then the process was killed

    assert "Done, and it holds from now on" in client.post(address).content.decode()
    assert PrivacyRequest.objects.get(pk=row.pk).state == "completed"
