"""Reads about the whole shop: what rises, who its people are, how far visits go."""

from django.db import connection
from django.db.models import Avg, Count

from recommendations.contracts import SEARCH, ShopFigures, TrendFact
from recommendations.models import Overview, Profile, Trend

SOURCES = {
    SEARCH: "searches of signed-in people, by words that ten or more of them typed",
    "category": "orders that count, without people who refused to be learnt from",
}
VISITS = """
SELECT sum((figures->'visits'->>0)::bigint), sum((figures->'visits'->>1)::bigint), sum((figures->'visits'->>2)::bigint),
       sum((figures->'visits'->>3)::bigint), sum((figures->'visits'->>4)::bigint)
FROM recommendations_profile WHERE figures ? 'visits'
"""
REDEEMERS = """
SELECT each.key, count(*), sum(each.value::float8), count(*) FILTER (WHERE each.value::float8 >= 0.5),
       (array_agg(customer_id ORDER BY each.value::float8 DESC, customer_id))[:%(likeliest)s]
FROM recommendations_profile, jsonb_each_text(figures->'redemption') each WHERE figures ? 'redemption'
GROUP BY each.key ORDER BY 3 DESC
"""
LIKELIEST = 5


def trends(kind: str | None = None, *, limit: int = 30) -> tuple[TrendFact, ...]:
    """What rises as of the last scoring, the surest first; both kinds, or one of them."""
    rows = Trend.objects.order_by("kind", "rank")
    rows = rows.filter(kind=kind) if kind else rows
    return tuple(
        TrendFact(
            row.kind, row.name, row.since, row.until, row.people, row.people_before, row.shoppers, row.change, row.chance,
            tuple(row.weeks), SOURCES[row.kind],
        )
        for row in rows[:limit]
    )  # fmt: skip


def overview() -> ShopFigures | None:
    """The shop as of the last scoring; None before the first one."""
    row = Overview.objects.order_by("-id").first()
    if row is None:
        return None
    visits = row.figures["visits"]
    social = row.figures.get("social", {})
    return ShopFigures(
        row.as_of,
        tuple(tuple(group) for group in row.figures["clusters"]),
        visits and tuple(visits),
        tuple(tuple(group) for group in social.get("groups", ())),
        social.get("reason", ""),
        tuple((*kind[:4], tuple(kind[4])) for kind in row.figures.get("redeemers", ())),
    )


def shop_figures() -> dict:
    """What an overview keeps. Reads every profile: for the nightly scoring, never for a page."""
    groups = (
        Profile.objects.filter(cluster__isnull=False)
        .values_list("cluster", "cluster_name")
        .annotate(Count("id"), Avg("frequency"), Avg("monetary"), Avg("recency_days"))
        .order_by("cluster")
    )
    with connection.cursor() as cursor:
        cursor.execute(VISITS)
        visits = cursor.fetchone()
        cursor.execute(REDEEMERS, {"likeliest": LIKELIEST})
        redeemers = cursor.fetchall()
    return {
        "clusters": [
            [cluster, name, people, float(orders), float(spend), float(days or 0)]
            for cluster, name, people, orders, spend, days in groups
        ],
        "visits": None if visits[0] is None else [int(count) for count in visits],
        "redeemers": [
            [kind, people, round(expected, 1), likely, ids] for kind, people, expected, likely, ids in redeemers
        ],
    }
