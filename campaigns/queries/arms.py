"""What both arms did, as sums per arm by intention to treat: computed in the database, nobody loads a person.

Counted orders only: observed, not cancelled, not flagged. Whoever was flagged after the assignment stays in the arm; only
their flagged orders go. Every time here is a moment; an order at the end of a window is outside it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from django.db import connection

from campaigns.contracts import Arm, ArmResult
from campaigns.models import Campaign
from campaigns.state import Kind
from campaigns.stats.covariate import Past
from campaigns.stats.sequential import converted_covariance, running

# The spending before the start that CUPED takes out. On the demo store, revenue of four weeks correlates 0.78 with the
# four weeks before, 0.83 with eight, and no better with thirteen or twenty-six.
PAST = timedelta(weeks=8)

# From when to when somebody's orders count: over the campaign's window, or, where an event took each person in at a time of
# their own, over as many days from that.
FROM = "CASE WHEN %(own)s::interval IS NULL THEN %(since)s ELSE a.assigned_at END"
TILL = "CASE WHEN %(own)s::interval IS NULL THEN %(until)s ELSE LEAST(%(until)s, a.assigned_at + %(own)s) END"
COUNTED = "o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL"
# Per customer first, then per arm, of the whole campaign and of each segment: the sums of squares and cubes are what the
# interval of a mean needs, those with the past what takes the past out.
SUMS = """count(*), count(*) FILTER (WHERE orders > 0), sum(y), sum(y * y), sum(y * y * y), sum(orders), sum(x), sum(x * x),
       sum(x * x * x), sum(x * y), sum(x * x * y), sum(x * y * y)"""
PER_CUSTOMER = f"""
    SELECT a.arm, a.segment_id, a.customer_id, a.entry, count(o.id) FILTER (WHERE o.ordered_at >= {FROM}) AS orders,
           COALESCE(sum(o.total - o.refunded) FILTER (WHERE o.ordered_at >= {FROM}), 0) AS y,
           COALESCE(sum(o.total - o.refunded) FILTER (WHERE o.ordered_at < {FROM}), 0) AS x
    FROM campaigns_assignment a
    LEFT JOIN customers_order o ON o.customer_id = a.customer_id AND o.ordered_at >= {FROM} - %(past)s
         AND o.ordered_at < {TILL} AND {COUNTED}
    WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded'
    GROUP BY a.arm, a.segment_id, a.customer_id, a.entry, a.assigned_at
"""  # noqa: S608 - COUNTED is a constant of this file
ARMS = f"""
SELECT GROUPING(segment_id) = 1, segment_id, arm, {SUMS}
FROM ({PER_CUSTOMER}) per_customer GROUP BY GROUPING SETS ((arm), (segment_id, arm))
"""  # noqa: S608 - as above
# Of those whom the gate left a channel open to when their arm was drawn. It closes channels before the draw and for both
# arms alike, so of these, too, the arms differ by chance and by the campaign alone.
OPEN_TO = f"""
SELECT c.channel, arm, {SUMS}
FROM ({PER_CUSTOMER}) per_customer
JOIN unnest(%(channels)s::text[]) AS c (channel) ON NOT EXISTS (
    SELECT FROM campaigns_exclusion e WHERE e.campaign_id = %(campaign)s AND e.customer_id = per_customer.customer_id
      AND e.channel = c.channel AND e.entry = per_customer.entry)
GROUP BY c.channel, arm
"""  # noqa: S608 - as above
# Money per customer and period, where period 1 is the past and 2, 3, ... are the time up to the first look, the second, ...
SPENT = f"""
SELECT a.customer_id, a.arm, width_bucket(o.ordered_at, %(edges)s::timestamptz[]) AS period,
       sum(o.total - o.refunded)::float8 AS amount
FROM campaigns_assignment a
JOIN customers_order o ON o.customer_id = a.customer_id AND o.ordered_at >= %(past)s AND o.ordered_at < %(until)s
     AND {COUNTED}
WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded' GROUP BY 1, 2, 3
"""  # noqa: S608 - as above
# Who buys does so in a few periods only: the pairs are few times the rows.
MOMENTS = f"""
WITH spent AS MATERIALIZED ({SPENT})
SELECT 'money', arm, period, 0, sum(amount) FROM spent GROUP BY arm, period
UNION ALL
SELECT 'pair', l.arm, l.period, r.period, sum(l.amount * r.amount)
FROM spent l JOIN spent r ON r.customer_id = l.customer_id GROUP BY l.arm, l.period, r.period
UNION ALL
SELECT 'first', arm, period, 0, count(*)::float8
FROM (SELECT arm, min(period) AS period FROM spent WHERE period > 1 GROUP BY customer_id, arm) f GROUP BY arm, period
UNION ALL
SELECT 'people', arm, 0, 0, count(*)::float8 FROM campaigns_assignment
WHERE campaign_id = %(campaign)s AND arm <> 'excluded' GROUP BY arm
"""  # noqa: S608 - as above
# Everybody who passed the gate, for drawing the arms anew by other salts.
UNITS = """
SELECT customer_id, unit FROM campaigns_assignment WHERE campaign_id = %(campaign)s AND arm <> 'excluded' ORDER BY 1
"""

NOTHING = (0, 0, Decimal(0), Decimal(0), Decimal(0), 0, *[Decimal(0)] * 6)


@dataclass(frozen=True)
class Pair:
    """Both arms, of the campaign or of a part of it, and what their customers spent before."""

    treated: ArmResult
    holdout: ArmResult
    past_treated: Past
    past_holdout: Past


@dataclass(frozen=True)
class Covariance:
    """Covariance (looks, looks) of the difference between the arms at each look, for every metric."""

    conversion: np.ndarray
    revenue: np.ndarray
    adjusted: np.ndarray  # revenue less what the past foretold


@dataclass(frozen=True)
class Outcomes:
    """What everybody who passed the gate did, for drawing the arms anew."""

    units: list[str]
    money: np.ndarray  # (people, looks) float64, up to each look
    ordered: np.ndarray  # (people, looks) bool, whether by each look
    past: np.ndarray  # (people,) float64


def own_window(campaign: Campaign) -> timedelta | None:
    """For how long after they were taken in somebody's orders count; None where one window holds for all."""
    return timedelta(days=campaign.attribution_days) if campaign.kind == Kind.TRIGGERED else None


