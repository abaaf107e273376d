"""How far a campaign is, as a page or a command that waits for it asks."""

from django.db.models import Q
from django.utils import timezone

from campaigns.models import Campaign, MessageVariant
from campaigns.queries.audience import message_states
from copywriting.models import Generation
from registry.models import TrainingRun

RUN = "copy"  # the kind of run that a campaign asks for: lease, heartbeat and attempts are those of a training


def find(name: str) -> Campaign | None:
    """The newest campaign of this name."""
    return Campaign.objects.select_related("offer", "merchant").filter(name=name).order_by("-pk").first()


def newest_sent() -> Campaign | None:
    rows = Campaign.objects.select_related("offer", "merchant").filter(state="sent", kind="scheduled")
    return rows.order_by("-started_at").first()


def generation_run(campaign_id: int) -> TrainingRun | None:
    """The newest run that writes for this campaign."""
    return TrainingRun.objects.filter(kind=RUN, params={"campaign": campaign_id}).order_by("-pk").first()


def generation_share(campaign_id: int) -> float:
    run = generation_run(campaign_id)
    return run.share_done if run else 0.0


def sent_share(campaign_id: int) -> float:
    """The share of messages that are settled, 0 before there are any."""
    states = message_states(campaign_id)
    total = sum(states.values())
    return 1 - (states.get("queued", 0) + states.get("sending", 0)) / total if total else 0.0


def is_due(campaign_id: int) -> bool:
    waits = Q(state="scheduled", scheduled_at__gt=timezone.now())
    return not Campaign.objects.filter(waits, pk=campaign_id).exists()


def writing(campaign_id: int) -> list[MessageVariant]:
    """The current words of each segment, with the generation that they came from."""
    rows = MessageVariant.objects.filter(campaign_id=campaign_id, is_current=True)
    return list(rows.select_related("segment", "generation", "draft").order_by("segment_id"))


def drafted_and_passed(campaign_id: int) -> tuple[int, int]:
    """(drafts that the language model made for the current words, those that passed every check)."""
    generations = Generation.objects.filter(
        pk__in=MessageVariant.objects.filter(campaign_id=campaign_id, is_current=True).values("generation_id")
    )
    rows = list(generations.values_list("drafted", "passed"))
    return sum(row[0] for row in rows), sum(row[1] for row in rows)
