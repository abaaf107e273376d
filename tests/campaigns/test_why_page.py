"""Why, or why not, of any person and campaign; and what limits a send, channel by channel."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Message
from campaigns.queries import monitor
from campaigns.services import delivery, pace
from campaigns.views import lanes
from customers.services.consent import record_many
from tests import factories
from tests.campaigns.pages import shop_sending, signed_in
from tests.campaigns.test_gate import consent, on_channels, phone
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_word_of_an_earlier_batch():
    cache.clear()


def look_up(shop, external_id: str) -> str:
    answer = signed_in(factories.staff("marketer")).get(
        reverse("campaigns:look-up", args=[shop.campaign.pk]), {"customer": external_id}
    )
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def two_channels():
    shop = open_shop(people=3, consenting=2)
    phone(shop.people[0], "+41795550101")
    record_many([consent(shop.people[0], "sms")])
    on_channels(shop, "email", "sms")
    delivery.start(shop.campaign.pk)
    return shop


def test_a_person_is_told_apart_by_channel_with_the_reason_and_the_state():
    shop = two_channels()
    Message.objects.filter(customer=shop.people[0], channel="email").update(
        state="sent", sent_at=timezone.now(), attempted_at=timezone.now()
    )

    first, second, third = (look_up(shop, person.external_id) for person in shop.people)

    assert "Treated, by the segment “Regular”." in first
    assert first.count("badge-sent") == 1
    assert first.count("closed:") == 0
    assert "closed: no consent for this channel" in second
    assert "Left out on every channel" in third


def test_somebody_outside_of_the_audience_and_an_unknown_id_are_told_so():
    shop = two_channels()
    outside = factories.customer()
    assert "In none of its segments when the audience was frozen." in look_up(shop, outside.external_id)
    assert "Nobody has this id" in look_up(shop, "no-such-person")


def test_the_customer_page_gets_a_card_with_every_campaign_in_as_many_queries_as_with_one(
    django_assert_max_num_queries,
):
    shop = two_channels()
    client = signed_in(factories.staff("marketer"))
    page = reverse("campaigns:customer", args=[shop.people[0].pk])
    with django_assert_max_num_queries(12):
        card = client.get(page, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in card
    assert shop.campaign.name in card
    assert "Treated" in client.get(page).content.decode()
    assert client.get(reverse("campaigns:customer", args=[10**9])).status_code == 404


def limit_of(shop) -> str:
    shop.campaign.refresh_from_db()
    (told,) = lanes.told(shop.campaign)
    return told.limit


def test_what_limits_a_send_is_named():
    shop = shop_sending(people=4)
    cache.clear()
    assert limit_of(shop).startswith("the clock or the workers: nobody has looked for messages to send")
    delivery.sweep()
    assert limit_of(shop) == "the workers: none has taken it up yet"

    batch = delivery.claim(shop.campaign.pk, 1)
    assert limit_of(shop) == "the server's answers"
    pace.note(shop.campaign.pk, "email", in_server=0.2, in_all=1.0)
    assert limit_of(shop) == "the workers: what they do takes longer than the server's answers"

    now = timezone.now()
    Message.objects.exclude(pk=batch.messages[0].pk).update(state="sent", sent_at=now, attempted_at=now)
    Campaign.objects.update(per_second=1)
    assert limit_of(shop) == "the campaign's own speed of 1 a second"
    Message.objects.filter(state="sent").update(sent_at=now - timedelta(hours=1))
    assert limit_of(shop) == "the workers: what they do takes longer than the server's answers"


def test_a_broker_that_is_away_is_named_and_the_page_comes_all_the_same(settings):
    shop = shop_sending(people=2)
    away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": away}
    assert limit_of(shop) == "the broker, which does not answer: nothing is sent until it does"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"wave": 2}, "the wave: the next opens when this one is done"),
        ({"reason": "quiet_hours"}, "quiet hours: the first wakes at"),
        ({}, "the server, which asked to be tried again at"),
    ],
)
def test_what_waits_says_for_what(fields, words):
    shop = shop_sending(people=2)
    Message.objects.update(not_before=timezone.now() + timedelta(hours=1), **fields)
    assert limit_of(shop).startswith(words)
    (lane,) = monitor.lanes(shop.campaign.pk)
    assert (lane.open, lane.due) == (2, 0)


def test_the_monitor_shows_the_limit_and_the_gate_of_each_channel():
    shop = two_channels()
    delivery.sweep()
    page = signed_in(shop.marketer).get(reverse("campaigns:monitor", args=[shop.campaign.pk])).content.decode()
    assert "the workers: none has taken it up yet" in page
    assert "The gate on the channel sms" in page
