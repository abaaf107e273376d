"""Freezes an audience with its products, and at the start draws the arms and builds the messages, each in one statement."""

from django.db import connection, transaction
from django.utils import timezone

from campaigns.contracts import BATCHES, Waterfall
from campaigns.models import AudienceMember, Campaign
from campaigns.queries.audience import GATE, HELD_OUT, PEOPLE, Unrenderable, ask_gate, gate_parameters, waterfall
from campaigns.queries.places import counted, places
from campaigns.queries.segments import make_room, members
from campaigns.services.choose import choose
from campaigns.services.codes import issue
from campaigns.services.variants import DRAWN, parameters
from campaigns.state import Kind

# A wave of fewer messages could stop nothing: it goes with the next.
LEAST_WAVE = 100
EXAMPLES = 200  # people of each segment whom the review of a triggered campaign shows


# One statement: what the gate says, each person's arm, each channel that is closed to them, and one queued message for
# each channel that is open to somebody who is treated. A wave is a random part of a channel's messages; a file is whole.
# Whom an event names again keeps the arm that was drawn for them: an assignment changes once at the most, from excluded.
# Where it goes by each recipient's clock, the waves do as well: at every place a few first, and the next after the wait.
# Which of several labels a person gets is drawn with it, for all channels at once and for those who share an address.
def _draw(known: str) -> str:
    return f"""
WITH gate AS MATERIALIZED ({GATE}), person AS MATERIALIZED ({PEOPLE}), closed AS (
    INSERT INTO campaigns_exclusion (campaign_id, customer_id, channel, reason, entry)
    SELECT %(campaign)s, customer_id, channel, reason, entry FROM gate WHERE reason <> ''
), assigned AS (
    INSERT INTO campaigns_assignment AS known (campaign_id, customer_id, segment_id, arm, reason, unit, assigned_at, entry)
    SELECT %(campaign)s, customer_id, segment_id,
           CASE WHEN reason <> '' THEN 'excluded' WHEN is_holdout THEN 'holdout' ELSE 'treated' END, reason, unit, %(now)s,
           entry
    FROM person
    {known}
)
INSERT INTO campaigns_message (campaign_id, customer_id, channel, variant_id, contact_point_id, state, reason, tries,
                               provider_id, error, wave, propensity, not_before, entry)
SELECT %(campaign)s, q.customer_id, q.channel, q.variant, q.contact_id, 'queued',
       CASE WHEN q.local_at IS NULL THEN '' ELSE 'local_time' END, 0, '', '', w.number, q.propensity,
       COALESCE(q.local_at + (w.number - 1) * %(wave_wait)s::interval, now()), q.entry
FROM (
    SELECT gate.customer_id, gate.channel, gate.contact_id, gate.entry,
           CASE WHEN NOT gate.channel = ANY(%(batches)s::text[]) THEN gate.local_at END AS local_at,
           v.id AS variant, v.share AS propensity,
           count(*) OVER (PARTITION BY gate.channel) AS size,
           row_number() OVER (PARTITION BY gate.channel ORDER BY hashint8extended(gate.customer_id, %(campaign)s)) AS nth
    FROM gate
    JOIN {DRAWN}
    WHERE gate.reason = '' AND NOT COALESCE(gate.arm = 'holdout', {HELD_OUT.format(unit="gate.unit")})
) q
CROSS JOIN LATERAL (
    SELECT 1 + count(*) AS number FROM unnest(%(waves)s::float8[]) AS w(share)
    WHERE w.share * q.size >= %(least)s AND q.nth > ceil(w.share * q.size) AND NOT q.channel = ANY(%(batches)s::text[])
) w
ON CONFLICT DO NOTHING
"""  # noqa: S608 - all parts are constants


