"""Ways to reach people: by the person's own country, once each, and found again after the hash key was changed."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from customers.contracts import NewContact
from customers.models import ContactPoint, Customer, Suppression
from customers.queries.people import by_contact, contacts
from customers.services import people, seal
from customers.services.suppression import suppress
from tests import factories

pytestmark = pytest.mark.django_db
NEWER = "B" * 42 + "A="


def test_a_number_is_read_in_the_country_of_its_person_and_else_of_the_platform(settings):
    settings.PHONE_REGION = "US"
    swiss, unknown = factories.customer(jurisdiction="CH"), factories.customer(jurisdiction="EU")
    receipt = people.add_contact_points(
        [NewContact(swiss.pk, "phone", "044 668 18 00"), NewContact(unknown.pk, "phone", "(212) 555-2368")]
    )
    assert (receipt.added, len(receipt.added_ids)) == (2, 2)
    assert sorted(seal.open_contacts(receipt.added_ids).values()) == ["+12125552368", "+41446681800"]
    assert by_contact("phone", "+41 44 668 18 00").get() == swiss


def test_a_number_without_a_country_is_refused_with_its_remedy(settings):
    settings.PHONE_REGION = ""
    receipt = people.add_contact_points([NewContact(factories.customer().pk, "phone", "044 668 18 00")])
    (refused,) = receipt.rejected
    assert (refused.field, refused.reason) == ("phone", "It names no country.")
    assert refused.remedy == "Write it with its country, as +41 44 668 18 00."
    assert not ContactPoint.objects.exists()


@pytest.mark.parametrize(
    ("kind", "value"),
    [("web", "u-1"), ("app", "a-1"), ("loyalty", "card-1"), ("social", "x:ann"), ("device", "d-1"),
     ("anonymous", "s-1"), ("push", "token-1")],
)  # fmt: skip
def test_every_kind_is_kept_sealed_and_found(kind, value):
    ann = factories.customer()
    assert people.add_contact_points([NewContact(ann.pk, kind, value)]).added == 1
    stored = ContactPoint.objects.get()
    assert value.encode() not in bytes(stored.sealed) + bytes(stored.lookup)
    assert by_contact(kind, value).get() == ann


def test_verifying_later_is_remembered_and_never_taken_back():
    ann = factories.customer()
    at = timezone.now()
    for verified_at in (None, at, None):
        people.add_contact_points([NewContact(ann.pk, "email", "ann@example.invalid", verified_at=verified_at)])
    assert ContactPoint.objects.get().verified_at == at


def test_a_card_is_recognised_or_gets_a_record_of_its_own_once():
    ann = factories.customer(external_id="ann")
    people.add_contact_points([NewContact(ann.pk, "loyalty", "card-1")])
    first = people.recognise("loyalty", ["card-1", "card-2", "card-2", "bad\ncard"])
    assert first.ids["card-1"] == ann.pk
    (made,) = first.made
    assert first.ids["card-2"] == made
    assert first.rejected["bad\ncard"].field == "loyalty"
    record = Customer.objects.get(pk=made)
    assert (record.is_provisional, "card-2" in record.external_id) == (True, False)
    again = people.recognise("loyalty", ["card-2"])
    assert (again.ids, again.made) == ({"card-2": made}, ())


def test_a_rotation_of_the_hash_key_moves_points_and_suppressions_in_batches(settings):
    customers = [factories.customer() for _ in range(5)]
    people.add_contact_points([NewContact(one.pk, "email", f"p{n}@example.invalid") for n, one in enumerate(customers)])
    suppress(channel="email", contact_point_id=customers[0].contact_points.get().pk, reason="unsubscribed", actor="x")
    old = settings.LOOKUP_KEY
    settings.LOOKUP_KEY = f"1:{old},2:{NEWER}"

    # While it runs, what is known is not added again, under either key.
    again = people.add_contact_points([NewContact(customers[1].pk, "email", "p1@example.invalid")])
    assert (again.added, again.known) == (0, 1)

    said = StringIO()
    call_command("rehash_contacts", batch=2, stdout=said)
    assert "5 contact points" in said.getvalue()
    assert set(ContactPoint.objects.values_list("lookup_version", flat=True)) == {2}
    settings.LOOKUP_KEY = f"2:{NEWER}"
    assert by_contact("email", "p3@example.invalid").get() == customers[3]
    assert [line.suppressed for line in contacts(customers[0].pk)] == ["unsubscribed"]

    said = StringIO()
    call_command("rehash_contacts", stdout=said)
    assert "0 contact points" in said.getvalue()


def test_who_was_erased_before_a_rotation_stays_suppressed_after_it(settings):
    gone = factories.customer()
    people.add_contact_points([NewContact(gone.pk, "email", "gone@example.invalid")])
    suppress(channel="email", contact_point_id=gone.contact_points.get().pk, reason="erased", actor="x")
    Customer.objects.filter(pk=gone.pk).update(erased_at=timezone.now())
    gone.contact_points.all().delete()
    settings.LOOKUP_KEY = f"1:{settings.LOOKUP_KEY},2:{NEWER}"
    call_command("rehash_contacts", stdout=StringIO())

    back = factories.customer()
    people.add_contact_points([NewContact(back.pk, "email", "Gone@example.invalid")])
    assert [line.suppressed for line in contacts(back.pk)] == ["erased"]
    assert Suppression.objects.filter(lookup_version=2, reason="erased").count() == 1
