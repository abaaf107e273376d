"""A marketer's list: a file that names people who are known, and brings nobody and nothing else."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Segment
from campaigns.queries import membership as kept
from campaigns.services import lists, segments
from customers.contracts import NewContact
from customers.models import ConsentRecord, ContactPoint, Customer, ImportBatch
from customers.services import import_run, imports, merge
from customers.services.people import add_contact_points
from tests import factories
from tests.campaigns.pages import signed_in

pytestmark = pytest.mark.django_db

FILE = """Person,Mail,Telephone
ann,,
,BEN@example.org,
,,+41 44 668 18 00
,dan@example.org,
,eve@example.org,
gone,,
,shared@example.org,
,ben@example.org,+41 44 668 18 00
,no address,
ann,,
old,,
,BEN@example.org,+41 44 668 99 99
"""


@pytest.fixture
def shop():
    """Everybody whom the file names but Eve; Gone was erased, two share an address, Old is Dan by now."""
    people = {
        name: factories.customer(external_id=name) for name in ("ann", "ben", "cid", "dan", "gone", "fay", "flo", "old")
    }
    add_contact_points(
        NewContact(people[name].pk, kind, value)
        for name, kind, value in (
            ("ben", "email", "ben@example.org"), ("cid", "phone", "+41446681800"), ("dan", "email", "dan@example.org"),
            ("fay", "email", "shared@example.org"), ("flo", "email", "shared@example.org"),
        )
    )  # fmt: skip
    Customer.objects.filter(pk=people["gone"].pk).update(erased_at=timezone.now())
    merge.merge(people["dan"].pk, people["old"].pk, rule="staff")
    return people


def uploaded(client, file: str = FILE) -> ImportBatch:
    answer = client.post(reverse("customers:list_files"), {"file": SimpleUploadedFile("fair.csv", file.encode())})
    batch = ImportBatch.objects.latest("pk")
    assert answer.url == reverse("customers:list_file", args=[batch.pk])
    import_run.run(batch.pk)
    return batch


def columns(client, batch: ImportBatch, **fields):
    mapped = {"map_customer": "Person", "map_email": "Mail", "map_phone": "Telephone", "list": "Fair guests"}
    return client.post(reverse("customers:list_file_choose", args=[batch.pk]), mapped | fields)


def loaded(client) -> ImportBatch:
    batch = uploaded(client)
    columns(client, batch)
    import_run.run(batch.pk)
    client.post(reverse("customers:list_file_load", args=[batch.pk]))
    import_run.run(batch.pk)
    return ImportBatch.objects.get(pk=batch.pk)


def people_of(segment: Segment) -> list[str]:
    segments.refresh()
    return sorted(kept.kept(segment).values_list("external_id", flat=True))


def test_a_marketer_brings_a_list_of_known_people_from_the_file_to_the_segment_and_takes_it_back(shop):
    client = signed_in(factories.staff("marketer"))
    batch = loaded(client)

    assert (batch.state, batch.done, batch.taken, batch.known, batch.rejected) == ("loaded", 12, 4, 3, 5)
    assert batch.brought == {"people on its list": 4}
    page = client.get(reverse("customers:list_file", args=[batch.pk])).content.decode()
    assert "Make it a segment" in page
    segment = lists.of_file(batch.pk, name="Fair guests", audience_phrase="guests of the fair", actor=None)
    assert people_of(segment) == ["ann", "ben", "cid", "dan"]

    client.post(reverse("customers:list_file_undo", args=[batch.pk]), {"reason": "The wrong fair."})
    assert people_of(segment) == []
    assert Customer.objects.count() == len(shop)


def test_a_line_that_names_nobody_several_or_two_people_is_refused_with_its_reason_and_nothing_new_comes(shop):
    points = ContactPoint.objects.count()
    client = signed_in(factories.staff("marketer"))
    batch = loaded(client)

    assert [(one.line, one.field, one.reason) for one in imports.rejects(batch.pk)] == [
        (6, "email", "Nobody is known by this."),
        (7, "customer", "Nobody is known by this."),
        (8, "email", "Several people share it."),
        (9, "phone", "It is another person's than what stands before it."),
        (10, "email", "An email address must have an @-sign."),
    ]
    file = client.get(reverse("customers:list_file_rejects", args=[batch.pk]))
    assert b"eve@example.org" not in b"".join(file.streaming_content)
    assert (Customer.objects.count(), ContactPoint.objects.count()) == (len(shop), points)
    assert not ConsentRecord.objects.exists()


def test_without_a_name_or_a_column_the_form_says_so_and_keeps_what_was_chosen(shop):
    client = signed_in(factories.staff("marketer"))
    batch = uploaded(client)

    unnamed = columns(client, batch, list="")
    assert unnamed.status_code == 400
    assert "This field is required" in unnamed.content.decode()
    assert '<option value="Mail" selected>' in unnamed.content.decode()

    nobody = columns(client, batch, map_customer="", map_email="", map_phone="")
    assert nobody.status_code == 400
    assert "Name the column for: Customer id of the platform, E-mail address" in nobody.content.decode()


def test_a_marketer_reaches_no_file_that_brings_people(shop):
    batch = imports.receive("people", "people.csv", [b"customer\nann\n"])
    client = signed_in(factories.staff("marketer"))
    assert client.get(reverse("customers:list_file", args=[batch.pk])).status_code == 404
    for act in ("choose", "load", "discard", "undo"):
        assert client.post(reverse(f"customers:list_file_{act}", args=[batch.pk])).status_code == 404
    assert client.get(reverse("customers:list_file_rejects", args=[batch.pk])).status_code == 404
    forged = {"kind": "people", "file": SimpleUploadedFile("a.csv", b"customer\nnew\n")}
    client.post(reverse("customers:list_files"), forged)
    assert ImportBatch.objects.latest("pk").kind == "members"
    assert client.get(reverse("customers:imports")).status_code == 403
