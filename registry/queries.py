"""Reads about trained models."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from registry.models import Alarm, Comparison, ModelVersion, Reading, TrainingRun


def live(kind: str) -> ModelVersion | None:
    """The one version of this kind that answers, or None before the first promotion."""
    return ModelVersion.objects.filter(kind=kind, status=ModelVersion.Status.LIVE).first()


def versions(kind: str | None = None) -> QuerySet[ModelVersion]:
    rows = ModelVersion.objects.select_related("promoted_by", "run").order_by("-id")
    return rows.filter(kind=kind) if kind else rows


def runs() -> QuerySet[TrainingRun]:
    return TrainingRun.objects.select_related("asked_by").order_by("-id")


def newest(kinds: tuple[str, ...]) -> dict[str, ModelVersion]:
    """The newest version that a training of each of these kinds left, by the kind of the training."""
    rows = ModelVersion.objects.filter(run__kind__in=kinds).select_related("run").order_by("run__kind", "-id")
    return {version.run.kind: version for version in rows.distinct("run__kind")}


def moving() -> set[str]:
    """Kinds of runs that wait or are worked on."""
    states = (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING)
    return set(TrainingRun.objects.filter(state__in=states).values_list("kind", flat=True))


def comparisons(name: str) -> list[Comparison]:
    """The newest kept comparison of each level and cut, newest first."""
    newest = Comparison.objects.filter(name=name).order_by("level", "cut_at", "-id").distinct("level", "cut_at")
    return sorted(newest, key=lambda one: -one.pk)


def waiting(kinds: tuple[str, ...]) -> list[int]:
    """Runs that nobody works on: queued, or running under a lease that ran out."""
    lost = Q(state=TrainingRun.State.RUNNING, lease_until__lt=timezone.now())
    rows = TrainingRun.objects.filter(Q(state=TrainingRun.State.QUEUED) | lost, kind__in=kinds)
    return list(rows.order_by("created_at").values_list("pk", flat=True)[:20])


def alarms() -> list[Alarm]:
    """What is open, the newest first."""
    return list(Alarm.objects.filter(cleared_at=None).order_by("-last_at")[:50])


def first_reading(version_id: int, name: str) -> Reading | None:
    return Reading.objects.filter(version_id=version_id, name=name).order_by("taken_at", "id").first()


def newest_readings(version_id: int) -> list[Reading]:
    """The newest of each name, by name."""
    rows = Reading.objects.filter(version_id=version_id).order_by("name", "-taken_at", "-id")
    return list(rows.distinct("name"))


def history(version_id: int, name: str, limit: int = 60) -> list[Reading]:
    """The last readings of one figure, the oldest first."""
    rows = Reading.objects.filter(version_id=version_id, name=name).order_by("-taken_at", "-id")[:limit]
    return list(rows)[::-1]


def before(kind: str) -> ModelVersion | None:
    """The version that a roll-back would make live again; None when there is none."""
    rows = ModelVersion.objects.filter(kind=kind, status=ModelVersion.Status.RETIRED, promoted_at__isnull=False)
    return rows.order_by("-retired_at").first()
