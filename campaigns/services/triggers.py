"""Triggered campaigns: started once they are approved, then they take people in by their trigger, each person once or, where
the plan says so, again after some days.

The approval binds rule, trigger, content and caps. Who is taken in passes the same gate and the same draw as anybody else.
"""

import logging
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from campaigns.contracts import Trigger
from campaigns.exceptions import NotReady
from campaigns.models import AudienceMember, Campaign, Message
from campaigns.queries.segments import members
from campaigns.queries.triggers import RULES, Hits, hits
from campaigns.services import audience
from campaigns.services.approval import holds, still_approved
from campaigns.services.choose import choose
from campaigns.services.lifecycle import move
from campaigns.services.messages import unrenderable
from campaigns.services.words import faults
from campaigns.state import Action, CampaignState, Kind, MessageState

log = logging.getLogger(__name__)

TAKE_IN = """
INSERT INTO campaigns_audiencemember (campaign_id, customer_id, segment_id, items, request_id, entry)
SELECT %(campaign)s, h.customer, %(segment)s,
       ARRAY(SELECT v::bigint FROM unnest(string_to_array(h.products, ',')) AS v), gen_random_uuid(), 1 + earlier.entries
FROM unnest(%(customers)s::bigint[], %(products)s::text[]) AS h(customer, products)
CROSS JOIN LATERAL (
    SELECT COALESCE(max(a.entry), 0) AS entries FROM campaigns_audiencemember a
    WHERE a.campaign_id = %(campaign)s AND a.customer_id = h.customer
) earlier
WHERE earlier.entries = 0 OR %(again)s::int IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING customer_id
"""


def start(campaign_id: int, *, actor) -> None:
    """Sets an approved triggered campaign running. Those whom a review was shown as examples are let go first.

    Raises NotReady when it is no longer what was approved, TransitionRefused in another state.
    """
    with transaction.atomic():
        campaign = (
            Campaign.objects.select_for_update(of=("self",)).select_related("offer", "merchant").get(pk=campaign_id)
        )
        if campaign.state == CampaignState.APPROVED and not still_approved(campaign):
            raise NotReady(("It is no longer what was approved: send it back and have it reviewed again.",))
        wrong = faults(campaign) if campaign.state == CampaignState.APPROVED else []
        if wrong:
            raise NotReady(tuple(wrong))
        move(campaign_id, Action.START, actor=actor)
        AudienceMember.objects.filter(campaign=campaign).delete()
        Campaign.objects.filter(pk=campaign_id).update(swept_at=timezone.now())


def end(campaign_id: int, *, actor, reason: str) -> int:
    """Ends a running campaign: nobody is taken in any more, and what is queued is not sent. Returns how many that were."""
    with transaction.atomic():
        move(campaign_id, Action.FINISH, actor=actor, reason=reason)
        rows = Message.objects.filter(campaign_id=campaign_id, state=MessageState.QUEUED)
        return rows.update(state=MessageState.SKIPPED, reason="cancelled")


def running() -> list[int]:
    rows = Campaign.objects.filter(kind=Kind.TRIGGERED, state=CampaignState.RUNNING)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def sweep(campaign_id: int) -> int:
    """Takes in whoever the trigger names since the last sweep; returns how many people. May run twice: the row is locked,
    and nobody is taken in a second time for one event. What is no longer approved, or whose offer has ended, pauses and says why.
    """
    with transaction.atomic():
        campaign = (
            Campaign.objects.select_for_update(of=("self",)).select_related("offer", "merchant").get(pk=campaign_id)
        )
        now = timezone.now()
        trigger = Trigger.of(campaign.trigger)
        if campaign.state != CampaignState.RUNNING or trigger is None:
            return 0
        if campaign.swept_at and now - campaign.swept_at < RULES[trigger.kind].every:
            return 0
        why = _why_not(campaign, now)
        if why:
            move(campaign_id, Action.PAUSE, reason=why)
            return 0
        people = 0
        for found in hits(campaign_id, trigger, campaign.swept_at or now, now):
            taken = _take_in(campaign, found, trigger)
            if taken:
                choose(campaign, taken)
                audience.draw(campaign, unrenderable(campaign, taken), taken)
            people += len(taken)
        Campaign.objects.filter(pk=campaign_id).update(swept_at=now)
    if people:
        log.info("campaign %s took in %s people", campaign_id, people)
    return people


def _why_not(campaign: Campaign, now: datetime) -> str:
    if campaign.offer and campaign.offer.ends_at <= now:
        return "The offer has ended."
    if not holds(campaign):
        return "It is no longer what was approved: an offer, a segment or a product behind it changed."
    return ""


def _take_in(campaign: Campaign, found: Hits, trigger: Trigger) -> list[int]:
    """Who of these is in a segment of the campaign, by priority, is in its audience now."""
    taken: list[int] = []
    left = dict(found)
    for part in campaign.campaign_segments.select_related("segment"):
        if not left:
            break
        inside = sorted(members(part.segment).filter(pk__in=list(left)).values_list("pk", flat=True))
        if not inside:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                TAKE_IN,
                {
                    "campaign": campaign.pk,
                    "segment": part.segment_id,
                    "again": trigger.again,
                    "customers": inside,
                    "products": [",".join(map(str, left[pk])) for pk in inside],
                },
            )
            taken += [customer for (customer,) in cursor.fetchall()]
        for pk in inside:
            del left[pk]
    return sorted(taken)
