"""Reads for one answer: who asks, what they just did, what may be shown. Few, small, by an index each."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from catalog.models import Product
from customers.models import ConsentState, ContactPoint, Customer, OrderLine
from customers.queries.behaviour import product_ids
from customers.queries.consent import NOES
from recommendations.contracts import HISTORY, Filters, Person, RecommendedItem, ServedProduct, Signal
from recommendations.ml.habits import coded
from recommendations.models import Exposure
from recommendations.queries.lists import sentence

SESSION = timedelta(
    hours=24
)  # what somebody looked at yesterday at this hour is still on their mind; last week is history
SIGNALS = 60  # the newest; a list changes with the last handful
AHEAD = timedelta(minutes=5)  # clocks of shops: as far ahead as an event may lie
WATCHED = ("Product Viewed", "Product Clicked", "Product Added", "Product Added to Wishlist", "Product Removed",
           "Order Completed")  # fmt: skip
HALF_LIFE_DAYS = 84.0

OWN = """
SELECT l.product_id, count(DISTINCT o.id), sum(power(2, -extract(epoch FROM %(now)s - o.ordered_at) / 86400 / %(half)s)),
       max(o.ordered_at)
FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
WHERE o.customer_id = %(customer)s AND o.ordered_at >= %(since)s AND o.ordered_at <= %(now)s AND o.cancelled_at IS NULL
  AND o.excluded_at IS NULL AND l.quantity > 0
GROUP BY l.product_id
"""
# Statements of every answer, written out: to compose them took longer than to run them.
FACTS = tuple(ServedProduct.__dataclass_fields__)
PERSON = """
SELECT c.id, c.personalise,
       EXISTS (SELECT FROM customers_consentstate s
               WHERE s.customer_id = c.id AND s.purpose = 'profiling' AND s.action = ANY(%(noes)s)),
       p.cluster, c.attributes ->> 'age', c.attributes ->> 'income', c.attributes ->> 'household_size'
FROM customers_customer c LEFT JOIN recommendations_profile p ON p.customer_id = c.id
WHERE c.external_id = %(name)s AND c.erased_at IS NULL ORDER BY c.id LIMIT 1
"""
LISTED = f"""
SELECT r.product_id, r.score, r.is_novel, r.reason_code, r.reason_product_id, r.reason_value, r.reason_days,
       r.model_version_id, {", ".join(f"p.{name}" for name in FACTS)}, {", ".join(f"e.{name}" for name in FACTS)}
FROM recommendations_recommendation r LEFT JOIN catalog_product p ON p.id = r.product_id
LEFT JOIN catalog_product e ON e.id = r.reason_product_id
WHERE r.customer_id = %s ORDER BY r.rank
"""  # noqa: S608 - names of this file
DONE = {
    (owner, of_one): f"""
