"""The words of one advertisement by hand, within the room of its platform."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.contracts import Capability, requires
from campaigns.exceptions import TemplateRefused, WordsRefused
from campaigns.forms.words import VariantForm
from campaigns.models import AdCopy
from campaigns.services import ads, words
from campaigns.state import CampaignState
from campaigns.views.answers import REFUSALS, SeeOther, campaign_or_404


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, campaign_id: int, ad_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    rows = AdCopy.objects.filter(campaign=campaign, is_current=True).select_related("segment", "campaign")
    ad = get_object_or_404(rows, pk=ad_id)
    if request.method == "POST":
        form = VariantForm(request.POST, campaign=campaign)
        status = _save(request, ad, form) if form.is_valid() else 400
        if status == 200:
            messages.success(request, _("The words are yours now: somebody else has to approve them."))
            return SeeOther(reverse("campaigns:review", args=[campaign_id]))
    else:
        form, status = VariantForm(campaign=campaign, initial={"subject": ad.subject, "body": ad.body}), 200
    subject_room, body_room = ads.room_of(ad)
    form.fields["subject"].label, form.fields["body"].label = _("Headline"), _("Text")
    form.fields["subject"].help_text = _("At most %(n)s signs are shown.") % {"n": subject_room}
    context = {
        "campaign": campaign,
        "ad": ad,
        "form": form,
        "body_room": body_room,
        "voids": campaign.state in (CampaignState.APPROVED, CampaignState.SCHEDULED),
    }
    return render(request, "campaigns/ad.html", context, status=status)


def _save(request: HttpRequest, ad: AdCopy, form: VariantForm) -> int:
    """200, or the status of a refusal that the form then names."""
    typed = form.cleaned_data
    try:
        words.edit_ad(ad.pk, subject=typed["subject"], body=typed["body"], actor=request.user)
    except (*REFUSALS, TemplateRefused, WordsRefused) as refusal:
        form.add_error(None, str(refusal))
        return 409
    except AdCopy.DoesNotExist:
        again = _("Somebody else changed these words in the meantime: copy yours, and open the page again.")
        form.add_error(None, again)
        return 409
    return 200
