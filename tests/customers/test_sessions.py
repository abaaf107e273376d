"""An anonymous session gets its person at login: back to the login before, over months, and within one merchant alone."""

import itertools
from datetime import timedelta

import pytest
from django.utils import timezone

from customers.models import ContactPoint, Customer, Event, Order
from customers.services import merge, sessions
from customers.services.events import record_events
from customers.tasks import join_sessions
from tests import factories
from tests.customers.rows import event, order

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def seen(name: str, hours: float, *, user: str = "", device: str = "phone-1", **more) -> dict:
    """Something that the device did so many hours ago, with or without its person."""
    return event(messageId=name, user=user, anonymousId=device, ago=hours * HOUR, **more)


def post(*events: dict, merchant_id: int | None = None) -> None:
    receipt = record_events(list(events), merchant_id=merchant_id, source="api")
    assert receipt.quarantined == ()


def owners(*names: str) -> list[str | None]:
    people = dict(Customer.objects.values_list("pk", "external_id"))
    found = dict(Event.objects.values_list("message_id", "customer_id"))
    return [people.get(found[name]) for name in names]


def test_a_login_takes_what_the_device_did_before_over_months():
    post(seen("long ago", 24 * 70), seen("yesterday", 24))
    assert owners("long ago", "yesterday") == [None, None]
    post(seen("login", 1, user="ann"), seen("after", 0.5))
    assert owners("long ago", "yesterday", "login", "after") == ["ann", "ann", "ann", None]
    assert Event.objects.filter(joined_at__isnull=False).count() == 2
    assert sorted(ContactPoint.objects.values_list("kind", flat=True)) == ["anonymous"]


def test_nobody_gets_what_lies_behind_another_persons_login():
    post(seen("first", 9), seen("ann", 8, user="ann"), seen("between", 7), seen("ben", 6, user="ben"), seen("last", 5))
    assert owners("first", "ann", "between", "ben", "last") == ["ann", "ann", "ben", "ben", None]


def test_the_order_of_arrival_does_not_matter():
    told = [("a", 9, ""), ("b", 8, "ann"), ("c", 7, ""), ("d", 6, "ben")]
    for n, order_of_arrival in enumerate(itertools.permutations(told)):
        for name, hours, user in order_of_arrival:
            post(seen(f"{name}{n}", hours, user=user, device=f"phone-{n}"))
        assert owners(f"a{n}", f"b{n}", f"c{n}", f"d{n}") == ["ann", "ann", "ben", "ben"], order_of_arrival


def test_what_one_merchant_learns_is_no_others():
    mill, other = factories.merchant(), factories.merchant()
    post(seen("mill", 5), merchant_id=mill.pk)
    post(seen("other", 5), merchant_id=other.pk)
    post(seen("platform", 5))
    post(seen("login", 1, user="ann"), merchant_id=mill.pk)
    assert owners("mill", "other", "platform") == ["ann", None, None]


def test_a_guests_order_becomes_theirs():
    factories.product(external_id="oats")
    post(order("o-1", ("oats", 1, "2.00"), user="", anonymousId="phone-1", messageId="bought", ago=5 * HOUR))
    assert Order.objects.get().customer_id is None
    post(seen("login", 1, user="ann"))
    assert Order.objects.get().customer.external_id == "ann"
    post(seen("late login of ben", 3, user="ben"))
    assert Order.objects.get().customer.external_id == "ben"


def test_a_login_of_a_merged_record_counts_for_its_person_and_parts_with_it():
    post(seen("before", 5), seen("login", 4, user="shell"), event(user="ann"))
    ann, shell = (Customer.objects.get(external_id=name) for name in ("ann", "shell"))
    trail = merge.merge(ann.pk, shell.pk, rule="staff")
    post(seen("between", 3), seen("again", 2, user="shell"))
    assert owners("before", "login", "between", "again") == ["ann"] * 4
    merge.undo(trail.pk, actor=factories.staff("officer"), reason="Two people.")
    assert owners("before", "login", "between", "again") == ["shell"] * 4


def test_the_session_is_found_across_a_change_of_the_hash_key(settings):
    post(seen("before", 5))
    settings.LOOKUP_KEY = f"1:{settings.LOOKUP_KEY},2:{'B' * 42}A="
    post(seen("login", 1, user="ann"))
    assert owners("before") == ["ann"]


def test_the_nightly_sweep_finds_what_two_requests_did_not_see_of_each_other():
    post(seen("before", 5), seen("login", 1, user="ann"))
    Event.objects.filter(message_id="before").update(customer=None, joined_at=None)  # as if not yet committed then
    assert sessions.sweep(timezone.now() - timedelta(days=2)) == 1
    assert owners("before") == ["ann"]
    assert sessions.sweep(timezone.now() - timedelta(days=2)) == 0
    Event.objects.filter(message_id="before").update(customer=None, joined_at=None)
    for _ in range(2):  # the alarm clock may ring twice
        join_sessions()
        assert owners("before", "login") == ["ann", "ann"]
    assert Event.objects.filter(joined_at__isnull=False).count() == 1


def test_a_device_that_an_app_names_is_remembered_once():
    device = {"channel": "app", "device": {"id": "d-1"}}
    for _ in range(2):
        post(event(user="ann", context=device))
    assert ContactPoint.objects.get().kind == "device"
    assert Event.objects.filter(channel="app").count() == 2
