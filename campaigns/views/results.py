"""What a campaign did, at an explicit moment: against the hold-out, with intervals, and every metric defined."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from campaigns.forms.words import AsOfForm
from campaigns.models import Campaign
from campaigns.queries import measurement
from campaigns.queries.audience import message_states, waterfall
from campaigns.state import Kind
from campaigns.views import figures
from campaigns.views.answers import campaign_or_404
from campaigns.views.shell import shell


@requires(Capability.CAMPAIGN_READ)
@require_GET
def results(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    form = AsOfForm(request.GET or None, latest=measurement.known_until())
    context = shell(request, campaign, "results") | {"form": form}
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
    segments = [
        (part.name, part.treated, part.holdout, figures.measured(part.money, part.treated.currency))
        for part in found.segments
    ]
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
        "arms": [_arm("Treated", found.treated, left["treated"]), _arm("Hold-out", found.holdout, left["holdout"])],
        "segments": segments,
        "line": figures.cumulative(measurement.days(campaign, window), found.treated.currency),
        "states": message_states(campaign.pk),
    }


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
