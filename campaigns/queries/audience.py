"""The gate: one ordered list of questions that every person of the audience passes, on every channel, before any send.

The arm is drawn last, so that every other exclusion is the same for both arms.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from campaigns.assignment import threshold
from campaigns.contracts import Arm, Step, Waterfall
from campaigns.models import Assignment, AudienceMember, Campaign, Message

# In the order they are asked. Each person leaves at the first that holds. `words` is what people read.
REASONS = {
    "gone": "no longer a customer, or merged into another record",
    "no_consent": "no consent for this channel",
    "no_contact": "no address for this channel",
    "suppressed": "unsubscribed, bounced or complained",
    "risk": "under a fraud flag",
    "shared_contact": "shares the address of somebody already in",
    "frequency_cap": "heard from us within the cap",
    "no_product": "no product to show",
    "render": "the message cannot be filled for them",
}

# One row per person of the frozen audience: the first reason that holds, or an arm by the fixed hash.
#   contact   the newest address of the channel (contact_once_a_person keeps one a lookup)
#   unit      the smallest customer id that shares the address, in or out of the audience: the same people always share
#             an arm; reads index contact_lookup
#   draw      campaigns.assignment: the first 48 bits of SHA-256(salt LF unit)
GATE = """
WITH contact AS (
    SELECT DISTINCT ON (a.customer_id) a.customer_id, a.segment_id, a.items, c.id AS contact_id, c.lookup
    FROM campaigns_audiencemember a
    LEFT JOIN customers_contactpoint c ON c.customer_id = a.customer_id AND c.kind = %(kind)s
    WHERE a.campaign_id = %(campaign)s
    ORDER BY a.customer_id, c.id DESC
), placed AS (
    SELECT contact.*,
           COALESCE((SELECT min(o.customer_id) FROM customers_contactpoint o
                     WHERE o.kind = %(kind)s AND o.lookup = contact.lookup), contact.customer_id) AS unit
    FROM contact
), asked AS (
    SELECT p.customer_id, p.segment_id, p.contact_id, p.lookup, 'customer:' || p.unit AS unit,
        CASE
        WHEN cu.erased_at IS NOT NULL OR cu.merged_into_id IS NOT NULL THEN 'gone'
        WHEN NOT EXISTS (
            SELECT 1 FROM customers_consentstate s
            WHERE s.customer_id = p.customer_id AND s.purpose = 'marketing' AND s.channel = %(channel)s AND s.is_given
              AND (s.valid_until IS NULL OR s.valid_until > %(now)s))
          OR EXISTS (
            SELECT 1 FROM customers_consentstate s WHERE s.customer_id = p.customer_id AND s.purpose = 'marketing'
              AND s.channel = 'any' AND NOT s.is_given) THEN 'no_consent'
        WHEN p.contact_id IS NULL THEN 'no_contact'
        WHEN EXISTS (
            SELECT 1 FROM customers_suppression x
            WHERE x.channel = %(channel)s AND x.lookup = p.lookup AND x.lifted_at IS NULL) THEN 'suppressed'
        WHEN cu.excluded_at IS NOT NULL THEN 'risk'
        END AS reason,
        p.items
    FROM placed p JOIN customers_customer cu ON cu.id = p.customer_id
), deduplicated AS (
    SELECT asked.*, row_number() OVER (PARTITION BY reason IS NULL, lookup ORDER BY customer_id) AS nth FROM asked
)
SELECT customer_id, segment_id, contact_id, unit,
    CASE
    WHEN reason IS NOT NULL THEN reason
    WHEN nth > 1 THEN 'shared_contact'
    WHEN EXISTS (
        SELECT 1 FROM campaigns_message m
        WHERE m.customer_id = d.customer_id AND m.campaign_id <> %(campaign)s
          AND (m.state = ANY(%(heard)s) AND COALESCE(m.sent_at, m.attempted_at) > %(cap_since)s
               OR m.state IN ('queued', 'sending'))) THEN 'frequency_cap'
    WHEN cardinality(items) = 0 THEN 'no_product'
    WHEN customer_id = ANY(%(unrenderable)s) THEN 'render'
    ELSE ''
    END AS reason,
    ('x' || left(encode(sha256(convert_to(%(salt)s || E'\\n' || unit, 'UTF8')), 'hex'), 12))::bit(48)::bigint
        < %(threshold)s AS is_holdout
