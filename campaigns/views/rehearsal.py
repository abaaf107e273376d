"""A send gone through beforehand by a worker: its numbers, its waves on a line of time, and who would sleep."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.contracts import Capability, requires
from campaigns import tasks
from campaigns.contracts import Waterfall
from campaigns.queries.since import segment_names
from campaigns.services import tallies
from campaigns.services.messages import money
from campaigns.views import figures
from campaigns.views.answers import REFUSALS, SeeOther, campaign_or_404, nudge, say_refusal
from campaigns.views.experiment import could_see
from campaigns.views.shell import shell


@requires(Capability.CAMPAIGN_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def rehearsal(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """A post asks for it; a worker answers within seconds, and the page shows the answer with its age."""
    campaign = campaign_or_404(campaign_id)
    if request.method == "POST":
        try:
            tallies.ask_rehearsal(campaign)
        except REFUSALS as refusal:
            say_refusal(request, refusal)
        else:
            nudge(tasks.answer_tallies)
        return SeeOther(reverse("campaigns:rehearsal", args=[campaign_id]))
    row = tallies.rehearsal_of(campaign)
    context = shell(request, campaign, "review") | {"tally": row, "is_of_this": row and tallies.is_of(row, campaign)}
    if row and row.answer:
        context |= _shown(campaign, row.answer)
    name = "campaigns/rehearsal.html#answer" if request.htmx else "campaigns/rehearsal.html"
    return render(request, name, context)


def _shown(campaign, answer: dict) -> dict:
    gate = Waterfall.of_plain(answer["gate"])
    waves = [one | {"begins": _time(one["begins"]), "ends": _time(one["ends"])} for one in answer["waves"]]
    asleep = [one | {"until": _time(one["until"])} for one in answer["asleep"]]
    first = _time(answer["begins"])
    last = max([first, *(one["ends"] for one in waves), *(one["until"] for one in asleep)])
    span = (last - first).total_seconds() or 1.0
    for one in waves:  # a bar from 0 to 100 on one line of time; thin ones stay to be seen
        one["left"] = 100 * (one["begins"] - first).total_seconds() / span
        one["width"] = max(0.6, 100 * (one["ends"] - one["begins"]).total_seconds() / span)
    for one in asleep:
        one["left"] = 100 * (one["until"] - first).total_seconds() / span
    return {
        "begins": first,
        "over": last,
        "gate": gate,
        "gate_bars": figures.gate_bars(gate),
        "channel_bars": [
            (name, figures.gate_bars(Waterfall.of_plain(one))) for name, one in answer["channels"].items()
        ],
        "waves": waves,
        "asleep": asleep,
        "unrenderable": answer["unrenderable"],
        "lengths": _lengths(answer.get("lengths", [])),
        "samples": _samples(answer.get("samples", [])),
        "codes": answer.get("codes"),
        "power": could_see(gate.treated + gate.holdout, campaign.holdout_share, campaign.attribution_days),
    }


def _lengths(lengths: list[dict]) -> dict | None:
    """Bars of the text messages by their parts, and what all of them cost where a price is set. None without any."""
    if not lengths:
        return None
    messages = sum(one["messages"] for one in lengths)
    parts = sum(one["messages"] * one["parts"] for one in lengths)
    bars, start = [], 0.0
    for one in lengths:
        label = ngettext("%(parts)s part of %(encoding)s", "%(parts)s parts of %(encoding)s", one["parts"]) % one
        bars.append(figures.Bar(label, one["messages"], one["messages"] / messages, start))
        start += one["messages"] / messages
    price = settings.SMS_PART_PRICE
    cost = money(Decimal(str(price)) * parts, settings.SMS_PART_CURRENCY) if price else ""
    return {"bars": bars, "parts": parts, "messages": messages, "cost": cost}


def _samples(samples: list[dict]) -> list[dict]:
    names = segment_names({one["segment"] for one in samples})
    return [one | {"name": names.get(one["segment"], "")} for one in samples]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
