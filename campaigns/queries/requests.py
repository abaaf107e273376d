"""Requests of people about their data, by their clock."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from customers.models import Customer, PrivacyRequest

OPEN = (PrivacyRequest.State.RECEIVED, PrivacyRequest.State.VERIFIED)
SOON = 7  # days: enough to ask back once


@dataclass(frozen=True, slots=True)
class Clock:
    """How a request stands against its deadline; `share` of the time that has gone by, 0 to 1."""

    days_left: int
    share: float
    tone: str  # good, warn, bad, neutral

    @property
    def width(self) -> int:
        return round(100 * self.share)


def requests(state: str) -> QuerySet[PrivacyRequest]:
    """Open ones by their deadline, the nearest first; the others by the newest."""
    rows = PrivacyRequest.objects.select_related("customer", "decided_by")
    if state == "open":
        return rows.filter(state__in=OPEN).order_by("due_at", "pk")
    return rows.filter(state=state).order_by("-pk")


def request_of(request_id: int) -> PrivacyRequest | None:
    return PrivacyRequest.objects.select_related("customer", "decided_by").filter(pk=request_id).first()


def clock(request: PrivacyRequest, now: datetime | None = None) -> Clock:
    end = request.completed_at or now or timezone.now()
    whole = (request.due_at - request.received_at).total_seconds()
    gone = (end - request.received_at).total_seconds()
    days = (request.due_at - end).days
    tone = "bad" if end >= request.due_at else "warn" if days < SOON else "good"
    tone = tone if request.state in OPEN else "neutral"
    return Clock(days, min(1.0, max(0.0, gone / whole if whole else 1.0)), tone)


def person(external_id: str) -> Customer | None:
    return Customer.objects.present().filter(external_id=external_id).first()