# Of a whole audience nobody has an arm yet: whoever has one is a fault that stops it.
DRAW = _draw("")
DRAW_AGAIN = _draw(
    "ON CONFLICT (campaign_id, customer_id) DO UPDATE "
    "SET segment_id = EXCLUDED.segment_id, arm = EXCLUDED.arm, reason = EXCLUDED.reason, unit = EXCLUDED.unit, "
    "assigned_at = EXCLUDED.assigned_at, entry = EXCLUDED.entry "
    "WHERE known.arm = 'excluded' AND known.entry < EXCLUDED.entry"
)


def freeze(campaign: Campaign) -> int:
    """Writes who is in the campaign's segments now and which products each would see; returns how many people.

    Who is in several segments belongs to the first by priority. Of a triggered campaign these are examples for its review:
    nobody knows yet whom an event will name.
    """
    limit = EXAMPLES if campaign.kind == Kind.TRIGGERED else None
    with transaction.atomic(), connection.cursor() as cursor:
        AudienceMember.objects.filter(campaign=campaign).delete()
        make_room(cursor)
        for part in campaign.campaign_segments.select_related("segment"):
            sql, parameters = members(part.segment).order_by().values("id")[:limit].query.sql_with_params()
            cursor.execute(
                "INSERT INTO campaigns_audiencemember (campaign_id, customer_id, segment_id, items, request_id) "  # noqa: S608
                f"SELECT %s, found.id, %s, '{{}}', gen_random_uuid() FROM ({sql}) found ON CONFLICT DO NOTHING",
                [campaign.pk, part.segment_id, *parameters],
            )
        choose(campaign)
        Campaign.objects.filter(pk=campaign.pk).update(frozen_at=timezone.now(), **_by_clock(campaign))
        return AudienceMember.objects.filter(campaign=campaign).count()


def _by_clock(campaign: Campaign) -> dict:
    """Where the audience of a campaign that goes by each recipient's clock lives, and when the first of them is due."""
    if not campaign.local_at:
        return {"places": []}
    campaign.places = counted(campaign)
    found = places(campaign)
    return {"places": campaign.places} | ({"scheduled_at": found[0].at} if found else {})


def draw(campaign: Campaign, unrenderable: Unrenderable, only: list[int] | None = None) -> Waterfall:
    """Asks the gate for everybody, or for these customers of the audience, draws the arms and builds one queued message
    per treated person and open channel. Inside a transaction.
    """
    with connection.cursor() as cursor:
        # Whom an event names is written to at once: there is no rest that could wait for the first.
        waves = {
            "waves": campaign.waves if only is None else [],
            "wave_wait": campaign.wave_wait,
            "least": LEAST_WAVE,
            "batches": sorted(BATCHES),
        }
        asked = gate_parameters(campaign, timezone.now(), unrenderable, only)
        ask_gate(cursor, DRAW if only is None else DRAW_AGAIN, asked | waves | parameters(campaign))
    issue(campaign, only)
    return waterfall(campaign.pk)


def most_frequent_first_items(campaign_id: int) -> dict[int, int]:
    """By segment: the product that most of its people would see first, the smallest id among equals."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (segment_id) segment_id, item FROM ("
            "SELECT segment_id, items[1] AS item, count(*) AS people FROM campaigns_audiencemember "
            "WHERE campaign_id = %s AND cardinality(items) > 0 GROUP BY 1, 2) firsts "
            "ORDER BY segment_id, people DESC, item",
            [campaign_id],
        )
        return dict(cursor.fetchall())


def first_item_categories(campaign_id: int) -> dict[int, tuple[str, ...]]:
    """By segment: the categories of what its people would see first, by name: a text is sent with goods of all of these."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.segment_id, (array_agg(DISTINCT p.category ORDER BY p.category))[1:40] "
            "FROM campaigns_audiencemember a JOIN catalog_product p ON p.id = a.items[1] "
            "WHERE a.campaign_id = %s GROUP BY 1",
            [campaign_id],
        )
        return {segment_id: tuple(categories) for segment_id, categories in cursor.fetchall()}
