"""The recipient log as a file: asked for with a reason, decided by a second person, taken once. No address is in it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.contracts import Capability, requires
from accounts.exceptions import Refused
from accounts.services import ask_export, claim_export, csv_lines
from campaigns.forms.words import ReasonForm
from campaigns.queries import monitor as queries
from campaigns.views.answers import SeeOther, campaign_or_404
from campaigns.views.monitor import EXPORT_KIND as KIND


@requires(Capability.EXPORT_ASK, confirmed=True)
@require_POST
def ask(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    form = ReasonForm(request.POST, prefix="export")
    if not form.is_valid():
        messages.error(request, _("Say what the export is for: a second person decides by it."))
    else:
        what = f"Recipient log of “{campaign.name}”"
        try:
            ask_export(request.user, kind=KIND, what=what[:200], object_id=str(campaign.pk), **form.cleaned_data)
        except Refused as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, _("Asked. When a second person has approved it, you find the download here."))
    return SeeOther(reverse("campaigns:recipients", args=[campaign_id]))


@requires(Capability.EXPORT_ASK, confirmed=True)
@require_POST
def download(request: HttpRequest, campaign_id: int, export_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    try:
        claim_export(export_id, request.user, kind=KIND, object_id=str(campaign.pk))
    except Refused as refusal:
        messages.error(request, refusal.detail)
        return SeeOther(reverse("campaigns:recipients", args=[campaign_id]))
    answer = StreamingHttpResponse(
        csv_lines(queries.LOG_COLUMNS, queries.log_rows(campaign.pk)), content_type="text/csv"
    )
    answer["Content-Disposition"] = f'attachment; filename="recipients-{campaign.pk}.csv"'
    return answer
