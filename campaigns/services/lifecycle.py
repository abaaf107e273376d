"""The one writer of a campaign's state."""

from django.db import transaction
from django.utils import timezone

from accounts.services import audit
from campaigns.exceptions import TransitionRefused
from campaigns.models import Campaign, Transition
from campaigns.state import Action, CampaignState, allowed_actions, next_state

# What a step writes beside the state, with the time of the step.
STAMPS = {Action.START: "started_at", Action.FINISH: "finished_at", Action.CANCEL: "finished_at"}


def move(campaign_id: int, action: str, *, actor=None, reason: str = "") -> CampaignState:
    """Takes one step, in one UPDATE that repeats the state it expects, with its Transition in the same transaction.

    Returns the new state. Raises TransitionRefused when the step does not lead out of the present state, also when
    somebody else took a step in the meantime. `actor` None is Attune itself.
    """
    with transaction.atomic():
        campaign = Campaign.objects.only("state", "kind").get(pk=campaign_id)
        before = campaign.state
        after = next_state(before, action, campaign.kind)
        fields = {"state": after.value, "note": reason[:300]}
        if action in STAMPS:
            fields[STAMPS[Action(action)]] = timezone.now()
        if Campaign.objects.filter(pk=campaign_id, state=before).update(**fields) != 1:
            now = Campaign.objects.values_list("state", flat=True).get(pk=campaign_id)
            raise TransitionRefused(now, action, allowed_actions(now, campaign.kind))
        Transition.objects.create(
            campaign_id=campaign_id,
            action=str(action),
            from_state=before,
            to_state=after.value,
            actor=actor,
            reason=reason,
        )
        audit(
            actor, f"campaign.{action}", campaign, before={"state": before}, after={"state": after.value}, reason=reason
        )
        return after
