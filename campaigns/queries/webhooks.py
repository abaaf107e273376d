"""Endpoints and what they were told, as pages and the API show them. Row-level security hides other merchants' endpoints."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Prefetch, QuerySet

from campaigns.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

# How the last thousand of each endpoint ended: enough to see whether it works, and the same cost for any number.
RECENT = """
SELECT e.id, d.state, count(*) FROM unnest(%s::bigint[]) AS e (id) CROSS JOIN LATERAL (
    SELECT state FROM campaigns_webhookdelivery WHERE endpoint_id = e.id ORDER BY id DESC LIMIT 1000
) d GROUP BY e.id, d.state
"""


@dataclass(frozen=True, slots=True)
class Shown:
    endpoint: WebhookEndpoint
    recent: dict[str, int]  # by state, of the last thousand


def endpoints(merchant_id: int | None, *, everybody: bool = False) -> QuerySet[WebhookEndpoint]:
    """This merchant's (None: the platform's own), or everybody's, the newest first."""
    rows = WebhookEndpoint.objects.select_related("merchant").order_by("-id")
    return rows if everybody else rows.filter(merchant=merchant_id)


def shown(endpoints: Iterable[WebhookEndpoint]) -> list[Shown]:
    """Each with how its last thousand ended. One query."""
    found = {one.pk: Shown(one, {}) for one in endpoints}
    with connection.cursor() as cursor:
        cursor.execute(RECENT, [list(found)])
        for pk, state, number in cursor.fetchall():
            found[pk].recent[state] = number
    return list(found.values())


def deliveries(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    """The newest first, each with its tries."""
    tries = Prefetch("attempts", WebhookAttempt.objects.order_by("-id"))
    return endpoint.deliveries.select_related("customer", "order").prefetch_related(tries).order_by("-id")
