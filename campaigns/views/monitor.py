"""A send as it goes, and the ways to hold it: each says what exactly will happen."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from accounts.queries import own_exports
from campaigns.forms.words import ReasonForm
from campaigns.models import Campaign
from campaigns.queries import monitor as queries
from campaigns.queries.audience import message_states, waterfall
from campaigns.services import delivery
from campaigns.state import CampaignState, MessageState
from campaigns.tasks import sweep
from campaigns.views import causes, figures, files, lanes
from campaigns.views.answers import REFUSALS, SeeOther, campaign_or_404, nudge, page_below, say_refusal
from campaigns.views.shell import shell

PAGE = 50
EXPORT_KIND = "campaigns.recipients"
MOVING = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.RUNNING)


@requires(Capability.CAMPAIGN_READ)
@require_GET
def monitor(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    context = shell(request, campaign, "monitor") | _state(request, campaign)
    gate = waterfall(campaign.pk)
    context |= {
        "gate_bars": figures.gate_bars(gate) if gate else [],
        "channel_bars": [(one.channel, figures.gate_bars(one)) for one in gate.channels]
        if gate and len(gate.channels) > 1
        else [],
        "may_look_up": request.user.can(Capability.CUSTOMER_READ),
        "pause_form": ReasonForm(label=_("Why is it paused?"), prefix="pause"),
        "cancel_form": ReasonForm(label=_("Why is it stopped for good?"), prefix="cancel"),
    }
    context |= files.context(request, campaign)
    return render(request, "campaigns/monitor.html", context)


@requires(Capability.CAMPAIGN_READ)
@require_GET
def progress(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The fragment that the monitor asks for while the campaign moves; reloads the page when it stops moving."""
    campaign = campaign_or_404(campaign_id)
    answer = render(request, "campaigns/monitor.html#progress", {"campaign": campaign} | _state(request, campaign))
    if campaign.state != request.GET.get("was", campaign.state):
        answer["HX-Refresh"] = "true"
    return answer


def _state(request: HttpRequest, campaign: Campaign) -> dict:
    states = message_states(campaign.pk)
    total, queued, held = sum(states.values()), states.get("queued", 0), states.get("sending", 0)
    is_sending = campaign.state in (CampaignState.SENDING, CampaignState.RUNNING)
    open_lanes = lanes.told(campaign) if is_sending else []
    is_put_off = any(one.lane.put_off for one in open_lanes)
    may_see_people = request.user.can(Capability.CUSTOMER_READ)
    return {
        "states": states,
        "total": total,
        "queued": queued,
        "held": held,
        "settled": total - queued - held,
        "sent": sum(states.get(state, 0) for state in ("sent", "delivered", "bounced", "complained")),
        "lanes": open_lanes,
        "bars": figures.state_bars(
            states, reverse("campaigns:recipients", args=[campaign.pk]) if may_see_people else ""
        ),
        "causes": causes.told(campaign.pk, put_off=is_put_off)
        if is_put_off or states.keys() & {"failed", "skipped", "unknown"}
        else [],
        "may_send": request.user.can(Capability.CAMPAIGN_SEND) and is_sending,
        "unknown": queries.unknown(campaign.pk) if states.get("unknown") and may_see_people else [],
        "is_moving": campaign.state in MOVING,
    }


@requires(Capability.CAMPAIGN_HALT)
@require_POST
def pause(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign_or_404(campaign_id)
    form = ReasonForm(request.POST, prefix="pause")
    if not form.is_valid():
        messages.error(request, _("Say why it is paused: the reason stands in the audit trail."))
    else:
        try:
            delivery.pause(campaign_id, actor=request.user, reason=form.cleaned_data["reason"])
        except REFUSALS as refusal:
            say_refusal(request, refusal)
        else:
            messages.success(request, _("Paused. Nothing new is handed to the mail server; what is queued waits."))
    return SeeOther(reverse("campaigns:monitor", args=[campaign_id]))


@requires(Capability.CAMPAIGN_SEND)
@require_POST
def resume(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign_or_404(campaign_id)
    try:
        delivery.resume(campaign_id, actor=request.user)
    except REFUSALS as refusal:
        say_refusal(request, refusal)
    else:
        nudge(sweep)
        messages.success(request, _("It goes on. Consent is asked again for each message before it is sent."))
    return SeeOther(reverse("campaigns:monitor", args=[campaign_id]))


@requires(Capability.CUSTOMER_READ)
@require_GET
def recipients(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Every message with its outcome: the customer's id, never an address."""
    campaign = campaign_or_404(campaign_id)
    wanted = request.GET.get("state", "")
    state = wanted if wanted in set(MessageState) else ""
    rows, next_url = page_below(request, queries.log(campaign.pk, state), PAGE)
    context = shell(request, campaign, "monitor") | {
        "rows": [(message, figures.reason_words(message.reason)) for message in rows],
        "next_url": next_url,
        "state": state,
        "all_states": [(value, figures.STATE_WORDS[value][0]) for value in MessageState],
        "export": _export(request, campaign),
    }
    return render(request, "campaigns/recipients.html", context)


def _export(request: HttpRequest, campaign: Campaign) -> dict | None:
    """The log as a file, for whoever may ask for that (campaigns.views.exports)."""
    if not request.user.can(Capability.EXPORT_ASK):
        return None
    return {
        "form": ReasonForm(label=_("What is it for?"), prefix="export"),
        "ask_url": reverse("campaigns:recipients-export", args=[campaign.pk]),
        "rows": [
            (one, reverse("campaigns:recipients-download", args=[campaign.pk, one.pk]) if one.is_ready else "")
            for one in own_exports(request.user, EXPORT_KIND, object_id=str(campaign.pk))
        ],
    }
