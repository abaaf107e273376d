"""The pages of this room: who may open them, what they show, and what they never show."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Membership
from customers.contracts import NewCustomer
from customers.models import ConsentRecord, Customer
from customers.services import consent, learning, people
from customers.services.events import record_events
from customers.services.withdraw import withdraw
from tests import factories
from tests.customers.rows import act, event, order, reachable

pytestmark = pytest.mark.django_db


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(factories.staff(role))
    return client


@pytest.fixture
def marketer():
    return signed_in("marketer")


@pytest.fixture
def officer():
    return signed_in("officer")


ROUTES = [
    ("customers:list", [], {"marketer", "approver", "analyst", "officer", "administrator"}),
    ("customers:detail", [1], {"marketer", "approver", "analyst", "officer", "administrator"}),
    ("customers:ledger", [], {"officer"}),
    ("customers:ledger_record", [1], {"officer"}),
    ("customers:receipt", [1], {"officer"}),
    ("customers:events", [], {"analyst", "officer", "administrator"}),
]


@pytest.mark.parametrize(("name", "arguments", "allowed"), ROUTES)
def test_each_page_opens_for_its_roles_alone(name, arguments, allowed):
    url = reverse(name, args=arguments)
    for role in ("marketer", "approver", "analyst", "officer", "administrator"):
        expected = {200, 404} if role in allowed else {403}
        assert signed_in(role).get(url).status_code in expected, role
    assert Client().get(url).status_code == 302


def test_a_merchants_member_sees_no_person_and_its_own_events_alone():
    own, other = factories.merchant("Own"), factories.merchant("Other")
    for merchant in (own, other, None):
        record_events([event(user="ann"), event("Bought")], merchant_id=merchant and merchant.pk, source="api")
    user = factories.staff("administrator")
    Membership.objects.create(user=user, merchant=own)
    client = Client()
    client.force_login(user)
    ann = Customer.objects.get()

    assert client.get(reverse("customers:list")).status_code == 403
    assert client.get(reverse("customers:detail", args=[ann.pk])).status_code == 403
    assert client.post(reverse("customers:find"), {"email": "ann@example.invalid"}).status_code == 403
    for query in ({}, {"show": "quarantine"}, {"merchant": str(other.pk)}):
        rows = client.get(reverse("customers:events"), query).context["rows"]
        assert [row.merchant for row in rows] == [own]


def test_the_list_shows_what_one_may_do_and_is_the_same_number_of_queries_for_a_full_page(marketer):
    reachable(external_id="first")
    with CaptureQueriesContext(connection) as few:
        page = marketer.get(reverse("customers:list"))
    assert "email" in page.content.decode()
    consent.record_many([act(pk) for pk in people.import_customers(NewCustomer(f"p-{n}") for n in range(60)).values()])
    with CaptureQueriesContext(connection) as many:
        page = marketer.get(reverse("customers:list"))

    assert len(page.context["rows"]) == 50
    assert len(many) == len(few) <= 9
    assert not any("COUNT(" in statement["sql"] for statement in many)
    rest = marketer.get(reverse("customers:list") + page.context["next_url"])
    assert len(rest.context["rows"]) == 11
    assert rest.context["next_url"] == ""


def test_a_person_is_found_by_the_beginning_of_their_id(marketer):
    for name in ("anna", "anne", "ben"):
        factories.customer(external_id=name)
    page = marketer.get(reverse("customers:list"), {"q": "ann"})
    assert [row["customer"].external_id for row in page.context["rows"]] == ["anna", "anne"]


def test_a_person_is_found_by_their_address_which_stands_in_no_link(marketer):
    ann = reachable("ann@example.invalid")
    found = marketer.post(reverse("customers:find"), {"email": "ANN@example.invalid"})
    assert found.headers["Location"] == reverse("customers:detail", args=[ann.pk])

    reachable("ann@example.invalid", external_id="partner")
    both = marketer.post(reverse("customers:find"), {"email": "ann@example.invalid"})
    assert [row["customer"].external_id for row in both.context["rows"]] == ["partner", ann.external_id]

    nobody = marketer.post(reverse("customers:find"), {"email": "ben@example.invalid"})
    assert nobody.status_code == 404
    assert "Nobody has this address." in nobody.content.decode()
    assert marketer.post(reverse("customers:find"), {"email": "ann at example"}).status_code == 400


def test_a_person_is_shown_with_consent_deeds_orders_and_masked_address(marketer):
    factories.product("Oat biscuits", external_id="oats")
    ann = reachable("ann.smith@example.invalid", external_id="ann", attributes={"age": "25-34"})
    record_events(
        [order("1001", ("oats", 2, "2.50")), event("Products Searched", properties={"query": "secret gift"})],
        merchant_id=None,
        source="api",
    )
    learning.exclude_from_learning(customer_ids=[ann.pk], reason="card testing")
    with CaptureQueriesContext(connection) as statements:
        page = marketer.get(reverse("customers:detail", args=[ann.pk])).content.decode()

    for words in ("25-34", "a…@example.invalid", "Oat biscuits", "5.00 USD", "card testing", "given"):
        assert words in page, words
    assert "smith" not in page
    assert "secret gift" not in page
    assert "/ledger/" not in page  # a marketer may not open the records
    assert len(statements) <= 17


def test_older_deeds_are_a_page_further(marketer):
    record_events([event(ago=timedelta(hours=n)) for n in range(1, 61)], merchant_id=None, source="api")
    url = reverse("customers:detail", args=[Customer.objects.get().pk])
    page = marketer.get(url)
    older = marketer.get(url + page.context["older_url"])
    assert (len(page.context["entries"]), len(older.context["entries"])) == (50, 10)
    assert {entry.message_id for entry in page.context["entries"]}.isdisjoint(
        entry.message_id for entry in older.context["entries"]
    )


def test_the_ledger_is_searched_by_person_purpose_act_and_day(officer):
    ann, ben = reachable("a@example.invalid", external_id="ann"), reachable("b@example.invalid", external_id="ben")
    consent.record(act(ben.pk, "refused", purpose="profiling", channel="any"))
    withdraw(customer_id=ann.pk, channel="email", purpose="marketing", method="one_click", actor="subject")
    url = reverse("customers:ledger")

    def found(**query) -> list[tuple[str, str]]:
        return [(row["customer"], row["record"].action) for row in officer.get(url, query).context["rows"]]

    everything = [("ann", "withdrawn"), ("ben", "refused"), ("ben", "given"), ("ann", "given")]
    assert found() == everything
    assert found(customer="ann") == [("ann", "withdrawn"), ("ann", "given")]
    assert found(purpose="profiling") == [("ben", "refused")]
    assert found(action="given") == [("ben", "given"), ("ann", "given")]
    assert found(customer="nobody") == []
    today, yesterday = timezone.now().date(), timezone.now().date() - timedelta(days=1)
    assert found(as_of=today.isoformat()) == everything
    assert found(as_of=yesterday.isoformat()) == []
    page = officer.get(url, {"customer": "ann"})
    assert [(line.purpose, line.is_given) for line in page.context["state"]] == [("marketing", False)]


def test_the_ledger_pages_by_key_without_counting(officer):
    ann = factories.customer()
    consent.record_many([act(ann.pk) for _ in range(55)])
    url = reverse("customers:ledger")
    with CaptureQueriesContext(connection) as statements:
        page = officer.get(url)
    rest = officer.get(url + page.context["next_url"])

    seen = [row["record"].pk for row in [*page.context["rows"], *rest.context["rows"]]]
    assert len(seen) == len(set(seen)) == 55
    assert seen == sorted(seen, reverse=True)
    assert not any("COUNT(" in statement["sql"] for statement in statements)
    assert len(statements) <= 8


def test_verifying_a_person_or_a_shard_says_what_was_read(officer):
    ann = reachable(external_id="ann")
    shard = ConsentRecord.objects.get().shard
    for data in ({"customer": ann.external_id}, {"shard": shard}):
        page = officer.post(reverse("customers:verify"), data, follow=True)
        assert f"Shard {shard} holds: 1 records verified" in page.content.decode()
    for data in ({"customer": "nobody"}, {"shard": 64}, {}):
        page = officer.post(reverse("customers:verify"), data, follow=True)
        assert "a shard from 0 to 63" in page.content.decode()


def test_a_record_is_shown_with_its_words_and_downloaded_as_a_receipt(officer):
    record_id = consent.record(act(factories.customer(external_id="ann").pk, origin="simulated"))
    page = officer.get(reverse("customers:ledger_record", args=[record_id])).content.decode()
    for words in ("its fields give its hash", "We may write to you.", "simulated", "ann"):
        assert words in page, words

    answer = officer.get(reverse("customers:receipt", args=[record_id]))
    receipt = json.loads(answer.content)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="consent-')
    assert receipt["hash"] == bytes(ConsentRecord.objects.get().hash).hex()
    assert receipt["notice_version"] == "words-1"


def test_the_explorer_shows_what_came_and_what_was_set_aside(officer):
    shop = factories.merchant("Mill & Co")
    record_events([event(), event("Bought", messageId="bad-1")], merchant_id=shop.pk, source="api")
    record_events([event(user="ben")], merchant_id=None, source="import", origin="simulated")
    url = reverse("customers:events")

    assert len(officer.get(url).context["rows"]) == 2
    (row,) = officer.get(url, {"merchant": "platform"}).context["rows"]
    assert row.origin == "simulated"
    assert [row.merchant for row in officer.get(url, {"merchant": str(shop.pk)}).context["rows"]] == [shop]
    assert officer.get(url, {"name": "Order Completed"}).context["rows"] == []
    aside = officer.get(url, {"show": "quarantine"}).content.decode()
    for words in ("bad-1", "Mill &amp; Co", "This is no event of the e-commerce spec"):
        assert words in aside, words


@pytest.mark.parametrize("query", [{}, {"merchant": "platform"}, {"show": "quarantine"}])
def test_the_explorer_pages_by_key_and_loses_nothing(officer, query):
    at = (timezone.now() - timedelta(hours=1)).isoformat()
    name = "Bought" if "show" in query else "Product Viewed"
    record_events([event(name, timestamp=at) for _ in range(60)], merchant_id=None, source="api")
    url = reverse("customers:events")
    with CaptureQueriesContext(connection) as statements:
        page = officer.get(url, query)
    rest = officer.get(url + page.context["next_url"])

    seen = {row.message_id for row in [*page.context["rows"], *rest.context["rows"]]}
    assert len(seen) == 60
    assert len(statements) <= 7


@pytest.mark.parametrize("before", ["x", "~", "2026-13-01T00:00:00Z~1", "9" * 40, "2026-05-01T00:00:00~1", "\x00"])
def test_a_broken_cursor_shows_the_first_page(officer, before):
    reachable()
    for name in ("customers:list", "customers:ledger", "customers:events"):
        assert officer.get(reverse(name), {"before": before}).status_code == 200


def test_the_admin_is_a_window(client):
    root = factories.staff("administrator")
    type(root).objects.filter(pk=root.pk).update(is_staff=True, is_superuser=True)
    client.force_login(root)
    reachable()
    record = ConsentRecord.objects.get()
    for model in ("consentrecord", "consentstate", "notice", "suppression", "quarantine"):
        assert client.get(f"/admin/customers/{model}/").status_code == 200
        assert client.get(f"/admin/customers/{model}/add/").status_code == 403
    page = client.get(f"/admin/customers/consentrecord/{record.pk}/change/")
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert client.post(f"/admin/customers/consentrecord/{record.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_migrations_say_what_the_models_say():
    call_command("makemigrations", "customers", check=True, dry_run=True, verbosity=0)
