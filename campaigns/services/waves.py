"""A send goes out in waves, and stops by itself when too many bounce, complain or leave: then a person decides."""

from datetime import datetime

from django.core.cache import cache
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from campaigns.contracts import BATCHES, ROUTES
from campaigns.exceptions import TransitionRefused
from campaigns.models import Campaign, Message
from campaigns.services.lifecycle import move
from campaigns.state import Action, CampaignState
from campaigns.stats.stopping import exceeds

EVERY = 15  # seconds between two judgements of one campaign, over all workers: each reads all its messages
WORDS = {
    "bounced": "came back",
    "complained": "were marked as spam",
    "unsubscribed": "were answered by a withdrawal",
}
# By channel: what is out or came back, and of it what bounced (also at the door), was complained about, or was followed by
# a withdrawal of the consent that the channel goes by.
OUTCOMES = """
SELECT m.channel, count(*),
       count(*) FILTER (WHERE m.state IN ('bounced', 'failed')), count(*) FILTER (WHERE m.state = 'complained'),
       count(s.customer_id)
FROM campaigns_message m
JOIN unnest(%(channels)s::text[], %(consents)s::text[]) AS r (channel, consent) ON r.channel = m.channel
LEFT JOIN customers_consentstate s ON s.customer_id = m.customer_id AND s.purpose = 'marketing' AND s.channel = r.consent
     AND NOT s.is_given AND s.since >= m.attempted_at
WHERE m.campaign_id = %(campaign)s AND (%(since)s::timestamptz IS NULL OR m.attempted_at >= %(since)s)
  AND (m.state IN ('sent', 'delivered', 'bounced', 'complained') OR m.state = 'failed' AND m.reason = 'address_refused')
GROUP BY m.channel ORDER BY m.channel
"""


def judge(campaign_id: int, *, at_once: bool = False) -> str:
    """Pauses a campaign that exceeds one of its limits; returns why, "" when it goes on. At most every 15 seconds."""
    if not (cache.add(f"judged:{campaign_id}", 1, timeout=EVERY) or at_once):
        return ""
    campaign = Campaign.objects.only("stop_limits", "judged_since", "state").get(pk=campaign_id)
    if not campaign.stop_limits or campaign.state not in (CampaignState.SENDING, CampaignState.RUNNING):
        return ""
    why = _why_stop(campaign)
    if why:
        try:
            move(campaign_id, Action.PAUSE, reason=why)
        except TransitionRefused:
            return ""  # somebody was quicker
    return why


def _why_stop(campaign: Campaign) -> str:
    with connection.cursor() as cursor:
        routes = {"channels": list(ROUTES), "consents": [route.consent for route in ROUTES.values()]}
        cursor.execute(OUTCOMES, routes | {"campaign": campaign.pk, "since": campaign.judged_since})
        rows = cursor.fetchall()
    for channel, out, *counts in rows:
        for outcome, number in zip(WORDS, counts, strict=True):
            limit = campaign.stop_limits.get(outcome)
            if limit and exceeds(number, out, limit):
                return (
                    f"Stopped by itself: {number:,} of {out:,} messages by {channel} {WORDS[outcome]}, more than the limit "
                    f"of {100 * limit:g} %. Look into it; whoever resumes lets it go on."
                )
    return ""


def go_on(campaign_id: int) -> bool:
    """Opens the next wave when the present one has nothing left to hand over, its wait is over and nothing stops it; True
    when it did. What waits for the morning or for a busy server holds up no wave.
    """
    now = timezone.now()
    campaign = Campaign.objects.only("state", "wave", "wave_wait", "wave_done_at").get(pk=campaign_id)
    rows = Message.objects.filter(campaign_id=campaign_id).exclude(channel__in=BATCHES)
    if campaign.state not in (CampaignState.SENDING, CampaignState.RUNNING):
        return False
    if not rows.filter(state="queued", wave__gt=campaign.wave).exists():
        return False
    due = Q(state="sending") | Q(state="queued", not_before__lte=now)
    if rows.filter(due, wave__lte=campaign.wave).exists():
        return False
    done_at = campaign.wave_done_at
    if done_at is None:
        done_at = now
        Campaign.objects.filter(pk=campaign_id, wave_done_at=None).update(wave_done_at=now)
    if now - done_at < campaign.wave_wait or judge(campaign_id, at_once=True):
        return False
    here = Campaign.objects.filter(pk=campaign_id, wave=campaign.wave)
    return here.update(wave=campaign.wave + 1, wave_done_at=None) == 1


def forget(campaign_id: int, now: datetime | None = None) -> None:
    """What was sent until now is not judged again."""
    Campaign.objects.filter(pk=campaign_id).update(judged_since=now or timezone.now())
