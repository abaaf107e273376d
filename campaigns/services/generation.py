"""Products per person and words per segment: everything that a review looks at, from one run of a worker."""

import logging

from django.db import transaction
from django.utils import timezone

from campaigns.exceptions import TransitionRefused
from campaigns.models import Campaign, MessageVariant
from campaigns.queries.places import over
from campaigns.queries.progress import RUN, generation_run
from campaigns.services import ads, audience
from campaigns.services.briefs import briefs_of
from campaigns.services.lifecycle import move
from campaigns.services.messages import unrenderable
from campaigns.state import Action, CampaignState
from copywriting.contracts import CopyBrief
from copywriting.generation import write_copy
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease
from registry.exceptions import LeaseLost

log = logging.getLogger(__name__)


def generate(run_id: int) -> None:
    """Freezes the audience, chooses the products, writes the words, checks that every message can be filled, and asks for
    review. Returns quietly when somebody else holds the run. What goes wrong puts the campaign back to draft with the reason.
    """
    lease = runs.claim(run_id)
    if lease is None:
        return
    campaign_id = lease.params["campaign"]
    campaign = Campaign.objects.select_related("offer", "merchant").get(pk=campaign_id)
    if campaign.state != CampaignState.GENERATING:
        runs.finish(lease)
        return
    try:
        _generate(campaign, lease)
    except LeaseLost:
        log.warning("campaign %s: another worker took over its generation", campaign_id)
    except Exception as error:
        log.exception("campaign %s: generation failed", campaign_id)
        runs.fail(lease, f"{type(error).__name__}: {error}")
        move(campaign_id, Action.FAIL, reason=f"The drafts could not be made: {error}"[:300])
        raise


def _generate(campaign: Campaign, lease: Lease) -> None:
    runs.beat(lease, "choosing products for everybody", 0.05)
    model = registry.live("recommender")
    Campaign.objects.filter(pk=campaign.pk).update(recommender=model)
    size = audience.freeze(campaign)
    if not size:
        raise ValueError("nobody is in the chosen segments")
    passed = over(campaign, timezone.now())
    if passed:
        raise ValueError(f"the clock of {passed} has passed the planned hour already; plan a later one")
    briefs, beside = _briefs(campaign), ads.wanted(campaign)
    written = write_copy(
        [*(brief for _, _, brief in briefs), *(brief for _, _, brief in beside)],
        progress=lambda share: runs.beat(lease, "writing", 0.1 + 0.8 * share),
    )
    with transaction.atomic():
        ads.keep(campaign, zip(beside, written[len(briefs) :], strict=True))
        for (segment_id, channel, _), copy in zip(briefs, written[: len(briefs)], strict=True):
            campaign.variants.filter(segment_id=segment_id, channel=channel, is_current=True).update(is_current=False)
            MessageVariant.objects.create(
                campaign=campaign,
                segment_id=segment_id,
                channel=channel,
                subject=copy.subject,
                body=copy.body,
                generation_id=copy.generation_id,
                draft_id=copy.draft_id,
                writer=copy.writer,
            )
    runs.beat(lease, "filling every message once", 0.95)
    failed = {customer for customer, _ in unrenderable(campaign)}
    if len(failed) == size:
        raise ValueError("no message of the audience can be filled; the words name a fact that is missing")
    reason = (
        f"{len(failed)} of {size} people have a message that cannot be filled; it would be left out." if failed else ""
    )
    with transaction.atomic():
        runs.finish(lease)
        move(campaign.pk, Action.DRAFTED, reason=reason)


def _briefs(campaign: Campaign) -> list[tuple[int, str, CopyBrief]]:
    """(segment id, channel, brief) for every segment with people and channel whose words are not by hand."""
    rows = campaign.variants.filter(is_current=True, writer="person")
    by_hand = set(rows.values_list("segment_id", "channel"))
    return [(*key, brief) for key, brief in briefs_of(campaign).items() if key not in by_hand]


def waiting() -> list[int]:
    """Runs of this kind that nobody works on. A campaign whose run is over without an answer goes back to draft."""
    runs_waiting = registry.waiting((RUN,))
    for campaign_id in Campaign.objects.filter(state=CampaignState.GENERATING).values_list("pk", flat=True):
        run = generation_run(campaign_id)
        if run is not None and run.state == "failed":
            try:
                move(campaign_id, Action.FAIL, reason=run.error[:300])
            except TransitionRefused:
                log.info("campaign %s moved on by itself", campaign_id)
    return runs_waiting
