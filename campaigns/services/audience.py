"""Freezes an audience with its products, and at the start draws the arms and builds the messages, each in one statement."""

from django.db import connection, transaction
from django.utils import timezone

from campaigns.contracts import Waterfall
from campaigns.models import AudienceMember, Campaign
from campaigns.queries.audience import GATE, gate_parameters, waterfall
from campaigns.queries.segments import members
from recommendations.queries.lists import popular

# The best products of each person that are on sale, in stock and, for a merchant's campaign, theirs; reads the unique key
# (customer, rank). Who asked not to be personalised is left for the common list.
CHOOSE = """
UPDATE campaigns_audiencemember a SET items = chosen.items
FROM (
    SELECT customer_id, array_agg(product_id ORDER BY rank) AS items
    FROM (
        SELECT r.customer_id, r.product_id, r.rank,
               row_number() OVER (PARTITION BY r.customer_id ORDER BY r.rank) AS nth
        FROM recommendations_recommendation r
        JOIN campaigns_audiencemember m ON m.customer_id = r.customer_id AND m.campaign_id = %(campaign)s
        JOIN customers_customer c ON c.id = r.customer_id AND c.personalise
        JOIN catalog_product p ON p.id = r.product_id
        WHERE p.is_active AND p.price IS NOT NULL AND (p.stock IS NULL OR p.stock > 0)
          AND (%(merchant)s::bigint IS NULL OR p.merchant_id = %(merchant)s)
    ) ranked WHERE nth <= %(items)s GROUP BY customer_id
) chosen
WHERE a.campaign_id = %(campaign)s AND a.customer_id = chosen.customer_id
"""
# Who has fewer than the message shows gets the common list behind their own.
TOP_UP = """
UPDATE campaigns_audiencemember
SET items = (items || ARRAY(SELECT p FROM unnest(%(popular)s::bigint[]) WITH ORDINALITY AS x(p, n)
                            WHERE NOT p = ANY(items) ORDER BY n))[1:%(items)s]
WHERE campaign_id = %(campaign)s AND cardinality(items) < %(items)s
"""
DRAW = f"""
INSERT INTO campaigns_assignment (campaign_id, customer_id, segment_id, arm, reason, unit, contact_point_id, assigned_at)
SELECT %(campaign)s, customer_id, segment_id,
       CASE WHEN reason <> '' THEN 'excluded' WHEN is_holdout THEN 'holdout' ELSE 'treated' END,
       reason, unit, contact_id, %(now)s
FROM ({GATE}) gate
"""  # noqa: S608 - both parts are constants
BUILD = """
INSERT INTO campaigns_message (campaign_id, customer_id, channel, variant_id, contact_point_id, state, reason, tries,
                               provider_id, error)
SELECT a.campaign_id, a.customer_id, %(channel)s, v.id, a.contact_point_id, 'queued', '', 0, '', ''
FROM campaigns_assignment a
JOIN campaigns_messagevariant v ON v.campaign_id = a.campaign_id AND v.segment_id = a.segment_id AND v.is_current
WHERE a.campaign_id = %(campaign)s AND a.arm = 'treated'
ON CONFLICT DO NOTHING
"""


def freeze(campaign: Campaign) -> int:
    """Writes who is in the campaign's segments now and which products each would see; returns how many people.

    Who is in several segments belongs to the first by priority.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        AudienceMember.objects.filter(campaign=campaign).delete()
        for part in campaign.campaign_segments.select_related("segment"):
            sql, parameters = members(part.segment).order_by().values("id").query.sql_with_params()
            cursor.execute(
                "INSERT INTO campaigns_audiencemember (campaign_id, customer_id, segment_id, items, request_id) "  # noqa: S608
                f"SELECT %s, found.id, %s, '{{}}', gen_random_uuid() FROM ({sql}) found ON CONFLICT DO NOTHING",
                [campaign.pk, part.segment_id, *parameters],
            )
        common = [
            item.product_id for item in popular(k=campaign.items_per_message * 2, merchant_id=campaign.merchant_id)
        ]
        parameters = {
            "campaign": campaign.pk,
            "merchant": campaign.merchant_id,
            "items": campaign.items_per_message,
            "popular": common,
        }
        cursor.execute(CHOOSE, parameters)
        cursor.execute(TOP_UP, parameters)
        Campaign.objects.filter(pk=campaign.pk).update(frozen_at=timezone.now())
        return AudienceMember.objects.filter(campaign=campaign).count()


def draw(campaign: Campaign, unrenderable: list[int]) -> Waterfall:
    """Asks the gate for everybody, draws the arms and builds one queued message per treated person. Inside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(DRAW, gate_parameters(campaign, timezone.now(), unrenderable))
        cursor.execute(BUILD, {"campaign": campaign.pk, "channel": campaign.channel})
    return waterfall(campaign.pk)


def most_frequent_first_item(campaign_id: int, segment_id: int) -> int | None:
    """The product that most people of the segment would see first, the smallest id among equals; None without people."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT items[1] FROM campaigns_audiencemember WHERE campaign_id = %s AND segment_id = %s "
            "AND cardinality(items) > 0 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
            [campaign_id, segment_id],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def first_item_categories(campaign_id: int, segment_id: int) -> tuple[str, ...]:
    """The categories of what people of the segment would see first, by name: a text is sent with goods of all of these."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT p.category FROM campaigns_audiencemember a JOIN catalog_product p ON p.id = a.items[1] "
            "WHERE a.campaign_id = %s AND a.segment_id = %s ORDER BY 1 LIMIT 40",
            [campaign_id, segment_id],
        )
        return tuple(category for (category,) in cursor.fetchall())
