"""What became of the messages, by wording, segment and channel: only the treated, so nothing here is a lift."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Count

from campaigns.contracts import ROUTES
from campaigns.models import Campaign, SurveyAnswer
from campaigns.queries.arms import COUNTED
from campaigns.queries.measurement import Window

# Of somebody who was taken in again, the first message on each channel: what a person did counts once.
FIRST = """(m.entry = 1 OR NOT EXISTS (
    SELECT FROM campaigns_message e WHERE e.campaign_id = m.campaign_id AND e.customer_id = m.customer_id
      AND e.channel = m.channel AND e.entry < m.entry))"""
# One row a message first, so that a person's clicks, orders and answer count once; then by wording and channel.
# An order counts for every channel that its buyer was written to on: nobody can say which one it was.
GROUPS = f"""
WITH clicked AS (
    SELECT k.message_id, bool_or(k.origin = 'simulated') AS simulated
    FROM campaigns_click k JOIN campaigns_message m ON m.id = k.message_id
    WHERE m.campaign_id = %(campaign)s AND NOT k.is_machine AND k.at < %(until)s GROUP BY k.message_id
), spent AS (
    SELECT o.customer_id, sum(o.total - o.refunded) AS money
    FROM customers_order o
    WHERE o.customer_id IN (SELECT customer_id FROM campaigns_message WHERE campaign_id = %(campaign)s)
      AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s AND {COUNTED}
    GROUP BY o.customer_id
), left_us AS (
    SELECT s.customer_id, s.channel
    FROM customers_consentstate s JOIN customers_consentrecord r ON r.id = s.record_id AND r.method NOT LIKE 'erasure%%'
    WHERE s.purpose = 'marketing' AND NOT s.is_given AND s.since >= %(since)s AND s.since < %(until)s
)
SELECT v.segment_id, s.name, v.id, v.label, m.channel, count(*),
       count(*) FILTER (WHERE m.state IN ('sent', 'delivered', 'bounced', 'complained')),
       count(*) FILTER (WHERE m.state IN ('delivered', 'complained')),
       count(*) FILTER (WHERE m.state = 'bounced'), count(*) FILTER (WHERE m.state = 'complained'),
       count(k.message_id), count(*) FILTER (WHERE k.simulated),
       count(spent.customer_id), COALESCE(sum(spent.money), 0), count(l.customer_id),
       count(a.id), avg(a.score)
FROM campaigns_message m
JOIN campaigns_messagevariant v ON v.id = m.variant_id
JOIN campaigns_segment s ON s.id = v.segment_id
LEFT JOIN clicked k ON k.message_id = m.id
LEFT JOIN spent ON spent.customer_id = m.customer_id AND {FIRST}
LEFT JOIN unnest(%(channels)s::text[], %(consents)s::text[]) AS r (channel, consent) ON r.channel = m.channel
LEFT JOIN left_us l ON l.customer_id = m.customer_id AND l.channel = r.consent AND {FIRST}
LEFT JOIN campaigns_surveyanswer a ON a.message_id = m.id AND a.at < %(until)s
WHERE m.campaign_id = %(campaign)s
GROUP BY v.segment_id, s.name, v.id, v.label, m.channel ORDER BY s.name, v.segment_id, v.label, v.id, m.channel
"""  # noqa: S608 - COUNTED is a constant


@dataclass(frozen=True)
class Group:
    """The messages of one wording on one channel. `delivered` counts what a provider reported; plain SMTP reports nothing."""

    segment_id: int
    segment: str
    variant_id: int
    label: str
    channel: str
    built: int
    handed_over: int
    delivered: int
    bounced: int
    complained: int
    clicked: int  # people with a click that looks human
    clicked_simulated: int
    ordered: int
    revenue: Decimal
    unsubscribed: int
    answers: int
    satisfaction: float | None  # mean of 1 to 5


# What adds up over wordings: everything but names and the mean.
ADDED = (
    "built", "handed_over", "delivered", "bounced", "complained", "clicked", "clicked_simulated", "ordered", "revenue",
    "unsubscribed", "answers",
)  # fmt: skip


def groups(campaign: Campaign, window: Window) -> list[Group]:
    """One query over the campaign's messages."""
    with connection.cursor() as cursor:
        times = {"since": window.since, "until": window.until}
        # A webhook's reader gives and takes back the consent to mail.
        routes = {"channels": list(ROUTES), "consents": [route.consent for route in ROUTES.values()]}
        cursor.execute(GROUPS, {"campaign": campaign.pk, **times, **routes})
        return [Group(*row[:-1], None if row[-1] is None else float(row[-1])) for row in cursor.fetchall()]


def by_channel(groups: list[Group]) -> list[Group]:
    """The same added up over wordings and segments: one row a channel, with no segment and no wording of its own."""
    added: dict[str, list[Group]] = {}
    for group in groups:
        added.setdefault(group.channel, []).append(group)
    return [_sum(those) for _, those in sorted(added.items())]


def _sum(groups: list[Group]) -> Group:
    total = {name: sum(getattr(one, name) for one in groups) for name in ADDED}
    told = [one for one in groups if one.satisfaction is not None]
    mean = sum(one.satisfaction * one.answers for one in told) / total["answers"] if told else None
    return Group(0, "", 0, "", groups[0].channel, satisfaction=mean, **total)


def answers(campaign: Campaign) -> dict[int, int]:
    """How many people gave which score, 1 to 5."""
    rows = SurveyAnswer.objects.filter(message__campaign=campaign).values_list("score").annotate(n=Count("pk"))
    return dict.fromkeys(range(1, 6), 0) | dict(rows)
