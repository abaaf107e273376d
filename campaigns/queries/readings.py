"""Answers of workers about one campaign (campaigns.services.tallies): which of them counts for which state of it."""

from datetime import datetime

from campaigns.models import Tally

Kind, State = Tally.Kind, Tally.State


def reading_of(campaign_id: int, digest: str, *, since: datetime) -> Tally | None:
    """The newest reading that saw exactly this digest, and not before `since`."""
    rows = Tally.objects.filter(kind=Kind.REVIEW, question__campaign=campaign_id, answer__digest=digest)
    return rows.filter(answered_at__gte=since).exclude(state=State.FAILED).order_by("-answered_at").first()


def rehearsal_of(campaign_id: int, frozen_at: datetime | None, content: str) -> Tally | None:
    """The newest finished rehearsal of these words to this audience."""
    rows = Tally.objects.filter(kind=Kind.REHEARSAL, question__campaign=campaign_id, answered_at__isnull=False)
    asked = {"question__content": content, "question__frozen_at": frozen_at and frozen_at.isoformat()}
    return rows.filter(**asked).order_by("-answered_at").first()