def sums(campaign: Campaign, since: datetime, until: datetime) -> dict[int | None, Pair]:
    """By segment, and under None of the whole, what was ordered from `since` until `until`; one query."""
    with connection.cursor() as cursor:
        cursor.execute(ARMS, _between(campaign, since, until))
        # Whose segment is gone (NULL) counts in the whole alone.
        found = {
            (None if is_whole else segment, arm): row
            for is_whole, segment, arm, *row in cursor.fetchall()
            if is_whole or segment is not None
        }
    return {segment: _pair(found, segment) for segment in {segment for segment, _ in found} | {None}}


def open_to(campaign: Campaign, since: datetime, until: datetime) -> dict[str, Pair]:
    """By channel, of those whom it was open to: as `sums`. Who has two channels open counts in both; one query."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN_TO, _between(campaign, since, until) | {"channels": campaign.channels})
        found = {(channel, arm): row for channel, arm, *row in cursor.fetchall()}
    return {channel: _pair(found, channel) for channel in campaign.channels}


def _between(campaign: Campaign, since: datetime, until: datetime) -> dict:
    own = own_window(campaign)
    return {"campaign": campaign.pk, "since": since, "until": until, "past": PAST, "own": own}


def empty() -> Pair:
    """Both arms of a segment that nobody was assigned from."""
    return _pair({}, None)


def _pair(found: dict[tuple[int | str | None, str], list], part: int | str | None) -> Pair:
    rows = {arm: found.get((part, arm.value), NOTHING) for arm in Arm}
    results = [ArmResult(arm, *row[:5], int(row[5])) for arm, row in rows.items()]
    return Pair(*results, *[Past(*row[6:]) for row in rows.values()])


def _parameters(campaign: Campaign, looks: list[datetime]) -> dict:
    past = campaign.started_at - PAST
    return {
        "campaign": campaign.pk,
        "past": past,
        "until": looks[-1],
        "edges": [past, campaign.started_at, *looks[:-1]],
    }


def covariance(campaign: Campaign, looks: list[datetime]) -> Covariance:
    """How the estimates of these looks vary together, from the customers themselves; one query."""
    periods = len(looks) + 1
    money = {arm.value: np.zeros(periods) for arm in Arm}
    pairs = {arm.value: np.zeros((periods, periods)) for arm in Arm}
    first = {arm.value: np.zeros(len(looks)) for arm in Arm}
    people = dict.fromkeys((arm.value for arm in Arm), 0.0)
    with connection.cursor() as cursor:
        cursor.execute(MOMENTS, _parameters(campaign, looks))
        for what, arm, left, right, value in cursor.fetchall():
            if what == "money":
                money[arm][left - 1] = value
            elif what == "pair":
                pairs[arm][left - 1, right - 1] = value
            elif what == "first":
                first[arm][left - 2] = value
            else:
                people[arm] = value
    told = [arm for arm in people if people[arm]]
    conversion = sum(converted_covariance(np.cumsum(first[a]) / people[a]) / people[a] for a in told)
    whole = sum((pairs[a] / people[a] - np.outer(money[a], money[a]) / people[a] ** 2) / people[a] for a in told)
    return Covariance(conversion, *_money_covariance(whole))


def _money_covariance(increments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(plain, less what the past foretold), both (looks, looks), from the covariance of past and increments."""
    total = running(increments[1:, 1:])
    with_past, past = np.cumsum(increments[0, 1:]), increments[0, 0]
    return total, total - np.outer(with_past, with_past) / past if past > 0 else total


def outcomes(campaign: Campaign, looks: list[datetime]) -> Outcomes:
    """Everybody who passed the gate, in the order of customers. Loads a row a person: for commands, never for a page."""
    parameters = _parameters(campaign, looks)
    with connection.cursor() as cursor:
        cursor.execute(UNITS, parameters)
        people = cursor.fetchall()
        place = {customer: row for row, (customer, _) in enumerate(people)}
        spent, ordered = np.zeros((len(people), len(looks) + 1)), np.zeros((len(people), len(looks)), dtype=bool)
        cursor.execute(SPENT, parameters)
        for customer, _, period, amount in cursor.fetchall():
            spent[place[customer], period - 1] = amount
            if period > 1:
                ordered[place[customer], period - 2] = True
    return Outcomes(
        [unit for _, unit in people],
        np.cumsum(spent[:, 1:], axis=1),
        np.logical_or.accumulate(ordered, axis=1),
        spent[:, 0],
    )
