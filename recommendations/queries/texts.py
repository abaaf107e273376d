"""Reads about reviews and comments: what was not read yet, and what a person said."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from catalog.models import Product
from customers.models import Event
from customers.queries.behaviour import product_ids
from customers.queries.pseudonyms import reading
from recommendations.models import TextFinding

WRITTEN = {"Product Reviewed": "review_body", "Social Post Commented": "comment"}  # event: the property with the words

# By number and not by pseudonym: a text opens with its writer's own key, and what it says is kept for them.
# People who are there and did not refuse to be learnt from: whoever did stands in no figure of this room.
LEARNABLE = """learnable AS MATERIALIZED (
        SELECT c.id FROM customers_customer c
        WHERE c.origin = 'observed' AND c.excluded_at IS NULL AND c.erased_at IS NULL
          AND NOT EXISTS (
              SELECT 1 FROM customers_consentstate s
              WHERE s.customer_id = c.id AND s.purpose = 'model_training'
                AND s.action IN ('refused', 'withdrawn', 'objected'))
    )"""

UNREAD = f"""
WITH {LEARNABLE}
SELECT e.id, e.customer_id, e.occurred_at, e.name, coalesce(e.properties->>'product_id', e.properties->>'sku', ''), e.sealed
FROM customers_event e JOIN learnable c ON c.id = e.customer_id
WHERE e.name = ANY(%(names)s) AND e.origin = 'observed' AND e.sealed IS NOT NULL AND e.occurred_at >= %(since)s
  AND NOT EXISTS (SELECT 1 FROM recommendations_textfinding f WHERE f.event_id = e.id)
ORDER BY e.id LIMIT %(limit)s
"""  # noqa: S608 - made of constants

OF_PRODUCTS = """
SELECT customers_pseudonym(customer_id), id, product, aspect, polarity
FROM recommendations_textfinding
WHERE polarity IS NOT NULL AND product <> '' AND occurred_at >= %(since)s AND occurred_at < %(until)s
ORDER BY occurred_at DESC, id
"""


@dataclass(frozen=True, slots=True)
class Written:
    event_id: int
    customer_id: int
    occurred_at: datetime
    event_name: str
    product: str
    sealed: memoryview


def unread(*, since: datetime, limit: int) -> list[Written]:
    with connection.cursor() as cursor:
        cursor.execute(UNREAD, {"names": list(WRITTEN), "since": since, "limit": limit})
        return [Written(*row) for row in cursor]


def opinions_by_department(*, since: datetime, until: datetime) -> dict[int, list[tuple[str, str, float, int]]]:
    """Pseudonym: (department of the product, aspect, polarity, id of the finding), the newest first. A product that the
    catalogue does not hold, or that is in no department, is left out.
    """
    with reading(), connection.cursor() as cursor:
        cursor.execute(OF_PRODUCTS, {"since": since, "until": until})
        rows = cursor.fetchall()
    ids = product_ids(None, {product for _, _, product, _, _ in rows})
    departments = dict(Product.objects.filter(pk__in=set(ids.values())).values_list("pk", "department"))
    found: dict[int, list[tuple[str, str, float, int]]] = {}
    for person, finding, product, aspect, polarity in rows:
        department = departments.get(ids.get(product), "")
        if department:
            found.setdefault(person, []).append((department, aspect, polarity, finding))
    return found


def said(
    customer_id: int, *, limit: int = 6, only: Iterable[int] | None = None
) -> Iterator[tuple[TextFinding, memoryview | None]]:
    """(opinion, the sealed text that it stands in), the newest first; None where the event is gone. only: these findings."""
    rows = TextFinding.objects.filter(customer_id=customer_id, polarity__isnull=False).order_by("-occurred_at")
    found = list((rows if only is None else rows.filter(pk__in=list(only)))[:limit])
    events = Event.objects.filter(
        customer_id=customer_id,
        occurred_at__in={row.occurred_at for row in found},
        id__in={row.event_id for row in found},
    )
    sealed = dict(events.values_list("id", "sealed"))
    return ((row, sealed.get(row.event_id)) for row in found)


def not_covered(customer_id: int) -> list[str]:
    """Languages in which this person wrote and which are not read."""
    rows = TextFinding.objects.filter(customer_id=customer_id, aspect="").exclude(language__in=["", "en"])
    return sorted(set(rows.values_list("language", flat=True)[:50]))
