"""Everybody as a file: asked for with a reason, decided by a second person, taken once. Addresses for who has the right."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.contracts import Capability, requires
from accounts.exceptions import Refused
from accounts.queries import own_exports
from accounts.services import ask_export, claim_export, csv_lines
from customers.forms import AskExport
from customers.queries.people_export import columns, rows
from customers.views.paging import platform_staff_only

KIND = "customers.people"
BARE, WITH_CONTACTS = "bare", "contacts"  # which of both a request is for: its object_id
WHAT = {
    BARE: "All customers, without addresses",
    WITH_CONTACTS: "All customers, with addresses and numbers in the clear",
}


@requires(Capability.EXPORT_ASK, confirmed=True)
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    platform_staff_only(request)
    form = AskExport(request.POST, may_see_contacts=request.user.can(Capability.CONTACT_EXPORT))
    if not form.is_valid():
        messages.error(request, _("Say what the export is for: a second person decides by it."))
        return redirect("customers:list")
    is_with = form.cleaned_data.get("contacts", False)
    wanted = WITH_CONTACTS if is_with else BARE
    try:
        ask_export(request.user, kind=KIND, what=WHAT[wanted], object_id=wanted, reason=form.cleaned_data["reason"])
    except Refused as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, _("Asked. When a second person has approved it, you find the download here."))
    return redirect("customers:list")


@requires(Capability.EXPORT_ASK, confirmed=True)
@require_POST
def download(request: HttpRequest, wanted: str, export_id: int) -> HttpResponse:
    platform_staff_only(request)
    is_with = wanted == WITH_CONTACTS
    if is_with and not request.user.can(Capability.CONTACT_EXPORT):
        raise PermissionDenied(_("Addresses and numbers in the clear need the right “contact.export”."))
    try:
        claim_export(export_id, request.user, kind=KIND, object_id=wanted)
    except Refused as refusal:
        messages.error(request, refusal.detail)
        return redirect("customers:list")
    lines = csv_lines(columns(with_contacts=is_with), rows(with_contacts=is_with))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="customers.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


def offered(request: HttpRequest) -> dict | None:
    """What the list of customers shows of this: None for whoever may not ask."""
    if not request.user.can(Capability.EXPORT_ASK):
        return None
    return {
        "form": AskExport(may_see_contacts=request.user.can(Capability.CONTACT_EXPORT)),
        "ask_url": reverse("customers:export"),
        "rows": [
            (one, reverse("customers:export-download", args=[one.object_id, one.pk]) if one.is_ready else "")
            for one in own_exports(request.user, KIND)
        ],
    }
