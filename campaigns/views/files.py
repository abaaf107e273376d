"""The files of batch channels: what is ready, asked for with a reason, let go by a second person, taken once."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.contracts import Capability, requires
from accounts.exceptions import Refused
from accounts.queries import own_exports
from accounts.services import ask_export
from campaigns.forms.words import ReasonForm
from campaigns.models import Campaign, Target
from campaigns.queries import handover as queries
from campaigns.services import ads, handover
from campaigns.views.answers import SeeOther, campaign_or_404


@dataclass(frozen=True)
class File:
    """One kind of file that can be asked for."""

    target: str
    label: str
    ask_url: str
    why_not: str
    requests: list[tuple[object, str]]  # one's own, with the address of its download or ""


@dataclass(frozen=True)
class Shown:
    part: queries.Part
    files: list[File]


@requires(Capability.EXPORT_ASK, confirmed=True)
@require_POST
def ask(request: HttpRequest, campaign_id: int, target: str) -> HttpResponse:
    campaign, target = _wanted(campaign_id, target)
    form = ReasonForm(request.POST, prefix="export")
    if not form.is_valid():
        messages.error(request, _("Say what the file is for: a second person decides by it."))
        return _back(campaign)
    wrong = handover.why_not(campaign, target)
    if wrong:
        messages.error(request, wrong)
        return _back(campaign)
    what = f"{Target(target).label} of “{campaign.name}”"
    try:
        ask_export(
            request.user,
            kind=handover.EXPORT_KIND,
            what=what[:200],
            object_id=handover.object_id(campaign.pk, target),
            **form.cleaned_data,
        )
    except Refused as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, _("Asked. When a second person has approved it, you find the download here."))
    return _back(campaign)


@requires(Capability.EXPORT_ASK, confirmed=True)
@require_POST
def take(request: HttpRequest, campaign_id: int, target: str, export_id: int) -> HttpResponse:
    campaign, target = _wanted(campaign_id, target)
    try:
        name, kind, parts = handover.take(campaign, target, export_id, actor=request.user)
    except Refused as refusal:
        messages.error(request, refusal.detail)
        return _back(campaign)
    answer = StreamingHttpResponse(parts, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _wanted(campaign_id: int, target: str) -> tuple[Campaign, str]:
    if target not in Target.values:
        raise Http404("No such file.")
    return campaign_or_404(campaign_id), target


def _back(campaign: Campaign) -> HttpResponse:
    return SeeOther(reverse("campaigns:monitor", args=[campaign.pk]) + "#files")


def context(request: HttpRequest, campaign: Campaign) -> dict:
    """What the monitor shows of this; {} for a campaign that has no such channel."""
    parts = queries.parts(campaign)
    if not parts:
        return {}
    may_ask = request.user.can(Capability.EXPORT_ASK)
    return {
        "file_parts": [
            Shown(part, [_file(request, campaign, target, may_ask) for target in queries.TARGETS[part.channel]])
            for part in parts
        ],
        "files_due": queries.due(campaign) if any(part.channel == "social" for part in parts) else [],
        "files_taken": queries.taken(campaign.pk),
        "file_form": ReasonForm(label=_("What is it for?"), prefix="export"),
        "may_ask_files": may_ask,
        "ads": ads.shown(campaign),
    }


def _file(request: HttpRequest, campaign: Campaign, target: str, may_ask: bool) -> File:
    own = (
        own_exports(request.user, handover.EXPORT_KIND, object_id=handover.object_id(campaign.pk, target))
        if may_ask
        else []
    )
    return File(
        target,
        str(Target(target).label),
        reverse("campaigns:file-ask", args=[campaign.pk, target]),
        handover.why_not(campaign, target),
        [
            (one, reverse("campaigns:file-take", args=[campaign.pk, target, one.pk]) if one.is_ready else "")
            for one in own
        ],
    )
