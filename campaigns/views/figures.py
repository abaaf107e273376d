"""Numbers as people read them, and the geometry of the charts: templates only place what stands here."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from campaigns.contracts import Arm, ArmResult, Interval, Lift, Metric, Verdict, Waterfall
from campaigns.queries.audience import REASONS
from campaigns.queries.measurement import Day, Funnel
from campaigns.queries.rates import Group
from campaigns.services.messages import money
from campaigns.stats.lift import wilson

CURRENCY = "USD"
TONES = {Verdict.HIGHER: "good", Verdict.LOWER: "bad", Verdict.CANNOT_TELL: ""}
VERDICTS = {Verdict.HIGHER: lazy("Higher"), Verdict.LOWER: lazy("Lower"), Verdict.CANNOT_TELL: lazy("Cannot tell")}


def percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{share * 100:.{digits}f} %"


def signed_money(amount: float, currency: str = CURRENCY) -> str:
    return f"{'−' if amount < 0 else '+'}{money(abs(amount), currency)}"


def signed_percent(share: float) -> str:
    return f"{'−' if share < 0 else '+'}{abs(share) * 100:.1f} %"


def between(low: str, high: str) -> str:
    return _("%(low)s to %(high)s") % {"low": low, "high": high}


def signed_points(share: float) -> str:
    return f"{'−' if share < 0 else '+'}{abs(share) * 100:.1f} {_('pts')}"


# --- bars


@dataclass(frozen=True)
class Bar:
    """One row of _waterfall.html; `share` and `start` run 0 to 1."""

    label: str
    count: int
    share: float
    start: float = 0.0
    kind: str = "kept"
    note: str = ""
    url: str = ""
    strong: bool = False


def gate_bars(gate: Waterfall) -> list[Bar]:
    """The gate as a true waterfall: each reason begins where the one before ended, the arms share what is left."""
    total = max(gate.audience, 1)
    bars = [Bar(_("In the audience"), gate.audience, 1.0 if gate.audience else 0.0, kind="all", strong=True)]
    left = gate.audience
    for step in gate.steps:
        left -= step.count
        bars.append(Bar(_(REASONS[step.reason]), step.count, step.count / total, left / total, "excluded"))
    bars.append(Bar(_("held out"), gate.holdout, gate.holdout / total, gate.treated / total, "holdout"))
    bars.append(Bar(_("to be written to"), gate.treated, gate.treated / total, 0.0, "treated", strong=True))
    return bars


def foreseen_bars(people: int, capped: int, asleep: int, until: datetime | None) -> list[Bar]:
    """Of a plan's people on one channel: whom a cap would hold back, and of the others whom the night would delay."""
    total, left = max(people, 1), people - capped
    morning = _("the last until %(at)s UTC") % {"at": f"{until:%Y-%m-%d %H:%M}"} if until else ""
    return [
        Bar(_("In the segments"), people, 1.0 if people else 0.0, kind="all", strong=True),
        Bar(_("held back by a cap"), capped, capped / total, left / total, "excluded"),
        Bar(_("delayed by their night"), asleep, asleep / total, (left - asleep) / total, "warn", note=morning),
        Bar(_("on time"), left - asleep, (left - asleep) / total, 0.0, "treated", strong=True),
    ]


STATE_WORDS = {
    "queued": (lazy("waiting"), "all"),
    "sending": (lazy("with a worker now"), "info"),
    "sent": (lazy("sent"), "good"),
    "delivered": (lazy("delivered"), "good"),
    "failed": (lazy("failed"), "bad"),
    "skipped": (lazy("skipped at the last question"), "excluded"),
    "unknown": (lazy("unknown: may have gone out"), "warn"),
    "bounced": (lazy("bounced"), "bad"),
    "complained": (lazy("marked as spam"), "bad"),
}


# Why a message was not sent: the gate's own reasons, and those of a send under way.
REASON_WORDS = REASONS | {
    "quiet_hours": lazy("waits for the morning at their place"),
    "local_time": lazy("waits for the hour at their place"),
    "withdrawn": lazy("withdrew their consent while it was queued"),
    "cancelled": lazy("the campaign was stopped"),
    "worker_lost": lazy("the worker was lost between the attempt and the answer"),
    "broken_off": lazy("the download of its file broke off: the next file holds it again"),
    "no_answer": lazy("the mail server took it and did not answer"),
    "bad_address": lazy("the address cannot be written to"),
    "address_refused": lazy("the mail server refused the address"),
    "message_refused": lazy("the mail server refused the message"),
}


