"""What a reviewer has to know of a campaign and no page should wait for: worked out once for exactly one state of it.

The digest over everybody, what the gate says, the words tried on everybody, what the rules have against them, and who came and
went since the last approval. The answer is bound to its question (`state_of`): a page that finds another state asks again, and
an approval still compares the digest itself.
"""

from collections.abc import Callable
from dataclasses import asdict

from campaigns.exceptions import NotReady
from campaigns.models import Campaign
from campaigns.queries.audience import audience_by_segment, rehearse, waterfall
from campaigns.queries.since import moved
from campaigns.services.approval import content_digest, digest_of, newest_of
from campaigns.services.trial import failures
from campaigns.services.words import faults, unwritten
from campaigns.state import CampaignState, Kind

# Before the start the gate is rehearsed; afterwards what it said stands in the assignments.
UNDECIDED = (CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)
SHOWN = 20  # causes: whoever has more mends these first


def state_of(campaign: Campaign) -> dict:
    """All that an answer depends on and that people change. What else moves, consent and stock, is what its age is for."""
    newest = newest_of(campaign)
    return {
        "campaign": campaign.pk,
        "frozen_at": campaign.frozen_at and campaign.frozen_at.isoformat(),
        "content": content_digest(campaign),
        "approval": newest and newest.pk,
        "started_at": campaign.started_at and campaign.started_at.isoformat(),
    }


def read(question: dict, told: Callable[[float], None]) -> dict:
    """As plain data for the row. Raises NotReady when the campaign is no longer, or was meanwhile not, what was asked about."""
    campaign = Campaign.objects.select_related("offer", "merchant").get(pk=question["campaign"])
    _check(campaign, question)
    digest, _, size = digest_of(campaign)
    told(0.2)
    gate = rehearse(campaign) if campaign.started_at is None else waterfall(campaign.pk)
    told(0.5)
    tried, found = failures(campaign, lambda share: told(0.5 + 0.4 * share)) if campaign.started_at is None else (0, [])
    told(0.9)
    answer = {
        "digest": digest,
        "size": size,
        "people": {str(segment): people for segment, people in audience_by_segment(campaign.pk)},
        "gate": gate and gate.as_plain(),
        "faults": [*unwritten(campaign), *faults(campaign)] if campaign.started_at is None else [],
        "tried": tried,
        "failing": sum(one.people for one in found),
        "failures": [asdict(one) for one in found[:SHOWN]],
        "moved": [asdict(one) for one in _moved(campaign, question["approval"])],
    }
    # Somebody may have edited it while this was read: then the parts are of two states, and the answer is of none.
    _check(Campaign.objects.select_related("offer", "merchant").get(pk=campaign.pk), question)
    return answer


def _moved(campaign: Campaign, approval_id: int | None):
    """Of a triggered campaign the audience are examples: nobody came or went."""
    if approval_id is None or campaign.kind == Kind.TRIGGERED:
        return []
    return moved(campaign.pk, approval_id)


def _check(campaign: Campaign, question: dict) -> None:
    if state_of(campaign) != question:
        raise NotReady(("The campaign changed while it was read: look again.",))
