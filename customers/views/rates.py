"""How consent and opt-out move over time, as a picture and as numbers."""

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from customers.queries.rates import Series, Week
from customers.queries.rates import rates as read_rates

KEPT = 300  # seconds: the whole ledger is read for it, and a week does not turn faster


@requires(Capability.CONSENT_READ)
@require_GET
def rates(request: HttpRequest) -> HttpResponse:
    series = cache.get_or_set("consent-rates", read_rates, KEPT)
    return render(request, "customers/rates.html", {"series": [_chart(one) for one in series]})


def _chart(series: Series) -> dict:
    """What _line.html draws: who stands; and the same weeks with their rates as a table."""
    weeks = series.weeks
    top = max(*(week.standing for week in weeks), 1)
    last = max(len(weeks) - 1, 1)
    points = " ".join(f"{100 * i / last:.1f},{100 - 95 * week.standing / top:.1f}" for i, week in enumerate(weeks))
    worst = max((week.opt_out_rate or 0.0 for week in weeks), default=0.0) or 1.0
    return {
        "name": f"{series.purpose.replace('_', ' ')}, {_('any channel') if series.channel == 'any' else series.channel}",
        "points": points,
        "top": f"{top:,}",
        "first": date_format(weeks[0].start, "SHORT_DATE_FORMAT"),
        "last": date_format(weeks[-1].start, "SHORT_DATE_FORMAT"),
        "summary": _("%(standing)s consents stand now, %(standing_2)s at the end of the first week shown.")
        % {"standing": f"{weeks[-1].standing:,}", "standing_2": f"{weeks[0].standing:,}"},
        "came": f"{sum(week.came for week in weeks):,}",
        "left": f"{sum(week.left for week in weeks):,}",
        "refused": f"{sum(week.refused for week in weeks):,}",
        "standing": f"{weeks[-1].standing:,}",
        "bars": [
            {
                "x": f"{i / len(weeks):.4f}",
                "width": f"{0.8 / len(weeks):.4f}",
                "y": f"{1 - share:.4f}",
                "height": f"{share:.4f}",
            }
            for i, week in enumerate(weeks)
            if (share := (week.opt_out_rate or 0.0) / worst)
        ],
        "worst": f"{worst:.1%}" if any(week.left for week in weeks) else "0 %",
        "rows": [_row(week) for week in reversed(weeks) if week.came or week.left or week.refused],
    }


def _row(week: Week) -> dict:
    return {
        "week": week,
        "consent_rate": "–" if week.consent_rate is None else f"{week.consent_rate:.1%}",
        "opt_out_rate": "–" if week.opt_out_rate is None else f"{week.opt_out_rate:.2%}",
    }
