"""The preference centre: all switches in one post, a no at once, a yes to e-mail by a second step, receipts to keep."""

import json

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Message
from campaigns.services.messages import PREFERENCES, sign
from customers.models import ConsentRecord, ConsentState, ContactPoint, Customer, NoticeForm, OptIn, Suppression
from customers.services import consent, merge, optin
from customers.services.withdraw import withdraw
from tests import factories
from tests.campaigns.pages import shop_sending, shop_sent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_asked_yet():
    cache.clear()


@pytest.fixture
def person() -> Customer:
    return shop_sent(people=2).people[0]


@pytest.fixture
def client():
    return Client(enforce_csrf_checks=True, headers={"user-agent": "Mozilla/5.0"})


def link(person, name: str = "preferences") -> str:
    return reverse(
        f"campaigns:{name}", args=[sign(Message.objects.get(customer=person, channel="email").pk, PREFERENCES)]
    )


def words(person) -> dict[str, str]:
    rows = ConsentState.objects.filter(customer=person).values_list("purpose", "channel", "action")
    return {f"{purpose}/{channel}": action for purpose, channel, action in rows}


def test_every_purpose_that_applies_has_a_switch_in_both_languages(person, client):
    page = client.get(link(person)).content.decode()
    assert [one.subject for one in client.get(link(person)).context["switches"]] == [
        "email", "store", "profiling", "model_training", "third_party",
    ]  # fmt: skip
    assert "Yes, send me offers by e-mail." in page
    assert "GDPR art. 7(2)-(3)" in page
    assert "请通过电子邮件" in client.get(link(person) + "?language=zh").content.decode()
    assert Customer.objects.get(pk=person.pk).language == "en"  # a GET changes nothing


def test_a_yes_to_a_purpose_is_recorded_with_its_words_and_its_form(person, client):
    client.post(link(person), {"on": ["email", "profiling"], "personalise": "on", "language": "en"})

    assert words(person) == {"marketing/email": "given", "profiling/any": "given"}
    record = ConsentRecord.objects.latest("id")
    assert (record.purpose, record.notice_version, record.method, record.jurisdiction, record.ip_truncated) == (
        "profiling", "eu-profiling-en-1", "preference_centre", "EU", "127.0.0.0/24",
    )  # fmt: skip
    shown = NoticeForm.objects.get(sha256=record.form_sha256).html
    assert "Yes, choose products for me by what I buy" in shown
    assert "checked" not in shown
    assert record.sealed is not None
    assert list(consent.verify()) == []
    assert consent.is_whole(record)


def test_coupons_at_the_store_are_allowed_and_taken_back_by_their_own_switch(client):
    shop = shop_sending(people=2)
    ann, ben = shop.people
    page = client.get(link(ann)).content.decode()
    assert "Yes, keep coupons for me at the store" in page and "PIPL" not in page

    client.post(link(ann), {"on": ["email", "store"], "personalise": "on", "language": "en"})
    assert words(ann) == {"marketing/email": "given", "marketing/store": "given"}
    record = ConsentRecord.objects.latest("id")
    assert (record.channel, record.notice_version, record.lawful_basis) == ("store", "eu-store-en-1", "consent")
    assert not OptIn.objects.exists()  # the link proves who asks, and nothing is sent to an address

    mail = Message.objects.get(customer=ann)
    for person in (ann, ben):
        Message.objects.create(
            campaign=mail.campaign, customer=person, channel="store", variant=mail.variant, state="queued"
        )
    client.post(link(ann), {"on": ["email"], "personalise": "on", "language": "en"})
    assert words(ann) == {"marketing/email": "given", "marketing/store": "withdrawn"}
    states = {(m.customer_id, m.channel): m.state for m in Message.objects.all()}
    assert states == {
        (ann.pk, "email"): "queued", (ann.pk, "store"): "skipped", (ben.pk, "email"): "queued", (ben.pk, "store"): "queued",
    }  # fmt: skip


def test_a_post_that_changes_nothing_records_nothing(person, client):
    before = ConsentRecord.objects.count()
    client.post(link(person), {"on": ["email"], "personalise": "on", "language": "en"})
    assert ConsentRecord.objects.count() == before


def test_a_purpose_switched_off_is_withdrawn(person, client):
    client.post(link(person), {"on": ["email", "model_training"], "personalise": "on"})
    client.post(link(person), {"on": ["email"], "personalise": "on", "language": "zh"})
    assert words(person)["model_training/any"] == "withdrawn"
    assert words(person)["marketing/email"] == "given"
    assert Customer.objects.get(pk=person.pk).language == "zh"


def test_email_comes_back_by_a_second_step_alone(person, client):
    client.post(link(person), {"personalise": "on"})
    assert words(person)["marketing/email"] == "withdrawn"

    page = client.post(link(person), {"on": ["email"], "personalise": "on"}).content.decode()

    assert "open its link and press the button to confirm" in page
    assert words(person)["marketing/email"] == "requested"
    opt_in, secret = optin.new_link(OptIn.objects.get().pk)
    address = reverse("campaigns:opt-in", args=[opt_in.pk, secret])
    assert "Please confirm" in client.get(address).content.decode()
    assert words(person)["marketing/email"] == "requested"
    assert "Confirmed" in client.post(address).content.decode()
    assert words(person)["marketing/email"] == "confirmed"
    assert not Suppression.objects.filter(lifted_at=None).exists()
    records = ConsentRecord.objects.count()
    assert "Confirmed" in client.post(address).content.decode()  # pressed again
    assert ConsentRecord.objects.count() == records


