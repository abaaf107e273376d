"""A send in waves: a few first, the rest when nothing speaks against it, and a stop that a person has to lift."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from campaigns.models import Campaign, Message
from campaigns.queries.recipients import Person
from campaigns.services import audience, delivery, waves
from campaigns.stats.stopping import exceeds
from customers.models import Customer
from customers.queries.packs import pack
from customers.services.withdraw import withdraw
from tests.campaigns.test_gate import on_channels
from tests.flows.shop import Shop, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_judged():
    cache.clear()


@pytest.fixture
def small_waves(monkeypatch):
    """Waves of a few people, as waves of a hundred are of many."""
    monkeypatch.setattr(audience, "LEAST_WAVE", 1)


def started(people: int, **fields) -> Shop:
    shop = open_shop(people=people)
    on_channels(shop, "email", **fields)
    delivery.start(shop.campaign.pk)
    return shop


def by_wave() -> dict[int, int]:
    found: dict[int, int] = {}
    for wave in Message.objects.values_list("wave", flat=True):
        found[wave] = found.get(wave, 0) + 1
    return found


def send_all(campaign_id: int) -> int:
    total = 0
    while taken := delivery.send_batch(campaign_id):
        total += taken
    return total


def test_the_first_wave_goes_and_the_next_waits_for_its_time(sink, small_waves):
    sink()
    shop = started(20, waves=[0.1, 0.5], wave_wait=timedelta(minutes=10))
    assert by_wave() == {1: 2, 2: 8, 3: 10}

    assert send_all(shop.campaign.pk) == 2
    shop.campaign.refresh_from_db()
    assert (shop.campaign.state, shop.campaign.wave) == ("sending", 1)

    Campaign.objects.update(wave_done_at=timezone.now() - timedelta(minutes=10))
    assert send_all(shop.campaign.pk) == 8
    Campaign.objects.update(wave_done_at=timezone.now() - timedelta(minutes=10))
    assert send_all(shop.campaign.pk) == 10
    shop.campaign.refresh_from_db()
    assert (shop.campaign.state, Message.objects.filter(state="sent").count()) == ("sent", 20)


def test_without_a_wait_one_wave_follows_the_other(sink, small_waves):
    sink()
    shop = started(10, waves=[0.1, 0.5], wave_wait=timedelta(0))
    assert send_all(shop.campaign.pk) == 10


def test_a_wave_too_small_to_stop_anything_goes_with_the_next():
    started(20, waves=[0.01, 0.1])
    assert by_wave() == {1: 20}


def outcome(numbers: int, **fields) -> None:
    ids = list(Message.objects.filter(state="queued").order_by("customer_id").values_list("pk", flat=True)[:numbers])
    now = timezone.now()
    Message.objects.filter(pk__in=ids).update(**{"state": "sent", "attempted_at": now, "sent_at": now, **fields})


def test_too_many_bounces_stop_it_by_itself_and_a_person_lets_it_go_on():
    shop = started(130)
    outcome(88)
    outcome(15, state="failed", sent_at=None, reason="address_refused")

    assert "15 of 103 messages by email came back, more than the limit of 5 %" in waves.judge(shop.campaign.pk)

    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "paused"
    assert shop.campaign.note.startswith("Stopped by itself: 15 of 103")
    assert delivery.send_batch(shop.campaign.pk) == 0
    delivery.resume(shop.campaign.pk, actor=shop.marketer)
    cache.clear()
    assert waves.judge(shop.campaign.pk) == ""  # what was seen is not judged again
    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "sending"


def test_withdrawals_after_the_message_stop_it_and_those_before_do_not():
    shop = started(115)
    for person in shop.people[-5:]:
        withdraw(customer_id=person.pk, channel="email", purpose="marketing", method="staff", actor="subject")
    outcome(110)
    assert waves.judge(shop.campaign.pk, at_once=True) == ""

    for person in shop.people[:10]:
        withdraw(customer_id=person.pk, channel="email", purpose="marketing", method="one_click", actor="subject")

    assert "10 of 110 messages by email were answered by a withdrawal" in waves.judge(shop.campaign.pk, at_once=True)


@pytest.mark.parametrize(
    ("k", "n", "stops"),
    [(5, 99, False), (6, 100, False), (12, 100, False), (14, 100, True), (50, 1000, False), (80, 1000, True)],
)
def test_a_limit_is_exceeded_only_by_more_than_chance(k, n, stops):
    assert exceeds(k, n, 0.05) is stops


def test_a_message_waits_for_the_morning_of_its_person_and_the_others_go(sink, settings):
    sink()
    shop = open_shop(people=3)
    on_channels(shop, "email", keeps_email_quiet=True)
    now = timezone.now()
    # Where it is noon at this moment, and where it is midnight.
    Customer.objects.update(timezone=f"Etc/GMT{now.hour - 12:+d}")
    night = f"Etc/GMT{now.hour:+d}" if now.hour <= 12 else f"Etc/GMT{now.hour - 24:+d}"
    Customer.objects.filter(pk=shop.people[0].pk).update(timezone=night)
    delivery.start(shop.campaign.pk)

    send_all(shop.campaign.pk)

    row = Message.objects.get(customer=shop.people[0])
    assert (row.state, row.reason, row.tries, row.attempted_at) == ("queued", "quiet_hours", 0, None)
    assert timedelta(hours=7) < row.not_before - now <= timedelta(hours=8)
    assert Message.objects.filter(state="sent").count() == 2
    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "sending"

    Message.objects.update(not_before=now - timedelta(hours=1))
    Customer.objects.update(timezone=f"Etc/GMT{now.hour - 12:+d}")
    send_all(shop.campaign.pk)
    shop.campaign.refresh_from_db()
    assert (shop.campaign.state, Message.objects.get(customer=shop.people[0]).state) == ("sent", "sent")


def at(hour: int, minute: int = 0, day: int = 10) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("jurisdiction", "zone", "asked", "awake"),
    [
        ("EU", "Europe/Berlin", at(12), at(12)),
        ("EU", "Europe/Berlin", at(19, 59), at(19, 59)),  # 20:59 there
        ("EU", "Europe/Berlin", at(20), at(7, day=11)),  # 21:00 there, until 8:00
        ("EU", "Europe/Berlin", at(6, 30), at(7)),
        ("CN", "", at(12), at(12)),  # 20:00 in Shanghai
        ("CN", "", at(13), at(0, day=11)),
        ("US", "America/Los_Angeles", at(15), at(16)),  # 7:00 there
        ("US", "", at(14), at(18)),  # by day in New York, but it must be in Honolulu as well
        ("US", "", at(2, 30), at(18)),  # evening in New York, day in Honolulu
        ("", "No/Such", at(22), at(9, day=11)),  # the strictest pack: from Helsinki's evening to the Azores' morning
    ],
)
def test_quiet_hours_are_those_of_the_persons_place(jurisdiction, zone, asked, awake):
    assert pack(jurisdiction).awake_from(asked, zone) == awake


def test_text_and_push_keep_quiet_always_and_email_where_the_campaign_says_so():
    person = Person("ann", "en", "Europe/Berlin", pack("EU"))
    night = at(23)
    assert [person.awake_from(night, one, also_email=False) > night for one in ("email", "sms", "push", "store")] == [
        False, True, True, False,
    ]  # fmt: skip
    assert person.awake_from(night, "email", also_email=True) == at(7, day=11)
