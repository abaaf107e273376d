"""What a campaign did: sums per arm by intention to treat, computed in the database; nobody loads a person."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from django.db import connection
from django.db.models import Avg, Count, Q
from django.utils import timezone

from campaigns.contracts import Arm, ArmResult, Lift, SampleRatio, Verdict
from campaigns.models import Assignment, Campaign, Click, CouponCode, Message, Origin, Redemption, SurveyAnswer
from campaigns.queries.arms import COUNTED, FROM, PAST, TILL, Pair, covariance, empty, open_to, own_window, sums
from campaigns.queries.audience import route
from campaigns.state import Kind
from campaigns.stats.covariate import adjust
from campaigns.stats.lift import LEVEL, conversion_lift, revenue_lift, sample_ratio
from campaigns.stats.sequential import nominal_levels
from customers.queries.store import demo_store

FORETOLD = f"spending in the {PAST.days // 7} weeks before the start"
# Who of either arm took their consent back since the start, by whatever way. Who was erased did not say so to the
# campaign: its figures stay what they were.
UNSUBSCRIBES = """
SELECT a.arm, count(DISTINCT a.customer_id), count(DISTINCT a.customer_id) FILTER (WHERE s.origin = 'simulated')
FROM campaigns_assignment a
JOIN customers_consentstate s ON s.customer_id = a.customer_id AND s.purpose = 'marketing' AND s.channel = ANY(%(channels)s)
     AND NOT s.is_given AND s.since >= %(since)s AND s.since < %(until)s
JOIN customers_consentrecord r ON r.id = s.record_id AND r.method NOT LIKE 'erasure%%'
WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded' GROUP BY a.arm
"""
# Revenue per assigned customer, day by day, for the chart.
DAYS = f"""
SELECT a.arm, (date_trunc('day', o.ordered_at))::date AS day, sum(o.total - o.refunded), count(DISTINCT o.customer_id)
FROM campaigns_assignment a
JOIN customers_order o ON o.customer_id = a.customer_id AND o.ordered_at >= {FROM} AND o.ordered_at < {TILL} AND {COUNTED}
WHERE a.campaign_id = %(campaign)s AND a.arm <> 'excluded' GROUP BY 1, 2 ORDER BY 2
"""  # noqa: S608 - COUNTED is a constant


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
    codes: int  # issued
    redeemed: int  # orders that named one of them


@dataclass(frozen=True)
class Day:
    day: date
    treated: float  # revenue per assigned customer up to the end of this day
    holdout: float


@dataclass(frozen=True)
class Adjusted:
    """The lift in revenue with chance differences of the past taken out."""

    lift: Lift
    correlation: float  # of past and revenue, within the arms
    narrower: float  # by this share than without, 0 to 1


@dataclass(frozen=True)
class PartResult:
    """Both arms of a part of the campaign: a segment, or those whom a channel was open to."""

    name: str
    treated: ArmResult
    holdout: ArmResult
    money: Lift


@dataclass(frozen=True)
class Results:
    window: Window
    looked_at: datetime | None  # of the intervals: the last daily look; None before the first
    treated: ArmResult
    holdout: ArmResult
    conversion: Lift
    revenue: Lift
    adjusted: Adjusted | None
    ratio: SampleRatio | None
    funnel: Funnel
    segments: tuple[PartResult, ...]
    channels: tuple[PartResult, ...]  # none of a campaign on one channel: there it is the whole

    @property
    def money(self) -> Lift:
        """The lift in money that is judged: less what the past foretold where it foretells anything, by a rule fixed before."""
        return self.adjusted.lift if self.adjusted else self.revenue


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
    # A campaign that answers events has a last person only when it has ended.
    last = campaign.started_at if campaign.kind != Kind.TRIGGERED else campaign.finished_at or as_of
    end = last + timedelta(days=campaign.attribution_days)
    until = max(min(end, as_of), campaign.started_at)
    return Window(campaign.started_at, until, as_of, is_complete=as_of >= end, is_replay=as_of > timezone.now())


def results(campaign: Campaign, as_of: datetime | None = None) -> Results | None:
    """Everything the results page says, or None before the start.

    Counts run to `as_of`; intervals are those of the last daily look before it, and hold however often one looks.
    """
    window = window_of(campaign, as_of)
    if window is None:
        return None
    whole = sums(campaign, window.since, window.until)
    looks = looks_of(campaign, window)
    looked = whole if not looks or looks[-1] == window.until else sums(campaign, window.since, looks[-1])
    levels = _levels(campaign, looks)
    now, then = whole[None], looked[None]
    return Results(
        window,
        looks[-1] if looks else None,
        now.treated,
        now.holdout,
        _judged(campaign, conversion_lift(then.treated, then.holdout, levels.conversion), looks),
        _judged(campaign, revenue_lift(then.treated, then.holdout, levels.revenue), looks),
        _adjusted(campaign, then, levels, looks),
        # Without a hold-out there is no draw to check.
        sample_ratio(now.treated.customers, now.holdout.customers, campaign.holdout_share)
        if campaign.holdout_share
        else None,
        funnel(campaign, now.treated),
        _segments(campaign, whole, looked, levels, looks),
        _channels(campaign, window, levels, looks),
    )


@dataclass(frozen=True)
class _Levels:
    """What a one-look interval must promise at the last look, so that all looks together keep LEVEL."""

    conversion: float = LEVEL
    revenue: float = LEVEL
    adjusted: float = LEVEL


def looks_of(campaign: Campaign, window: Window) -> list[datetime]:
    """The daily looks so far, at whole days after the start; the last one is the end of the attribution window. None of a
    campaign that answers events: it has no end that a rate of error could be spent up to.
    """
    if campaign.kind == Kind.TRIGGERED:
        return []
    days = (window.until - window.since) // timedelta(days=1)
    return [window.since + timedelta(days=day) for day in range(1, days + 1)]


def _levels(campaign: Campaign, looks: list[datetime]) -> _Levels:
    if not looks:
        return _Levels()
    found = covariance(campaign, looks)
    shares = np.arange(1, len(looks) + 1) / campaign.attribution_days
    return _Levels(
        *(float(nominal_levels(one, shares)[-1]) for one in (found.conversion, found.revenue, found.adjusted))
    )


def _judged(campaign: Campaign, lift: Lift, looks: list[datetime]) -> Lift:
    """The lift as one of many looks; before the first look there is no interval yet. Of a campaign that answers events the
    interval holds for one look, and says so.
    """
    if lift.difference is None or campaign.kind == Kind.TRIGGERED:
        return lift
    if not looks:
        early = "Cannot tell yet: the first look is a whole day after the start."
        return replace(lift, difference=None, relative=None, verdict=Verdict.CANNOT_TELL, reason=early)
    return replace(
        lift,
        difference=replace(lift.difference, level=LEVEL),
        relative=lift.relative and replace(lift.relative, level=LEVEL),
        is_always_valid=True,
        method=f"{lift.method}; repeated over daily looks by Lan-DeMets spending",
    )


def _adjusted(campaign: Campaign, pair: Pair, levels: _Levels, looks: list[datetime]) -> Adjusted | None:
    """Revenue less what the weeks before the start foretold; None where they foretell nothing."""
    less = adjust(pair.treated, pair.holdout, pair.past_treated, pair.past_holdout)
    if less is None:
        return None
    lift = replace(revenue_lift(less.treated, less.holdout, levels.adjusted), adjusted_for=FORETOLD)
    return Adjusted(_judged(campaign, lift, looks), less.correlation, 1 - less.width)


def _segments(campaign: Campaign, whole, looked, levels: _Levels, looks: list[datetime]) -> tuple[PartResult, ...]:
    """In the campaign's order."""
    parts = []
    for one in campaign.campaign_segments.select_related("segment"):
        now, then = (found.get(one.segment_id) or empty() for found in (whole, looked))
        parts.append(_part(campaign, one.segment.name, (now, then), levels, looks))
    return tuple(parts)