def reason_words(reason: str) -> str:
    return _(str(REASON_WORDS.get(reason, reason.replace("_", " "))))


def state_bars(states: dict[str, int], log_url: str = "") -> list[Bar]:
    total = max(sum(states.values()), 1)
    return [
        Bar(label, states[state], states[state] / total, kind=kind, url=f"{log_url}?state={state}" if log_url else "")
        for state, (label, kind) in STATE_WORDS.items()
        if states.get(state)
    ]


def funnel_bars(funnel: Funnel) -> list[Bar]:
    total = max(funnel.treated, 1)
    return [
        Bar(_("treated"), funnel.treated, 1.0 if funnel.treated else 0.0, kind="all", strong=True),
        Bar(_("sent"), funnel.sent, funnel.sent / total, kind="treated"),
        Bar(_("clicked"), funnel.clickers, funnel.clickers / total, kind="info", note=clicks(funnel)),
        Bar(
            _("ordered"),
            funnel.ordered,
            funnel.ordered / total,
            kind="good",
            note=_("of all treated, whether they clicked or not"),
        ),
    ]


def clicks(funnel: Funnel) -> str:
    if not funnel.clickers and not funnel.machine_clicks:
        return "none"
    said = [_("simulated")] if funnel.clicks_simulated else []
    if funnel.machine_clicks:
        said.append(
            _("%(machine_clicks)s clicks of scanners left out") % {"machine_clicks": f"{funnel.machine_clicks:,}"}
        )
    return ", ".join(said)


def channel_bars(group: Group) -> list[Bar]:
    """What one channel did, of all its messages: on the way, then what people did with them, then who left by it."""
    total = max(group.built, 1)
    counted = [
        (_("messages"), group.built, "all", ""),
        (_("handed over"), group.handed_over, "treated", ""),
        (_("delivered"), group.delivered, "good", ""),
        (_("clicked"), group.clicked, "info", _("simulated") if group.clicked_simulated else ""),
        (_("ordered"), group.ordered, "good", ""),
        (_("unsubscribed"), group.unsubscribed, "warn", ""),
        (_("marked as spam"), group.complained, "bad", ""),
        (_("bounced"), group.bounced, "bad", ""),
    ]
    always = (0, 1, 3, 4)  # of the others, no row where there is nothing to tell
    return [
        Bar(label, count, count / total, kind=kind, note=note, strong=kind == "all")
        for place, (label, count, kind, note) in enumerate(counted)
        if count or place in always
    ]


# --- intervals


@dataclass(frozen=True)
class Plot:
    """Context of _interval.html: positions run 0 to 100."""

    label: str
    low: float
    point: float
    high: float
    zero: float
    low_label: str
    point_label: str
    high_label: str
    level: str
    tone: str


def plot(label: str, interval: Interval | None, words, verdict: Verdict) -> Plot | None:
    """`words` turns a number into text. None without an interval."""
    if interval is None:
        return None
    least, most = min(interval.low, 0.0), max(interval.high, 0.0)
    width = (most - least) or 1.0

    def place(value: float) -> float:
        return round(100 * (value - least) / width, 2)

    return Plot(
        label,
        place(interval.low),
        place(interval.estimate),
        place(interval.high),
        place(0.0),
        words(interval.low),
        words(interval.estimate),
        words(interval.high),
        f"{interval.level:.0%}".replace("%", " %"),
        TONES[verdict],
    )


@dataclass(frozen=True)
class Measured:
    """One metric of the treated against the hold-out, in words and as two plots."""

    title: str
    treated: str
    holdout: str
    verdict: str
    tone: str
    reason: str
    method: str
    absolute: Plot | None
    relative: Plot | None


