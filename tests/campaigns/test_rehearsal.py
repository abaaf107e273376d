"""A send gone through beforehand: what it would do, by a worker, with nothing written and no message made."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Count
from django.urls import reverse

from campaigns.exceptions import NotReady
from campaigns.models import Assignment, Campaign, Message, MessageVariant, Segment, Tally
from campaigns.queries.rehearsal import Asleep, rehearsal
from campaigns.services import approval, compose, delivery, tallies, words
from customers.contracts import NewContact
from customers.models import Customer
from customers.services.consent import record_many
from customers.services.people import add_contact_points
from tests.campaigns.pages import again, shop_in_review, signed_in, words_of
from tests.flows.shop import consent_of, open_shop, read

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def rehearsed(shop) -> dict:
    row = tallies.ask_rehearsal(again(shop).campaign)
    assert tallies.answer(row.pk)
    row.refresh_from_db()
    assert row.state == "done", row.message
    return row.answer


def test_it_says_what_the_gate_would_say_and_writes_nothing():
    shop = open_shop(6, consenting=4)

    answer = rehearsed(shop)

    assert answer["gate"] == {"steps": [["no_consent", 2]], "treated": 4, "holdout": 0}
    assert (Message.objects.count(), Assignment.objects.count()) == (0, 0)


def test_waves_follow_one_another_at_the_campaigns_speed():
    shop = open_shop(10, per_second=2)
    campaign = again(shop).campaign
    campaign.waves, campaign.wave_wait, campaign.scheduled_at = [0.2, 0.5], timedelta(minutes=30), NOON

    found = rehearsal(campaign, now=NOON, unrenderable=[], least_wave=1).waves

    assert [(one.number, one.messages) for one in found] == [(1, 2), (2, 3), (3, 5)]
    assert [(one.begins - NOON, one.ends - NOON) for one in found] == [
        (timedelta(), timedelta(seconds=1)),
        (timedelta(minutes=30, seconds=1), timedelta(minutes=30, seconds=2.5)),
        (timedelta(minutes=60, seconds=2.5), timedelta(minutes=60, seconds=5)),
    ]


def test_a_wave_too_small_to_stop_anything_goes_with_the_next():
    campaign = again(open_shop(10)).campaign
    campaign.waves = [0.2, 0.5]

    assert [one.messages for one in rehearsal(campaign, now=NOON, unrenderable=[], least_wave=3).waves] == [5, 5]


def test_people_are_asleep_by_the_hours_of_their_place():
    shop = open_shop(5)
    campaign = again(shop).campaign
    campaign.keeps_email_quiet, campaign.scheduled_at = True, NOON
    Customer.objects.filter(pk__in=[one.pk for one in shop.people]).update(jurisdiction="CN", timezone="Europe/Zurich")
    Customer.objects.filter(pk__in=[one.pk for one in shop.people[:2]]).update(timezone="Asia/Shanghai")
    night = NOON + timedelta(hours=2)  # 22:00 in Shanghai, 15:00 in Zurich

    found = rehearsal(campaign, now=night, unrenderable=[], least_wave=1).asleep

    assert found == (Asleep("email", datetime(2026, 3, 3, 0, tzinfo=UTC), 2),)


def test_who_cannot_be_filled_is_left_out_and_counted():
    shop = open_shop(3)

    found = rehearsal(again(shop).campaign, now=NOON, unrenderable=[(shop.people[0].pk, "email")], least_wave=1)

    assert (found.unrenderable, [(step.reason, step.count) for step in found.gate.steps]) == (1, [("render", 1)])


def texting(people: int, **plan):
    """A shop whose campaign goes out as text messages, to everybody's phone."""
    shop = shop_in_review(people=people)
    add_contact_points(NewContact(one.pk, "phone", f"+4479460958{n:02}") for n, one in enumerate(shop.people))
    record_many(replace(consent_of(one), channel="sms") for one in shop.people)
    MessageVariant.objects.filter(campaign=shop.campaign).update(
        channel="sms", body="{{ product.title }}, {{ offer }} until {{ ends_on }}."
    )
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["sms"], **plan)
    return again(shop)


