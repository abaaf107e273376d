"""A whole send gone through beforehand: who would be written to, in which waves and hours, and what would hold it up.

Nothing is written and no message leaves. What people's places decide is asked once a place: people of one time zone and one
law sleep alike.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from campaigns.contracts import BATCHES, Waterfall
from campaigns.models import AudienceMember, Campaign
from campaigns.queries.audience import Unrenderable, rehearse_by_clock
from campaigns.queries.places import clocks
from campaigns.queries.recipients import Person
from customers.queries.packs import pack


@dataclass(frozen=True, slots=True)
class Wave:
    """Of one channel: how many messages, and when the first and the last of them would leave."""

    channel: str
    number: int
    messages: int
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Asleep:
    """People of the audience who could not be reached at the start on this channel, by when their morning comes."""

    channel: str
    until: datetime
    people: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    begins: datetime
    gate: Waterfall
    waves: tuple[Wave, ...]
    asleep: tuple[Asleep, ...]
    unrenderable: int


def rehearsal(campaign: Campaign, *, now: datetime, unrenderable: Unrenderable, least_wave: int) -> Rehearsal:
    """`least_wave`: a smaller wave goes with the next, as at the start."""
    gate, treated = rehearse_by_clock(campaign, unrenderable)
    begins = max(now, campaign.scheduled_at or now)
    waves = tuple(
        wave
        for (channel, at), messages in sorted(_by_moment(treated, begins).items())
        for wave in _waves(campaign, channel, messages, at, least_wave)
    )
    return Rehearsal(begins, gate, waves, tuple(_asleep(campaign, begins)), len({pk for pk, _ in unrenderable}))


def _by_moment(treated: dict[tuple[str, datetime | None], int], begins: datetime) -> dict[tuple[str, datetime], int]:
    """Messages by (channel, moment): at the start, or at the hour of each place. A file leaves as a whole at the start."""
    found: dict[tuple[str, datetime], int] = {}
    for (channel, at), messages in treated.items():
        key = channel, begins if channel in BATCHES else max(begins, at or begins)
        found[key] = found.get(key, 0) + messages
    return found


def _waves(campaign: Campaign, channel: str, total: int, begins: datetime, least: int) -> Iterator[Wave]:
    sent, at = 0, begins
    if channel in BATCHES:  # one file, as soon as a second person has let it go
        yield Wave(channel, 1, total, at, at)
        return
    ends = [math.ceil(share * total) for share in campaign.waves if share * total >= least]
    for number, end in enumerate([*ends, total], start=1):
        if end <= sent:
            continue
        over = at + timedelta(seconds=(end - sent) / campaign.per_second)
        yield Wave(channel, number, end - sent, at, over)
        sent, at = end, over + campaign.wave_wait


def _asleep(campaign: Campaign, begins: datetime) -> Iterator[Asleep]:
    """By place, so that a million people cost as many questions as there are time zones."""
    places = AudienceMember.objects.filter(campaign=campaign).values_list(
        "customer__timezone", "customer__jurisdiction"
    )
    counted = list(places.annotate(n=Count("pk")).order_by("customer__timezone", "customer__jurisdiction"))
    starts = clocks(campaign)
    for channel in campaign.channels:
        later: dict[datetime, int] = {}
        for zone, jurisdiction, people in counted:
            one = Person("", "en", zone, pack(jurisdiction))
            begin = max(begins, starts.get((zone, jurisdiction), begins))
            at = one.awake_from(begin, channel, also_email=campaign.keeps_email_quiet)
            if at > begin:
                later[at] = later.get(at, 0) + people
        yield from (Asleep(channel, at, later[at]) for at in sorted(later))
