"""The second pair of eyes: the words, the people, the gate, and the decision on exactly what the page shows."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.contracts import Capability, requires
from campaigns import tasks
from campaigns.exceptions import RenderRefused
from campaigns.forms.words import ApproveForm, CommentForm, ReasonForm
from campaigns.models import AudienceMember, Campaign, MessageVariant
from campaigns.queries import review as queries
from campaigns.queries.audience import newest_entries, waterfall
from campaigns.services import ads, approval, handover, tallies
from campaigns.services.messages import sample_code
from campaigns.services.preview import preview as make_preview
from campaigns.services.preview import seen
from campaigns.state import CampaignState
from campaigns.views import figures, readthrough
from campaigns.views.answers import REFUSALS, SeeOther, campaign_or_404, nudge, say_refusal
from campaigns.views.experiment import could_see
from campaigns.views.reading import reading
from campaigns.views.shell import shell
from campaigns.views.since import since
from catalog.queries import by_ids

# A mail may style itself and nothing else: no script, no picture from anywhere, no address it could reach.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
MAIL_POLICY += "frame-ancestors 'self'; sandbox"
EDITABLE_WORDS = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)


@requires(Capability.CAMPAIGN_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """A post asks a worker to read it once more; a get does so by itself where nobody has read what stands here now."""
    campaign = campaign_or_404(campaign_id)
    if request.method == "POST":
        try:
            tallies.ask_review(campaign)
        except REFUSALS as refusal:
            say_refusal(request, refusal)
        else:
            nudge(tasks.answer_tallies)
        return SeeOther(reverse("campaigns:review", args=[campaign_id]))
    return _page(request, campaign)


def _page(
    request: HttpRequest,
    campaign: Campaign,
    *,
    approve_form: ApproveForm | None = None,
    back_form: ReasonForm | None = None,
    comment_form: CommentForm | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    read = readthrough.read_of(campaign)
    words = queries.words(campaign, people=read.people)
    generations = {w.variant.generation_id: w.variant.generation for w in words if w.variant and w.variant.generation}
    context = shell(request, campaign, "review") | {
        "read": read,
        "words": _with_samples(campaign, words),
        "reading": reading(campaign),
        "drafted": sum(g.drafted for g in generations.values()),
        "passed": sum(g.passed for g in generations.values()),
        "several_channels": len({one.variant.channel for one in words if one.variant}) > 1,
        "refused": refused,
        "conversation": queries.conversation(campaign.pk, approval.content_digest(campaign)),
        "open_remarks": queries.open_remarks([campaign.pk]).get(campaign.pk, 0),
        "comment_form": comment_form or CommentForm(),
        "may_edit_words": campaign.state in EDITABLE_WORDS and request.user.can(Capability.CAMPAIGN_COMPOSE),
    }
    if campaign.state in (CampaignState.APPROVED, CampaignState.SCHEDULED):
        newest = approval.newest_of(campaign)
        context |= {"approved": newest, "valid_until": approval.valid_until(newest)}
    if campaign.frozen_at and "social" in campaign.channels:
        context["ads"] = ads.shown(campaign)
    if campaign.frozen_at and "store" in campaign.channels:
        context["sheet"] = handover.preview(campaign, sample_code(campaign))
    context |= _gate(campaign, read.gate)
    if campaign.state == CampaignState.IN_REVIEW:
        context |= _decision(request, campaign, read, approve_form, back_form)
    return render(request, "campaigns/review.html", context, status=status)


def _with_samples(campaign: Campaign, words: list[queries.Words]) -> list[tuple]:
    """(words, [(sample, preview.Seen as this person would read it)]) of each segment; one query for all products."""
    products = by_ids(sample.product_id for one in words for sample in one.samples)
    rows = []
    for one in words:
        own = [products.get(sample.product_id) for sample in one.samples]
        read = seen(campaign, one.variant, own) if one.variant else []
        rows.append((one, list(zip(one.samples, read, strict=False))))
    return rows


def _gate(campaign: Campaign, gate) -> dict:
    if gate is None:
        return {}
    power = could_see(gate.treated + gate.holdout, campaign.holdout_share, campaign.attribution_days)
    return {"gate": gate, "gate_bars": figures.gate_bars(gate), "power": power}


def _decision(request, campaign: Campaign, read: readthrough.Read, approve_form, back_form) -> dict:
    digest = read.digest
    before = approval.newest_of(campaign)
    is_author = campaign.authors.filter(pk=request.user.pk).exists()
    may_approve = request.user.can(Capability.CAMPAIGN_APPROVE)
    fresh = ApproveForm(initial={"digest": digest})
    if approve_form is not None:
        # What was typed stays; the digest becomes that of what the page shows now, or none while a worker reads it.
        fresh = ApproveForm(initial={"digest": digest, "comment": approve_form["comment"].value()})
    return {
        "digest": digest,
        "is_author": is_author,
        "may_decide": may_approve and not is_author,
        "approve_form": fresh,
        "back_form": back_form or ReasonForm(label=_("What has to change?"), prefix="back"),
        "since": since(before, approval.content_of(campaign), read.moved) if before else None,
    }


@requires(Capability.CAMPAIGN_APPROVE)
@require_POST
def approve(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    form = ApproveForm(request.POST)
    if not form.is_valid():
        text = _("This page was incomplete: read it as it is now and approve again.")
        return _page(request, campaign, approve_form=form, refused=text, status=400)
    given = form.cleaned_data
    try:
        approval.approve(campaign_id, approver=request.user, seen_digest=given["digest"], comment=given["comment"])
    except REFUSALS as refusal:
        return _page(request, campaign, approve_form=form, refused=str(refusal), status=409)
    messages.success(request, _("Approved, exactly as you saw it. Whoever may send releases it now."))
    return SeeOther(reverse("campaigns:detail", args=[campaign_id]))


@requires(Capability.CAMPAIGN_APPROVE)
@require_POST
def send_back(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    form = ReasonForm(request.POST, label=_("What has to change?"), prefix="back")
    if not form.is_valid():
        return _page(request, campaign, back_form=form, status=400)
    try:
        approval.send_back(campaign_id, actor=request.user, reason=form.cleaned_data["reason"])
    except REFUSALS as refusal:
        return _page(request, campaign, back_form=form, refused=str(refusal), status=409)
    messages.success(request, _("Sent back. Its authors read your reason on their home page."))
    return SeeOther(reverse("campaigns:detail", args=[campaign_id]))


@requires(Capability.CAMPAIGN_READ)
@require_POST
def comment(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _page(request, campaign, comment_form=form, status=400)
    given = form.cleaned_data
    try:
        row = approval.comment(campaign_id, author=request.user, text=given["text"], reply_to=given["reply_to"])
    except REFUSALS as refusal:
        return _page(request, campaign, comment_form=form, refused=str(refusal), status=409)
    return SeeOther(f"{reverse('campaigns:review', args=[campaign_id])}#said-{row.reply_to_id or row.pk}")


@requires(Capability.CAMPAIGN_READ)
@require_POST
def settle(request: HttpRequest, campaign_id: int, comment_id: int) -> HttpResponse:
    """Resolves a remark, or with no `is_resolved` opens it again."""
    campaign = campaign_or_404(campaign_id)
    try:
        approval.settle(campaign_id, comment_id, actor=request.user, is_resolved=bool(request.POST.get("is_resolved")))
    except REFUSALS as refusal:
        return _page(request, campaign, refused=str(refusal), status=409)
    return SeeOther(f"{reverse('campaigns:review', args=[campaign_id])}#said-{comment_id}")


@requires(Capability.CUSTOMER_READ)
@require_GET
def preview(request: HttpRequest, campaign_id: int, variant_id: int, customer_id: int) -> HttpResponse:
    """The page around a preview: from whom, to whom (masked), and the frame."""
    campaign, variant, member = _wanted(campaign_id, variant_id, customer_id)
    context = shell(request, campaign, "review") | {"variant": variant, "member": member}
    try:
        context["mail"] = make_preview(campaign, variant, member)
    except RenderRefused as refusal:
        context["refused"] = str(refusal)
    return render(request, "campaigns/preview.html", context)


@requires(Capability.CUSTOMER_READ)
@require_GET
@xframe_options_sameorigin
def mail(request: HttpRequest, campaign_id: int, variant_id: int, customer_id: int) -> HttpResponse:
    """The mail's own HTML, for a frame, under a policy that lets it do nothing."""
    campaign, variant, member = _wanted(campaign_id, variant_id, customer_id)
    try:
        html = make_preview(campaign, variant, member).html
    except RenderRefused:
        html = "<!doctype html><p>This person would be left out: the message cannot be filled for them.</p>"
    # A link opens in a new window, which the sandbox forbids: without this it would open inside the frame.
    html = html.replace("<head>", '<head><base target="_blank">', 1)
    return HttpResponse(
        html,
        headers={"Content-Security-Policy": MAIL_POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )


def _wanted(campaign_id: int, variant_id: int, customer_id: int) -> tuple[Campaign, MessageVariant, AudienceMember]:
    campaign = campaign_or_404(campaign_id)
    mails = MessageVariant.objects.filter(campaign=campaign, channel="email").select_related("segment")
    variant = get_object_or_404(mails, pk=variant_id)
    member = get_object_or_404(newest_entries(campaign, [customer_id]).select_related("customer"))
    return campaign, variant, member


@requires(Capability.CAMPAIGN_READ)
@require_GET
def evidence(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """What an officer needs to judge a campaign: who agreed to what, when, on which people, and what the gate said."""
    campaign = campaign_or_404(campaign_id)
    gate = waterfall(campaign.pk)
    context = shell(request, campaign, "evidence") | {
        "approvals": queries.approvals(campaign.pk),
        "words": queries.words(campaign, samples=0),
        "gate": gate,
        "gate_bars": figures.gate_bars(gate) if gate else [],
        "authors": campaign.authors.all(),
        "may_take_pack": request.user.can(Capability.CONSENT_READ),
    }
    return render(request, "campaigns/evidence.html", context)
