"""What keeps each channel of a send below its speed, in words: one reason, the one that a person could do something about."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from campaigns.contracts import BATCHES
from campaigns.models import Campaign
from campaigns.queries import monitor as queries
from campaigns.services.pace import is_left_alone, is_swept, provider_of, server_share

RECENT = timedelta(minutes=1)
FULL = 0.8  # of the campaign's own speed: from here on it is that which limits


@dataclass(frozen=True)
class Told:
    lane: queries.Lane
    per_second: float | None  # None: too few went out to say
    limit: str


def told(campaign: Campaign) -> list[Told]:
    """One row a channel that has something open."""
    rows = []
    for lane in queries.lanes(campaign.pk):
        pace = queries.pace(campaign.pk, lane.channel)
        # What went out an hour ago says nothing about what holds it now.
        per_second = pace.per_second if pace and timezone.now() - pace.newest_at < RECENT else None
        rows.append(Told(lane, per_second, limit(campaign, lane, per_second)))
    return rows


def limit(campaign: Campaign, lane: queries.Lane, per_second: float | None) -> str:
    if lane.channel in BATCHES:
        return _("the file: it goes out when a second person has let it go and somebody takes it")
    if lane.due or lane.held:
        try:
            return _going(campaign, lane, per_second)
        except RedisError:
            return _("the broker, which does not answer: nothing is sent until it does")
    if lane.in_later_waves:
        if campaign.wave_done_at is None:
            return _("the wave: the next opens when this one is done")
        at = campaign.wave_done_at + campaign.wave_wait
        return _("the wave: the next opens at %(time)s UTC when nothing speaks against it") % {"time": f"{at:%H:%M}"}
    return _waiting(lane)


def _waiting(lane: queries.Lane) -> str:
    words, at = _("the server, which asked to be tried again at %(time)s UTC"), f"{lane.next_at:%Y-%m-%d %H:%M}"
    if lane.by_clock:
        words = _("the recipients' clocks: the next place is due at %(time)s UTC")
    elif lane.asleep:
        words = _("quiet hours: the first wakes at %(time)s UTC")
    return words % {"time": at}


def _going(campaign: Campaign, lane: queries.Lane, per_second: float | None) -> str:
    if is_left_alone(provider_of(campaign, lane.channel)):
        return _("the provider, which asked for some time without messages")
    if per_second is not None and per_second >= FULL * campaign.per_second:
        return _("the campaign's own speed of %(n)s a second") % {"n": campaign.per_second}
    if per_second is None and not is_swept():
        return _("the clock or the workers: nobody has looked for messages to send for a minute or more")
    if not lane.held:
        return _("the workers: none has taken it up yet")
    share = server_share(campaign.pk, lane.channel)
    if share is not None and share < 0.5:
        return _("the workers: what they do takes longer than the server's answers")
    return _("the server's answers")
