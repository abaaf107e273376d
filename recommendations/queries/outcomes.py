"""What answers led to: clicks, orders and ratings that carry an answer's request id, per model and place.

What a simulator did is counted apart and never enters a rate that is called observed.
"""

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection

from catalog.models import Origin

# One answer counts once per outcome, however often it was clicked.
OUTCOMES = """
WITH shown AS (
    SELECT request_id, model_version_id, CASE kind WHEN 'product' THEN surface ELSE surface || ' offers' END AS surface
    FROM recommendations_exposure
    WHERE at >= %(since)s AND at < %(until)s AND model_version_id IS NOT NULL
), answered AS (
    SELECT DISTINCT request_id, origin, 'click' AS outcome FROM customers_event
    WHERE name IN ('Product Clicked', 'Email Link Clicked') AND occurred_at >= %(since)s AND request_id IS NOT NULL
    UNION ALL
    SELECT DISTINCT request_id, origin, 'order' FROM customers_order
    WHERE ordered_at >= %(since)s AND request_id IS NOT NULL AND cancelled_at IS NULL AND excluded_at IS NULL
), rated AS (
    SELECT request_id, origin, (properties->>'rating')::float AS rating FROM customers_event
    WHERE name = 'Product Reviewed' AND occurred_at >= %(since)s AND request_id IS NOT NULL AND properties ? 'rating'
), totals AS (
    SELECT model_version_id, surface, count(*) AS n FROM shown GROUP BY 1, 2
), counts AS (
    SELECT s.model_version_id, s.surface, a.origin,
           count(*) FILTER (WHERE a.outcome = 'click') AS clicks, count(*) FILTER (WHERE a.outcome = 'order') AS orders
    FROM shown s JOIN answered a USING (request_id) GROUP BY 1, 2, 3
), ratings AS (
    SELECT s.model_version_id, s.surface, r.origin, count(*) AS n, avg(r.rating) AS mean, stddev_samp(r.rating) AS spread
    FROM shown s JOIN rated r USING (request_id) GROUP BY 1, 2, 3
)
SELECT t.model_version_id, t.surface, o.origin, t.n, COALESCE(c.clicks, 0), COALESCE(c.orders, 0), COALESCE(r.n, 0), r.mean,
       r.spread
FROM totals t CROSS JOIN unnest(%(origins)s::text[]) AS o(origin)
LEFT JOIN counts c ON (c.model_version_id, c.surface, c.origin) = (t.model_version_id, t.surface, o.origin)
LEFT JOIN ratings r ON (r.model_version_id, r.surface, r.origin) = (t.model_version_id, t.surface, o.origin)
WHERE o.origin = %(observed)s OR c.origin IS NOT NULL OR r.origin IS NOT NULL
ORDER BY 1 DESC, 2, 3
"""
# The drawn place of each answer, and whether its product was clicked there.
DRAWN = """
SELECT e.odds, (e.items->>e.slot)::bigint,
       EXISTS (SELECT FROM customers_event c JOIN catalog_product p ON p.id = (e.items->>e.slot)::bigint
               WHERE c.name = 'Product Clicked' AND c.occurred_at >= %(since)s AND c.request_id = e.request_id
                 AND c.origin = %(observed)s
                 AND COALESCE(c.properties->>'product_id', c.properties->>'sku') = p.external_id)
FROM recommendations_exposure e
WHERE e.slot IS NOT NULL AND e.model_version_id = %(version)s AND e.at >= %(since)s AND e.at < %(until)s
ORDER BY e.id LIMIT %(most)s
"""
MOST_DRAWN = 500_000


@dataclass(frozen=True)
class Outcome:
    """What the answers of one model on one surface led to, by origin of the acts. rating: mean of `ratings`, or None."""

    version_id: int
    surface: str
    origin: str
    shown: int
    clicked: int
    ordered: int
    ratings: int
    rating: float | None
    rating_spread: float | None


@dataclass(frozen=True, eq=False)
class Drawn:
    """The drawn places of a window. odds: per answer {product id: probability}, the first one being the best;
    taken: (n,) the product that stood there; clicked: (n,) float64.
    """

    odds: list[dict[int, float]]
    taken: np.ndarray
    clicked: np.ndarray


def outcomes(since: datetime, until: datetime) -> list[Outcome]:
    """Newest model first. Reads the window's answers and acts once."""
    with connection.cursor() as cursor:
        cursor.execute(
            OUTCOMES,
            {"since": since, "until": until, "origins": list(Origin.values), "observed": str(Origin.OBSERVED)},
        )
        return [Outcome(*row) for row in cursor.fetchall()]


def drawn(version_id: int, since: datetime, until: datetime) -> Drawn:
    """What one model's answers drew and what was clicked of it; at most half a million answers, the oldest first."""
    with connection.cursor() as cursor:
        parameters = {
            "version": version_id,
            "since": since,
            "until": until,
            "observed": str(Origin.OBSERVED),
            "most": MOST_DRAWN,
        }
        cursor.execute(DRAWN, parameters)
        rows = cursor.fetchall()
    return Drawn(
        odds=[{int(pk): float(p) for pk, p in json.loads(odds).items()} for odds, _, _ in rows],
        taken=np.array([taken for _, taken, _ in rows], dtype=np.int64),
        clicked=np.array([clicked for _, _, clicked in rows], dtype=np.float64),
    )
