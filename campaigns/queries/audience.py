"""The gate: one ordered list of questions that every person of the audience passes, on every channel, before any send.

Asked per person and channel: whom one channel is open to has an arm. The arm is drawn last and once per person over all
channels, so that every exclusion is the same for both arms.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from campaigns.assignment import Units, threshold
from campaigns.contracts import ROUTES, Arm, Cap, Route, Step, Waterfall
from campaigns.models import Assignment, AudienceMember, Campaign, Message
from campaigns.queries.places import clocks
from campaigns.state import Kind

# In the order they are asked. Each person leaves a channel at the first that holds. `words` is what people read.
REASONS = {
    "gone": "no longer a customer, or merged into another record",
    "no_consent": "no consent for this channel",
    "no_contact": "no address for this channel",
    "suppressed": "unsubscribed, bounced or complained",
    "risk": "under a fraud flag",
    "shared_contact": "shares the address of somebody already in",
    "frequency_cap": "heard from us within the cap",
    "no_product": "no product to show",
    "stock": "everything that was chosen for them is sold out",
    "render": "the message cannot be filled for them",
}

# Before GATE, in its transaction: the audience that is asked about, as something whose size the planner knows. Of people whom
# an event may name again it is their newest entry, with the arm that was drawn at an earlier one.
FROZEN = (
    "DROP TABLE IF EXISTS pg_temp.frozen_audience",
    """
    CREATE TEMP TABLE frozen_audience ON COMMIT DROP AS
    SELECT a.customer_id, a.segment_id, a.items, a.entry,
           CASE WHEN %(may_enter_again)s THEN (
               SELECT s.arm FROM campaigns_assignment s
               WHERE s.campaign_id = a.campaign_id AND s.customer_id = a.customer_id AND s.arm <> 'excluded'
           ) END AS arm
    FROM campaigns_audiencemember a
    WHERE a.campaign_id = %(campaign)s AND (%(only)s::bigint[] IS NULL OR a.customer_id = ANY(%(only)s::bigint[]))
      AND (NOT %(may_enter_again)s OR NOT EXISTS (
          SELECT FROM campaigns_audiencemember n
          WHERE n.campaign_id = a.campaign_id AND n.customer_id = a.customer_id AND n.entry > a.entry
      ))
    """,
    "ANALYZE frozen_audience",
    "SET LOCAL work_mem = '64MB'",
)
# Whom a cap holds back on which channel, of `people` (with an alias member) and of the table channel: what they heard that is
# `counted` is read in one pass.
CAPPED = """cap AS (
    SELECT * FROM unnest(%(cap_channels)s::text[], %(cap_messages)s::int[], %(cap_since)s::timestamptz[])
                  WITH ORDINALITY AS c(channel, messages, since, number)
), heard AS (
    SELECT m.customer_id, m.channel, CASE WHEN m.state IN ('queued', 'sending') THEN %(now)s::timestamptz
                                          ELSE COALESCE(m.sent_at, m.attempted_at) END AS at
    FROM campaigns_message m JOIN {people} ON member.customer_id = m.customer_id
    WHERE ({counted}) AND EXISTS (SELECT FROM cap)
      AND (m.state IN ('queued', 'sending')
           OR m.state = ANY(%(heard)s) AND COALESCE(m.sent_at, m.attempted_at) > (SELECT min(since) FROM cap))
), capped AS (
    SELECT DISTINCT reached.customer_id, channel.channel
    FROM (SELECT h.customer_id, cap.number, cap.channel FROM heard h
          JOIN cap ON cap.channel IN ('any', h.channel) AND h.at > cap.since
          GROUP BY h.customer_id, cap.number, cap.channel, cap.messages HAVING count(*) >= cap.messages) reached
    JOIN channel ON reached.channel IN ('any', channel.channel)
)"""
# One row per person of the frozen audience and channel: the first reason that holds, "" where the channel is open.
#   contact   the newest address of the channel (contact_once_a_person keeps one a lookup); a channel of no kind needs none
#   unit      the smallest customer id of those who share contact points, in or out of the audience (`units`)
#   stops     where an address that is used on another channel is stopped for good: it bounced, was complained about, erased
#   handle    who is stopped on social networks by their handle, while the address is what would be matched there
#   local_at  when the clock at their place shows what the campaign names; NULL where it goes at one moment for all
#   heard     what other campaigns, or this one at an earlier entry, said or are about to say, no longer ago than the widest
#             cap: read in one pass
# What a person said and who must not be written to are joined, each by a unique key: a million times a look-up of its own
# would be most of the time that the gate takes.
GATE = f"""
WITH member AS MATERIALIZED (
    SELECT a.customer_id, a.segment_id, a.items, a.entry, a.arm, COALESCE(u.unit, a.customer_id) AS unit,
           cu.erased_at IS NOT NULL OR cu.merged_into_id IS NOT NULL AS is_gone, cu.excluded_at IS NOT NULL AS is_flagged,
           n.id IS NOT NULL AS says_no, place.at AS local_at
    FROM frozen_audience a
    JOIN customers_customer cu ON cu.id = a.customer_id
    LEFT JOIN customers_consentstate n ON n.customer_id = a.customer_id AND n.purpose = 'marketing' AND n.channel = 'any'
        AND NOT n.is_given
    LEFT JOIN unnest(%(sharing)s::bigint[], %(units)s::bigint[]) AS u(customer_id, unit) ON u.customer_id = a.customer_id
    LEFT JOIN unnest(%(zones)s::text[], %(laws)s::text[], %(moments)s::timestamptz[]) AS place(zone, law, at)
        ON place.zone = cu.timezone AND place.law = cu.jurisdiction
), channel AS (
    SELECT * FROM unnest(%(channels)s::text[], %(kinds)s::text[], %(consents)s::text[], %(stops)s::text[])
                  AS c(channel, kind, consent, stops)
), handle AS (
    SELECT DISTINCT h.customer_id FROM customers_suppression s
    JOIN customers_contactpoint h ON h.kind = 'social' AND h.lookup = s.lookup
    WHERE %(has_social)s AND s.channel = 'social' AND s.lifted_at IS NULL
), {CAPPED.format(people="member", counted="m.campaign_id <> %(campaign)s OR m.entry < member.entry")}, contact AS (
    SELECT DISTINCT ON (member.customer_id, channel.channel) member.*, channel.channel, channel.kind, channel.consent,
           channel.stops, c.id AS contact_id, c.lookup
    FROM member CROSS JOIN channel
    LEFT JOIN customers_contactpoint c ON c.customer_id = member.customer_id AND c.kind = channel.kind
    ORDER BY member.customer_id, channel.channel, c.id DESC
), asked AS (
    SELECT p.*,
        CASE
        WHEN p.is_gone THEN 'gone'
        WHEN p.says_no OR s.customer_id IS NULL THEN 'no_consent'
        WHEN p.kind <> '' AND p.contact_id IS NULL THEN 'no_contact'
        WHEN x.id IS NOT NULL OR b.id IS NOT NULL OR h.customer_id IS NOT NULL THEN 'suppressed'
        WHEN p.is_flagged THEN 'risk'
        END AS reason
    FROM contact p
    LEFT JOIN customers_consentstate s ON s.customer_id = p.customer_id AND s.purpose = 'marketing'
        AND s.channel = p.consent AND s.is_given AND (s.valid_until IS NULL OR s.valid_until > %(now)s)
    LEFT JOIN customers_suppression x ON x.channel = p.consent AND x.lookup = p.lookup AND x.lifted_at IS NULL
    LEFT JOIN customers_suppression b ON b.channel = p.stops AND b.channel <> p.consent AND b.lookup = p.lookup
        AND b.lifted_at IS NULL AND b.reason <> 'unsubscribed'
    LEFT JOIN handle h ON h.customer_id = p.customer_id AND p.consent = 'social'
), deduplicated AS (
    SELECT asked.*,
           row_number() OVER (PARTITION BY channel, reason IS NULL, lookup ORDER BY customer_id) AS nth
    FROM asked
)
SELECT d.customer_id, d.segment_id, d.channel, d.contact_id, 'customer:' || d.unit AS unit, d.local_at, d.entry, d.arm,
    CASE
    WHEN d.reason IS NOT NULL THEN d.reason
    WHEN d.nth > 1 AND d.lookup IS NOT NULL THEN 'shared_contact'
    WHEN capped.customer_id IS NOT NULL THEN 'frequency_cap'
    WHEN cardinality(d.items) = 0 THEN 'no_product'
    WHEN d.items <@ %(sold_out)s::bigint[] THEN 'stock'
    WHEN r.customer_id IS NOT NULL THEN 'render'
    ELSE ''
    END AS reason
