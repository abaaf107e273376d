"""Coupon codes: one of one's own for each treated person, in the message and nowhere else."""

import re

import pytest
from django.utils import timezone

from campaigns.models import Assignment, Campaign, CouponCode, Message, Redemption
from campaigns.queries import measurement
from campaigns.services import approval, codes, delivery
from campaigns.services.lifecycle import move
from campaigns.services.messages import build_emails
from customers.models import Order
from tests.campaigns.pages import again
from tests.flows.shop import open_shop, read

pytestmark = pytest.mark.django_db


def started(**fields):
    """A shop whose campaign was approved with these fields and has started."""
    shop = open_shop(people=20, holdout_share=0.3)
    move(shop.campaign.pk, "unschedule")
    move(shop.campaign.pk, "expire", reason="codes")
    Campaign.objects.filter(pk=shop.campaign.pk).update(**fields)
    again(shop)
    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=read(shop.campaign))
    move(shop.campaign.pk, "schedule")
    delivery.start(shop.campaign.pk)
    return again(shop)


def mails(shop) -> dict:
    messages = list(Message.objects.filter(campaign=shop.campaign))
    built = build_emails(shop.campaign, messages)
    return {message.customer_id: built[message.pk] for message in messages}


def test_each_treated_person_has_a_code_of_their_own_in_their_message():
    shop = started(codes="unique")

    given = dict(CouponCode.objects.filter(campaign=shop.campaign).values_list("customer_id", "code"))
    treated = set(
        Assignment.objects.filter(campaign=shop.campaign, arm="treated").values_list("customer_id", flat=True)
    )
    assert given.keys() == treated and len(set(given.values())) == len(treated) > 5
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code) for code in given.values())
    for customer_id, mail in mails(shop).items():
        assert f"with the code {given[customer_id]}." in mail.text
        assert given[customer_id] in mail.html
        assert not any(code in mail.text for other, code in given.items() if other != customer_id)


def test_a_shared_code_is_one_row_and_stands_in_every_message():
    shop = started(codes="shared", shared_code="SPRING15")

    row = CouponCode.objects.get(campaign=shop.campaign)
    assert (row.code, row.customer, row.offer) == ("SPRING15", None, shop.campaign.offer)
    assert all("with the code SPRING15." in mail.text for mail in mails(shop).values())


def test_codes_are_part_of_what_was_approved():
    shop = open_shop(people=2)
    Campaign.objects.filter(pk=shop.campaign.pk).update(codes="unique")

    assert delivery.start(shop.campaign.pk) is None
    assert again(shop).campaign.state == "in_review"


def ordered(shop, person, coupon: str, **fields) -> Order:
    name = f"c-{Order.objects.count()}"
    return Order.objects.create(
        external_id=name,
        customer=person,
        channel="store",
        ordered_at=timezone.now(),
        total="9.00",
        coupon=coupon,
        **fields,
    )


def test_an_order_that_names_a_code_redeems_it_once_from_any_channel():
    shop = started(codes="unique")
    first, second = CouponCode.objects.filter(campaign=shop.campaign).select_related("customer")[:2]
    mine = ordered(shop, first.customer, first.code.lower())
    lent = ordered(shop, shop.people[0], second.code)
    ordered(shop, shop.people[1], "UNKNOWN")
    ordered(shop, shop.people[1], first.code, cancelled_at=timezone.now())

    assert (codes.redeem(), codes.redeem()) == (2, 0)

    rows = {(r.code, r.customer, r.order) for r in Redemption.objects.select_related("code", "customer", "order")}
    assert rows == {(first, first.customer, mine), (second, shop.people[0], lent)}
    found = measurement.results(shop.campaign).funnel
    assert found.redeemed == 2 and found.codes == CouponCode.objects.filter(campaign=shop.campaign).count()


def test_a_shared_code_counts_for_the_newest_campaign_that_gave_it():
    shop = started(codes="shared", shared_code="SPRING15")
    older = Campaign.objects.create(name="Last year", codes="shared", shared_code="SPRING15")
    newest = CouponCode.objects.get(campaign=shop.campaign)
    CouponCode.objects.filter(pk=newest.pk).delete()
    CouponCode.objects.create(campaign=older, offer=shop.campaign.offer, code="SPRING15")
    newest = CouponCode.objects.create(campaign=shop.campaign, offer=shop.campaign.offer, code="SPRING15")
    ordered(shop, shop.people[0], "spring15")

    codes.redeem()

    assert Redemption.objects.get().code == newest