SELECT occurred_at, name, merchant_id, properties::text, message_id FROM customers_event
WHERE {owner} = %(owner)s AND name = ANY(%(names)s) AND occurred_at >= %(since)s AND occurred_at <= %(until)s
{"AND merchant_id = %(merchant)s" if of_one else ""} ORDER BY occurred_at DESC LIMIT {SIGNALS}
"""  # noqa: S608 - names of this file
    for owner in ("customer_id", "anonymous_lookup")
    for of_one in (False, True)
}
PRODUCTS = f"SELECT {', '.join(FACTS)} FROM catalog_product WHERE id = ANY(%s)"  # noqa: S608 - names of this file


@dataclass(frozen=True, eq=False)
class Own:
    """What a person bought in the last year: ids ascending, orders, decayed orders, days since the last one."""

    products: np.ndarray
    orders: np.ndarray
    decayed: np.ndarray
    days: np.ndarray


def person(external_id: str) -> Person | None:
    """Whom the platform calls so, with what they said about being profiled. None for somebody unknown or erased."""
    with connection.cursor() as cursor:
        cursor.execute(PERSON, {"name": external_id, "noes": [str(no) for no in NOES]})
        row = cursor.fetchone()
    if row is None:
        return None
    told = dict(zip(("age", "income", "household_size"), row[4:], strict=True))
    return Person(*row[:4], bands=coded(told))


def device_owner(lookup: bytes) -> Person | None:
    """Whose device or anonymous session this is, when it is known by now."""
    kinds = (ContactPoint.Kind.ANONYMOUS, ContactPoint.Kind.DEVICE)
    points = ContactPoint.objects.filter(kind__in=kinds, lookup=lookup).order_by("-id")
    return _person(Customer.objects.filter(pk__in=points.values("customer")[:1]))


def _person(rows) -> Person | None:
    said_no = ConsentState.objects.filter(customer=OuterRef("pk"), purpose="profiling", action__in=NOES)
    row = (
        rows.filter(erased_at=None)
        .annotate(said_no=Exists(said_no))
        .values_list("pk", "personalise", "said_no", "profile__cluster", "attributes")
        .first()
    )
    return None if row is None else Person(*row[:4], bands=coded(row[4]))


def signals(*, customer_id: int | None, lookup: bytes | None, merchant_id: int | None, now: datetime) -> list[Signal]:
    """What this person or session just did with products, newest first. A merchant sees what happened in their shop alone."""
    rows: list[tuple] = []
    asked = {"names": list(WATCHED), "since": now - SESSION, "until": now + AHEAD, "merchant": merchant_id}
    with connection.cursor() as cursor:
        for owner, value in (("customer_id", customer_id), ("anonymous_lookup", lookup)):
            if value:
                cursor.execute(DONE[owner, merchant_id is not None], asked | {"owner": value})
                rows += [(at, name, of, json.loads(said), message) for at, name, of, said, message in cursor.fetchall()]
    named: dict[int | None, set[str]] = {}
    for _, _, merchant, properties, _ in rows:
        named.setdefault(merchant, set()).update(_names(properties))
    known = {
        (merchant, name): pk for merchant, names in named.items() for name, pk in product_ids(merchant, names).items()
    }
    # An event of a session that became a person's may stand in both answers.
    once = {message: (at, name, merchant, properties) for at, name, merchant, properties, message in rows}
    found = [
        Signal(known[merchant, external], name, max(0.0, (now - at).total_seconds()))
        for at, name, merchant, properties in once.values()
        for external in _names(properties)
        if (merchant, external) in known
    ]
    return sorted(found, key=lambda signal: signal.seconds_ago)


def _names(properties: dict) -> list[str]:
    rows = [properties, *(properties.get("products") or ())]
    return [row.get("product_id") or row["sku"] for row in rows if row.get("product_id") or row.get("sku")]


def own(customer_id: int, now: datetime) -> Own:
    """What this person bought, without flagged and cancelled orders. One query over their orders alone."""
    with connection.cursor() as cursor:
        cursor.execute(OWN, {"customer": customer_id, "since": now - HISTORY, "now": now, "half": HALF_LIFE_DAYS})
        rows = sorted(cursor.fetchall())
    return Own(
        products=np.array([row[0] for row in rows], dtype=np.int64),
        orders=np.array([row[1] for row in rows], dtype=np.int64),
        decayed=np.array([row[2] for row in rows], dtype=np.float64),
        days=np.array([(now - row[3]).total_seconds() / 86_400 for row in rows], dtype=np.float64),
    )


def bought_since(customer_id: int, since: datetime) -> set[int]:
    rows = OrderLine.objects.filter(
        order__customer_id=customer_id, order__ordered_at__gte=since, order__cancelled_at=None
    )
    return set(rows.values_list("product_id", flat=True))


def shown_often(customer_id: int, since: datetime, times: int) -> set[int]:
    """Products that stood in so many answers to this person since then."""
    counts: dict[int, int] = {}
    rows = Exposure.objects.filter(customer_id=customer_id, kind=Exposure.Kind.PRODUCT, at__gte=since)
    for items in rows.values_list("items", flat=True)[:1000]:
        for pk in items:
            counts[pk] = counts.get(pk, 0) + 1
    return {pk for pk, count in counts.items() if count >= times}


def facts(ids: Iterable[int]) -> dict[int, ServedProduct]:
    """What is true of these products now. One query by primary key."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PRODUCTS, [wanted])
        return {row[0]: ServedProduct(*row) for row in cursor.fetchall()}


def listed(customer_id: int) -> tuple[list[RecommendedItem], dict[int, ServedProduct]]:
    """All that was scored for this person, best first, on sale or not, with what is true now of these products and of those
    that explain them, as far as the caller may see them. One query.
    """
    items, known = [], {}
    with connection.cursor() as cursor:
        cursor.execute(LISTED, [customer_id])
        for product_id, score, is_novel, code, because, value, days, version, *columns in cursor.fetchall():
            for part in (columns[: len(FACTS)], columns[len(FACTS) :]):
                if part[0] is not None:
                    known[part[0]] = ServedProduct(*part)
            title = known[because].title if because in known else None
            text = sentence(code, value, days, title)
            items.append(RecommendedItem(product_id, score, is_novel, code, because, value, text, version))
    return items, known


def find_product(external_id: str, merchant_id: int | None) -> ServedProduct | None:
    """The product that this caller calls so: a merchant's own, for the platform its own first. None for anybody else's."""
    pk = product_ids(merchant_id, [external_id]).get(external_id)
    return None if pk is None else facts([pk]).get(pk)


def eligible(filters: Filters) -> np.ndarray:
    """Ids of every product on sale that passes what can be asked of the catalogue alone, ascending."""
    rows = Product.objects.on_sale().filter(price__isnull=False)
    if filters.merchant_id is not None:
        rows = rows.filter(merchant_id=filters.merchant_id)
    if filters.category:
        rows = rows.filter(in_category(filters.category))
    if filters.price_min is not None:
        rows = rows.filter(price__gte=filters.price_min)
    if filters.price_max is not None:
        rows = rows.filter(price__lte=filters.price_max)
    if filters.in_stock:
        rows = rows.filter(Q(stock=None) | Q(stock__gt=0))
    return np.fromiter(rows.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=20_000), dtype=np.int64)


def in_category(name: str) -> Q:
    return Q(category__iexact=name) | Q(department__iexact=name) | Q(product_type__iexact=name)


def has_category(name: str, merchant_id: int | None) -> bool:
    return Product.objects.for_merchant(merchant_id).on_sale().filter(in_category(name)).exists()