FROM deduplicated d
LEFT JOIN capped ON capped.customer_id = d.customer_id AND capped.channel = d.channel
LEFT JOIN unnest(%(unrenderable)s::bigint[], %(unrenderable_on)s::text[]) AS r(customer_id, channel)
    ON r.customer_id = d.customer_id AND r.channel = d.channel
"""  # noqa: S608 - all parts are constants
# The draw of campaigns.assignment, the first 48 bits of SHA-256(salt LF unit): the unit alone decides it.
HELD_OUT = (
    "('x' || left(encode(sha256(convert_to(%(salt)s || E'\\n' || {unit}, 'UTF8')), 'hex'), 12))::bit(48)::bigint "
    "< %(threshold)s"
)
# One row per person: open when a channel is, else the reason of the channel that came furthest; and the draw.
PEOPLE = f"""
SELECT customer_id, min(segment_id) AS segment_id, min(unit) AS unit,
       CASE WHEN bool_or(reason = '') THEN ''
            ELSE (%(order)s::text[])[max(array_position(%(order)s::text[], reason))] END AS reason,
       COALESCE(min(arm) = 'holdout', {HELD_OUT.format(unit="min(unit)")}) AS is_holdout, min(entry) AS entry
FROM gate GROUP BY customer_id
"""  # noqa: S608 - constants of this module
# "" as the channel stands for people over all channels.
REHEARSE = f"""
WITH gate AS MATERIALIZED ({GATE}), person AS MATERIALIZED ({PEOPLE})
SELECT '' AS channel, reason, is_holdout, NULL::timestamptz, count(*) FROM person GROUP BY 1, 2, 3
UNION ALL
SELECT g.channel, g.reason, p.is_holdout, g.local_at, count(*) FROM gate g JOIN person p USING (customer_id)
GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - constants of this module
# Addresses of the audience that somebody else has too, with everybody who has them.
SHARED = """
WITH shared AS MATERIALIZED (
    SELECT DISTINCT c.kind, c.lookup FROM customers_contactpoint c
    WHERE c.kind = ANY(%(kinds)s) AND {whose}
      AND EXISTS (SELECT FROM customers_contactpoint o
                  WHERE o.kind = c.kind AND o.lookup = c.lookup AND o.customer_id <> c.customer_id)
)
SELECT o.kind, o.lookup, o.customer_id FROM shared JOIN customers_contactpoint o USING (kind, lookup)
"""
IN_AUDIENCE = "c.customer_id IN (SELECT customer_id FROM campaigns_audiencemember WHERE campaign_id = %(campaign)s)"
AMONG = "c.customer_id = ANY(%(customers)s)"
# Sorted by person and not joined: of rows that were written a moment ago the planner knows no number, and took a minute to
# compare twenty thousand people with each other.
CLOSED = """
SELECT channel, reason, arm, count(*) FROM (
    SELECT channel, reason, entry, max(arm) OVER each AS arm, max(drawn) OVER each AS drawn FROM (
        SELECT customer_id, channel, reason, entry, NULL AS arm, NULL::int AS drawn FROM campaigns_exclusion
        WHERE campaign_id = %(campaign)s
        UNION ALL
        SELECT customer_id, NULL, NULL, NULL, arm, entry FROM campaigns_assignment WHERE campaign_id = %(campaign)s
    ) said WINDOW each AS (PARTITION BY customer_id)
) closed WHERE channel IS NOT NULL AND entry = drawn GROUP BY 1, 2, 3
"""
# Products of the audience that cannot be bought now: of some thousand products few, so that each person is asked cheaply.
SOLD_OUT = """
SELECT p.id FROM catalog_product p
WHERE NOT (p.is_active AND p.price IS NOT NULL AND (p.stock IS NULL OR p.stock > 0))
  AND p.id IN (SELECT DISTINCT unnest(items) FROM campaigns_audiencemember WHERE campaign_id = %(campaign)s)
"""
LINES = """
SELECT string_agg(E'\\n' || customer_id || ':' || segment_id || ':' || array_to_string(items, ','), '' ORDER BY customer_id),
       count(*)
FROM (SELECT customer_id, segment_id, items, (row_number() OVER (ORDER BY customer_id) - 1) / 1000 AS piece
      FROM campaigns_audiencemember WHERE campaign_id = %(campaign)s) m
GROUP BY piece ORDER BY piece
"""
Unrenderable = Sequence[tuple[int, str]]  # (customer, channel) whose message cannot be filled
HEARD = ["sent", "unknown", "delivered", "bounced", "complained"]


