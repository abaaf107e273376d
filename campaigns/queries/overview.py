"""What stands at the front: the campaigns, who has to do what about which of them, and how fresh everything is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from campaigns.models import Campaign, Message, Transition
from campaigns.state import Action, CampaignState, Kind
from customers.models import Order

SHOWN = 20  # tasks of a kind on the home page; whoever has more starts with these
WATCHED = timedelta(days=7)  # as long a send's open ends stay on the home page


@dataclass(frozen=True)
class Send:
    """A campaign on its way or just sent, with its messages by state."""

    campaign: Campaign
    states: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def settled(self) -> int:
        return self.total - self.states.get("queued", 0) - self.states.get("sending", 0)

    @property
    def troubled(self) -> int:
        """Messages that a person should look at."""
        return self.states.get("failed", 0) + self.states.get("unknown", 0)


@dataclass(frozen=True)
class Freshness:
    """When the newest order was made, and when the newest arrived: the difference is the feed's delay."""

    ordered_at: datetime | None
    received_at: datetime | None


def campaigns() -> QuerySet[Campaign]:
    """With everything that their pages name, newest first: a page continues below the last id it showed."""
    return Campaign.objects.select_related("merchant", "offer", "created_by", "recommender").order_by("-pk")


def to_approve(user) -> list[Campaign]:
    """What waits for somebody's eyes and is not this user's own work."""
    own = Campaign.authors.through.objects.filter(campaign=OuterRef("pk"), user=user)
    return list(campaigns().filter(~Exists(own), state=CampaignState.IN_REVIEW)[:SHOWN])


def came_back(user) -> list[Campaign]:
    """Drafts of this user that a reviewer sent back, or whose words could not be made; `note` says why."""
    newest = Transition.objects.filter(campaign=OuterRef("pk")).order_by("-pk").values("action")[:1]
    rows = campaigns().filter(authors=user, state=CampaignState.DRAFT).annotate(newest=Subquery(newest))
    return list(rows.filter(newest__in=[Action.SEND_BACK, Action.FAIL])[:SHOWN])


def approved_by_others(user) -> list[Campaign]:
    """Campaigns of this user that were approved and wait to be released."""
    return list(campaigns().filter(authors=user, state=CampaignState.APPROVED)[:SHOWN])


def sends() -> list[Send]:
    """What is on its way, then what ended within a week: two queries however many there are."""
    moving = (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.SCHEDULED, CampaignState.RUNNING)
    rows = list(campaigns().filter(state__in=moving).order_by("scheduled_at", "pk")[:SHOWN])
    ended = campaigns().filter(state=CampaignState.SENT, kind=Kind.SCHEDULED, finished_at__gt=timezone.now() - WATCHED)
    rows += list(ended.order_by("-finished_at")[:SHOWN])
    counted: dict[int, dict[str, int]] = {row.pk: {} for row in rows}
    states = Message.objects.filter(campaign__in=counted).order_by().values_list("campaign_id", "state")
    for campaign_id, state, number in states.annotate(n=Count("pk")):
        counted[campaign_id][state] = number
    return [Send(row, counted[row.pk]) for row in rows]


def last_measured() -> Campaign | None:
    """The campaign whose send ended last, of those whose arms were drawn here."""
    rows = campaigns().filter(state=CampaignState.SENT, kind=Kind.SCHEDULED, started_at__isnull=False)
    return rows.order_by("-started_at").first()


def freshness() -> Freshness:
    """Reads one row from the end of each of two indexes. Replayed orders lie ahead of the clock and do not count."""
    orders = Order.objects.filter(ordered_at__lte=timezone.now()).order_by("-ordered_at")
    ordered = orders.values_list("ordered_at", flat=True).first()
    received = Order.objects.order_by("-received_at").values_list("received_at", flat=True).first()
    return Freshness(ordered, received)


def transitions(campaign_id: int) -> list[Transition]:
    """Every step of a campaign with who took it, oldest first."""
    return list(Transition.objects.filter(campaign_id=campaign_id).select_related("actor").order_by("pk"))
