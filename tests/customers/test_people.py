"""People and their contact points: each under a key of their own, in clear nowhere."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry
from customers.contracts import NewContact, NewCustomer
from customers.exceptions import InvalidContact, Unsealable
from customers.models import ContactPoint, Customer, SubjectKey
from customers.queries.people import by_contact
from customers.services import people, seal
from tests import factories

pytestmark = pytest.mark.django_db
MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def test_new_people_get_ids_and_keys_and_known_ones_keep_theirs():
    first = people.import_customers([NewCustomer("ann", {"age": "25-34"}, first_seen_at=JUNE), NewCustomer("ben")])
    key = bytes(SubjectKey.objects.get(customer__external_id="ann").sealed)

    second = people.import_customers([NewCustomer("ann", {"kids": "1"}, first_seen_at=MAY), NewCustomer("cay")])

    assert second["ann"] == first["ann"]
    assert set(second) == {"ann", "cay"}
    ann = Customer.objects.get(external_id="ann")
    assert ann.attributes == {"age": "25-34", "kids": "1"}
    assert ann.first_seen_at == MAY
    assert bytes(ann.key.sealed) == key


def test_two_thousand_people_cost_ten_statements():
    with CaptureQueriesContext(connection) as statements:
        people.import_customers(NewCustomer(f"h-{n}") for n in range(2000))
    assert len(statements) == 10
    assert Customer.objects.count() == 2000


def test_an_address_is_found_however_it_was_typed_and_rests_sealed():
    ids = people.import_customers([NewCustomer("ann")])
    receipt = people.add_contact_points([NewContact(ids["ann"], "email", " Ann.Smith@EXAMPLE.invalid ")])

    assert (receipt.added, receipt.known, receipt.rejected) == (1, 0, ())
    point = ContactPoint.objects.get()
    assert b"smith" not in bytes(point.sealed) + bytes(point.lookup)
    assert seal.open_contacts([point.pk]) == {point.pk: "ann.smith@example.invalid"}
    assert by_contact("email", "ann.smith@example.invalid").get().external_id == "ann"
    assert not by_contact("email", "ben@example.invalid").exists()
    with pytest.raises(InvalidContact):
        by_contact("email", "no address")


def test_a_repeated_import_of_contact_points_adds_nothing():
    ann = factories.customer()
    rows = [NewContact(ann.pk, "email", "ann@example.invalid"), NewContact(ann.pk, "email", "ANN@example.invalid")]
    assert people.add_contact_points(rows).added == 1
    receipt = people.add_contact_points(rows)
    assert (receipt.added, receipt.known) == (0, 2)


def test_what_cannot_be_read_is_listed_by_place_without_its_value():
    ann, gone = factories.customer(), factories.customer(erased_at=timezone.now())
    receipt = people.add_contact_points(
        [
            NewContact(ann.pk, "email", "secret at example"),
            NewContact(gone.pk, "email", "gone@example.invalid"),
            NewContact(ann.pk, "email", "ann@example.invalid"),
        ]
    )
    assert receipt.added == 1
    assert [(one.index, one.field) for one in receipt.rejected] == [(0, "email"), (1, "customer_id")]
    assert "secret" not in str(receipt)


def test_destroying_the_key_erases_what_was_sealed_and_leaves_the_rest():
    ann, ben = factories.customer(), factories.customer()
    people.add_contact_points([NewContact(ann.pk, "email", "ann@x.org"), NewContact(ben.pk, "email", "ben@x.org")])
    sealed = seal.seal_for(ann, "a comment", "survey")
    assert seal.open_for(ann, sealed, "survey") == "a comment"
    Customer.objects.filter(pk=ann.pk).update(erased_at=timezone.now())
    SubjectKey.objects.filter(customer=ann).delete()
    ann.refresh_from_db()

    points = list(ContactPoint.objects.order_by("id").values_list("pk", flat=True))
    assert seal.open_contacts(points) == {points[1]: "ben@x.org"}
    with pytest.raises(Unsealable) as fault:
        seal.open_for(ann, sealed, "survey")
    assert fault.value.reason == Unsealable.DESTROYED
    with pytest.raises(Unsealable):
        seal.seal_for(ann, "more", "survey")


def test_one_persons_words_do_not_open_for_another_or_in_another_place():
    ann, ben = factories.customer(), factories.customer()
    sealed = seal.seal_for(ann, "a comment", "survey")
    for person, place in ((ben, "survey"), (ann, "review")):
        with pytest.raises(Unsealable):
            seal.open_for(person, sealed, place)


def test_a_damaged_contact_point_is_left_out_and_logged_by_its_number(caplog):
    ann = factories.customer()
    people.add_contact_points([NewContact(ann.pk, "email", "ann@example.invalid")])
    point = ContactPoint.objects.get()
    ContactPoint.objects.update(sealed=bytes(point.sealed)[:-1] + b"x")

    assert seal.open_contacts([point.pk]) == {}
    assert f"contact point {point.pk} does not open: tampered" in caplog.text
    assert "ann@" not in caplog.text


def test_the_installs_own_seal_opens_also_after_the_key_was_rotated(settings):
    sealed = seal.seal_install(b"raw")
    old = settings.PERSON_KEY
    new = "A" * 43 + "="
    settings.PERSON_KEY = f"1:{old},2:{new}"
    assert seal.open_install(sealed) == b"raw"
    assert seal.open_install(seal.seal_install(b"newer")) == b"newer"
    settings.PERSON_KEY = f"2:{new}"
    with pytest.raises(Unsealable):
        seal.open_install(sealed)


def test_a_newer_lookup_key_still_finds_what_the_older_one_hid(settings):
    ann = factories.customer(external_id="ann")
    people.add_contact_points([NewContact(ann.pk, "email", "ann@example.invalid")])
    settings.LOOKUP_KEY = f"1:{settings.LOOKUP_KEY},2:{'B' * 42}A="
    assert by_contact("email", "ann@example.invalid").get() == ann


def test_switching_personalisation_off_is_written_down_once():
    ann, staff = factories.customer(), factories.staff("officer")
    assert people.set_personalise(ann.pk, False, "subject") is True
    assert people.set_personalise(ann.pk, False, "subject") is False
    assert people.set_personalise(ann.pk, True, staff) is True

    by_subject, by_staff = AuditEntry.objects.order_by("id")
    assert (by_subject.actor, by_subject.reason, by_subject.after) == (None, "by subject", {"personalise": False})
    assert (by_staff.actor, by_staff.object_id) == (staff, str(ann.pk))
