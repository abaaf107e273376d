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
    """All places whose clock shows the planned hour at one moment. `left` and `width` run from 0 to 100."""

    at: datetime
    shows: str  # what their clock shows then: another hour than was planned where summer time leaves that one out
    zones: list[str]
    more: int
    people: int
    left: float
    width: float


def hours(campaign: Campaign) -> list[Hour]:
    """The first place first; at most as many as there are differences to UTC. No query."""
    by_moment: dict[datetime, list] = {}
    for place in places(campaign):
        by_moment.setdefault(place.at, []).append(place)
    if not by_moment:
        return []
    first, last = min(by_moment), max(by_moment) + LEAST
    found = []
    for at, here in sorted(by_moment.items()):
        here.sort(key=lambda place: (-place.people, place.zone))
        found.append(
            Hour(
                at=at,
                shows=at.astimezone(ZoneInfo(here[0].zone)).strftime("%Y-%m-%d %H:%M"),
                zones=[place.zone for place in here[:NAMED]],
                more=len(here[NAMED:]),
                people=sum(place.people for place in here),
                left=100 * ((at - first) / (last - first)),
                width=max(100 * (LEAST / (last - first)), 2.0),
            )
        )
    return found
