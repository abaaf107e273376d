"""The figures of a campaign that noise is put on: sums with each household's share held to a public cap, in SQL."""

from dataclasses import dataclass

from django.db import connection

from campaigns.contracts import Arm
from campaigns.models import Campaign
from campaigns.queries.arms import COUNTED, FROM, TILL, own_window
from campaigns.queries.measurement import Window

# What the noise hides is a household: a person with all who share an address or a number with them (Assignment.unit, by
# which the arm was drawn too). It stands in one arm, buys or not, has one outcome over all its messages, clicks or not,
# answers or not: at the most one in each of five figures. That one of several leaves and the rest stays is one household
# out and another in, which costs twice the epsilon.
PEOPLE_CAP = 5
# In cents. A household's money of a window beyond this does not count: 200.00 keeps most of a month's groceries, and the
# noise of a sum grows with it.
MONEY_CAP = 200_00

UNIT = "COALESCE(NULLIF(a.unit, ''), 'customer:' || a.customer_id)"
ARMS = f"""
SELECT arm, count(*), count(*) FILTER (WHERE orders > 0), COALESCE(sum(GREATEST(0, LEAST(cents, %(cap)s))), 0)::bigint
FROM (
    SELECT a.arm, count(o.id) AS orders, COALESCE(sum(round((o.total - o.refunded) * 100)), 0)::bigint AS cents
    FROM campaigns_assignment a
    LEFT JOIN customers_order o ON o.customer_id = a.customer_id AND o.ordered_at >= {FROM} AND o.ordered_at < {TILL}
         AND {COUNTED}
    WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded'
      AND (%(own)s::interval IS NULL OR a.assigned_at < %(until)s)
    GROUP BY a.arm, {UNIT}
) per_household GROUP BY arm
"""  # noqa: S608 - constants of this room
# Households, not messages or clicks: one with messages on several channels, or to several people, counts once, by the
# furthest that one of them came; whoever clicks ten times counts once.
FUNNEL = f"""
SELECT count(*) FILTER (WHERE is_sent), count(*) FILTER (WHERE is_failed AND NOT is_unknown AND NOT is_sent),
       count(*) FILTER (WHERE is_skipped AND NOT is_failed AND NOT is_unknown AND NOT is_sent),
       count(*) FILTER (WHERE is_unknown AND NOT is_sent), count(*) FILTER (WHERE has_clicked),
       count(*) FILTER (WHERE has_answered)
FROM (
    SELECT bool_or(m.state IN ('sent', 'delivered', 'bounced', 'complained')) AS is_sent,
           bool_or(m.state = 'failed') AS is_failed, bool_or(m.state = 'skipped') AS is_skipped,
           bool_or(m.state = 'unknown') AS is_unknown,
           bool_or(EXISTS (SELECT 1 FROM campaigns_click c WHERE c.message_id = m.id AND NOT c.is_machine)) AS has_clicked,
           bool_or(EXISTS (SELECT 1 FROM campaigns_surveyanswer s WHERE s.message_id = m.id)) AS has_answered
    FROM campaigns_message m
    JOIN campaigns_assignment a ON a.campaign_id = m.campaign_id AND a.customer_id = m.customer_id
    WHERE m.campaign_id = %(campaign)s GROUP BY {UNIT}
) per_household
"""  # noqa: S608 - a constant
STEPS = ("sent", "failed", "skipped", "unknown", "clickers", "survey_answers")
# Where clicks come from is no figure about anybody: it labels them.
SIMULATED = """
SELECT EXISTS (SELECT 1 FROM campaigns_click c JOIN campaigns_message m ON m.id = c.message_id
               WHERE m.campaign_id = %(campaign)s AND c.origin = 'simulated')
"""


@dataclass(frozen=True)
class Capped:
    """people: households by figure; money: cents by arm."""

    people: dict[str, int]
    money: dict[str, int]


def capped(campaign: Campaign, window: Window) -> Capped:
    """The exact figures, each household's share held to the caps. They leave this install with noise alone."""
    asked = {
        "campaign": campaign.pk,
        "since": window.since,
        "until": window.until,
        "own": own_window(campaign),
        "cap": MONEY_CAP,
    }
    with connection.cursor() as cursor:
        cursor.execute(ARMS, asked)
        arms = {arm: figures for arm, *figures in cursor.fetchall()}
        cursor.execute(FUNNEL, asked)
        steps = dict(zip(STEPS, cursor.fetchone(), strict=True))
    people, money = {}, {}
    for arm in Arm:
        people[arm.value], people[f"{arm.value}_converted"], money[arm.value] = arms.get(arm.value, (0, 0, 0))
    return Capped(people | steps, money)


def has_simulated_clicks(campaign: Campaign) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(SIMULATED, {"campaign": campaign.pk})
        return cursor.fetchone()[0]
