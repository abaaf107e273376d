"""The words of one variant by hand, with the linter beside them while one types and by a button without JavaScript."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.contracts import Capability, requires
from campaigns.exceptions import TemplateRefused
from campaigns.forms.words import VariantForm
from campaigns.models import Campaign, MessageVariant
from campaigns.services import words
from campaigns.state import CampaignState
from campaigns.views.answers import REFUSALS, SeeOther, campaign_or_404
from copywriting.contracts import Fact, stated
from copywriting.exceptions import SourceMissing
from copywriting.services.briefs import as_slots, as_template
from copywriting.services.drafts import stated_in
from copywriting.services.provenance import Shown


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, campaign_id: int, variant_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    variant = get_object_or_404(words.current(campaign), pk=variant_id)
    given = stated_in(variant.draft) if variant.draft else ()
    if request.method == "GET":
        typed = {name: _typed(getattr(variant, name)) for name in ("subject", "body")}
        return _words(
            request, campaign, variant, VariantForm(campaign=campaign, channel=variant.channel, initial=typed), given
        )
    form, given = VariantForm(request.POST, campaign=campaign, channel=variant.channel), _stated(request)
    if request.POST.get("do") == "check":
        return _words(request, campaign, variant, form, given)
    status = _save(request, variant, form, given) if form.is_valid() else 400
    if status != 200:
        return _words(request, campaign, variant, form, given, status=status)
    messages.success(request, _("The words are yours now: somebody else has to approve them."))
    return SeeOther(reverse("campaigns:review", args=[campaign_id]))


def _save(request: HttpRequest, variant: MessageVariant, form: VariantForm, given: tuple[Fact, ...]) -> int:
    """200, or the status of a refusal that the form then names."""
    typed = form.cleaned_data
    try:
        words.edit(variant.pk, subject=typed.get("subject", ""), body=typed["body"], stated=given, actor=request.user)
    except SourceMissing as refusal:
        form.add_error("body", str(refusal))
        return 400
    except (*REFUSALS, TemplateRefused) as refusal:
        form.add_error(None, str(refusal))
        return 409
    except MessageVariant.DoesNotExist:
        again = _("Somebody else changed these words in the meantime: copy yours, and open the page again.")
        form.add_error(None, again)
        return 409
    return 200


def _typed(template: str) -> str:
    """Slots where the text has nothing else; template code as it is."""
    text = as_slots(template)
    return template if text is None else text


def _value(form: VariantForm, name: str) -> str:
    return (form[name].value() or "") if name in form.fields else ""


def _stated(request: HttpRequest) -> tuple[Fact, ...]:
    return stated(request.POST.getlist("fact_value"), request.POST.getlist("fact_source"))


def _words(
    request, campaign: Campaign, variant, form: VariantForm, given: tuple[Fact, ...], *, status: int = 200
) -> HttpResponse:
    context = {
        "campaign": campaign,
        "variant": variant,
        "form": form,
        "voids": campaign.state in (CampaignState.APPROVED, CampaignState.SCHEDULED),
        "editor": _editor(campaign, variant, _value(form, "subject"), _value(form, "body"), given),
        "check_url": reverse("campaigns:words-check", args=[campaign.pk, variant.pk]),
    }
    return render(request, "campaigns/words.html", context, status=status)


def _editor(campaign: Campaign, variant, subject: str, body: str, given: tuple[Fact, ...]) -> Shown | None:
    brief = words.briefs_written(campaign, [variant]).get(variant.pk)
    if brief is None:
        return None
    subject, body = (words.slotted(as_template(text)) for text in (" ".join(subject.split()), body.strip()))
    return words.show_in(brief, subject[:200], body[:5000], stated=given)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def check(request: HttpRequest, campaign_id: int, variant_id: int) -> HttpResponse:
    """The fragment beside the editor: the text as it is typed, with its findings and the numbers that wait for a source."""
    campaign = campaign_or_404(campaign_id)
    variant = get_object_or_404(words.current(campaign), pk=variant_id)
    subject, body = request.POST.get("subject", ""), request.POST.get("body", "")
    editor = _editor(campaign, variant, subject, body, _stated(request))
    return render(request, "copywriting/_check.html", {"editor": editor})
