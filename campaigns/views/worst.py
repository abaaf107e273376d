"""The worst cases of a campaign's words: made-up people, the real renderer, and nobody is written to."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from campaigns.models import MessageVariant
from campaigns.queries.wording import carrying, current
from campaigns.services import worst
from campaigns.views.answers import campaign_or_404
from campaigns.views.review import MAIL_POLICY
from campaigns.views.shell import shell


@dataclass(frozen=True)
class Sheet:
    """One case of one variant, on every channel that carries it."""

    variant: MessageVariant
    case: worst.Case
    faces: list[worst.Face]

    @property
    def is_bad(self) -> bool:
        return any(hit.is_bad for face in self.faces for hit in face.hits)

    @property
    def refused(self) -> bool:
        """Whether this person would get it on no channel."""
        return all(face.refused for face in self.faces)


@requires(Capability.CAMPAIGN_READ)
@require_GET
def cases(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    variants = list(current(campaign).select_related("segment"))
    products = {pk: worst.products_of(campaign, pk) for pk in {one.segment_id for one in variants}}
    sheets = [
        Sheet(variant, case, worst.faces(campaign, variant, case, products[variant.segment_id], channels))
        for variant, channels in carrying(campaign, variants).items()
        for case in worst.CASES
    ]
    return render(request, "campaigns/worst.html", shell(request, campaign, "review") | {"sheets": sheets})


@requires(Capability.CAMPAIGN_READ)
@require_GET
@xframe_options_sameorigin
def mail(request: HttpRequest, campaign_id: int, variant_id: int, case: str) -> HttpResponse:
    """The mail's own HTML, for a frame, under a policy that lets it do nothing."""
    campaign = campaign_or_404(campaign_id)
    variant = get_object_or_404(MessageVariant, pk=variant_id, campaign=campaign, is_current=True)
    if case not in worst.BY_KEY:
        raise Http404("no such case")
    own = worst.products_of(campaign, variant.segment_id)
    found = worst.faces(campaign, variant, worst.BY_KEY[case], own, campaign.channels)
    html = next((one.html for one in found if one.html), "")
    if not html:
        raise Http404("no mail in this case")
    html = html.replace("<head>", '<head><base target="_blank">', 1)
    return HttpResponse(
        html,
        headers={"Content-Security-Policy": MAIL_POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )
