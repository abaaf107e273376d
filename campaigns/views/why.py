"""Why, or why not: for any person and any campaign, in words."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from campaigns.queries import why as queries
from campaigns.queries.recipients import external_id_of
from campaigns.views import figures
from campaigns.views.answers import campaign_or_404
from campaigns.views.shell import shell
from customers.queries.people import customer_id_of


@dataclass(frozen=True)
class Line:
    """One channel as people read it."""

    channel: str
    state: str
    words: str
    at: object = None
    entry: int = 1


@dataclass(frozen=True)
class Told:
    answer: queries.Answer
    summary: str
    lines: list[Line]
    entries: int = 1


@requires(Capability.CUSTOMER_READ)
@require_GET
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The look-up on a campaign: by the platform's own id of the person."""
    found = campaign_or_404(campaign_id)
    asked = request.GET.get("customer", "").strip()[:64]
    person = customer_id_of(asked) if asked else None
    context = shell(request, found, "monitor") | {"asked": asked, "is_unknown": bool(asked) and person is None}
    if person is not None:
        context |= {"told": _told(queries.of_campaign(found, person)), "person": person}
    return render(request, "campaigns/why.html", context)


@requires(Capability.CUSTOMER_READ)
@require_GET
def customer(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Every campaign that asked the gate about this person: a card of the customer page, or a page of its own."""
    name = external_id_of(customer_id)
    if name is None:
        raise Http404
    told = [_told(answer) for answer in queries.of_person(customer_id)]
    context = {"customer_id": customer_id, "name": name, "told": told, "shown": queries.SHOWN}
    return render(request, f"campaigns/customer.html{'#told' if request.htmx else ''}", context)


def _told(answer: queries.Answer) -> Told:
    lines = [_line(answer, heard) for heard in answer.channels]
    return Told(answer, _summary(answer), lines, entries=len({line.entry for line in lines}))


def _summary(answer: queries.Answer) -> str:
    if not answer.segment:
        return _("In none of its segments when the audience was frozen.")
    if not answer.arm:
        return _("In the audience, by the segment “%(segment)s”; the gate is asked at the start.") % {
            "segment": answer.segment
        }
    if answer.arm == "excluded":
        return _("Left out on every channel: %(why)s.") % {"why": figures.reason_words(answer.reason)}
    if answer.arm == "holdout":
        return _("Held out: drawn, with whoever shares a contact point, to hear nothing.")
    return _("Treated, by the segment “%(segment)s”.") % {"segment": answer.segment}


def _line(answer: queries.Answer, heard: queries.Heard) -> Line:
    if heard.state:
        words = figures.reason_words(heard.reason) if heard.reason else ""
        if heard.not_before and heard.reason == "quiet_hours":
            words = _("night at their place, until %(time)s UTC") % {"time": f"{heard.not_before:%Y-%m-%d %H:%M}"}
        if heard.not_before and heard.reason == "local_time":
            words = _("waits for the hour at their place, %(time)s UTC") % {
                "time": f"{heard.not_before:%Y-%m-%d %H:%M}"
            }
        return Line(heard.channel, heard.state, words or heard.error, heard.at, heard.entry)
    words = _("open, and held out") if answer.arm == "holdout" else _("open")
    if heard.reason:
        words = _("closed: %(why)s") % {"why": figures.reason_words(heard.reason)}
    return Line(heard.channel, "", words, entry=heard.entry)
