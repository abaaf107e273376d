"""What a campaign did, at an explicit moment: against the hold-out, with intervals, and every metric defined."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from campaigns.forms.words import AsOfForm
from campaigns.models import Campaign
from campaigns.queries import measurement, rates
from campaigns.queries.audience import message_states, waterfall
from campaigns.services.variants import prior
from campaigns.state import Kind
from campaigns.views import figures
from campaigns.views.answers import campaign_or_404
from campaigns.views.shell import shell
from copywriting.services.choice import Standing, standings


@requires(Capability.CAMPAIGN_READ)
@require_GET
def results(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    form = AsOfForm(request.GET or None, latest=measurement.known_until())
    query = f"?as_of={form.cleaned_data['as_of']:%Y-%m-%d}" if form.is_valid() and form.cleaned_data["as_of"] else ""
    context = shell(request, campaign, "results") | {"form": form, "query": query}
    if campaign.kind == Kind.HISTORY:
        context["history"] = measurement.redemptions(campaign)
    elif campaign.started_at is not None:
        context |= _measured(campaign, form)
    status = 400 if form.is_bound and not form.is_valid() else 200
    return render(request, "campaigns/results.html", context, status=status)


def _measured(campaign: Campaign, form: AsOfForm) -> dict:
    found = measurement.results(campaign, form.moment())
    window, gate = found.window, waterfall(campaign.pk)
    left = measurement.unsubscribes(campaign, window)
    groups = rates.groups(campaign, window)
    return {
        "results": found,
        "window": window,
        "replay_until": window.until if window.is_replay and window.until > timezone.now() else None,
        "ratio": found.ratio,
        "gate": gate,
        "gate_bars": figures.gate_bars(gate) if gate else [],
        "funnel": found.funnel,
        "funnel_bars": figures.funnel_bars(found.funnel),
        "clicks": figures.clicks(found.funnel),
        "money": figures.incremental(found.money, found.treated),
        "measured": [figures.measured(lift, found.treated.currency) for lift in (found.conversion, found.money)],
        # Beside what is judged, so that nobody has to believe the adjustment.
        "plain": figures.measured(found.revenue, found.treated.currency) if found.adjusted else None,
        "arms": [
            _arm(_("Treated"), found.treated, left["treated"]),
            _arm(_("Hold-out"), found.holdout, left["holdout"]),
        ],
        "segments": _parts(found.segments),
        "open_to": _parts(found.channels),
        "channels": channel_rows(campaign, groups),
        "line": figures.cumulative(measurement.days(campaign, window), found.treated.currency),
        "states": message_states(campaign.pk),
        "rates": rate_rows(campaign, groups),
        **_answers(campaign),
    }


def _parts(parts: tuple[measurement.PartResult, ...]) -> list[tuple]:
    """Rows of campaigns/_parts.html."""
    return [
        (part.name, part.treated, part.holdout, figures.measured(part.money, part.treated.currency)) for part in parts
    ]


@dataclass(frozen=True)
class RateRow:
    """Context of a row of campaigns/_rates.html and campaigns/_channels.html."""

    group: rates.Group
    clicked: figures.Rate | None
    ordered: figures.Rate | None
    unsubscribed: figures.Rate | None
    complained: figures.Rate | None
    bounced: figures.Rate | None
    revenue_each: str
    satisfaction: str
    standing: Standing | None

    @property
    def best(self) -> str:
        return figures.percent(self.standing.best, 0)

    @property
    def share(self) -> str:
        return figures.percent(self.standing.share, 0)


def rate_rows(campaign: Campaign, groups: list[rates.Group]) -> list[RateRow]:
    columns = [
        figures.rates([(getattr(group, name), group.handed_over) for group in groups])
        for name in ("clicked", "ordered", "unsubscribed", "complained", "bounced")
    ]
    standing = _standings(campaign, groups)
    currency = campaign.offer.currency if campaign.offer else figures.CURRENCY
    return [
        RateRow(
            group,
            *shares,
            figures.money(group.revenue / group.handed_over, currency) if group.handed_over else "–",
            "–" if group.satisfaction is None else f"{group.satisfaction:.1f} ({group.answers:,})",
            standing.get((group.variant_id, group.channel)),
        )
        for group, *shares in zip(groups, *columns, strict=True)
    ]


@dataclass(frozen=True)
class ChannelRow:
    """Context of a row of campaigns/_channels.html."""

    rate: RateRow
    bars: list[figures.Bar]
    cost: str  # "": nobody said what a message costs there


def channel_rows(campaign: Campaign, groups: list[rates.Group]) -> list[ChannelRow]:
    """In the campaign's order."""
    place = {channel: at for at, channel in enumerate(campaign.channels)}
    added = sorted(rates.by_channel(groups), key=lambda one: place.get(one.channel, len(place)))
    rows = rate_rows(campaign, added)
    return [ChannelRow(row, figures.channel_bars(row.group), _cost(row.group)) for row in rows]


def _cost(group: rates.Group) -> str:
    """Of what a provider took over: that is what it bills, whatever became of it."""
    amount, currency = settings.MESSAGE_COSTS.get(group.channel, (None, ""))
    return "" if amount is None else figures.money(amount * group.handed_over, currency)


def _standings(campaign: Campaign, groups: list[rates.Group]) -> dict[tuple[int, str], Standing]:
    """By wording and channel, where a segment had several wordings on a channel."""
    rivals: dict[tuple[int, str], list[rates.Group]] = {}
    for group in groups:
        if group.handed_over:
            rivals.setdefault((group.segment_id, group.channel), []).append(group)
    found = {}
    if not any(len(those) > 1 for those in rivals.values()):
        return found
    known = prior(campaign)
    for those in rivals.values():
        if len(those) > 1:
            arms = [(str(g.variant_id), g.handed_over, g.clicked) for g in those]
            judged = standings(arms, known, seed=campaign.pk)
            found |= {(g.variant_id, g.channel): judged[str(g.variant_id)] for g in those}
    return found


def _answers(campaign: Campaign) -> dict:
    counted = rates.answers(campaign)
    total = sum(counted.values())
    bars = [
        figures.Bar(_("%(score)s of 5") % {"score": score}, n, n / max(total, 1), kind="info")
        for score, n in sorted(counted.items(), reverse=True)
    ]
    return {"answers": bars if total else [], "answered": total}


def _arm(label: str, arm, left: tuple[int, int]) -> dict:
    each = arm.revenue / arm.customers if arm.customers else None
    return {
        "label": label,
        "customers": arm.customers,
        "ordered": arm.converted,
        "share": figures.percent(arm.converted / arm.customers if arm.customers else None),
        "orders": arm.orders,
        "revenue": figures.money(arm.revenue, arm.currency),
        "each": "–" if each is None else figures.money(each, arm.currency),
        "left": left[0],
        "left_simulated": left[1] > 0,
    }
