"""Segments: who is meant, in plain words; a builder for the rule that works by plain posts."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.contracts import Capability, requires
from campaigns.exceptions import RuleRefused
from campaigns.forms import rule as rules
from campaigns.forms.words import SegmentForm
from campaigns.models import Segment
from campaigns.queries import segments as queries
from campaigns.services import segments as services
from campaigns.views.answers import SeeOther

SHOWN = 200  # a platform that needs more wants folders, not a longer page


@requires(Capability.CAMPAIGN_READ)
@require_GET
def segments(request: HttpRequest) -> HttpResponse:
    rows = [
        (segment, queries.reading(segment.rule)) for segment in queries.visible().select_related("merchant")[:SHOWN]
    ]
    may_compose = request.user.can(Capability.CAMPAIGN_COMPOSE)
    return render(request, "campaigns/segments.html", {"rows": rows, "may_compose": may_compose})


@requires(Capability.CAMPAIGN_READ)
@require_GET
def segment(request: HttpRequest, segment_id: int) -> HttpResponse:
    found = get_object_or_404(Segment.objects.select_related("merchant", "created_by"), pk=segment_id)
    may_see_people = request.user.can(Capability.CUSTOMER_READ)
    context = {
        "segment": found,
        "reading": queries.reading(found.rule),
        "people": queries.samples(found) if may_see_people else None,
        "may_compose": request.user.can(Capability.CAMPAIGN_COMPOSE),
    }
    return render(request, "campaigns/segment.html", context)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def count(request: HttpRequest, segment_id: int) -> HttpResponse:
    size = services.count(get_object_or_404(Segment, pk=segment_id))
    messages.success(request, f"{size:,} people are in the segment now.")
    return SeeOther(reverse("campaigns:segment", args=[segment_id]))


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, segment_id: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Segment, pk=segment_id))


def _edit(request: HttpRequest, found: Segment | None) -> HttpResponse:
    """Every button posts the whole form. All but Save change the tree and show the page again, with what was typed."""
    if request.method == "GET":
        form = SegmentForm(initial={"name": found.name, "audience_phrase": found.audience_phrase} if found else None)
        tree = rules.from_rule(found.rule) if found else rules.blank()
        return _form(request, found, form, tree)
    tree = rules.parse(request.POST)
    command = request.POST.get("do", "save")
    if command != "save":
        # Not bound: nobody wants to read of missing fields while still building.
        form = SegmentForm(initial={name: request.POST.get(name, "") for name in SegmentForm.base_fields})
        return _form(request, found, form, rules.change(tree, command))
    form = SegmentForm(request.POST)
    if form.is_valid():
        saved = _save(request, found, form, tree)
        if saved is not None:
            messages.success(request, "Saved. Count it to see how many people it holds now.")
            return SeeOther(reverse("campaigns:segment", args=[saved.pk]))
    else:
        _check(tree, form, found.slug if found else "")
    return _form(request, found, form, tree, status=400)


def _save(request: HttpRequest, found: Segment | None, form: SegmentForm, tree: rules.Node) -> Segment | None:
    """The saved segment; None with the reason in the form or in the tree."""
    name = form.cleaned_data["name"]
    slug = found.slug if found else slugify(name)[:60]
    if not slug:
        form.add_error("name", "This name has no letter or digit of the Latin alphabet: add one.")
        return None
    if found is None and Segment.objects.filter(slug=slug, merchant=None).exists():
        form.add_error("name", "A segment of this name stands already: edit that one, or choose another name.")
        return None
    if not _check(tree, form, slug):
        return None
    try:
        return services.save_segment(
            slug=slug,
            name=name,
            rule=rules.to_rule(tree),
            audience_phrase=form.cleaned_data["audience_phrase"],
            actor=request.user,
            merchant_id=found.merchant_id if found else None,
        )
    except RuleRefused as refusal:
        form.add_error(None, f"The rule cannot be used: {refusal.reason} {refusal.remedy}")
        return None


def _check(tree: rules.Node, form: SegmentForm, slug: str) -> bool:
    try:
        queries.compile_rule(rules.to_rule(tree), slug=slug)
    except RuleRefused as refusal:
        rules.mark(tree, refusal.place, f"{refusal.reason} {refusal.remedy}")
        form.add_error(None, f"The rule cannot be used yet: {refusal.reason} {refusal.remedy}")
        return False
    return True


def _form(request: HttpRequest, found: Segment | None, form: SegmentForm, tree: rules.Node, status: int = 200):
    try:
        reading = queries.reading(rules.to_rule(tree))
    except (KeyError, TypeError):
        reading = ""  # not complete yet
    context = {"segment": found, "form": form, "tree": tree, "reading": reading}
    return render(request, "campaigns/segment_form.html", context, status=status)
