"""The figures of a campaign that noise is put on: sums with each person's share held to a public cap, in the database."""

from dataclasses import dataclass

from django.db import connection

from campaigns.contracts import Arm
from campaigns.models import Campaign
from campaigns.queries.arms import COUNTED
from campaigns.queries.measurement import Window

# One person stands in one arm, buys or not, has one message in one state, clicks or not, answers or not: at the most one
# in each of five figures. Who shares an address with another can let that one in by leaving: for the two of them the
# promise is half as strong.
PEOPLE_CAP = 5
# In cents. A person's money of a window beyond this does not count: 200.00 keeps most of a month's groceries, and the
# noise of a sum grows with it.
MONEY_CAP = 200_00

ARMS = f"""
SELECT arm, count(*), count(*) FILTER (WHERE orders > 0), COALESCE(sum(GREATEST(0, LEAST(cents, %(cap)s))), 0)::bigint
FROM (
    SELECT a.arm, count(o.id) AS orders, COALESCE(sum(round((o.total - o.refunded) * 100)), 0)::bigint AS cents
    FROM campaigns_assignment a
    LEFT JOIN customers_order o ON o.customer_id = a.customer_id AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s
         AND {COUNTED}
    WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded' GROUP BY a.arm, a.customer_id
) per_customer GROUP BY arm
"""  # noqa: S608 - COUNTED is a constant
# People, not messages or clicks: whoever clicks ten times counts once.
FUNNEL = """
SELECT count(DISTINCT m.customer_id) FILTER (WHERE m.state IN ('sent', 'delivered', 'bounced', 'complained')),
       count(DISTINCT m.customer_id) FILTER (WHERE m.state = 'failed'),
       count(DISTINCT m.customer_id) FILTER (WHERE m.state = 'skipped'),
       count(DISTINCT m.customer_id) FILTER (WHERE m.state = 'unknown'),
       count(DISTINCT m.customer_id) FILTER (WHERE EXISTS (
           SELECT 1 FROM campaigns_click c WHERE c.message_id = m.id AND NOT c.is_machine)),
       count(DISTINCT m.customer_id) FILTER (WHERE EXISTS (
           SELECT 1 FROM campaigns_surveyanswer s WHERE s.message_id = m.id))
FROM campaigns_message m WHERE m.campaign_id = %(campaign)s
"""
STEPS = ("sent", "failed", "skipped", "unknown", "clickers", "survey_answers")
# Where clicks come from is no figure about anybody: it labels them.
SIMULATED = """
SELECT EXISTS (SELECT 1 FROM campaigns_click c JOIN campaigns_message m ON m.id = c.message_id
               WHERE m.campaign_id = %(campaign)s AND c.origin = 'simulated')
"""


@dataclass(frozen=True)
class Capped:
    """people: persons by figure; money: cents by arm."""

    people: dict[str, int]
    money: dict[str, int]


def capped(campaign: Campaign, window: Window) -> Capped:
    """The exact figures, each person's share held to the caps. They leave this install with noise alone."""
    asked = {"campaign": campaign.pk, "since": window.since, "until": window.until, "cap": MONEY_CAP}
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