def _channels(campaign: Campaign, window: Window, levels: _Levels, looks: list[datetime]) -> tuple[PartResult, ...]:
    if len(campaign.channels) < 2:
        return ()
    now = open_to(campaign, window.since, window.until)
    then = now if not looks or looks[-1] == window.until else open_to(campaign, window.since, looks[-1])
    return tuple(_part(campaign, name, (now[name], then[name]), levels, looks) for name in campaign.channels)


def _part(
    campaign: Campaign, name: str, sums_of: tuple[Pair, Pair], levels: _Levels, looks: list[datetime]
) -> PartResult:
    """`sums_of`: now, and at the last look. A part's own looks vary together as the campaign's do, near enough for its level."""
    now, then = sums_of
    found = _adjusted(campaign, then, levels, looks)
    lift = found.lift if found else _judged(campaign, revenue_lift(then.treated, then.holdout, levels.revenue), looks)
    return PartResult(name, now.treated, now.holdout, lift)


def funnel(campaign: Campaign, treated: ArmResult) -> Funnel:
    counted = Message.objects.filter(campaign=campaign).aggregate(
        sent=Count("pk", filter=Q(state__in=["sent", "delivered", "bounced", "complained"])),
        failed=Count("pk", filter=Q(state="failed")),
        skipped=Count("pk", filter=Q(state="skipped")),
        unknown=Count("pk", filter=Q(state="unknown")),
    )
    clicks = Click.objects.filter(message__campaign=campaign).aggregate(
        clickers=Count("message__customer", filter=Q(is_machine=False), distinct=True),
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
        **CouponCode.objects.filter(campaign=campaign).aggregate(
            codes=Count("pk", distinct=True), redeemed=Count("redemptions", distinct=True)
        ),
    )


def unsubscribes(campaign: Campaign, window: Window) -> dict[str, tuple[int, int]]:
    """By arm: (people who withdrew since the start, how many of them are simulated)."""
    parameters = {
        "campaign": campaign.pk,
        "channels": [route(channel).consent for channel in campaign.channels],
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
        times = {"since": window.since, "until": window.until, "own": own_window(campaign)}
        cursor.execute(DAYS, {"campaign": campaign.pk, **times})
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
