"""A plan before it is saved: its own caps, what it says in plain words, and whom caps and nights would hold up."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from campaigns.contracts import Cap, Trigger, TriggerKind
from campaigns.models import Campaign, Message, Segment, Tally
from campaigns.queries.audience import rehearse
from campaigns.queries.foresight import Asked, Foreseen, foresee
from campaigns.services import tallies
from campaigns.views.reading import reading
from customers.models import Customer
from tests.campaigns.pages import shop_sent, signed_in
from tests.campaigns.test_compose_page import compose_as, form, segment
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_kept():
    cache.clear()


def answered(client, **fields) -> dict:
    """What the composer says of a plan as typed, once a worker has counted."""
    page = client.post(reverse("campaigns:new"), form(do="foresee", **fields))
    assert page.status_code == 200
    row = Tally.objects.get(kind=Tally.Kind.PLAN)
    assert (page.context["tally"], row.state) == (row, "asked")
    assert tallies.answer(row.pk)
    return client.get(reverse("campaigns:foreseen", args=[row.pk])).context


# --- caps of its own


def test_further_caps_are_saved_shown_again_and_part_of_the_digest():
    client = compose_as()
    caps = {
        "cap_1_channel": "email",
        "cap_1_messages": "2",
        "cap_1_days": "7",
        "cap_3_messages": "9",
        "cap_3_days": "30",
    }

    client.post(
        reverse("campaigns:new"), form(cap_1_channel="email", **{k: v for k, v in caps.items() if k != "cap_1_channel"})
    )

    campaign = Campaign.objects.get()
    assert campaign.caps == [
        {"channel": "email", "messages": 2, "days": 7}, {"channel": "any", "messages": 9, "days": 30},
    ]  # fmt: skip
    page = client.get(reverse("campaigns:edit", args=[campaign.pk]))
    assert [[field.value() for field in line] for line in page.context["form"].cap_fields] == [
        ["email", 2, 7], ["any", 9, 30], [None, None, None],
    ]  # fmt: skip
    text = " ".join(client.get(reverse("campaigns:detail", args=[campaign.pk])).context["reading"])
    assert "Left out on the channel “E-mail” is who had 2 messages there within 7 days." in text


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"cap_1_messages": "2"}, "cap_1_days", "A cap needs both numbers"),
        ({"cap_2_days": "7"}, "cap_2_messages", "A cap needs both numbers"),
        ({"cap_1_messages": "0", "cap_1_days": "7"}, "cap_1_messages", "greater than or equal to 1"),
        ({"cap_1_messages": "2", "cap_1_days": "999"}, "cap_1_days", "less than or equal to 365"),
        ({"cap_1_messages": "two", "cap_1_days": "7"}, "cap_1_messages", "whole number"),
        ({"cap_1_channel": "pigeon", "cap_1_messages": "2", "cap_1_days": "7"}, "cap_1_channel", "valid choice"),
    ],
)
def test_a_cap_that_cannot_be_meant_is_refused_at_its_field(fields, field, words):
    page = compose_as().post(reverse("campaigns:new"), form(**{"cap_1_messages": "", **fields}))

    assert page.status_code == 400
    assert words in " ".join(page.context["form"].errors[field])
    assert all(page.context["form"][name].value() == value for name, value in fields.items())
    assert not Campaign.objects.exists()


def test_its_own_cap_holds_people_back_in_the_gate_and_the_waterfall_says_so():
    shop = shop_sent(people=3)
    Message.objects.filter(customer=shop.people[0]).update(sent_at=timezone.now() - timedelta(days=40))
    other = open_other(shop, caps=[{"channel": "email", "messages": 1, "days": 30}], cap_days=0)

    found = rehearse(other)

    assert [(step.reason, step.count) for step in found.steps] == [("frequency_cap", 2)]
    assert found.treated == 1


def open_other(shop, **fields) -> Campaign:
    """Another campaign to the same people, its audience frozen."""
    from_ = shop.campaign
    other = Campaign.objects.create(name="Other", channels=["email"], holdout_share=0, **fields)
    for row in from_.audience.all():
        other.audience.create(customer=row.customer, segment=row.segment, items=row.items)
    return other


# --- how often, who sleeps


def test_caps_and_nights_are_counted_of_the_audience_by_channel():
    shop = shop_sent(people=6)
    Message.objects.update(sent_at=NOON - timedelta(days=2))
    Message.objects.filter(customer=shop.people[5]).update(sent_at=NOON - timedelta(days=9))
    Customer.objects.update(timezone="Europe/Berlin", jurisdiction="EU")
    Customer.objects.filter(pk__in=[p.pk for p in shop.people[3:]]).update(timezone="Asia/Tokyo")
    asked = Asked(channels=["email", "sms"], caps=[Cap("email", 1, 7)], at=NOON + timedelta(hours=1))

    email, sms = foresee([Segment.objects.get()], asked)

    assert email == Foreseen("email", 6, 5, 0, None)  # five heard by e-mail within the week; nights do not bind it
    assert sms == Foreseen("sms", 6, 0, 3, datetime(2026, 3, 2, 23, tzinfo=UTC))  # 22:00 in Tokyo, until 08:00 there


def test_by_each_clock_a_night_is_that_of_the_planned_hour():
    open_shop(people=2)
    Customer.objects.update(timezone="Asia/Tokyo", jurisdiction="EU")
    asked = Asked(channels=["sms"], caps=[], at=NOON, local_at="2026-03-03T09:00")
    assert [one.asleep for one in foresee([Segment.objects.get()], asked)] == [0]
    asked = Asked(channels=["sms"], caps=[], at=NOON, local_at="2026-03-03T23:00")
    assert [one.asleep for one in foresee([Segment.objects.get()], asked)] == [2]


def test_the_composer_asks_a_worker_and_shows_the_answer():
    shop = shop_sent(people=4)
    client = signed_in(shop.marketer)

    context = answered(client, segment_1=Segment.objects.get().pk, cap_days="3")

    ((channel, bars),) = context["foreseen"]
    assert (channel, [bar.count for bar in bars]) == ("email", [4, 4, 0, 0])


def test_a_plan_without_a_segment_is_read_and_nothing_is_counted():
    page = compose_as().post(reverse("campaigns:new"), form(do="foresee", name=""))

    assert page.context["reading"][0].startswith("It goes out when somebody releases it")
    assert not Tally.objects.exists()


def test_while_the_timing_is_wrong_nothing_is_read_and_all_that_was_typed_stays():
    one = segment()
    page = compose_as().post(
        reverse("campaigns:new"), form(do="foresee", when="local", scheduled_at="soon", segment_1=one.pk)
    )

    assert page.context["reading"] == []
    assert page.context["form"]["scheduled_at"].value() == "soon"
    assert not Tally.objects.exists()


# --- in plain words


def test_a_plan_by_each_clock_reads_as_what_will_happen():
    campaign = Campaign(
        channels=["email", "sms"], local_at="2030-11-11T09:00", scheduled_at=NOON, late_after=timedelta(hours=6),
        waves=[0.01, 0.1], wave_wait=timedelta(minutes=30), stop_limits={"bounced": 0.05}, holdout_share=0.1, cap_days=3,
    )  # fmt: skip
    text = " ".join(reading(campaign))
    for sentence in (
        "It goes out when the clock at each recipient's place shows 11 Nov 2030, 09:00; of whom nobody knows the place, the "
        "clock of UTC counts.",
        "When that time is missed by more than 6 hours, it waits and asks a person again.",
        "A random 1 % and then 10 % of each channel's messages leave first; the next wave and then the rest follow 30 minutes",
        "The waves begin anew at every place.",
        "It stops by itself, until a person lets it go on, when more than 5 % of its messages bounce.",
        "Text messages and notifications wait for the morning when it is night at the recipient's place.",
        "E-mail goes out by night as well.",
        "Left out is who had 1 message from us on any channel within 3 days.",
        "Left out is who had 15 messages from us on any channel within 30 days.",  # of the platform
        "Of who could be written to, 10 % are drawn to hear nothing on any channel; the orders of 28 days are compared.",
    ):
        assert sentence in text, sentence


@pytest.mark.parametrize("kind", list(TriggerKind))
def test_every_event_reads_as_a_sentence(kind):
    campaign = Campaign(kind="triggered", trigger=Trigger(kind, 3, again=300).kept(), late_after=None)
    first, second, *_rest = reading(campaign)
    assert first.startswith("From its start until somebody ends it, it writes ")
    assert " 3 " in first
    assert (
        second == "It may write to the same person again when that happens once more, 300 days later at the earliest."
    )


def test_the_review_says_the_plan_in_plain_words():
    shop = open_shop(people=1)
    page = signed_in(shop.approver).get(reverse("campaigns:review", args=[shop.campaign.pk]))
    assert "Nobody is held out, so nobody will be able to say what it did." in page.content.decode()


# --- by each recipient's clock, and again


def test_a_wall_clock_is_saved_as_typed_and_shown_again():
    client = compose_as()
    day = timezone.now() + timedelta(days=2)
    client.post(reverse("campaigns:new"), form(when="local", scheduled_at=f"{day:%Y-%m-%d}T09:00"))

    campaign = Campaign.objects.get()
    assert (campaign.local_at, campaign.late_after) == (f"{day:%Y-%m-%d}T09:00", timedelta(hours=6))
    assert campaign.scheduled_at == day.replace(hour=9, minute=0, second=0, microsecond=0)  # of the platform's zone
    shown = client.get(reverse("campaigns:edit", args=[campaign.pk])).context["form"]
    assert (shown["when"].value(), str(shown["scheduled_at"].value())[:16]) == ("local", f"{day:%Y-%m-%d} 09:00")


def test_a_wall_clock_that_the_platform_has_passed_is_refused(settings):
    settings.PLATFORM_ZONE = "Asia/Shanghai"
    wall = (timezone.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    page = compose_as().post(reverse("campaigns:new"), form(when="local", scheduled_at=wall))
    assert "This time is over" in page.context["form"].errors["scheduled_at"][0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"trigger": "birthday", "wait": "3", "again": "30"}, "At least 300 days"),
        ({"trigger": "win_back", "wait": "30", "again": "0"}, "greater than or equal to 1"),
        (
            {"trigger": "win_back", "wait": "30", "again": "9", "channels": ["email", "social"]},
            "A file holds each person once",
        ),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused_at_its_field(fields, words):
    page = compose_as().post(reverse("campaigns:new"), form(when="event", **fields))
    assert words in " ".join(page.context["form"].errors["again"])


def test_how_often_somebody_is_taken_in_is_saved_shown_and_read():
    client = compose_as()
    client.post(reverse("campaigns:new"), form(when="event", trigger="win_back", wait="30", again="90"))

    campaign = Campaign.objects.get()
    assert campaign.trigger == {"kind": "win_back", "wait": 30, "again": 90}
    assert client.get(reverse("campaigns:edit", args=[campaign.pk])).context["form"]["again"].value() == 90
    assert (
        "the same person again after 90 days"
        in client.get(reverse("campaigns:detail", args=[campaign.pk])).content.decode()
    )
