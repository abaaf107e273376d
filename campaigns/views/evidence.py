"""Evidence packs to take along. By POST, with the reason: whoever takes one stands in the audit trail."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.contracts import Capability, requires
from campaigns.queries import evidence as queries
from campaigns.services import evidence
from campaigns.views.answers import campaign_or_404
from catalog.queries import merchant_of

REASON_LONGEST = 200


@requires(Capability.CONSENT_READ)
@require_POST
def campaign_pack(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    reason = _reason(request)
    if not reason:
        messages.error(request, _("Reason: say what the pack is for; it is written down with your name."))
        return redirect(reverse("campaigns:evidence", args=[campaign_id]))
    pack = evidence.of_campaign(campaign, actor=request.user, reason=reason)
    return _download(pack, f"evidence-campaign-{campaign_id}")


@requires(Capability.CONSENT_READ)
@require_POST
def person_pack(request: HttpRequest, customer_id: int) -> HttpResponse:
    customer = queries.person(customer_id)
    if customer is None or merchant_of(request.user) is not None:
        raise Http404(_("Nobody has this number."))
    reason = _reason(request)
    if not reason:
        messages.error(request, _("Reason: say what the pack is for; it is written down with your name."))
        return redirect(f"{reverse('customers:ledger')}?customer={customer.external_id}")
    pack = evidence.of_person(customer, actor=request.user, reason=reason, chain="chain" in request.POST)
    return _download(pack, f"evidence-person-{customer_id}")


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:REASON_LONGEST]


def _download(pack, name: str) -> FileResponse:
    name = f"{name}-{timezone.now():%Y%m%d-%H%M}.zip"
    return FileResponse(pack, as_attachment=True, filename=name, headers={"Cache-Control": "no-store"})
