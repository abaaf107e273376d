"""When a campaign goes out where, on one line of time: for the pages of a plan that goes by each recipient's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.models import Campaign
from campaigns.queries.places import places

NAMED = 3  # zones of one moment that are named; the rest are counted
LEAST = timedelta(hours=1)  # as wide as a bar is at least, of the whole line


@dataclass(frozen=True)
class Hour:
    """All places whose clock shows the planned hour at one moment, or leaves it out and shows one other. `left` and `width`
    run from 0 to 100.
    """

    at: datetime
    shifted: str  # what their clock shows then, where summer time leaves the planned hour out; else ""
    zones: list[str]
    more: int
    people: int
    left: float
    width: float


def hours(campaign: Campaign) -> list[Hour]:
    """The first place first; about as many as there are differences to UTC. No query."""
    alike: dict[tuple[datetime, str], list] = {}
    for place in places(campaign):
        shows = place.at.astimezone(ZoneInfo(place.zone)).strftime("%Y-%m-%dT%H:%M")
        alike.setdefault((place.at, "" if shows == campaign.local_at else shows[11:]), []).append(place)
    if not alike:
        return []
    first, last = min(alike)[0], max(alike)[0] + LEAST
    found = []
    for (at, shifted), here in sorted(alike.items()):
        here.sort(key=lambda place: (-place.people, place.zone))
        found.append(
            Hour(
                at=at,
                shifted=shifted,
                zones=[place.zone for place in here[:NAMED]],
                more=len(here[NAMED:]),
                people=sum(place.people for place in here),
                left=100 * ((at - first) / (last - first)),
                width=max(100 * (LEAST / (last - first)), 2.0),
            )
        )
    return found
