"""What learning leaves out, and how much that is."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from customers.contracts import InteractionColumns
from customers.queries.behaviour import order_lines
from customers.queries.pseudonyms import reading

# Lines of people who may be learnt from, kept out only because somebody doubts the order or the person.
FLAGGED = """
COPY (SELECT person, product_id, moment, quantity, amount::float4, store FROM customers_training_line WHERE is_doubted)
TO STDOUT (FORMAT binary)
"""
# Counted for whom it is first: a refusal is a refusal, whether or not the order is doubted too.
COUNTS = """
WITH people AS MATERIALIZED (
    SELECT c.id, c.excluded_at IS NOT NULL AS flagged,
           EXISTS (SELECT FROM customers_consentstate s WHERE s.customer_id = c.id AND s.purpose = 'model_training'
                   AND s.action IN ('refused', 'withdrawn', 'objected')) AS refused
    FROM customers_customer c WHERE c.origin = 'observed' AND c.erased_at IS NULL
), orders AS (
    SELECT o.id, o.customer_id, p.refused, NOT p.refused AND (p.flagged OR o.excluded_at IS NOT NULL) AS flagged
    FROM customers_order o JOIN people p ON p.id = o.customer_id
    WHERE o.origin = 'observed' AND o.cancelled_at IS NULL AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s
)
SELECT count(*) FILTER (WHERE refused), count(DISTINCT customer_id) FILTER (WHERE refused),
       count(*) FILTER (WHERE flagged), count(DISTINCT customer_id) FILTER (WHERE flagged), count(*)
FROM orders
"""


@dataclass(frozen=True)
class LeftOut:
    """Orders of a window, and how many of them, of how many people, no training reads, for which of two causes."""

    refused_orders: int
    refusing_people: int
    flagged_orders: int
    flagged_people: int
    orders: int


def left_out(since: datetime, until: datetime) -> LeftOut:
    """Counts; nothing of anybody's orders but that they are there."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, {"since": since, "until": until})
        return LeftOut(*cursor.fetchone())


def flagged_interactions(*, since: datetime, until: datetime, epoch: int | None = None) -> InteractionColumns:
    """Doubted order lines of people who did not refuse: to measure what leaving them out changes, never to train on."""
    with reading(since=since, until=until, epoch=epoch):
        return order_lines(FLAGGED)
