"""A wall clock at each recipient's place: whose clock is whose, and which moment it names there."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db.models import Count

from campaigns.models import AudienceMember, Campaign, Message
from campaigns.state import MessageState
from customers.queries.packs import pack

WEST = timedelta(hours=-12)  # no place on earth comes later to a wall clock than the one at UTC-12


@dataclass(frozen=True, slots=True)
class Place:
    """People of one clock, and the moment at which it shows what the campaign names."""

    zone: str
    people: int
    at: datetime


def zone_of(own: str, jurisdiction: str) -> str:
    """The person's own zone; else that of their jurisdiction, where it has but one; else the platform's."""
    if own in _known():
        return own
    of_law = pack(jurisdiction).quiet_zones if jurisdiction else ()
    return of_law[0].key if len(of_law) == 1 else settings.PLATFORM_ZONE


def _known() -> set[str]:
    # Reads a folder the first time; then it is a set in memory.
    if not _names:
        _names.update(available_timezones())
    return _names


_names: set[str] = set()


def moment(wall: str, zone: str) -> datetime:
    """When the clock of this zone shows `wall` (ISO 8601 without a zone), in UTC.

    A wall clock that summer time leaves out comes as much later as the clock jumps (02:30 becomes 03:30); one that it
    shows twice is meant the first time (PEP 495, fold 0).
    """
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def latest(wall: str) -> datetime:
    """After this moment no clock on earth has still to show `wall`."""
    return datetime.fromisoformat(wall).replace(tzinfo=UTC) - WEST


def clocks(campaign: Campaign) -> dict[tuple[str, str], datetime]:
    """By (time zone, jurisdiction) as customers have them: the moment for the people of the audience. As many rows as there
    are places, whatever the audience.
    """
    if not campaign.local_at:
        return {}
    return {(own, law): moment(campaign.local_at, zone_of(own, law)) for own, law, _ in _counted(campaign)}


def counted(campaign: Campaign) -> list[dict]:
    """How many people of the frozen audience live by which clock, as JSON for the campaign's row; the most first."""
    people: dict[str, int] = {}
    for own, law, number in _counted(campaign):
        zone = zone_of(own, law)
        people[zone] = people.get(zone, 0) + number
    return [{"zone": zone, "people": n} for zone, n in sorted(people.items(), key=lambda one: (-one[1], one[0]))]


def _counted(campaign: Campaign) -> list[tuple[str, str, int]]:
    rows = AudienceMember.objects.filter(campaign=campaign).values_list("customer__timezone", "customer__jurisdiction")
    return list(rows.annotate(n=Count("pk")).order_by("customer__timezone", "customer__jurisdiction"))


def places(campaign: Campaign) -> list[Place]:
    """Of an audience that is frozen and told by its own clocks: when it goes out where, the first first. No query."""
    if not campaign.local_at:
        return []
    found = [Place(one["zone"], one["people"], moment(campaign.local_at, one["zone"])) for one in campaign.places]
    return sorted(found, key=lambda place: (place.at, place.zone))


def over(campaign: Campaign, now: datetime) -> str:
    """The place that comes first to the planned hour, where that is longer ago than the campaign may be late; else ""."""
    found = places(campaign)
    if found and campaign.late_after is not None and now - found[0].at > campaign.late_after:
        return found[0].zone
    return ""


def missed(campaign: Campaign, now: datetime) -> int:
    """How many messages should have left by their own clock longer ago than the campaign may be late, and did not. Those that
    were late already when somebody let it go on are not counted again. Reads index message_waiting.
    """
    if not campaign.local_at or campaign.late_after is None:
        return 0
    # Every part of the index is named, so that a claim asks in some look-ups and reads no row that is still to come.
    rows = Message.objects.filter(
        campaign=campaign, state=MessageState.QUEUED, channel__in=campaign.channels,
        wave__in=range(1, campaign.wave + 1), not_before__lt=now - campaign.late_after, reason="local_time",
    )  # fmt: skip
    if campaign.judged_since:
        rows = rows.filter(not_before__gt=campaign.judged_since - campaign.late_after)
    return rows.count()
