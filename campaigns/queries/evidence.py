"""The rows behind a campaign's evidence, and what was sent to one person."""

from collections.abc import Iterator

from django.db.models import Count, QuerySet

from campaigns.models import Assignment, Campaign, Message
from customers.models import Customer
from registry.models import ModelVersion

LOG_FIELDS = (
    "pk",
    "customer_id",
    "entry",
    "channel",
    "variant_id",
    "state",
    "reason",
    "queued_at",
    "attempted_at",
    "sent_at",
)


def person(customer_id: int) -> Customer | None:
    """Also somebody erased: what proves the erasure is no longer theirs to destroy."""
    return Customer.objects.filter(pk=customer_id).first()


def gate(campaign_id: int) -> list[dict]:
    """(arm, reason, people): what the gate said at the start."""
    rows = Assignment.objects.filter(campaign=campaign_id).values("arm", "reason").annotate(people=Count("pk"))
    return list(rows.order_by("arm", "reason"))


def assignments(campaign_id: int) -> Iterator[tuple]:
    rows = Assignment.objects.filter(campaign=campaign_id).order_by("customer_id")
    return rows.values_list("customer_id", "arm", "reason", "unit", "assigned_at").iterator(chunk_size=5000)


def log(campaign_id: int) -> Iterator[tuple]:
    """Every message of the campaign as it stands, by its number."""
    return (
        Message.objects.filter(campaign=campaign_id).order_by("pk").values_list(*LOG_FIELDS).iterator(chunk_size=5000)
    )


def models_of(campaign: Campaign) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(pk=campaign.recommender_id).select_related("promoted_by")


def sent_to(customer_id: int) -> QuerySet[Message]:
    """Every message to this person, newest first, with its campaign."""
    return Message.objects.filter(customer=customer_id).select_related("campaign").order_by("-pk")


def assigned(customer_id: int) -> QuerySet[Assignment]:
    return Assignment.objects.filter(customer=customer_id).select_related("campaign").order_by("-pk")
