"""Triggered campaigns: an event names somebody, the gate is asked, the arm is drawn, and each person is written to once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.contracts import Trigger, TriggerKind
from campaigns.exceptions import NotReady
from campaigns.models import Assignment, AudienceMember, Campaign, CouponCode, Message, Segment
from campaigns.queries import measurement
from campaigns.queries import triggers as queries
from campaigns.services import approval, compose, delivery, triggers
from campaigns.services.audience import freeze
from campaigns.services.lifecycle import move
from campaigns.tasks import take_in
from catalog.models import Offer, Product, ProductChange
from catalog.services.feed import import_items
from customers.models import Customer, Order, OrderLine
from customers.services.events import record_events
from customers.services.withdraw import withdraw
from tests.campaigns.pages import again, signed_in
from tests.flows.shop import open_shop, read

pytestmark = pytest.mark.django_db


def running(trigger: Trigger, *, people: int = 6, **fields):
    """A shop whose one campaign answers this trigger and was started a day ago."""
    shop = open_shop(people=people)
    move(shop.campaign.pk, "cancel", reason="another one is looked at")
    plan = compose.Plan(
        name="You left something",
        segment_ids=(Segment.objects.get().pk,),
        offer_id=shop.campaign.offer_id,
        items_per_message=2,
        cap_days=0,
        trigger=trigger,
        **{"holdout_share": 0.0, **fields},
    )
    old, shop.campaign = shop.campaign, compose.create(plan, actor=shop.marketer)
    move(shop.campaign.pk, "generate", actor=shop.marketer)
    freeze(shop.campaign)
    words = old.variants.get()
    shop.campaign.variants.create(segment=words.segment, subject=words.subject, body=words.body, writer="person")
    move(shop.campaign.pk, "drafted")
    again(shop)
    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=read(shop.campaign))
    triggers.start(shop.campaign.pk, actor=shop.marketer)
    Campaign.objects.filter(pk=shop.campaign.pk).update(swept_at=timezone.now() - timedelta(days=1))
    return again(shop)


def happened(person: Customer, name: str, product: Product | None = None, hours: float = 0.0) -> None:
    at = timezone.now() - timedelta(hours=hours)
    event = {
        "messageId": f"{name}-{person.pk}-{product and product.pk}-{hours}", "event": name, "userId": person.external_id,
        "timestamp": at.isoformat(), "context": {"channel": "web"},
        "properties": {"product_id": product.external_id, "quantity": 1} if product else {},
    }  # fmt: skip
    report = record_events([event], merchant_id=None, source="api")
    assert report.accepted == 1, report


def order(person: Customer, days: float, **fields) -> Order:
    made = Order.objects.create(
        external_id=f"t-{Order.objects.count()}", customer=person, channel="web", total="10.00",
        ordered_at=timezone.now() - timedelta(days=days), **fields,
    )  # fmt: skip
    OrderLine.objects.create(order=made, product=Product.objects.first(), quantity=1, amount="10.00")
    return made


def taken(shop) -> set[Customer]:
    return {row.customer for row in Assignment.objects.filter(campaign=shop.campaign).select_related("customer")}


CART = Trigger(TriggerKind.ABANDONED_CART, 2)


def test_a_cart_that_was_left_is_answered_with_what_is_in_it_and_only_once():
    shop = running(CART)
    rolls, oats = Product.objects.order_by("pk")
    left, bought, emptied, filling, early, _ = shop.people
    happened(left, "Product Added", oats, hours=3)
    happened(bought, "Product Added", rolls, hours=4)
    order(bought, 3 / 24)
    happened(emptied, "Product Added", rolls, hours=4)
    happened(emptied, "Product Removed", rolls, hours=3)
    happened(filling, "Product Added", rolls, hours=1)
    happened(early, "Product Added", rolls, hours=100)  # longer ago than an answer is worth

    assert triggers.sweep(shop.campaign.pk) == 1
    assert taken(shop) == {left}
    assert AudienceMember.objects.get(campaign=shop.campaign).items[0] == oats.pk
    message = Message.objects.get(campaign=shop.campaign)
    assert (message.customer, message.state, message.variant.campaign) == (left, "queued", shop.campaign)

    Campaign.objects.update(swept_at=timezone.now() - timedelta(hours=1))
    assert triggers.sweep(shop.campaign.pk) == 0  # nobody twice
    happened(filling, "Product Added", oats, hours=2.5)
    assert Message.objects.filter(campaign=shop.campaign).count() == 1


def test_the_gate_and_the_arms_are_those_of_every_campaign():
    shop = running(CART, people=40, holdout_share=0.4)
    for person in shop.people:
        happened(person, "Product Added", Product.objects.first(), hours=3)
    withdraw(
        customer_id=shop.people[0].pk, channel="email", purpose="marketing", method="preference_centre", actor="subject"
    )

    assert triggers.sweep(shop.campaign.pk) == 40

    arms = {row.customer_id: (row.arm, row.reason) for row in Assignment.objects.filter(campaign=shop.campaign)}
    assert arms[shop.people[0].pk] == ("excluded", "no_consent")
    treated = {pk for pk, (arm, _) in arms.items() if arm == "treated"}
    assert 5 < len(treated) < 35
    assert set(Message.objects.filter(campaign=shop.campaign).values_list("customer_id", flat=True)) == treated


def test_what_is_queued_is_sent_while_it_runs_and_it_does_not_end_by_itself(monkeypatch):
    shop = running(CART)
    happened(shop.people[0], "Product Added", Product.objects.first(), hours=3)
    triggers.sweep(shop.campaign.pk)

    batch = delivery.claim(shop.campaign.pk)
    assert [message.customer for message in batch.messages] == [shop.people[0]]
    assert delivery._ask(batch, batch.messages[0]) == ""
    Message.objects.filter(campaign=shop.campaign).update(state="sent", sent_at=timezone.now(), lease_until=None)
    assert not delivery.finish_if_done(shop.campaign.pk)
    assert again(shop).campaign.state == "running"


@pytest.mark.parametrize(("kind", "wait"), [(TriggerKind.WIN_BACK, 30), (TriggerKind.POST_PURCHASE, 7)])
def test_days_after_an_order_without_another_one(kind, wait):
    shop = running(Trigger(kind, wait))
    due, again_, long_ago, not_yet, _, _ = shop.people
    order(due, wait + 0.5)
    order(again_, wait + 0.5)
    order(again_, 1)
    order(long_ago, wait + 20)
    order(not_yet, wait - 1)

    triggers.sweep(shop.campaign.pk)

    assert taken(shop) == {due}


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (TriggerKind.PRICE_DROP, {"price": "4.00"}, {"price": "3.00"}),
        (TriggerKind.BACK_IN_STOCK, {"price": "4.00", "stock": 0}, {"price": "4.00", "stock": 7}),
    ],
)
def test_a_change_of_a_product_is_told_to_whoever_looked_at_it(kind, before, after):
    shop = running(Trigger(kind, 30))
    item = {"external_id": "tea", "title": "Tea", "currency": "USD"}
    import_items([item | before], merchant=None)
    tea = Product.objects.get(external_id="tea")
    happened(shop.people[0], "Product Viewed", tea, hours=50)
    happened(shop.people[1], "Product Viewed", Product.objects.order_by("pk").first(), hours=50)
    assert not ProductChange.objects.exists()

    import_items([item | after], merchant=None)
    import_items([item | after], merchant=None)  # the same again changes nothing
    triggers.sweep(shop.campaign.pk)

    assert ProductChange.objects.count() == 1
    assert taken(shop) == {shop.people[0]}
    assert AudienceMember.objects.get(campaign=shop.campaign).items[0] == tea.pk


def test_a_birthday_is_greeted_as_many_days_before_as_was_planned():
    shop = running(Trigger(TriggerKind.BIRTHDAY, 3))
    day = timezone.now().date() + timedelta(days=3)
    for person, born in zip(shop.people, (f"1980-{day:%m-%d}", f"{day:%m-%d}", "1990-01-32", None), strict=False):
        Customer.objects.filter(pk=person.pk).update(attributes={"birthday": born} if born else {})

    triggers.sweep(shop.campaign.pk)

    assert taken(shop) == set(shop.people[:2])


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_an_event_that_names_more_people_than_a_page_holds_loses_nobody_and_no_product(monkeypatch, page):
    monkeypatch.setattr(queries, "LIMIT", page)
    shop = running(CART, people=7)
    rolls, oats = Product.objects.order_by("pk")
    for person in shop.people:
        happened(person, "Product Added", rolls, hours=4)
        happened(person, "Product Added", oats, hours=3)

    assert triggers.sweep(shop.campaign.pk) == 7

    rows = AudienceMember.objects.filter(campaign=shop.campaign).values_list("customer_id", "items")
    assert {pk: items[0] for pk, items in rows} == {person.pk: oats.pk for person in shop.people}
    assert Message.objects.filter(campaign=shop.campaign).count() == 7


def test_whoever_is_in_no_segment_is_not_written_to():
    shop = running(CART)
    Segment.objects.update(rule={"field": "f_score", "op": ">=", "value": 5})
    happened(shop.people[0], "Product Added", Product.objects.first(), hours=3)

    # The rule is part of what was approved: a change pauses the campaign and says so.
    assert triggers.sweep(shop.campaign.pk) == 0
    again(shop)
    assert (shop.campaign.state, shop.campaign.note[:34]) == ("paused", "It is no longer what was approved:")


def test_it_ends_by_somebodys_word_and_what_is_queued_stays():
    shop = running(CART)
    happened(shop.people[0], "Product Added", Product.objects.first(), hours=3)
    triggers.sweep(shop.campaign.pk)
    page = signed_in(shop.marketer).post(
        reverse("campaigns:end", args=[shop.campaign.pk]), {"end-reason": "Season over"}
    )

    assert page.status_code == 303
    assert again(shop).campaign.state == "sent"
    assert Message.objects.get(campaign=shop.campaign).state == "skipped"


def test_it_pauses_when_its_offer_has_ended():
    shop = running(CART)
    Offer.objects.update(starts_at=timezone.now() - timedelta(days=9), ends_at=timezone.now() - timedelta(days=1))
    triggers.sweep(shop.campaign.pk)
    assert (again(shop).campaign.state, shop.campaign.note) == ("paused", "The offer has ended.")


def test_it_starts_only_as_approved_and_by_whoever_may_send():
    shop = running(CART)
    client = signed_in(shop.marketer)
    move(shop.campaign.pk, "finish")
    copy = compose.create(
        compose.Plan(name="Again", segment_ids=(Segment.objects.get().pk,), trigger=CART), actor=shop.marketer
    )
    Campaign.objects.filter(pk=copy.pk).update(state="approved")

    with pytest.raises(NotReady):
        triggers.start(copy.pk, actor=shop.marketer)
    assert client.post(reverse("campaigns:start", args=[copy.pk])).status_code == 303
    assert Campaign.objects.get(pk=copy.pk).state == "approved"


def test_each_person_has_a_window_of_their_own_and_the_interval_says_that_it_holds_for_one_look():
    shop = running(CART, people=4)
    for person in shop.people:
        happened(person, "Product Added", Product.objects.first(), hours=3)
    triggers.sweep(shop.campaign.pk)
    first, second = shop.people[:2]
    Campaign.objects.filter(pk=shop.campaign.pk).update(started_at=timezone.now() - timedelta(days=90))
    Assignment.objects.filter(customer=first, campaign=shop.campaign).update(
        assigned_at=timezone.now() - timedelta(days=60)
    )
    order(first, 59)  # within 28 days of when they were taken in
    order(first, 20)  # not any more
    order(first, 70)  # before
    order(second, 5)  # before they were taken in, today

    found = measurement.results(again(shop).campaign)

    assert (found.treated.customers, found.treated.orders, found.treated.revenue) == (4, 1, Decimal("10.00"))
    assert not found.conversion.is_always_valid
    page = signed_in(shop.marketer).get(reverse("campaigns:results", args=[shop.campaign.pk]))
    assert "Intervals hold for one look" in page.content.decode()


def test_codes_are_made_for_whoever_is_taken_in_once_each():
    shop = running(CART, codes="unique")
    happened(shop.people[0], "Product Added", Product.objects.first(), hours=3)
    triggers.sweep(shop.campaign.pk)
    happened(shop.people[1], "Product Added", Product.objects.first(), hours=3)
    Campaign.objects.update(swept_at=timezone.now() - timedelta(hours=5))
    triggers.sweep(shop.campaign.pk)

    codes = CouponCode.objects.filter(campaign=shop.campaign)
    assert sorted(codes.values_list("customer_id", flat=True)) == [p.pk for p in shop.people[:2]]


def test_the_task_may_ring_twice():
    shop = running(CART)
    happened(shop.people[0], "Product Added", Product.objects.first(), hours=3)

    take_in()
    take_in()

    assert Message.objects.filter(campaign=shop.campaign).count() == 1