def route(channel: str) -> Route:
    """What a channel asks of a person; of one that only a history knows, nothing but its own consent."""
    return ROUTES.get(channel, Route(channel, ""))


def units(campaign: Campaign, only: list[int] | None = None) -> dict[int, int]:
    """The unit of everybody who shares a contact point of the campaign's channels with somebody of the audience.

    Two people of the audience may hang together over people outside of it, who are followed until nobody new is found.
    Costs what is shared, not what there is: reads index contact_lookup.
    """
    kinds, joined = sorted({route(channel).contact for channel in campaign.channels} - {""}), Units()
    if not kinds:
        return {}
    if only is None:
        found = _join(joined, IN_AUDIENCE, {"kinds": kinds, "campaign": campaign.pk})
        # Everybody of the audience was asked for in this first round.
        inside = AudienceMember.objects.filter(campaign=campaign, customer_id__in=found)
        found -= set(inside.values_list("customer_id", flat=True))
    else:
        found = _join(joined, AMONG, {"kinds": kinds, "customers": only}) - set(only)
    while found:
        found = _join(joined, AMONG, {"kinds": kinds, "customers": sorted(found)})
    return dict(joined)


def _join(joined: Units, whose: str, parameters: dict) -> set[int]:
    """Joins everybody who shares an address with these people; returns those who were not known before."""
    with connection.cursor() as cursor:
        cursor.execute(SHARED.format(whose=whose), parameters)
        rows = cursor.fetchall()
    new = {customer for _, _, customer in rows if customer not in joined}
    joined.join(((kind, bytes(lookup)), customer) for kind, lookup, customer in rows)
    return new


