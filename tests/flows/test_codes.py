"""Coupon codes: one of one's own for each treated person, in the message and nowhere else."""

import re

import pytest

from campaigns.models import Assignment, Campaign, CouponCode, Message
from campaigns.services import approval, delivery
from campaigns.services.lifecycle import move
from campaigns.services.messages import build_emails
from tests.campaigns.pages import again
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


def started(**fields):
    """A shop whose campaign was approved with these fields and has started."""
    shop = open_shop(people=20, holdout_share=0.3)
    move(shop.campaign.pk, "unschedule")
    move(shop.campaign.pk, "expire", reason="codes")
    Campaign.objects.filter(pk=shop.campaign.pk).update(**fields)
    again(shop)
    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=approval.digest_of(shop.campaign)[0])
    move(shop.campaign.pk, "schedule")
    delivery.start(shop.campaign.pk)
    return again(shop)


def mails(shop) -> dict:
    messages = list(Message.objects.filter(campaign=shop.campaign))
    built = build_emails(shop.campaign, messages)
    return {message.customer_id: built[message.pk] for message in messages}


def test_each_treated_person_has_a_code_of_their_own_in_their_message():
    shop = started(codes="unique")

    codes = dict(CouponCode.objects.filter(campaign=shop.campaign).values_list("customer_id", "code"))
    treated = set(
        Assignment.objects.filter(campaign=shop.campaign, arm="treated").values_list("customer_id", flat=True)
    )
    assert codes.keys() == treated and len(set(codes.values())) == len(treated) > 5
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code) for code in codes.values())
    for customer_id, mail in mails(shop).items():
        assert f"with the code {codes[customer_id]}." in mail.text
        assert codes[customer_id] in mail.html
        assert not any(code in mail.text for other, code in codes.items() if other != customer_id)


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
