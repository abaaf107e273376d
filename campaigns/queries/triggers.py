"""Whom an event makes a triggered campaign write to, and which products it was about.

Every question has a window that ends a little in the past and is as wide as the sweep may be late: a campaign that starts,
or a worker that was away for a night, does not write to whoever left a cart last year.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from campaigns.contracts import Trigger, TriggerKind
from catalog.models import ProductChange
from customers.queries.behaviour import product_ids

# How late a sweep may come and still write: after that an answer to an event is no answer any more.
LATE = timedelta(days=2)
LIMIT = 5_000  # rows a page: a sweep holds so many in memory, however many people an event names
PRODUCTS = 12  # as many as a message may show

# Whom the campaign took in before: at all, or where it may do so again, less than that many days ago.
TAKEN = """EXISTS (
    SELECT FROM campaigns_audiencemember a WHERE a.campaign_id = %(campaign)s AND a.customer_id = {customer}
      AND (%(again)s::int IS NULL OR a.entered_at > %(now)s::timestamptz - make_interval(days => %(again)s::int))
)"""
# The last word on each product of a cart, in the window; whoever ordered since they began to fill it is done. Reads
# event_name and order_customer.
CARTS = f"""
WITH word AS (
    SELECT DISTINCT ON (e.customer_id, e.properties ->> 'product_id')
           e.customer_id, e.merchant_id, e.properties ->> 'product_id' AS product, e.name, e.occurred_at
    FROM customers_event e
    WHERE e.name IN ('Product Added', 'Product Removed') AND e.occurred_at > %(since)s AND e.customer_id IS NOT NULL
      AND e.properties ->> 'product_id' IS NOT NULL
    ORDER BY e.customer_id, e.properties ->> 'product_id', e.occurred_at DESC
)
SELECT w.customer_id, w.merchant_id, w.product FROM word w
WHERE w.name = 'Product Added' AND w.customer_id IN (
    SELECT customer_id FROM word GROUP BY customer_id HAVING max(occurred_at) <= %(until)s
) AND NOT EXISTS (
    SELECT FROM customers_order o WHERE o.customer_id = w.customer_id AND o.ordered_at >= w.occurred_at
) AND w.customer_id > %(after)s AND NOT {TAKEN.format(customer="w.customer_id")}
ORDER BY w.customer_id, w.occurred_at DESC LIMIT %(limit)s
"""  # noqa: S608 - TAKEN is a constant of this module
# The newest order of a person lies in the window, and none came after it. Reads order_time and order_customer.
ORDERED = f"""
SELECT DISTINCT o.customer_id, NULL::bigint FROM customers_order o
WHERE o.ordered_at > %(since)s AND o.ordered_at <= %(until)s AND o.cancelled_at IS NULL AND o.customer_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM customers_order n WHERE n.customer_id = o.customer_id AND n.ordered_at > o.ordered_at)
  AND o.customer_id > %(after)s AND NOT {TAKEN.format(customer="o.customer_id")}
ORDER BY o.customer_id LIMIT %(limit)s
"""  # noqa: S608 - TAKEN is a constant of this module
# Who looked at, put into a cart or wished for one of these products lately. Reads event_name.
INTERESTED = f"""
SELECT e.customer_id, p.id FROM customers_event e
JOIN catalog_product p ON p.external_id = e.properties ->> 'product_id' AND p.id = ANY(%(products)s)
WHERE e.name IN ('Product Viewed', 'Product Added', 'Product Added to Wishlist') AND e.occurred_at > %(since)s
  AND e.customer_id > %(after)s
  AND NOT {TAKEN.format(customer="e.customer_id")}
GROUP BY 1, 2 ORDER BY 1, max(e.occurred_at) DESC LIMIT %(limit)s
"""  # noqa: S608 - TAKEN is a constant of this module
BIRTHDAYS = f"""
SELECT c.id, NULL::bigint FROM customers_customer c
WHERE right(c.attributes ->> 'birthday', 5) = ANY(%(days)s) AND c.erased_at IS NULL AND c.merged_into_id IS NULL
  AND c.id > %(after)s AND NOT {TAKEN.format(customer="c.id")}
