"""A profile as people read it: each figure with where it comes from."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from recommendations.contracts import COUPON, PURCHASE, PersonProfile
from recommendations.ml.factors import factor

STEPS = (
    "visits",
    "with a search",
    lazy("with a product looked at"),
    lazy("with a product added"),
    lazy("with an order"),
)


@dataclass(frozen=True)
class Line:
    """One figure: `notes` say what it follows from, in sentences. bar: the figure as a share, 0 to 1, where it is one; mark:
    the shop's, drawn across it.
    """

    label: str
    value: str
    notes: tuple[str, ...] = ()
    bar: float | None = None
    mark: float | None = None


@dataclass(frozen=True)
class Step:
    """A row of _waterfall.html."""

    label: str
    count: int
    share: float
    kind: str = "kept"
    note: str = ""


@dataclass(frozen=True)
class Quote:
    """An opinion in their own words. verdict: liked or disliked."""

    aspect: str
    verdict: str
    words: str
    at: datetime


@dataclass(frozen=True)
class Said:
    """A row of what they said of a department. words: of the newest opinion, "" where its event is gone."""

    department: str
    aspect: str
    verdict: str
    opinions: int
    words: str


@dataclass(frozen=True)
class Window:
    title: str
    rows: tuple[tuple[str, float, str, str], ...]  # department, share of spend, that in words, against the shop


def lines(profile: PersonProfile) -> list[Line]:
    return [line for line in (_worth(profile), _alive(profile), _next(profile), *_chances(profile),
                              _reductions(profile), _channels(profile)) if line is not None]  # fmt: skip


def _worth(profile: PersonProfile) -> Line | None:
    if profile.lifetime_value is None:
        return None
    found = profile.lifetime
    notes = (
        _("%(expected_orders)s orders expected in the next four weeks, %(value)s each.")
        % {"expected_orders": f"{profile.expected_orders:.1f}", "value": f"{found['order_worth']:,.2f}"},
        _("From %(value)s days with an order in %(value_2)s weeks (BG/NBD and gamma-gamma).")
        % {"value": found["repeats"] + 1, "value_2": f"{found['seen_weeks']:.0f}"},
    )
    return Line(_("Worth in the next year"), f"{profile.lifetime_value:,.2f}", notes)


def _alive(profile: PersonProfile) -> Line | None:
    if profile.alive is None:
        return None
    found = profile.lifetime
    silent, seen, repeats = found["silent_weeks"], found["seen_weeks"], found["repeats"]
    if not repeats:
        note = _("One order so far: nothing yet shows whether they come back, and the model says 100 %.")
    else:
        rhythm = (seen - silent) / repeats
        note = _("Silent for %(weeks)s; until then an order every %(weeks_2)s.") % {
            "weeks": _weeks(silent),
            "weeks_2": _weeks(rhythm),
        }
    return Line(_("Has left us"), f"{1 - profile.alive:.0%}", (note,), 1 - profile.alive)


def _next(profile: PersonProfile) -> Line | None:
    soonest, half, latest = profile.next_order
    if half is None:
        return None
    until = f"{_day(latest)}" if latest is not None else _("more than five years from now")
    note = _(
        "Eight in ten people with this rhythm order between %(day)s and %(until)s, if they are still customers."
    ) % {"day": _day(soonest), "until": until}
    return Line(_("Next order"), _("by %(day)s") % {"day": _day(half)}, (note,))


def _chances(profile: PersonProfile) -> list[Line]:
    found = []
    for kind, chance, label in (
        (PURCHASE, profile.purchase_propensity, _("Orders within four weeks")),
        (COUPON, profile.coupon_propensity, _("Uses a coupon within four weeks")),
    ):
        if chance is not None:
            notes = tuple(f"{factor(*each)}." for each in profile.factors.get(kind, ()))
            found.append(Line(label, f"{chance:.0%}", notes, chance))
    for kind, chance in sorted(profile.redemption.items(), key=lambda pair: -pair[1]):
        notes = tuple(f"{factor(*each)}." for each in profile.factors.get(kind, ()))
        label = _("Would use a coupon of a campaign “%(kind)s”") % {"kind": kind}
        found.append(Line(label, f"{chance:.0%}", notes, chance))
    return found


def _reductions(profile: PersonProfile) -> Line | None:
    mine, shop = profile.discount_share, profile.shop_discount_share
    if mine is None or shop is None:
        return None
    than = _("more than") if mine > shop * 1.1 else _("less than") if mine < shop * 0.9 else _("about as much as")
    note = _("Of the full price, taken off by discounts in the last year; %(than)s the shop's %(shop)s.") % {
        "than": than,
        "shop": f"{shop:.0%}",
    }
    return Line(_("Bought reduced"), f"{mine:.0%}", (note,), mine, shop)


def _channels(profile: PersonProfile) -> Line | None:
    total = sum(profile.channels.values())
    if not total:
        return None
    ranked = sorted(profile.channels.items(), key=lambda pair: (-pair[1], pair[0]))
    value = ", ".join(f"{name} {count / total:.0%}" for name, count in ranked)
    return Line(_("Orders by channel"), value, (_("Of %(total)s orders in the last year.") % {"total": f"{total:,}"},))


def funnel(profile: PersonProfile) -> list[Step]:
    """Empty where no visit was recorded."""
    if profile.visits is None:
        return []
    whole = max(profile.visits[0], 1)
    return [
        Step(label, count, count / whole, "all" if label == "visits" else "good" if "order" in label else "kept")
        for label, count in zip(STEPS, profile.visits, strict=True)
    ]


def windows(profile: PersonProfile) -> list[Window]:
    """What they lean to, by window, the shortest first."""
    titles = {28: _("Last 4 weeks"), 91: _("Last 13 weeks"), 365: _("Last year")}
    return [
        Window(titles.get(days, _("Last %(days)s days") % {"days": days}),
               tuple((name.lower(), share, f"{share:.0%}", f"× {lift:.1f}") for name, share, lift in rows))
        for days, rows in sorted(profile.leanings.items())
    ]  # fmt: skip


def _weeks(weeks: float) -> str:
    days = weeks * 7
    if weeks >= 3:
        return _("%(weeks)s weeks") % {"weeks": f"{weeks:.0f}"}
    return ngettext("%(days)s day", "%(days)s days", round(days)) % {"days": round(days)}


def fifths(profile: PersonProfile) -> list[tuple[str, int, str]]:
    """(letter, fifth of all people from 1 to 5, 5 is best, what it says): recency, frequency, money; [] without an order."""
    said = (_("how lately"), _("how often"), _("how much"))
    return [(letter, score, what) for letter, score, what in zip("RFM", profile.scores, said, strict=True) if score]


def _day(at: datetime) -> str:
    return date_format(at, "SHORT_DATE_FORMAT")