def sold_out(campaign_id: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(SOLD_OUT, {"campaign": campaign_id})
        return [pk for (pk,) in cursor.fetchall()]


def caps_of(campaign: Campaign) -> list[Cap]:
    """The windows that hold for this campaign: its own, and those of the whole platform."""
    own = [Cap(**cap) for cap in campaign.caps]
    first = [Cap("any", 1, campaign.cap_days)] if campaign.cap_days else []
    return [*first, *own, *(Cap(*cap) for cap in settings.FREQUENCY_CAPS)]


def gate_parameters(
    campaign: Campaign, now: datetime, unrenderable: Unrenderable, only: list[int] | None = None
) -> dict:
    """Of the whole frozen audience, or of these customers of it."""
    caps, shared, places = caps_of(campaign), units(campaign, only), clocks(campaign)
    return {
        "campaign": campaign.pk,
        "only": only,
        "may_enter_again": campaign.kind == Kind.TRIGGERED,
        "channels": campaign.channels,
        "kinds": [route(channel).contact for channel in campaign.channels],
        "consents": [route(channel).consent for channel in campaign.channels],
        "stops": [route(channel).stops for channel in campaign.channels],
        "has_social": "social" in campaign.channels,
        "zones": [zone for zone, _ in places],
        "laws": [law for _, law in places],
        "moments": list(places.values()),
        "sharing": list(shared.keys()),
        "units": list(shared.values()),
        "now": now,
        "cap_channels": [cap.channel for cap in caps],
        "cap_messages": [cap.messages for cap in caps],
        "cap_since": [now - timedelta(days=cap.days) for cap in caps],
        "heard": HEARD,
        "sold_out": sold_out(campaign.pk),
        "unrenderable": [customer for customer, _ in unrenderable],
        "unrenderable_on": [channel for _, channel in unrenderable],
        "order": list(REASONS),
        "salt": campaign.salt,
        "threshold": threshold(campaign.holdout_share),
    }


def rehearse(campaign: Campaign, unrenderable: Unrenderable = ()) -> Waterfall:
    """What the gate would say now: counts only, nothing is written and no message leaves."""
    return rehearse_by_clock(campaign, unrenderable)[0]


def rehearse_by_clock(
    campaign: Campaign, unrenderable: Unrenderable = ()
) -> tuple[Waterfall, dict[tuple[str, datetime | None], int]]:
    """The same, and how many would be written to by (channel, moment at their place); None is the start, for all at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        ask_gate(cursor, REHEARSE, gate_parameters(campaign, timezone.now(), unrenderable))
        rows = cursor.fetchall()
    treated: dict[tuple[str, datetime | None], int] = {}
    for channel, reason, is_holdout, at, number in rows:
        if channel and not reason and not is_holdout:
            treated[channel, at] = treated.get((channel, at), 0) + number
    return _waterfall(campaign, [(channel, reason, held, number) for channel, reason, held, _, number in rows]), treated


def ask_gate(cursor, statement: str, parameters: dict) -> None:
    """Runs a statement that is made of GATE, inside a transaction.

    Of an audience that was frozen a moment ago, or among twenty larger ones, the planner would guess one row, and join by
    comparing each with each. So it is laid out in a table of this transaction, whose size is then known. The work memory
    keeps the joins of a million people in memory; it holds to the end of the transaction.
    """
    for step in FROZEN:
        cursor.execute(step, parameters)
    cursor.execute(statement, parameters)


def _waterfall(campaign: Campaign, rows: list[tuple[str, str, bool, int]]) -> Waterfall:
    """From (channel or "", reason or "", held out, number)."""
    excluded: dict[tuple[str, str], int] = {}
    arms: dict[tuple[str, bool], int] = {}
    for channel, reason, is_holdout, number in rows:
        where, key = (excluded, (channel, reason)) if reason else (arms, (channel, is_holdout))
        where[key] = where.get(key, 0) + number

    def one(channel: str, channels: tuple[Waterfall, ...] = ()) -> Waterfall:
        steps = tuple(Step(reason, excluded[channel, reason]) for reason in REASONS if (channel, reason) in excluded)
        return Waterfall(steps, arms.get((channel, False), 0), arms.get((channel, True), 0), channel, channels)

    return one("", tuple(one(channel) for channel in campaign.channels))


def waterfall(campaign_id: int) -> Waterfall | None:
    """What the gate said at the start, by reason, of people and per channel; None before it was asked."""
    rows = Assignment.objects.filter(campaign_id=campaign_id).values_list("arm", "reason").annotate(n=Count("pk"))
    people = [("", reason, arm == Arm.HOLDOUT, n) for arm, reason, n in rows.order_by()]
    if not people:
        return None
    campaign = Campaign.objects.only("channels").get(pk=campaign_id)
    with connection.cursor() as cursor:
        cursor.execute(CLOSED, {"campaign": campaign_id})
        closed = cursor.fetchall()
    shut: dict[tuple[str, str], int] = {}
    for channel, _, arm, number in closed:
        shut[channel, arm] = shut.get((channel, arm), 0) + number
    # Who has an arm passed every channel that was not closed to them.
    passed = {
        arm: sum(n for _, reason, held, n in people if not reason and held == (arm == Arm.HOLDOUT)) for arm in Arm
    }
    through = [
        (channel, "", arm == Arm.HOLDOUT, number - shut.get((channel, arm.value), 0))
        for channel in campaign.channels
        for arm, number in passed.items()
    ]
    return _waterfall(campaign, [*people, *((c, reason, False, n) for c, reason, _, n in closed), *through])


def audience_size(campaign_id: int) -> int:
    return AudienceMember.objects.filter(campaign_id=campaign_id).count()


def audience_by_segment(campaign_id: int) -> list[tuple[int, int]]:
    """(segment id, people), for the review page; counted when the audience was frozen, so small and fast."""
    rows = AudienceMember.objects.filter(campaign_id=campaign_id).values_list("segment_id")
    return list(rows.annotate(n=Count("pk")).order_by("segment_id"))


def audience_lines(campaign_id: int) -> Iterator[tuple[str, int]]:
    """(text, people): a line of each person, in the order of customers, a thousand in a piece. What the digest is made of,
    written by the database: a million rows read one by one would take three times as long.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(LINES, {"campaign": campaign_id})
        while rows := cursor.fetchmany(50):
            yield from rows


def audience_rows(campaign_id: int) -> Iterator[tuple[int, int, list[int]]]:
    """(customer id, segment id, product ids) in the order of customers, streamed: the digest reads a million of them."""
    rows = AudienceMember.objects.filter(campaign_id=campaign_id).order_by("customer_id")
    return rows.values_list("customer_id", "segment_id", "items").iterator(chunk_size=5000)


def newest_entries(campaign: Campaign, customer_ids: list[int]) -> QuerySet[AudienceMember]:
    """One row a person: of somebody who was taken in again, the last entry."""
    rows = AudienceMember.objects.filter(campaign=campaign, customer_id__in=customer_ids)
    return rows.order_by("customer_id", "-entry").distinct("customer_id")


def entry_of(message: Message) -> AudienceMember | None:
    """With what this message's person was taken in for it."""
    rows = AudienceMember.objects.filter(
        campaign=message.campaign_id, customer=message.customer_id, entry=message.entry
    )
    return rows.first()


def message_states(campaign_id: int) -> dict[str, int]:
    """How many messages stand in which state: reads index message_monitor alone."""
    rows = Message.objects.filter(campaign_id=campaign_id).values_list("state").annotate(n=Count("pk"))
    return dict(rows.order_by())
