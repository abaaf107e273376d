"""What a campaign did: sums per arm by intention to treat, computed in the database; nobody loads a person."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
from django.db import connection
from django.db.models import Avg, Count, Q
from django.utils import timezone

from campaigns.contracts import Arm, ArmResult, Lift, SampleRatio
from campaigns.models import Assignment, Campaign, Click, Message, Origin, Redemption, SurveyAnswer
from campaigns.stats import conversion_lift, revenue_lift, sample_ratio
from customers.queries.store import demo_store

# Per customer first, then per arm, of the whole campaign and of each segment: the sums of squares and cubes are what the
# interval of a mean needs. Counted orders only: observed, not cancelled, not flagged. Whoever was flagged after the
# assignment stays in the arm; only their flagged orders go.
ARMS = """
SELECT GROUPING(segment_id) = 1, segment_id, arm, count(*), count(*) FILTER (WHERE orders > 0), sum(revenue),
       sum(revenue * revenue), sum(revenue * revenue * revenue), sum(orders)
FROM (
    SELECT a.arm, a.segment_id, count(o.id) AS orders, COALESCE(sum(o.total - o.refunded), 0) AS revenue
    FROM campaigns_assignment a
    LEFT JOIN customers_order o ON o.customer_id = a.customer_id AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s
         AND o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL
    WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded' GROUP BY a.arm, a.segment_id, a.customer_id
) per_customer GROUP BY GROUPING SETS ((arm), (segment_id, arm))
"""
# Who of either arm took their consent back since the start, by whatever way.
UNSUBSCRIBES = """
SELECT a.arm, count(*), count(*) FILTER (WHERE s.origin = 'simulated')
FROM campaigns_assignment a
JOIN customers_consentstate s ON s.customer_id = a.customer_id AND s.purpose = 'marketing' AND s.channel = %(channel)s
     AND NOT s.is_given AND s.since >= %(since)s AND s.since < %(until)s
WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded' GROUP BY a.arm
"""
# Revenue per assigned customer, day by day, for the chart.
DAYS = """
SELECT a.arm, (date_trunc('day', o.ordered_at))::date AS day, sum(o.total - o.refunded), count(DISTINCT o.customer_id)
FROM campaigns_assignment a
JOIN customers_order o ON o.customer_id = a.customer_id AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s
     AND o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL
WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded' GROUP BY 1, 2 ORDER BY 2
"""


# One row per person who passed the gate, for drawing the arms anew by other salts.
OUTCOMES = """
SELECT a.unit, COALESCE(sum(o.total - o.refunded), 0)::float8, count(o.id)
FROM campaigns_assignment a
LEFT JOIN customers_order o ON o.customer_id = a.customer_id AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s
     AND o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL
WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded' GROUP BY a.customer_id, a.unit ORDER BY a.customer_id
"""


@dataclass(frozen=True)
class Window:
    """From the start of the send to the end of the attribution window, or to what is known by now."""

    since: datetime
    until: datetime
    as_of: datetime
    is_complete: bool
    is_replay: bool  # orders of a replay lie ahead of the clock


@dataclass(frozen=True)
class Funnel:
    treated: int
    sent: int
    failed: int
    skipped: int
    unknown: int
    clickers: int  # people with at least one click that looks human
    machine_clicks: int
    clicks_simulated: bool
    survey_answers: int
    survey_mean: float | None
    ordered: int


@dataclass(frozen=True)
class Day:
    day: date
    treated: float  # revenue per assigned customer up to the end of this day
    holdout: float


@dataclass(frozen=True)
class Results:
    window: Window
    treated: ArmResult
    holdout: ArmResult
    conversion: Lift
    revenue: Lift
    ratio: SampleRatio | None
    funnel: Funnel


def known_until() -> datetime:
    """How far orders are known: until now, or as far as the demo store's replay has come, whichever is later."""
    now, store = timezone.now(), demo_store()
    return max(now, store.replayed_until or now) if store else now


def end_of(day: date, latest: datetime) -> datetime:
    """The end of that day in UTC, or of what is known of it."""
    return min(datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC), latest)


def window_of(campaign: Campaign, as_of: datetime | None = None) -> Window | None:
    """None before the start. `as_of` None: all that is known."""
    if campaign.started_at is None:
        return None
    as_of = as_of or known_until()
    end = campaign.started_at + timedelta(days=campaign.attribution_days)
    until = max(min(end, as_of), campaign.started_at)
    return Window(campaign.started_at, until, as_of, is_complete=as_of >= end, is_replay=as_of > timezone.now())


NOTHING = (0, 0, Decimal(0), Decimal(0), Decimal(0), 0)


