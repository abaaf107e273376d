"""Reads about trained models."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from registry.models import ModelVersion, TrainingRun


def live(kind: str) -> ModelVersion | None:
    """The one version of this kind that answers, or None before the first promotion."""
    return ModelVersion.objects.filter(kind=kind, status=ModelVersion.Status.LIVE).first()


def versions(kind: str | None = None) -> QuerySet[ModelVersion]:
    rows = ModelVersion.objects.select_related("promoted_by", "run").order_by("-id")
    return rows.filter(kind=kind) if kind else rows


def runs() -> QuerySet[TrainingRun]:
    return TrainingRun.objects.select_related("asked_by").order_by("-id")


def waiting(kinds: tuple[str, ...]) -> list[int]:
    """Runs that nobody works on: queued, or running under a lease that ran out."""
    lost = Q(state=TrainingRun.State.RUNNING, lease_until__lt=timezone.now())
    rows = TrainingRun.objects.filter(Q(state=TrainingRun.State.QUEUED) | lost, kind__in=kinds)
    return list(rows.order_by("created_at").values_list("pk", flat=True)[:20])