def test_text_messages_are_counted_by_their_parts_and_priced_where_a_price_is_set(settings):
    shop = texting(3)
    Customer.objects.filter(pk=shop.people[0].pk).update(jurisdiction="CN", language="zh")

    answer = rehearsed(shop)

    assert [(one["encoding"], one["messages"]) for one in answer["lengths"]] == [("GSM-7", 2), ("UCS-2", 1)]
    parts = sum(one["messages"] * one["parts"] for one in answer["lengths"])
    address = reverse("campaigns:rehearsal", args=[shop.campaign.pk])
    page = signed_in(shop.approver).get(address)
    assert (page.context["lengths"]["parts"], page.context["lengths"]["cost"]) == (parts, "")
    assert "No price is set" in page.content.decode()
    settings.SMS_PART_PRICE, settings.SMS_PART_CURRENCY = 0.05, "EUR"
    assert signed_in(shop.approver).get(address).context["lengths"]["cost"] == f"€{0.05 * parts:.2f}"


def test_a_few_messages_stand_there_as_people_would_see_them_and_their_links_open_nothing():
    shop = shop_in_review(people=3)

    (one,) = rehearsed(shop)["samples"]

    assert (one["channel"], one["people"], one["customer"]) == ("email", 3, min(person.pk for person in shop.people))
    assert one["title"] == "Rye rolls again?"
    assert "Oat biscuits" in one["text"]  # every product of this person
    token = one["text"].split("/u/")[1].split("/")[0]
    assert signed_in(shop.approver).get(reverse("campaigns:unsubscribe", args=[token])).status_code == 410


def test_it_draws_the_variants_as_the_start_does():
    shop = shop_in_review(people=8)
    MessageVariant.objects.create(campaign=shop.campaign, segment=Segment.objects.get(), label="B", subject="{{ offer }}",
                                  body="{{ product.title }}, {{ offer }} until {{ ends_on }}.", writer="person")  # fmt: skip

    said = {one["label"]: one["people"] for one in rehearsed(shop)["samples"]}

    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=read(again(shop).campaign))
    compose.schedule(shop.campaign.pk, actor=shop.marketer)
    delivery.start(shop.campaign.pk)
    got = Message.objects.filter(campaign=shop.campaign).values_list("variant__label").annotate(n=Count("pk"))
    assert said == dict(got.order_by())
    assert sum(said.values()) == 8


def test_codes_of_ones_own_are_needed_by_everybody_who_would_be_written_to():
    shop = texting(4, codes="unique", holdout_share=0.5)

    answer = rehearsed(shop)

    assert answer["codes"] == {"kind": "unique", "needed": answer["gate"]["treated"], "made": 0}
    Campaign.objects.filter(pk=shop.campaign.pk).update(codes="shared", shared_code="ROLLS")
    assert rehearsed(shop)["codes"] == {"kind": "shared", "needed": 1, "made": 0}


def test_the_page_asks_and_shows_and_says_when_the_campaign_has_changed_since():
    shop = shop_in_review(people=3)
    client, address = signed_in(shop.approver), reverse("campaigns:rehearsal", args=[shop.campaign.pk])
    assert client.post(address).status_code == 303
    assert client.get(address).context["tally"].state == "asked"
    tallies.answer(Tally.objects.get(kind="rehearsal").pk)

    page = client.get(address)
    assert (page.context["is_of_this"], page.context["gate"].treated) == (True, 3)

    words.edit(words_of(shop).pk, subject="Rolls", body="{{ product.title }}, {{ offer }} until {{ ends_on }}.",
               actor=shop.marketer)  # fmt: skip
    page = client.get(address)
    assert page.context["is_of_this"] is False
    assert "of an earlier version" in page.content.decode()


def test_a_plan_without_an_audience_says_what_to_do():
    shop = open_shop(2)
    Campaign.objects.filter(pk=shop.campaign.pk).update(frozen_at=None)

    with pytest.raises(NotReady, match="ask for them first"):
        tallies.ask_rehearsal(again(shop).campaign)
    page = signed_in(shop.marketer).post(reverse("campaigns:rehearsal", args=[shop.campaign.pk]), follow=True)
    assert "ask for them first" in page.content.decode()
