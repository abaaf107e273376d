"""The readings of a version as a page shows them: verdicts in words, and the numbers behind each picture."""

from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from registry import queries
from registry.models import ModelVersion, Reading

# Population stability index: Siddiqi's bounds, which the readings carry as their threshold too.
LOOK = 0.1
TITLES = {
    "psi departments": (lazy("What is bought"), lazy("share of order lines per department, four weeks")),
    "psi recency": (lazy("How lately people bought"), lazy("people by days since their last order")),
    "psi baskets": (lazy("What an order is worth"), lazy("orders by their total, four weeks")),
    "psi scores": (lazy("How sure the model is"), lazy("people by the score of their first product")),
}
MOST_BARS = 12


@dataclass(frozen=True)
class Bar:
    """Shares as text; widths 0 to 1, of the longest bar of the plot."""

    label: str
    before: str
    now: str
    before_width: float
    now_width: float


@dataclass(frozen=True)
class Shift:
    title: str
    what: str
    value: float
    verdict: str
    tone: str  # good, warn or bad
    bars: list[Bar]
    others: int  # bins that are not drawn
    line: dict | None  # context of _line.html


@dataclass(frozen=True)
class Share:
    percent: str
    interval: str


@dataclass(frozen=True)
class Rate:
    """One row of what answers led to: the shares that were clicked and ordered, and the mean rating."""

    surface: str
    origin: str
    shown: int
    pair: tuple[Share | None, Share | None]
    rating: Reading | None


@dataclass(frozen=True)
class Health:
    taken_at: object
    shifts: list[Shift]
    coverage: list[dict]
    rates: list[Rate]
    policies: list[dict]
    left_out: list[dict]
    exclusions: list[Reading]


def health(version: ModelVersion) -> Health | None:
    """Everything that was read of this version, newest first; None before the first reading."""
    newest = {reading.name: reading for reading in queries.newest_readings(version.pk)}
    if not newest:
        return None
    return Health(
        taken_at=max(reading.taken_at for reading in newest.values()),
        shifts=[_shift(version, newest[name]) for name in TITLES if name in newest],
        coverage=_coverage(newest),
        rates=_rates(newest),
        policies=_policies(newest),
        left_out=_left_out(newest),
        exclusions=[reading for name, reading in newest.items() if name.startswith("flagged orders ")],
    )


def _shift(version: ModelVersion, reading: Reading) -> Shift:
    title, what = TITLES[reading.name]
    chance = reading.detail.get("chance")
    if chance is None or chance >= LOOK:
        verdict, tone = _("Too few to tell: chance alone would move it as far."), "neutral"
    elif reading.value > reading.threshold:
        verdict, tone = _("Something else is there: look before you trust the next lists."), "bad"
    elif reading.value > LOOK:
        verdict, tone = _("It moves: look at it."), "warn"
    else:
        verdict, tone = _("Stable."), "good"
    bars, others = _bars(reading)
    return Shift(title, what, reading.value, verdict, tone, bars, others, _line(version, reading, title))


def _bars(reading: Reading) -> tuple[list[Bar], int]:
    before, now = reading.detail["before"], reading.detail["now"]
    total_before, total_now = max(sum(before), 1), max(sum(now), 1)
    rows = [
        (label, then / total_before, today / total_now)
        for label, then, today in zip(reading.detail["labels"], before, now, strict=True)
    ]
    top = max([max(then, today) for _, then, today in rows[:MOST_BARS]], default=0) or 1.0
    bars = [
        Bar(label, f"{then:.1%}", f"{today:.1%}", then / top, today / top) for label, then, today in rows[:MOST_BARS]
    ]
    return bars, max(0, len(rows) - MOST_BARS)


def _line(version: ModelVersion, reading: Reading, title: str) -> dict | None:
    """The index over time against its bound; None for fewer than two readings, which draw no line."""
    past = queries.history(version.pk, reading.name)
    if len(past) < 2:
        return None
    top = max(*(one.value for one in past), reading.threshold)
    step = 100 / (len(past) - 1)
    bound = 100 - 100 * reading.threshold / top
    return {
        "points": " ".join(f"{place * step:.2f},{100 - 100 * one.value / top:.2f}" for place, one in enumerate(past)),
        "compare_points": f"0,{bound:.2f} 100,{bound:.2f}",
        "summary": _("%(title)s: %(value)s at first, %(value_2)s now; the bound is %(threshold)s.")
        % {
            "title": title,
            "value": f"{past[0].value:.3f}",
            "value_2": f"{past[-1].value:.3f}",
            "threshold": reading.threshold,
        },
        "top_label": f"{top:.2f}",
        "first_label": date_format(past[0].taken_at, "MONTH_DAY_FORMAT"),
        "last_label": date_format(past[-1].taken_at, "MONTH_DAY_FORMAT"),
        "rows": [
            {"label": f"{one.taken_at:%Y-%m-%d %H:%M}", "value": f"{one.value:.4f}", "compare": f"{one.threshold:.2f}"}
            for one in past
        ],
    }


def _coverage(newest: dict[str, Reading]) -> list[dict]:
    rows = []
    if (products := newest.get("products in lists")) is not None:
        rows.append({"label": _("Products in anybody's list"), "value": f"{products.value:,.0f}", "reading": products})
    if (people := newest.get("buyers with a list")) is not None:
        rows.append({"label": _("Buyers of four weeks with a list"), "value": f"{people.value:.1%}", "reading": people})
    return rows


def _rates(newest: dict[str, Reading]) -> list[Rate]:
    found: dict[str, dict[str, Reading]] = {}
    for name, reading in newest.items():
        kind, _, where = name.partition(" ")
        if kind in {"click-through", "conversion", "satisfaction"}:
            found.setdefault(where, {})[kind] = reading
    return [
        Rate(
            surface=where.rpartition(" ")[0],
            origin=where.rpartition(" ")[2],
            shown=row["click-through"].detail["shown"] if "click-through" in row else 0,
            pair=(_share(row.get("click-through")), _share(row.get("conversion"))),
            rating=row.get("satisfaction"),
        )
        for where, row in sorted(found.items())
    ]


def _share(reading: Reading | None) -> Share | None:
    if reading is None:
        return None
    return Share(f"{reading.value:.2%}", f"{reading.low:.2%} to {reading.high:.2%}")


def _policies(newest: dict[str, Reading]) -> list[dict]:
    return [
        {"name": name.removeprefix("off-policy "), "reading": reading, "refused": reading.detail.get("refused", "")}
        for name, reading in newest.items()
        if name.startswith("off-policy ")
    ]


def _left_out(newest: dict[str, Reading]) -> list[dict]:
    labels = {
        "left out refused": _("People who refused to be learnt from"),
        "left out flagged": _("Orders or people that somebody doubts"),
    }
    return [
        {
            "label": label,
            "orders": int(newest[name].value),
            "people": newest[name].detail["people"],
            "of": newest[name].detail["of"],
        }
        for name, label in labels.items()
        if name in newest
    ]