def measured(lift: Lift, currency: str = CURRENCY) -> Measured:
    if lift.metric == Metric.CONVERSION:
        title, value, change = _("Share who ordered"), percent, signed_points
    else:
        title = _("Revenue per assigned customer")
        title += _(", adjusted") if lift.adjusted_for else ""
        change = signed_money

        def value(amount):
            return "–" if amount is None else money(amount, currency)

    return Measured(
        title,
        value(lift.treated),
        value(lift.holdout),
        VERDICTS[lift.verdict],
        TONES[lift.verdict],
        lift.reason,
        (
            _("%(method)s; less what %(adjusted_for)s foretold")
            % {"method": _(lift.method), "adjusted_for": _(lift.adjusted_for)}
        )
        if lift.adjusted_for
        else _(lift.method),
        plot(_("Difference"), lift.difference, change, lift.verdict),
        plot(_("Relative to the hold-out"), lift.relative, signed_percent, lift.verdict),
    )


def interval_words(interval: Interval | None, words) -> str:
    return between(words(interval.low), words(interval.high)) if interval else ""


@dataclass(frozen=True)
class Incremental:
    """What the treated bought beyond what the hold-out would have led one to expect."""

    value: str
    interval: str
    verdict: str
    tone: str


def incremental(lift: Lift, treated: ArmResult) -> Incremental:
    """The difference per customer times the treated; the hold-out's own share is not counted as lost."""
    verdict, tone = VERDICTS[lift.verdict], TONES[lift.verdict]
    if lift.difference is None:
        return Incremental("–", "", verdict, tone)
    low, point, high = (
        signed_money(edge * treated.customers, treated.currency)
        for edge in (lift.difference.low, lift.difference.estimate, lift.difference.high)
    )
    return Incremental(point, between(low, high), verdict, tone)


# --- lines


@dataclass(frozen=True)
class Row:
    """One day; `left` and `width` are the band of the plot, 0 to 100, that shows it when it is pointed at."""

    label: str
    value: str
    compare: str
    left: float
    width: float
    at: float


@dataclass(frozen=True)
class Line:
    """Context of _line.html."""

    points: str
    compare_points: str
    summary: str
    top_label: str
    bottom_label: str
    first_label: str
    last_label: str
    rows: list[Row]


def cumulative(days: list[Day], currency: str = CURRENCY) -> Line | None:
    """Money per assigned customer of both arms, added up; None for fewer than two days, which draw no line."""
    if len(days) < 2:
        return None
    top = max(max(d.treated, d.holdout) for d in days) or 1.0

    def points(arm: Arm) -> str:
        return " ".join(
            f"{100 * place / (len(days) - 1):.2f},{100 - 100 * getattr(day, arm) / top:.2f}"
            for place, day in enumerate(days)
        )

    last = days[-1]
    return Line(
        points(Arm.TREATED),
        points(Arm.HOLDOUT),
        _("By %(day)s the treated had spent %(money)s each, the hold-out %(money_2)s.")
        % {
            "day": date_format(last.day, "DATE_FORMAT"),
            "money": money(last.treated, currency),
            "money_2": money(last.holdout, currency),
        },
        money(top, currency),
        money(0, currency),
        date_format(days[0].day, "SHORT_DATE_FORMAT"),
        date_format(last.day, "SHORT_DATE_FORMAT"),
        [
            Row(f"{d.day:%Y-%m-%d}", money(d.treated, currency), money(d.holdout, currency), *_band(place, len(days)))
            for place, d in enumerate(days)
        ],
    )


def _band(place: int, points: int) -> tuple[float, float, float]:
    """(left, width, middle) of a point's share of the plot: half a step to each side, cut at the ends."""
    step, at = 100 / (points - 1), 100 * place / (points - 1)
    left, right = max(at - step / 2, 0), min(at + step / 2, 100)
    return round(left, 3), round(right - left, 3), round(at, 3)


# --- rates


@dataclass(frozen=True)
class Rate:
    """A share with its interval, in words and as a mark on a scale that all rows of a column share (0 to 100)."""

    words: str
    interval: str
    low: float
    point: float
    high: float


def rates(pairs: list[tuple[int, int]]) -> list[Rate | None]:
    """Of (successes, of how many) each; None of nobody. Wilson's interval of one look, at 95 %."""
    found = [(n / of, *wilson(n, of)) if of else None for n, of in pairs]
    top = max((one[2] for one in found if one), default=0) or 1.0
    return [
        Rate(
            percent(one[0]),
            between(percent(one[1]), percent(one[2])),
            *(round(100 * edge / top, 2) for edge in (one[1], one[0], one[2])),
        )
        if one
        else None
        for one in found
    ]