ORDER BY c.id LIMIT %(limit)s
"""  # noqa: S608 - TAKEN is a constant of this module

Hits = dict[int, list[int]]  # by customer: the products that the event was about, the newest first
Named = list[tuple[int, int | None]]  # (customer, product), in the order of customers


@dataclass(frozen=True)
class Rule:
    """How a kind reads, what its number counts, and who asks the database."""

    label: str
    unit: str
    least: int
    most: int
    find: Callable[["Asked", datetime, datetime], Named]
    every: timedelta = timedelta(minutes=1)
    least_again: int = 1  # days until the same person may be taken in once more; of a birthday not the same one twice


@dataclass(frozen=True)
class Asked:
    """By which campaign, its trigger, and the customer after whom a page begins."""

    campaign: int
    trigger: Trigger
    after: int = 0


def _rows(sql: str, asked: Asked, now: datetime, **parameters) -> list[tuple]:
    common = {"campaign": asked.campaign, "again": asked.trigger.again, "now": now, "after": asked.after}
    common["limit"] = LIMIT
    with connection.cursor() as cursor:
        cursor.execute(sql, common | parameters)
        return cursor.fetchall()


def _carts(asked: Asked, since: datetime, now: datetime) -> Named:
    wait = timedelta(hours=asked.trigger.wait)
    rows = _rows(CARTS, asked, now, since=max(since, now - LATE) - wait, until=now - wait)
    named: dict[int | None, set[str]] = {}
    for _, merchant, product in rows:
        named.setdefault(merchant, set()).add(product)
    known = {merchant: product_ids(merchant, names) for merchant, names in named.items()}
    return [(customer, known[merchant].get(product)) for customer, merchant, product in rows]


def _ordered(asked: Asked, since: datetime, now: datetime) -> Named:
    wait = timedelta(days=asked.trigger.wait)
    return _rows(ORDERED, asked, now, since=max(since, now - LATE) - wait, until=now - wait)


def _interested(what: ProductChange.What) -> Callable[[Asked, datetime, datetime], Named]:
    def find(asked: Asked, since: datetime, now: datetime) -> Named:
        changed = ProductChange.objects.filter(what=what, at__gt=max(since, now - LATE), at__lte=now)
        products = list(changed.values_list("product_id", flat=True).distinct())
        if not products:
            return []
        lately = now - timedelta(days=asked.trigger.wait)
        return _rows(INTERESTED, asked, now, products=products, since=lately)

    return find


def _birthdays(asked: Asked, since: datetime, now: datetime) -> Named:
    """Also those of the days since the last sweep; who was born on 29 February has it on the 28th of other years."""
    days = asked.trigger.wait
    first = max(since, now - LATE).date() + timedelta(days=days)
    ahead = [first + timedelta(days=n) for n in range((now.date() + timedelta(days=days) - first).days + 1)]
    named = {f"{day:%m-%d}" for day in ahead}
    if "02-28" in named and not _is_leap(next(day for day in ahead if f"{day:%m-%d}" == "02-28").year):
        named.add("02-29")
    return _rows(BIRTHDAYS, asked, now, days=sorted(named))


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _gathered(pairs: Iterable[tuple[int, int | None]]) -> Hits:
    found: Hits = {}
    for customer, product in pairs:
        mine = found.setdefault(customer, [])
        if product is not None and product not in mine and len(mine) < PRODUCTS:
            mine.append(product)
    return found


RULES: Mapping[TriggerKind, Rule] = {
    TriggerKind.ABANDONED_CART: Rule("a cart was left", "hours after the last change of the cart", 1, 72, _carts),
    TriggerKind.POST_PURCHASE: Rule("an order was placed", "days after it", 1, 60, _ordered, timedelta(minutes=10)),
    TriggerKind.WIN_BACK: Rule("nothing was ordered for long", "days without an order", 14, 720, _ordered, timedelta(hours=1)),
    TriggerKind.BACK_IN_STOCK: Rule(
        "a product can be bought again", "days that an interest in it lasts", 1, 180,
        _interested(ProductChange.What.BACK_IN_STOCK), timedelta(minutes=5),
    ),
    TriggerKind.PRICE_DROP: Rule(
        "a price fell", "days that an interest in it lasts", 1, 180,
        _interested(ProductChange.What.PRICE_FELL), timedelta(minutes=5),
    ),
    TriggerKind.BIRTHDAY: Rule("a birthday", "days before it", 0, 30, _birthdays, timedelta(hours=1), least_again=300),
}  # fmt: skip


def words(trigger: Trigger) -> str:
    """The trigger in one sentence."""
    rule = RULES[trigger.kind]
    return f"{rule.label}: {trigger.wait} {rule.unit}"


def hits(campaign_id: int, trigger: Trigger, since: datetime, now: datetime) -> Iterator[Hits]:
    """Pages of who is to be taken in now, whom the campaign has not taken in before, or may once more."""
    after, find = 0, RULES[trigger.kind].find
    while True:
        rows = find(Asked(campaign_id, trigger, after), since, now)
        is_full = len(rows) == LIMIT
        if is_full and rows[0][0] != rows[-1][0]:
            # The last one may go on beyond the page: they begin the next.
            rows = [row for row in rows if row[0] != rows[-1][0]]
        if rows:
            yield _gathered(rows)
            after = rows[-1][0]
        if not is_full:
            return
