"""The products of every message of a frozen audience, by the campaign's recommendation block.

`campaigns.queries.block` says the same of single people, with reasons; a test holds both to one answer.
"""

from django.db import connection

from campaigns.contracts import Block, Choice
from campaigns.models import Campaign
from campaigns.queries.block import REACH, bought_since, common_list, pinned

# What the filters let pass, over the alias p of catalog_product.
ALLOWED = """
p.is_active AND p.price IS NOT NULL AND (p.stock IS NULL OR p.stock > 0)
AND (%(merchant)s::bigint IS NULL OR p.merchant_id = %(merchant)s)
AND (%(category)s = '' OR p.category = %(category)s)
AND (%(max_price)s::numeric IS NULL OR p.price <= %(max_price)s)
"""
# Reads order_customer; {product} is the product asked about, {customer} the person.
NOT_BOUGHT = """
(%(since)s::timestamptz IS NULL OR NOT EXISTS (
    SELECT 1 FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
    WHERE o.customer_id = {customer} AND o.ordered_at > %(since)s AND o.cancelled_at IS NULL AND l.product_id = {product}))
"""
# Of somebody who was taken in again, their newest entry: what was chosen for an earlier one stays as it was sent.
ONLY = """(%(only)s::bigint[] IS NULL OR a.customer_id = ANY(%(only)s::bigint[]) AND NOT EXISTS (
    SELECT FROM campaigns_audiencemember n
    WHERE n.campaign_id = a.campaign_id AND n.customer_id = a.customer_id AND n.entry > a.entry))"""
# The pins, and behind them what somebody was taken in with: the products of the event that a triggered campaign answers.
START = f"""
UPDATE campaigns_audiencemember a
SET items = (%(pins)s::bigint[] || ARRAY(
    SELECT x.product FROM unnest(a.items) WITH ORDINALITY AS x(product, n) JOIN catalog_product p ON p.id = x.product
    WHERE {ALLOWED} AND NOT x.product = ANY(%(pins)s::bigint[]) ORDER BY n))[1:%(items)s]
WHERE campaign_id = %(campaign)s AND {ONLY}
  AND cardinality(%(pins)s::bigint[] || a.items) > 0
"""  # noqa: S608 - all parts are constants
# The best of each person's own list behind the pins. Who asked not to be personalised is left for the common list. Asked of
# each person by the key of their list: of an audience that has just been written the planner knows no size.
PERSONAL = f"""
UPDATE campaigns_audiencemember a
SET items = (a.items || ARRAY(
    SELECT r.product_id FROM recommendations_recommendation r JOIN catalog_product p ON p.id = r.product_id
    WHERE r.customer_id = a.customer_id AND {ALLOWED} AND NOT p.id = ANY(a.items)
      AND {NOT_BOUGHT.format(customer="r.customer_id", product="r.product_id")}
    ORDER BY r.rank LIMIT %(items)s))[1:%(items)s]
FROM customers_customer c
WHERE a.campaign_id = %(campaign)s AND c.id = a.customer_id AND c.personalise
  AND cardinality(a.items) < %(items)s AND {ONLY}
"""  # noqa: S608 - all parts are constants
# What stands highest in the lists of a segment's people, by the sum of 1 / rank.
OF_SEGMENT = f"""
SELECT r.product_id
FROM recommendations_recommendation r
JOIN campaigns_audiencemember m ON m.customer_id = r.customer_id AND m.campaign_id = %(campaign)s
                                AND m.segment_id = %(segment)s
JOIN customers_customer c ON c.id = r.customer_id AND c.personalise
JOIN catalog_product p ON p.id = r.product_id
WHERE {ALLOWED}
GROUP BY r.product_id ORDER BY sum(1.0 / r.rank) DESC, r.product_id LIMIT %(reach)s
"""  # noqa: S608 - all parts are constants
# One list behind what somebody has already, as far as the message has room.
APPEND = f"""
UPDATE campaigns_audiencemember a
SET items = (a.items || ARRAY(
    SELECT x.product FROM unnest(%(list)s::bigint[]) WITH ORDINALITY AS x(product, n)
    WHERE NOT x.product = ANY(a.items) AND {NOT_BOUGHT.format(customer="a.customer_id", product="x.product")}
    ORDER BY n))[1:%(items)s]
FROM customers_customer c
WHERE a.campaign_id = %(campaign)s AND c.id = a.customer_id AND cardinality(a.items) < %(items)s
  AND {ONLY}
  AND (%(segment)s::bigint IS NULL OR a.segment_id = %(segment)s)
  AND (c.personalise OR %(for_all)s)
  AND (NOT c.personalise OR %(for_personal)s)
"""  # noqa: S608 - all parts are constants


def choose(campaign: Campaign, only: list[int] | None = None) -> None:
    """Fills `items` of the campaign's audience, or of these customers of it. Inside the transaction that took them in."""
    block = Block.of(campaign.block)
    parameters = {
        "campaign": campaign.pk,
        "merchant": campaign.merchant_id,
        "items": campaign.items_per_message,
        "pins": pinned(block, campaign.merchant_id, campaign.items_per_message),
        "category": block.category,
        "max_price": block.max_price,
        "since": bought_since(block),
        "reach": REACH,
        "only": only,
    }
    with connection.cursor() as cursor:
        cursor.execute(START, parameters)
        if block.choice == Choice.PERSONAL:
            cursor.execute(PERSONAL, parameters)
        if block.choice == Choice.SEGMENT:
            for segment_id in campaign.campaign_segments.values_list("segment_id", flat=True):
                cursor.execute(OF_SEGMENT, parameters | {"segment": segment_id})
                best = [product for (product,) in cursor.fetchall()]
                appended = {"list": best, "segment": segment_id, "for_all": False, "for_personal": True}
                cursor.execute(APPEND, parameters | appended)
        if block.choice != Choice.FIXED:
            common = [item.product_id for item in common_list(block, campaign.merchant_id)]
            appended = {"list": common, "segment": None, "for_all": True, "for_personal": block.falls_back}
            cursor.execute(APPEND, parameters | appended)
