"""Several variants of one segment: who gets which, with the probability on the message, and how responses move the shares."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Campaign, Click, Message, MessageVariant, Segment
from campaigns.services import approval, compose, delivery, variants, words
from campaigns.services.messages import unrenderable
from copywriting.services.choice import FLOOR
from tests.campaigns.pages import again, shop_in_review, words_of
from tests.flows.shop import read

pytestmark = pytest.mark.django_db


def shop_with_two(people: int = 40, split: str = "learn"):
    """In review, with variants A and B for its one segment."""
    shop = shop_in_review(people=people)
    first = words_of(shop)
    MessageVariant.objects.create(
        campaign=shop.campaign, segment=first.segment, label="B", subject="More rolls", body="{{ product.title }} once more.",
        writer="person",
    )  # fmt: skip
    Campaign.objects.filter(pk=shop.campaign.pk).update(split=split)
    return again(shop)


def started(shop):
    campaign = Campaign.objects.select_related("offer", "merchant").get(pk=shop.campaign.pk)
    approval.approve(campaign.pk, approver=shop.approver, seen_digest=read(campaign))
    compose.schedule(campaign.pk, actor=shop.marketer)
    delivery.start(campaign.pk)
    return again(shop)


def shares(shop) -> dict[str, float]:
    label = dict(MessageVariant.objects.values_list("pk", "label"))
    return {label[one.variant_id]: one.high - one.low for one in variants.slices(shop.campaign)}


def test_an_even_split_gives_each_variant_half_and_writes_the_probability_down():
    shop = started(shop_with_two(people=60, split="even"))

    rows = Message.objects.values_list("variant__label", "propensity")
    counted = Counter(label for label, _ in rows)
    assert {propensity for _, propensity in rows} == {0.5}
    assert sum(counted.values()) == 60
    assert 15 <= counted["A"] <= 45  # a fair draw of 60 leaves this range once in ten thousand campaigns
    assert again(shop).campaign.state == "sending"


def test_one_variant_is_drawn_with_certainty():
    started(shop_in_review(people=3))

    assert set(Message.objects.values_list("propensity", flat=True)) == {1.0}


def test_everybody_keeps_their_variant_when_it_is_drawn_again_and_shared_addresses_share_it():
    shop = shop_with_two(people=30, split="even")

    first = variants.parameters(shop.campaign)

    assert first == variants.parameters(shop.campaign)
    assert first["lows"] == [0.0, 0.5]
    assert first["highs"] == [0.5, 1.0]
    assert first["variant_salt"] != shop.campaign.salt


def answered(shop, label: str, sends: int, clicks: int, *, machine: bool = False, origin: str = "observed") -> None:
    """So many messages of a variant went out yesterday, and so many of them were clicked."""
    rows = list(Message.objects.filter(variant__label=label)[:sends])
    for row in rows:
        row.state, row.sent_at, row.tries = "sent", timezone.now() - timedelta(days=1), 1
    Message.objects.bulk_update(rows, ["state", "sent_at", "tries"])
    Click.objects.bulk_create(Click(message=row, is_machine=machine, origin=origin) for row in rows[:clicks])


def test_what_is_clicked_goes_to_more_of_those_still_queued_and_none_falls_below_the_floor():
    shop = started(shop_with_two(people=120))
    before = shares(shop)
    assert all(0.4 < share < 0.6 for share in before.values())
    answered(shop, "A", sends=25, clicks=0)
    answered(shop, "B", sends=25, clicks=20)

    after = shares(shop)
    moved = variants.redraw(shop.campaign.pk)

    assert after["B"] > 0.9
    assert after["A"] >= FLOOR - 1e-9
    queued = Message.objects.filter(state="queued")
    assert moved == queued.count() == 70
    assert Counter(queued.values_list("variant__label", flat=True))["B"] > 50
    assert {round(p, 6) for p in queued.filter(variant__label="B").values_list("propensity", flat=True)} == {
        round(after["B"], 6)
    }
    assert {0.4 < p < 0.6 for p in Message.objects.filter(state="sent").values_list("propensity", flat=True)} == {True}


@pytest.mark.parametrize("kind", [{"machine": True}, {"origin": "simulated"}], ids=["a scanner", "simulated"])
def test_clicks_of_scanners_and_simulated_ones_move_nothing(kind):
    shop = started(shop_with_two(people=80))
    answered(shop, "A", sends=20, clicks=0)
    answered(shop, "B", sends=20, clicks=20, **kind)

    assert 0.35 < shares(shop)["B"] < 0.65


def test_a_reader_of_a_minute_ago_is_no_no():
    shop = started(shop_with_two(people=80))
    answered(shop, "A", sends=30, clicks=0)
    Message.objects.filter(state="sent").update(sent_at=timezone.now() - timedelta(minutes=1))

    assert 0.4 < shares(shop)["A"] < 0.6


def test_what_was_tried_once_is_not_drawn_again_and_an_even_campaign_never():
    shop = started(shop_with_two(people=20))
    Message.objects.update(tries=1)
    assert variants.redraw(shop.campaign.pk) == 0
    Message.objects.update(tries=0)
    Campaign.objects.filter(pk=shop.campaign.pk).update(split="even")
    assert variants.redraw(shop.campaign.pk) == 0
    assert variants.learning() == []


def test_only_campaigns_with_a_choice_are_drawn_again():
    two = started(shop_with_two(people=4))

    assert variants.learning() == [two.campaign.pk]


def test_a_person_is_left_out_when_one_of_the_variants_could_not_be_filled():
    shop = shop_with_two(people=2)
    assert unrenderable(shop.campaign) == []
    MessageVariant.objects.filter(label="B").update(body="{{ product.size }} of it.")

    assert len(unrenderable(shop.campaign)) == 2


def test_the_split_is_part_of_what_is_approved():
    shop = shop_with_two(people=2)
    before = approval.digest_of(shop.campaign)[0]

    compose.set_split(shop.campaign.pk, "even", actor=shop.marketer)

    campaign = Campaign.objects.select_related("offer", "merchant").get(pk=shop.campaign.pk)
    assert approval.digest_of(campaign)[0] != before
    assert len(words.judged(campaign)) == 2
    assert Segment.objects.count() == 1