def _sums(campaign: Campaign, window: Window) -> dict[tuple[int | None, str], tuple]:
    """By segment and arm, and (under segment None) by arm alone: the sums that ArmResult holds, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(ARMS, {"campaign": campaign.pk, "since": window.since, "until": window.until})
        # Whose segment is gone (NULL) counts in the whole alone.
        return {
            (None if is_whole else segment, arm): tuple(sums)
            for is_whole, segment, arm, *sums in cursor.fetchall()
            if is_whole or segment is not None
        }


def _arms(sums: dict[tuple[int | None, str], tuple], segment_id: int | None) -> tuple[ArmResult, ArmResult]:
    return tuple(_arm(arm, sums.get((segment_id, arm.value), NOTHING)) for arm in (Arm.TREATED, Arm.HOLDOUT))


def _arm(arm: Arm, row: tuple) -> ArmResult:
    customers, converted, revenue, squared, cubed, orders = row
    return ArmResult(arm, customers, converted, revenue, squared, cubed, int(orders))


def arms(campaign: Campaign, window: Window, segment_id: int | None = None) -> tuple[ArmResult, ArmResult]:
    """(treated, hold-out) of the campaign or one of its segments."""
    return _arms(_sums(campaign, window), segment_id)


def outcomes(campaign: Campaign, window: Window) -> tuple[list[str], np.ndarray, np.ndarray]:
    """(units, revenue (n,) float64, orders (n,) int64) of everybody who passed the gate, in the order of customers."""
    with connection.cursor() as cursor:
        cursor.execute(OUTCOMES, {"campaign": campaign.pk, "since": window.since, "until": window.until})
        rows = cursor.fetchall()
    units, revenue, orders = zip(*rows, strict=True) if rows else ((), (), ())
    return list(units), np.array(revenue, dtype=np.float64), np.array(orders, dtype=np.int64)


def arm_of(arm: Arm, revenue: np.ndarray, orders: np.ndarray) -> ArmResult:
    """The sums of one arm from what each of its people did."""
    sums = [Decimal(str((revenue**power).sum())) for power in (1, 2, 3)]
    return ArmResult(arm, len(revenue), int((orders > 0).sum()), *sums, int(orders.sum()))


def results(campaign: Campaign, as_of: datetime | None = None) -> Results | None:
    """Everything the results page says, or None before the start."""
    window = window_of(campaign, as_of)
    if window is None:
        return None
    treated, holdout = arms(campaign, window)
    return Results(
        window,
        treated,
        holdout,
        conversion_lift(treated, holdout),
        revenue_lift(treated, holdout),
        # Without a hold-out there is no draw to check.
        sample_ratio(treated.customers, holdout.customers, campaign.holdout_share) if campaign.holdout_share else None,
        funnel(campaign, treated),
    )


def funnel(campaign: Campaign, treated: ArmResult) -> Funnel:
    counted = Message.objects.filter(campaign=campaign).aggregate(
        sent=Count("pk", filter=Q(state__in=["sent", "delivered", "bounced", "complained"])),
        failed=Count("pk", filter=Q(state="failed")),
        skipped=Count("pk", filter=Q(state="skipped")),
        unknown=Count("pk", filter=Q(state="unknown")),
    )
    clicks = Click.objects.filter(message__campaign=campaign).aggregate(
        clickers=Count("message", filter=Q(is_machine=False), distinct=True),
        machine=Count("pk", filter=Q(is_machine=True)),
        simulated=Count("pk", filter=Q(origin=Origin.SIMULATED)),
    )
    answers = SurveyAnswer.objects.filter(message__campaign=campaign).aggregate(n=Count("pk"), mean=Avg("score"))
    return Funnel(
        treated=treated.customers,
        **counted,
        clickers=clicks["clickers"],
        machine_clicks=clicks["machine"],
        clicks_simulated=clicks["simulated"] > 0,
        survey_answers=answers["n"],
        survey_mean=answers["mean"],
        ordered=treated.converted,
    )


def by_segment(campaign: Campaign, window: Window) -> list[tuple[str, ArmResult, ArmResult, Lift]]:
    """(segment name, treated, hold-out, revenue lift), in the campaign's order."""
    sums = _sums(campaign, window)
    rows = []
    for part in campaign.campaign_segments.select_related("segment"):
        treated, holdout = _arms(sums, part.segment_id)
        rows.append((part.segment.name, treated, holdout, revenue_lift(treated, holdout)))
    return rows


def unsubscribes(campaign: Campaign, window: Window) -> dict[str, tuple[int, int]]:
    """By arm: (people who withdrew since the start, how many of them are simulated)."""
    parameters = {
        "campaign": campaign.pk,
        "channel": campaign.channel,
        "since": window.since,
        # Consent is never dated ahead: a replay's window ends with the clock.
        "until": min(window.until, timezone.now()),
    }
    with connection.cursor() as cursor:
        cursor.execute(UNSUBSCRIBES, parameters)
        found = {arm: (number, simulated) for arm, number, simulated in cursor.fetchall()}
    return {arm.value: found.get(arm.value, (0, 0)) for arm in Arm}


@dataclass(frozen=True)
class Redeemed:
    """What is known of a campaign that was sent elsewhere: its coupons. Without a hold-out there is no lift."""

    redemptions: int
    customers: int
    simulated: int


def redemptions(campaign: Campaign) -> Redeemed:
    counted = Redemption.objects.filter(code__campaign=campaign).aggregate(
        redemptions=Count("pk"),
        customers=Count("customer", distinct=True),
        simulated=Count("pk", filter=Q(origin=Origin.SIMULATED)),
    )
    return Redeemed(**counted)


def days(campaign: Campaign, window: Window) -> list[Day]:
    """Revenue per assigned customer of both arms, added up day by day."""
    sizes = dict(
        Assignment.objects.filter(campaign=campaign)
        .exclude(arm=Assignment.Arm.EXCLUDED)
        .values_list("arm")
        .annotate(n=Count("pk"))
    )
    with connection.cursor() as cursor:
        cursor.execute(DAYS, {"campaign": campaign.pk, "since": window.since, "until": window.until})
        found = {(arm, day): float(revenue) for arm, day, revenue, _ in cursor.fetchall()}
    day, last = window.since.date(), window.until.date()
    total = {arm.value: 0.0 for arm in Arm}
    series = []
    while day <= last:
        for arm in total:
            total[arm] += found.get((arm, day), 0.0)
        series.append(Day(day, *(total[arm] / max(sizes.get(arm, 0), 1) for arm in ("treated", "holdout"))))
        day += timedelta(days=1)
    return series
