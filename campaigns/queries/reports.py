"""What mail providers reported of late, for people."""

from datetime import UTC, datetime, timedelta

from django.db.models import Sum

from campaigns.models import ProviderTally

DAYS = 14


def lately() -> list[dict]:
    """By provider, kind and outcome: how many in the last two weeks."""
    since = datetime.now(UTC).date() - timedelta(days=DAYS)
    rows = ProviderTally.objects.filter(day__gt=since).values("provider", "told", "outcome")
    return list(rows.annotate(total=Sum("number")).order_by("provider", "told", "outcome"))
