"""Requests of people about their data, for the officer: by their clock, who asks, and what was done with proof."""

import json

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from accounts.exceptions import Refused
from campaigns.forms.requests import Evidence, NewRequest, Refusal
from campaigns.queries import requests as queries
from campaigns.services import rights as own
from campaigns.views.answers import SeeOther
from customers.queries.packs import pack
from customers.services import rights
from customers.services.anchors import public_key

PAGE = 50
STATES = ("open", "completed", "refused")


def _row(request_id: int):
    row = queries.request_of(request_id)
    if row is None:
        raise Http404
    return row


@requires(Capability.CONSENT_READ)
@require_GET
def requests(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "open")
    state = state if state in STATES else "open"
    found = list(queries.requests(state)[:PAGE])
    context = {
        "entries": [{"row": row, "clock": queries.clock(row)} for row in found],
        "state": state,
        "states": STATES,
        "is_full": len(found) == PAGE,
        "form": NewRequest() if request.user.can(Capability.CONSENT_WRITE) else None,
    }
    return render(request, "campaigns/requests.html", context)


@requires(Capability.CONSENT_WRITE)
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Somebody asked at a counter or by letter: the clock starts here."""
    form = NewRequest(request.POST)
    customer = queries.person(form.cleaned_data["customer"]) if form.is_valid() else None
    if customer is None:
        messages.error(request, _("Customer id: nobody has this one, or they were erased. Look it up under Customers."))
        return redirect("campaigns:requests")
    row = rights.receive(form.cleaned_data["kind"], customer, via="staff", actor=request.user)
    return redirect("campaigns:request", row.pk)


@requires(Capability.CONSENT_READ)
@require_GET
def request(request: HttpRequest, request_id: int) -> HttpResponse:
    return _page(request, _row(request_id))


def _page(request: HttpRequest, row, *, evidence=None, refusal=None, status: int = 200) -> HttpResponse:
    acts = request.user.can(Capability.CONSENT_WRITE) and row.state in queries.OPEN
    context = {
        "row": row,
        "clock": queries.clock(row),
        "rules": pack(row.jurisdiction),
        "evidence": (evidence or Evidence()) if acts and row.state == row.State.RECEIVED else None,
        "refusal": (refusal or Refusal()) if acts else None,
        "may_complete": acts and row.state == row.State.VERIFIED,
        "proof": json.dumps(row.proof, indent=2, ensure_ascii=False) if row.proof else "",
        "proof_holds": bool(row.proof) and rights.proof_holds(row.proof),
        "public_key": public_key().hex() if row.proof else "",
    }
    return render(request, "campaigns/request.html", context, status=status)


@requires(Capability.CONSENT_WRITE)
@require_POST
def verify(request: HttpRequest, request_id: int) -> HttpResponse:
    form = Evidence(request.POST)
    if not form.is_valid():
        return _page(request, _row(request_id), evidence=form, status=400)
    return _do(request, request_id, lambda: rights.verify_by_staff(
        request_id, actor=request.user, evidence=form.cleaned_data["evidence"]
    ))  # fmt: skip


@requires(Capability.CONSENT_WRITE)
@require_POST
def refuse(request: HttpRequest, request_id: int) -> HttpResponse:
    form = Refusal(request.POST)
    if not form.is_valid():
        return _page(request, _row(request_id), refusal=form, status=400)
    return _do(request, request_id, lambda: rights.refuse(
        request_id, actor=request.user, reason=form.cleaned_data["reason"]
    ))  # fmt: skip


@requires(Capability.CONSENT_WRITE)
@require_POST
def erase(request: HttpRequest, request_id: int) -> HttpResponse:
    return _do(request, request_id, lambda: own.erase(request_id, actor=request.user))


@requires(Capability.CONSENT_WRITE)
@require_POST
def stop(request: HttpRequest, request_id: int) -> HttpResponse:
    return _do(request, request_id, lambda: own.stop(request_id, actor=request.user))


@requires(Capability.CONSENT_WRITE)
@require_POST
def export(request: HttpRequest, request_id: int) -> HttpResponse:
    """The file for the person, once: the request is closed with it."""
    row = _row(request_id)
    try:
        _, content = own.export(request_id, actor=request.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return SeeOther(f"../../{request_id}/")
    answer = HttpResponse(content, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="data-{row.reference}.json"'
    return answer


def _do(request: HttpRequest, request_id: int, step) -> HttpResponse:
    _row(request_id)
    try:
        step()
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("campaigns:request", request_id)
