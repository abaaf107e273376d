"""A campaign that goes out when each recipient's own clock shows an hour: whose clock, which moment, and what is missed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Message
from campaigns.queries.places import moment, over, places, zone_of
from campaigns.queries.rehearsal import rehearsal
from campaigns.services import approval, audience, delivery
from campaigns.services.lifecycle import move
from customers.models import Customer
from tests.campaigns.pages import again, signed_in
from tests.flows.shop import open_shop, read

pytestmark = pytest.mark.django_db
HOURS = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "zone", "expected"),
    [
        ("2026-11-11T09:00", "Asia/Shanghai", "2026-11-11T01:00"),
        ("2026-11-11T09:00", "America/New_York", "2026-11-11T14:00"),
        ("2026-11-11T00:30", "Pacific/Kiritimati", "2026-11-10T10:30"),
        ("2026-11-11T09:00", "Asia/Kathmandu", "2026-11-11T03:15"),
        ("2027-03-28T02:30", "Europe/Zurich", "2027-03-28T01:30"),  # left out: 03:30 of summer time
        ("2026-10-25T02:30", "Europe/Zurich", "2026-10-25T00:30"),  # shown twice: the first time, still of summer
        ("2027-10-03T02:15", "Australia/Lord_Howe", "2027-10-02T15:45"),  # a gap of half an hour
    ],
)
def test_the_moment_of_a_wall_clock(wall, zone, expected):
    assert moment(wall, zone) == utc(expected)


@pytest.mark.parametrize(
    ("own", "law", "expected"),
    [
        ("Asia/Tokyo", "CN", "Asia/Tokyo"),
        ("", "CN", "Asia/Shanghai"),  # the one zone of its law
        ("", "US", "America/Chicago"),  # six zones: the platform's
        ("Mars/Olympus", "", "America/Chicago"),
        ("../../etc/passwd", "", "America/Chicago"),
        ("", "", "America/Chicago"),
    ],
)
def test_whose_clock_is_whose(settings, own, law, expected):
    settings.PLATFORM_ZONE = "America/Chicago"
    assert zone_of(own, law) == expected


def by_clock(wall: datetime, zones: list[str], **fields):
    """A shop whose campaign is scheduled for this wall clock, and whose people live in these zones."""
    shop = open_shop(len(zones), **{"holdout_share": 0.0} | fields.pop("shop", {}))
    for person, zone in zip(shop.people, zones, strict=True):
        Customer.objects.filter(pk=person.pk).update(timezone=zone)
    for step in ("unschedule", "expire"):
        move(shop.campaign.pk, step, reason="by each clock")
    Campaign.objects.filter(pk=shop.campaign.pk).update(local_at=wall.strftime("%Y-%m-%dT%H:%M"), **fields)
    audience.freeze(again(shop).campaign)
    again(shop)
    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=read(shop.campaign))
    move(shop.campaign.pk, "schedule")
    return again(shop)


def wall_of(at: datetime) -> datetime:
    """A wall clock that London shows in winter and UTC always."""
    return at.replace(second=0, microsecond=0, tzinfo=None)


def test_everybody_gets_it_at_the_hour_of_their_place_and_it_starts_with_the_first():
    wall = wall_of(timezone.now() + 7 * HOURS + timedelta(minutes=30))
    shop = by_clock(wall, ["Asia/Shanghai", "UTC", "America/Bogota", ""])
    first = wall.replace(tzinfo=UTC) - 8 * HOURS

    assert shop.campaign.scheduled_at == first  # 08:00 east of UTC
    assert [(place.zone, place.people) for place in places(shop.campaign)] == [
        ("Asia/Shanghai", 1), ("UTC", 2), ("America/Bogota", 1),
    ]  # fmt: skip
    assert delivery.due() == [shop.campaign.pk]
    assert delivery.start(shop.campaign.pk).treated == 4

    rows = dict(Message.objects.values_list("customer__timezone", "not_before"))
    assert rows == {
        "Asia/Shanghai": first, "UTC": first + 8 * HOURS, "": first + 8 * HOURS, "America/Bogota": first + 13 * HOURS,
    }  # fmt: skip
    batch = delivery.claim(shop.campaign.pk)
    assert [message.customer for message in batch.messages] == [shop.people[0]]
    assert not delivery.finish_if_done(shop.campaign.pk)
    page = signed_in(shop.marketer).get(reverse("campaigns:monitor", args=[shop.campaign.pk]))
    assert [one.lane.by_clock for one in page.context["lanes"]] == [3]


def test_waves_begin_anew_at_every_place(monkeypatch):
    monkeypatch.setattr(audience, "LEAST_WAVE", 1)
    wall = wall_of(timezone.now() + 8 * HOURS + timedelta(minutes=5))
    wait = timedelta(minutes=20)
    shop = by_clock(wall, ["Asia/Shanghai"] * 10 + ["UTC"] * 10, waves=[0.5], wave_wait=wait)
    Campaign.objects.update(scheduled_at=timezone.now())  # bound: the digest moves, so it is not started as it stands
    assert delivery.start(shop.campaign.pk) is None
    assert again(shop).campaign.state == "in_review"

    rehearsed = rehearsal(shop.campaign, now=timezone.now(), unrenderable=[], least_wave=1).waves
    audience.draw(shop.campaign, [])

    east = wall.replace(tzinfo=UTC) - 8 * HOURS
    waves = {}
    for row in Message.objects.select_related("customer"):
        assert row.not_before == (
            east + (8 * HOURS if row.customer.timezone == "UTC" else 0 * HOURS) + (row.wave - 1) * wait
        )
        waves[row.wave] = waves.get(row.wave, 0) + 1
    assert waves == {1: 10, 2: 10}
    assert [(one.number, one.messages) for one in rehearsed] == [(1, 5), (2, 5), (1, 5), (2, 5)]
    assert [one.begins for one in rehearsed if one.number == 1] == [east, east + 8 * HOURS]


def test_quiet_hours_at_their_place_still_delay():
    wall = datetime(2030, 1, 10, 23, 0)
    shop = by_clock(wall, ["Asia/Shanghai", "Europe/Berlin"], keeps_email_quiet=True)

    found = rehearsal(shop.campaign, now=timezone.now(), unrenderable=[], least_wave=1).asleep

    assert [(one.until, one.people) for one in found] == [(utc("2030-01-11T00:00"), 1), (utc("2030-01-11T07:00"), 1)]


def test_an_hour_that_was_missed_by_more_than_the_window_asks_again_and_a_person_lets_it_go_on():
    wall = wall_of(timezone.now() + 8 * HOURS)
    shop = by_clock(wall, ["Asia/Shanghai", "Asia/Shanghai"])
    delivery.start(shop.campaign.pk)
    Message.objects.update(not_before=timezone.now() - 7 * HOURS)  # no worker was there

    assert delivery.claim(shop.campaign.pk) is None
    assert again(shop).campaign.state == "paused"
    assert shop.campaign.note[:51] == "2 messages missed the hour at their place by more t"

    delivery.resume(shop.campaign.pk, actor=shop.marketer)
    assert len(delivery.claim(shop.campaign.pk).messages) == 2


def test_a_start_that_was_missed_asks_for_another_review():
    shop = by_clock(wall_of(timezone.now() + HOURS), ["UTC", "Asia/Shanghai"])  # seven hours ago there
    assert over(shop.campaign, timezone.now()) == "Asia/Shanghai"  # no drafts are made for it
    assert over(shop.campaign, timezone.now() - 2 * HOURS) == ""
    assert delivery.start(shop.campaign.pk) is None
    assert (again(shop).campaign.state, shop.campaign.note) == (
        "in_review", "Its time was missed by more than it may be late.",
    )  # fmt: skip


def test_the_review_and_the_rehearsal_show_every_place():
    shop = by_clock(datetime(2030, 3, 31, 2, 30), ["Europe/Berlin", "Europe/Zurich", "Asia/Shanghai", "Africa/Lagos"])
    client = signed_in(shop.approver)
    for name in ("review", "rehearsal", "detail"):
        page = client.get(reverse(f"campaigns:{name}", args=[shop.campaign.pk]))
        hours = page.context["hours"]
        assert [(one.zones, one.people, one.shifted) for one in hours] == [
            (["Asia/Shanghai"], 1, ""),
            (["Africa/Lagos"], 1, ""),  # the same moment, and no summer time
            (["Europe/Berlin", "Europe/Zurich"], 2, "03:30"),
        ]  # fmt: skip
    text = client.get(reverse("campaigns:review", args=[shop.campaign.pk])).content.decode()
    assert "by each recipient&#x27;s own clock" in text or "by each recipient's own clock" in text
    assert settings.PLATFORM_ZONE in text