def test_nobody_is_pestered_with_letters_to_confirm(person, client):
    for _ in range(3):
        client.post(link(person), {"personalise": "on"})  # off
        assert "to confirm" in client.post(link(person), {"on": ["email"], "personalise": "on"}).content.decode()
        withdraw(customer_id=person.pk, channel="email", purpose="marketing", method="one_click", actor="subject")
        OptIn.objects.update(closed_at=timezone.now())
    records = ConsentRecord.objects.count()
    page = client.post(link(person), {"on": ["email"], "personalise": "on"}).content.decode()
    assert "Too many letters were asked for within the hour" in page
    assert ConsentRecord.objects.count() == records


def test_receipts_are_there_to_read_and_to_keep(person, client):
    page = client.get(link(person, "receipts")).content.decode()
    assert "newsletter-1" in page
    kept = client.get(link(person, "receipts") + "?format=json")
    assert kept["Content-Disposition"] == 'attachment; filename="consent-receipts.json"'
    rows = json.loads(kept.content)["receipts"]
    assert [(row["action"], row["customer_id"]) for row in rows] == [("given", person.pk)]
    assert rows[0]["hash"] == bytes(ConsentRecord.objects.get(customer_id=person.pk).hash).hex()


def test_a_wrong_secret_confirms_nothing(person, client):
    withdraw(customer_id=person.pk, channel="email", purpose="marketing", method="one_click", actor="subject")
    point = ContactPoint.objects.get(customer=person, kind="email")
    opt_in = optin.ask(person, "email", point, by_subject=True, method="test")
    _, secret = optin.new_link(opt_in.pk)
    for wrong in (secret[:-1], secret + "x", "x"):
        assert client.post(reverse("campaigns:opt-in", args=[opt_in.pk, wrong])).status_code == 400
    assert words(person)["marketing/email"] == "requested"


def test_a_post_that_cannot_be_read_takes_nothing_back(person, client):
    before = words(person), Customer.objects.get(pk=person.pk).personalise

    for given in ({"on": ["email", "pigeon"], "language": "en"}, {"on": ["email"], "language": "xx"}):
        page = client.post(link(person), given)
        assert page.status_code == 400
        assert "nothing was changed" in page.content.decode()

    assert (words(person), Customer.objects.get(pk=person.pk).personalise) == before


def test_an_old_message_of_a_merged_record_speaks_to_its_person(client):
    shop = shop_sending(people=2)
    old, kept = shop.people
    merge.merge(kept.pk, old.pk, rule="manual")
    assert {one.subject for one in client.get(link(old)).context["switches"] if one.is_on} == {"email"}

    client.post(link(old), {"language": "en"})

    assert [one.is_on for one in client.get(link(old)).context["switches"]] == [False] * 5
    assert words(kept)["marketing/email"] == "withdrawn"
    assert Message.objects.get(customer=kept).state == "skipped"  # it waited, and was stopped before the page said so
    receipts = client.get(link(old, "receipts")).context["receipts"]
    assert len(receipts) == ConsentRecord.objects.filter(customer_id__in=[old.pk, kept.pk]).count()


def test_what_is_saved_behind_a_merged_records_old_link_is_the_persons(client):
    kept, shell = shop_sent(people=2).people
    address = link(shell)
    trail = merge.merge(kept.pk, shell.pk, rule="loyalty_card")

    client.post(address, {"on": ["email", "profiling"], "personalise": "on", "language": "zh"})
    assert words(kept) == {"marketing/email": "given", "profiling/any": "given"}
    assert ConsentRecord.objects.latest("id").actor == f"subject for record {shell.pk}"
    page = client.get(address)
    assert [one.subject for one in page.context["switches"] if one.is_on] == ["email", "profiling"]
    assert page.context["customer"] == Customer.objects.get(pk=kept.pk, language="zh")
    assert "请通过电子邮件" in page.content.decode()

    Message.objects.filter(customer=kept).update(state="queued")
    client.post(address, {"language": "en"})
    assert words(kept) == {"marketing/email": "withdrawn", "profiling/any": "withdrawn"}
    assert Message.objects.get(customer=kept).state == "skipped"  # it waited for the person
    assert not Customer.objects.get(pk=kept.pk).personalise

    client.post(address, {"on": ["email"], "personalise": "on", "language": "en"})
    assert words(kept)["marketing/email"] == "requested"
    assert optin.confirm(OptIn.objects.get())
    assert words(kept)["marketing/email"] == "confirmed"
    rows = json.loads(client.get(link(shell, "receipts") + "?format=json").content)["receipts"]
    assert len(rows) == ConsentRecord.objects.count()

    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert words(kept) == {"marketing/email": "withdrawn", "profiling/any": "withdrawn"}
    assert words(shell) == {"marketing/email": "imported", "profiling/any": "withdrawn"}
    assert list(consent.compare_state()) == []
