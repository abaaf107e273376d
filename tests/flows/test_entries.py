"""A triggered campaign that takes people in again: each entry its own products and message, the arm once a person."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.contracts import Trigger, TriggerKind
from campaigns.models import Assignment, AudienceMember, Campaign, CouponCode, Exclusion, Message, Redemption
from campaigns.queries.arms import own_window
from campaigns.queries.audience import waterfall
from campaigns.queries.measurement import window_of
from campaigns.queries.rates import groups
from campaigns.queries.triggers import hits
from campaigns.services import triggers
from campaigns.services.approval import holds
from campaigns.services.messages import fill
from catalog.models import Product
from customers.models import Customer
from tests.campaigns.pages import again, signed_in
from tests.flows.test_triggers import CART, happened, order, running

pytestmark = pytest.mark.django_db
WEEKLY = Trigger(CART.kind, CART.wait, again=7)


def sweep(shop) -> int:
    Campaign.objects.filter(pk=shop.campaign.pk).update(swept_at=timezone.now() - timedelta(hours=5))
    return triggers.sweep(shop.campaign.pk)


def days_pass(shop, days: float) -> None:
    """As if all that this campaign did had been so long ago; what was queued is sent."""
    ago = timedelta(days=days)
    for row in AudienceMember.objects.filter(campaign=shop.campaign):
        AudienceMember.objects.filter(pk=row.pk).update(entered_at=row.entered_at - ago)
    for row in Assignment.objects.filter(campaign=shop.campaign):
        Assignment.objects.filter(pk=row.pk).update(assigned_at=row.assigned_at - ago)
    rows = Message.objects.filter(campaign=shop.campaign)
    rows.filter(state="queued").update(state="sent", sent_at=timezone.now(), tries=1)
    for row in rows:
        Message.objects.filter(pk=row.pk).update(sent_at=row.sent_at - ago)


def entries(shop, person) -> list[tuple[int, list[int]]]:
    rows = AudienceMember.objects.filter(campaign=shop.campaign, customer=person).order_by("entry")
    return [(row.entry, row.items) for row in rows]


def test_a_second_cart_after_the_days_is_answered_with_its_own_products_and_an_earlier_one_is_not():
    shop = running(WEEKLY, people=2)
    rolls, oats = Product.objects.order_by("pk")
    person = shop.people[0]
    happened(person, "Product Added", oats, hours=3)
    assert sweep(shop) == 1
    first = entries(shop, person)[0]
    assert (first[0], first[1][0]) == (1, oats.pk)

    days_pass(shop, 5)
    happened(person, "Product Added", rolls, hours=2.5)
    assert sweep(shop) == 0  # five days are not seven

    days_pass(shop, 2.5)
    assert sweep(shop) == 1
    assert sweep(shop) == 0  # one event, one entry
    told = entries(shop, person)
    assert (told[0], told[1][0], told[1][1][0]) == (first, 2, rolls.pk)
    messages = list(Message.objects.filter(campaign=shop.campaign).order_by("entry"))
    assert [(m.entry, m.state, m.channel) for m in messages] == [(1, "sent", "email"), (2, "queued", "email")]
    assert fill(shop.campaign, messages)[messages[1].pk].products[0][0] == 0
    assert fill(shop.campaign, messages)[messages[1].pk].products[0][1].title == rolls.title
    assert Assignment.objects.get(campaign=shop.campaign, customer=person).entry == 1

    page = signed_in(shop.approver).get(
        reverse("campaigns:look-up", args=[shop.campaign.pk]), {"customer": person.external_id}
    )
    assert [(line.entry, line.state) for line in page.context["told"].lines] == [(1, "sent"), (2, "queued")]
    assert "entry 2" in page.content.decode()


def test_the_database_holds_one_message_an_entry():
    shop = running(WEEKLY, people=1)
    happened(shop.people[0], "Product Added", Product.objects.first(), hours=3)
    sweep(shop)
    message = Message.objects.get(campaign=shop.campaign)
    message.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        message.save()


def test_who_was_held_out_hears_nothing_at_any_entry():
    shop = running(WEEKLY, people=1)
    happened(shop.people[0], "Product Added", Product.objects.first(), hours=3)
    sweep(shop)
    Message.objects.filter(campaign=shop.campaign).delete()
    Assignment.objects.filter(campaign=shop.campaign).update(arm="holdout")  # whatever a draw would say by now
    days_pass(shop, 8)
    happened(shop.people[0], "Product Added", Product.objects.last(), hours=2.5)

    assert sweep(shop) == 1

    assert len(entries(shop, shop.people[0])) == 2
    assert not Message.objects.filter(campaign=shop.campaign).exists()
    assert Assignment.objects.get(campaign=shop.campaign).arm == "holdout"


def test_the_arm_is_drawn_at_the_first_entry_that_passes_the_gate():
    shop = running(WEEKLY, people=1)
    person = shop.people[0]
    Customer.objects.filter(pk=person.pk).update(excluded_at=timezone.now())
    happened(person, "Product Added", Product.objects.first(), hours=3)
    sweep(shop)
    days_pass(shop, 8)
    Customer.objects.filter(pk=person.pk).update(excluded_at=None)
    happened(person, "Product Added", Product.objects.first(), hours=2.5)
    sweep(shop)

    row = Assignment.objects.get(campaign=shop.campaign)
    assert (row.arm, row.reason, row.entry) == ("treated", "", 2)
    assert timezone.now() - row.assigned_at < timedelta(minutes=1)  # their window runs from now
    assert Message.objects.get(campaign=shop.campaign).entry == 2
    gate = waterfall(shop.campaign.pk)
    assert (gate.audience, gate.treated, gate.channels[0].treated, gate.channels[0].excluded) == (1, 1, 1, 0)


def test_an_earlier_entry_counts_for_the_caps_and_the_arm_stays():
    shop = running(WEEKLY, people=1, caps=({"channel": "any", "messages": 1, "days": 30},))
    person = shop.people[0]
    happened(person, "Product Added", Product.objects.first(), hours=3)
    sweep(shop)
    days_pass(shop, 8)
    happened(person, "Product Added", Product.objects.first(), hours=2.5)
    sweep(shop)

    assert [(x.entry, x.reason) for x in Exclusion.objects.filter(campaign=shop.campaign)] == [(2, "frequency_cap")]
    assert Message.objects.filter(campaign=shop.campaign).count() == 1
    assert Assignment.objects.get(campaign=shop.campaign).arm == "treated"
    gate = waterfall(shop.campaign.pk)  # of people, at the entry that their arm was drawn at
    assert (gate.treated, gate.channels[0].treated, gate.channels[0].excluded) == (1, 1, 0)


def test_a_birthday_is_greeted_again_next_year_and_not_the_day_after():
    trigger = Trigger(TriggerKind.BIRTHDAY, 0, again=300)
    shop = running(trigger, people=1)
    person, now = shop.people[0], timezone.now()
    Customer.objects.filter(pk=person.pk).update(attributes={"birthday": f"1980-{now:%m-%d}"})
    assert sweep(shop) == 1

    assert list(hits(shop.campaign.pk, trigger, now, now + timedelta(hours=3))) == []
    assert list(hits(shop.campaign.pk, trigger, now, now + timedelta(days=1))) == []
    year = now.replace(year=now.year + 1)
    assert list(hits(shop.campaign.pk, trigger, year - timedelta(hours=1), year)) == [{person.pk: []}]
    once = Trigger(TriggerKind.BIRTHDAY, 0)
    assert list(hits(shop.campaign.pk, once, year - timedelta(hours=1), year)) == []

    days_pass(shop, 365)
    assert sweep(shop) == 1
    assert [entry for entry, _ in entries(shop, person)] == [1, 2]


def test_a_code_that_is_used_up_is_followed_by_another_one_and_a_good_one_stays():
    shop = running(WEEKLY, people=2, codes="unique")
    for person in shop.people:
        happened(person, "Product Added", Product.objects.first(), hours=3)
    sweep(shop)
    used = CouponCode.objects.get(customer=shop.people[0])
    Redemption.objects.create(code=used, customer=shop.people[0], redeemed_at=timezone.now(), is_single=True)
    days_pass(shop, 8)
    for person in shop.people:
        happened(person, "Product Added", Product.objects.last(), hours=2.5)
    sweep(shop)

    assert CouponCode.objects.filter(customer=shop.people[0]).count() == 2
    assert CouponCode.objects.filter(customer=shop.people[1]).count() == 1
    (queued,) = Message.objects.filter(campaign=shop.campaign, customer=shop.people[0], state="queued")
    code = fill(shop.campaign, [queued])[queued.pk].code
    assert code and code != used.code


def test_what_somebody_bought_counts_once_however_often_they_were_written_to():
    shop = running(WEEKLY, people=1)
    happened(shop.people[0], "Product Added", Product.objects.first(), hours=3)
    sweep(shop)
    days_pass(shop, 8)
    happened(shop.people[0], "Product Added", Product.objects.last(), hours=2.5)
    sweep(shop)
    order(shop.people[0], 0)
    Campaign.objects.filter(pk=shop.campaign.pk).update(started_at=timezone.now() - timedelta(days=20))
    window = window_of(again(shop).campaign)

    (group,) = groups(shop.campaign, window)

    assert (group.built, group.ordered, group.revenue) == (2, 1, 10)
    assert own_window(shop.campaign) == timedelta(days=28)
    page = signed_in(shop.marketer).get(reverse("campaigns:results", args=[shop.campaign.pk]))
    assert "stays in the arm of their first entry" in page.content.decode()


def test_how_often_it_takes_people_in_is_part_of_what_was_approved():
    shop = running(WEEKLY, people=1)
    assert holds(shop.campaign)
    Campaign.objects.filter(pk=shop.campaign.pk).update(trigger=Trigger(CART.kind, CART.wait, again=1).kept())
    assert not holds(again(shop).campaign)
