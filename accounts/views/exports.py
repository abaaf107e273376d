"""Who wants to take rows about many people along: a second person reads why, and decides."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import queries, services
from accounts.contracts import Capability, requires
from accounts.exceptions import Refused
from accounts.forms import DecideExport

SHOWN = 100


@requires(Capability.EXPORT_DECIDE)
@require_GET
def exports(request: HttpRequest) -> HttpResponse:
    rows = list(queries.exports()[:SHOWN])
    waiting = [(row, DecideExport(auto_id=f"id_{row.pk}_%s")) for row in rows if row.state == row.State.ASKED]
    decided = [row for row in rows if row.state != row.State.ASKED]
    return render(request, "accounts/exports.html", {"waiting": waiting, "decided": decided, "shown": SHOWN})


@requires(Capability.EXPORT_DECIDE, confirmed=True)
@require_POST
def decide(request: HttpRequest, export_id: int) -> HttpResponse:
    form = DecideExport(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why, and approve or refuse: the reason stands in the audit trail."))
        return redirect("accounts:exports")
    is_approved = form.cleaned_data["decision"] == "approved"
    try:
        services.decide_export(export_id, request.user, approve=is_approved, reason=form.cleaned_data["reason"])
    except Refused as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, _("Approved, for one download within 24 hours.") if is_approved else _("Refused."))
    return redirect("accounts:exports")
