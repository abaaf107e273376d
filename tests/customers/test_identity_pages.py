"""What staff see and do with identities: one timeline over all channels, merges to decide, files to bring in."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.contracts import NewContact
from customers.models import Customer, ImportBatch, MergeProposal, MergeTrail
from customers.queries.behaviour import deeds_by_month, timeline
from customers.services import merge, people
from customers.services.events import record_events
from customers.services.match import match_all
from customers.tasks import sweep_imports
from tests import factories
from tests.customers.rows import event, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    client = Client()
    client.force_login(factories.staff("officer"))
    return client


def titles(page) -> list[tuple[str, str]]:
    return [(entry.title, entry.channel) for entry in page.context["entries"]]


def test_purchases_at_the_till_and_online_stand_in_one_timeline_and_can_be_told_apart(officer):
    factories.product(external_id="oats")
    record_events([order("web-1", ("oats", 1, "2.00"), ago=timedelta(hours=3)), event(ago=timedelta(hours=1))],
                  merchant_id=None, source="api")  # fmt: skip
    till = order("till-1", ("oats", 1, "2.00"), ago=timedelta(hours=2), context={"channel": "store"})
    record_events([till], merchant_id=None, source="store")
    url = reverse("customers:detail", args=[Customer.objects.get().pk])

    both = officer.get(url)
    assert titles(both) == [("Product Viewed", "web"), ("Order Completed", "store"), ("Order Completed", "web")]
    assert sum(bar["online"] for bar in both.context["year"]) == 2
    assert sum(bar["store"] for bar in both.context["year"]) == 1
    assert titles(officer.get(url, {"channel": "store"})) == [("Order Completed", "store")]
    assert titles(officer.get(url, {"channel": "social"})) == []
    assert titles(officer.get(url, {"channel": "fax"})) == titles(both)
    part = officer.get(url, {"channel": "web"}, headers={"hx-request": "true", "hx-target": "timeline"})
    assert part.content.decode().lstrip().startswith('<section class="card" id="timeline"')


def test_the_timeline_pages_through_one_moment_without_loss_and_on_one_channel(officer):
    at = (timezone.now() - timedelta(hours=1)).isoformat()
    record_events([event(timestamp=at) for _ in range(60)], merchant_id=None, source="api")
    record_events([event(timestamp=at, context={"channel": "app"}) for _ in range(5)], merchant_id=None, source="api")
    url = reverse("customers:detail", args=[Customer.objects.get().pk])
    page = officer.get(url, {"channel": "web"})
    rest = officer.get(url + page.context["older_url"])
    seen = [entry.message_id for entry in [*page.context["entries"], *rest.context["entries"]]]
    assert len(seen) == len(set(seen)) == 60
    assert rest.context["channel"] == "web"
    for broken in ("x", "~", f"{at}~x", "9" * 40, "\x00"):
        assert officer.get(url, {"before": broken}).status_code == 200


def test_months_are_counted_by_where_things_happened():
    record_events([event(ago=timedelta(days=40)), event(ago=timedelta(hours=1))], merchant_id=None, source="api")
    person = Customer.objects.get()
    months = deeds_by_month(person.pk, since=timezone.now() - timedelta(days=100))
    assert [(row.online, row.store) for row in months] in ([(1, 0), (1, 0)], [(2, 0)])
    assert len(timeline(person.pk, 1)) == 1


def test_a_proposal_is_shown_on_both_people_and_decided_with_a_reason(officer):
    ann, anna = factories.customer(external_id="ann"), factories.customer(external_id="anna")
    for one in (ann, anna):
        people.add_contact_points([NewContact(one.pk, "loyalty", "card-1")])
    match_all()
    proposal = MergeProposal.objects.get()
    for one in (ann, anna):
        assert "may be the same person" in officer.get(reverse("customers:detail", args=[one.pk])).content.decode()
    assert "The platform has an account for each of them." in officer.get(reverse("customers:merges")).content.decode()

    url, field = reverse("customers:merge_decide", args=[proposal.pk]), f"p{proposal.pk}-reason"
    page = officer.post(url, {"decision": "merge", field: " "}, follow=True)
    assert "Nothing was changed" in page.content.decode()
    assert not MergeTrail.objects.exists()

    page = officer.post(url, {"decision": "merge", field: "She wrote to us."}, follow=True)
    assert "Records that are this person" in page.content.decode()
    assert "She wrote to us." in page.content.decode()
    answer = officer.get(reverse("customers:detail", args=[anna.pk]))
    assert answer.url == reverse("customers:detail", args=[ann.pk])

    undo = reverse("customers:merge_undo", args=[MergeTrail.objects.get().pk])
    assert "Nothing was changed" in officer.post(undo, {"reason": ""}, follow=True).content.decode()
    page = officer.post(undo, {"reason": "Her daughter."}, follow=True)
    assert "anna is a record of its own again" in page.content.decode()
    assert officer.get(reverse("customers:detail", args=[anna.pk])).status_code == 200
    assert "taken back" in officer.get(reverse("customers:merges")).content.decode()


def test_the_list_of_merges_pages_by_key(officer):
    kept = factories.customer()
    for _ in range(52):
        merge.merge(kept.pk, factories.customer().pk, rule="staff")
    page = officer.get(reverse("customers:merges"))
    rest = officer.get(reverse("customers:merges") + page.context["next_url"])
    assert (len(page.context["trails"]), len(rest.context["trails"])) == (50, 2)


def test_a_file_goes_from_the_upload_to_its_undo_by_the_pages_alone(officer):
    data = b"customer,email,age\nann,ann@example.com,31\nben,nothing,32\n"
    form = {"kind": "people", "file": SimpleUploadedFile("people.csv", data)}
    where = officer.post(reverse("customers:imports"), form).url
    assert "Look again" in officer.get(where).content.decode()
    sweep_imports()
    page = officer.get(where)
    assert page.context["form"]["map_email"].value() == "email"

    pk = ImportBatch.objects.get().pk
    columns = {"map_customer": "customer", "map_email": "email", "attributes": ["age"], "zone": "UTC"}
    assert (
        officer.post(reverse("customers:import_choose", args=[pk]), columns | {"map_customer": ""}).status_code == 400
    )
    officer.post(reverse("customers:import_choose", args=[pk]), columns)
    sweep_imports()
    page = officer.get(where, headers={"hx-request": "true"}).content.decode()
    assert page.lstrip().startswith('<div class="stack" id="moving"')
    for words in ("dry run", "An email address must have an @-sign.", "Load it"):
        assert words in page, words
    assert not Customer.objects.exists()

    refused = b"".join(officer.get(reverse("customers:import_rejects", args=[pk])).streaming_content).decode()
    assert refused.splitlines()[1].startswith("3,email,An email address must have an @-sign.")
    assert "nothing," not in refused
    officer.post(reverse("customers:import_load", args=[pk]))
    sweep_imports()
    assert Customer.objects.get().attributes == {"age": "31"}
    assert "people.csv" in officer.get(reverse("customers:imports")).content.decode()

    undo = reverse("customers:import_undo", args=[pk])
    assert "Say why" in officer.post(undo, {"reason": ""}, follow=True).content.decode()
    page = officer.post(undo, {"reason": "The wrong file."}, follow=True).content.decode()
    assert "The wrong file." in page
    assert not Customer.objects.exists()


def test_what_is_no_import_is_refused_where_it_was_chosen(officer):
    form = {"kind": "people", "file": SimpleUploadedFile("people.xlsx", b"x")}
    answer = officer.post(reverse("customers:imports"), form)
    assert answer.status_code == 400
    assert "Files end in" in answer.content.decode()
    assert not ImportBatch.objects.exists()


def test_a_merchants_member_brings_nobody_in():
    user = factories.staff("administrator")
    from catalog.models import Membership

    Membership.objects.create(user=user, merchant=factories.merchant())
    client = Client()
    client.force_login(user)
    for name in ("customers:imports", "customers:merges"):
        assert client.get(reverse(name)).status_code == 403
