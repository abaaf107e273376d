"""Which part of the past a training reads."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from recommendations.contracts import HISTORY


@dataclass(frozen=True)
class Window:
    since: datetime
    until: datetime


def window(params: dict) -> Window:
    """The training window: up to now, or up to `until` (ISO) of the run's parameters."""
    until = datetime.fromisoformat(params["until"]) if params.get("until") else timezone.now()
    return Window(until - HISTORY, until)