FROM deduplicated d
"""
HEARD = ["sent", "unknown", "delivered", "bounced", "complained"]


def gate_parameters(campaign: Campaign, now: datetime, unrenderable: list[int]) -> dict:
    return {
        "campaign": campaign.pk,
        "kind": {"email": "email", "sms": "phone", "push": "push"}[campaign.channel],
        "channel": campaign.channel,
        "now": now,
        "cap_since": now - timedelta(days=campaign.cap_days),
        "heard": HEARD,
        "unrenderable": unrenderable,
        "salt": campaign.salt,
        "threshold": threshold(campaign.holdout_share),
    }


def rehearse(campaign: Campaign) -> Waterfall:
    """What the gate would say now: counts only, nothing is written and no message leaves."""
    sql = f"SELECT reason, is_holdout, count(*) FROM ({GATE}) gate GROUP BY 1, 2"  # noqa: S608 - a constant of this module
    with connection.cursor() as cursor:
        cursor.execute(sql, gate_parameters(campaign, timezone.now(), []))
        rows = cursor.fetchall()
    excluded, arms = {}, {True: 0, False: 0}
    for reason, is_holdout, number in rows:
        if reason:
            excluded[reason] = excluded.get(reason, 0) + number
        else:
            arms[is_holdout] += number
    steps = tuple(Step(reason, excluded[reason]) for reason in REASONS if reason in excluded)
    return Waterfall(steps, treated=arms[False], holdout=arms[True])


def waterfall(campaign_id: int) -> Waterfall | None:
    """What the gate said at the start, by reason; None before it was asked."""
    rows = Assignment.objects.filter(campaign_id=campaign_id).values_list("arm", "reason").annotate(n=Count("pk"))
    found = {(arm, reason): n for arm, reason, n in rows}
    if not found:
        return None
    steps = tuple(
        Step(reason, found[Assignment.Arm.EXCLUDED, reason])
        for reason in REASONS
        if (Assignment.Arm.EXCLUDED, reason) in found
    )
    return Waterfall(steps, found.get((Arm.TREATED, ""), 0), found.get((Arm.HOLDOUT, ""), 0))


def audience_size(campaign_id: int) -> int:
    return AudienceMember.objects.filter(campaign_id=campaign_id).count()


def audience_by_segment(campaign_id: int) -> list[tuple[int, int]]:
    """(segment id, people), for the review page; counted when the audience was frozen, so small and fast."""
    rows = AudienceMember.objects.filter(campaign_id=campaign_id).values_list("segment_id")
    return list(rows.annotate(n=Count("pk")).order_by("segment_id"))


def audience_rows(campaign_id: int) -> Iterator[tuple[int, int, list[int]]]:
    """(customer id, segment id, product ids) in the order of customers, streamed: the digest reads a million of them."""
    rows = AudienceMember.objects.filter(campaign_id=campaign_id).order_by("customer_id")
    return rows.values_list("customer_id", "segment_id", "items").iterator(chunk_size=5000)


def message_states(campaign_id: int) -> dict[str, int]:
    """How many messages stand in which state: reads index message_monitor alone."""
    rows = Message.objects.filter(campaign_id=campaign_id).values_list("state").annotate(n=Count("pk"))
    return dict(rows.order_by())


def failures(campaign_id: int) -> list[tuple[str, str, int]]:
    """(state, reason, messages) of what was not sent, the most frequent first."""
    rows = Message.objects.filter(campaign_id=campaign_id, state__in=["failed", "skipped", "unknown"])
    return list(rows.values_list("state", "reason").annotate(n=Count("pk")).order_by("-n"))
