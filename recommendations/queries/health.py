"""What the population and the lists look like, as histograms that two moments can be compared by."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from customers.models import Order
from recommendations.models import Recommendation

DEPARTMENTS = """
SELECT COALESCE(NULLIF(p.department, ''), 'none'), count(*)
FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id JOIN catalog_product p ON p.id = l.product_id
WHERE o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL AND l.quantity > 0
  AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s
GROUP BY 1
"""
RECENCY = """
SELECT extract(epoch FROM %(until)s - max(ordered_at)) / 86400 FROM customers_order
WHERE origin = 'observed' AND cancelled_at IS NULL AND excluded_at IS NULL AND customer_id IS NOT NULL
  AND ordered_at >= %(since)s AND ordered_at < %(until)s
GROUP BY customer_id
"""
BASKETS = """
SELECT total FROM customers_order
WHERE origin = 'observed' AND cancelled_at IS NULL AND excluded_at IS NULL
  AND ordered_at >= %(since)s AND ordered_at < %(until)s
"""


@dataclass(frozen=True)
class Coverage:
    """products: distinct ones in anybody's list; people: those with a list; active: people who ordered in four weeks."""

    products: int
    people: int
    active: int
    active_with_list: int


def newest_order() -> datetime | None:
    """The newest observed order that is not to come: what "now" means for a store that is replayed."""
    rows = Order.objects.counted().filter(ordered_at__lte=timezone.now()).order_by("-ordered_at")
    return rows.values_list("ordered_at", flat=True).first()


def departments(since: datetime, until: datetime) -> dict[str, int]:
    """Order lines per department."""
    return dict(_rows(DEPARTMENTS, since, until))


def recency_days(since: datetime, until: datetime) -> np.ndarray:
    """Days from each person's last order to `until`, of those who ordered since `since`."""
    return np.array([row[0] for row in _rows(RECENCY, since, until)], dtype=np.float64)


def basket_totals(since: datetime, until: datetime) -> np.ndarray:
    return np.array([row[0] for row in _rows(BASKETS, since, until)], dtype=np.float64)


def first_scores(version_id: int) -> np.ndarray:
    """The score of everybody's first product."""
    rows = Recommendation.objects.filter(model_version_id=version_id, rank=1).values_list("score", flat=True)
    return np.fromiter(rows.iterator(chunk_size=20_000), dtype=np.float64)


def coverage(until: datetime, weeks: int = 4) -> Coverage:
    counts = Recommendation.objects.aggregate(
        products=Count("product_id", distinct=True), people=Count("customer_id", distinct=True)
    )
    active = Order.objects.counted().filter(
        customer__isnull=False, ordered_at__gt=until - timedelta(weeks=weeks), ordered_at__lte=until
    )
    people = active.aggregate(n=Count("customer_id", distinct=True))["n"]
    with_list = active.filter(customer_id__in=Recommendation.objects.filter(rank=1).values("customer_id"))
    return Coverage(
        counts["products"], counts["people"], people, with_list.aggregate(n=Count("customer_id", distinct=True))["n"]
    )


def _rows(sql: str, since: datetime, until: datetime) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"since": since, "until": until})
        return cursor.fetchall()
