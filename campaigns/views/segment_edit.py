"""The rule builder: it works by plain posts, and with htmx shows at once what a field asks for and whom the rule finds."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.contracts import Capability, requires
from campaigns import tasks
from campaigns.exceptions import RuleRefused
from campaigns.forms import rule as rules
from campaigns.forms.words import SegmentForm
from campaigns.models import Segment, Tally
from campaigns.queries import membership
from campaigns.queries import segments as queries
from campaigns.queries.rule_fields import known_names
from campaigns.queries.rule_words import reading
from campaigns.services import segments as services
from campaigns.services import tallies
from campaigns.views import segment_figures as figures
from campaigns.views.answers import SeeOther, nudge


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, segment_id: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Segment, pk=segment_id))


@requires(Capability.CAMPAIGN_COMPOSE)
@require_GET
def counted(request: HttpRequest, tally_id: int) -> HttpResponse:
    """What a worker counted of a rule: the part of the builder that asks until it is there."""
    row = get_object_or_404(Tally, pk=tally_id, kind=Tally.Kind.COUNT)
    return render(request, "campaigns/segment_form.html#counted", _counted(request, row))


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
        tree = rules.change(tree, command)
        return _form(request, found, form, tree, asks=True)
    form = SegmentForm(request.POST)
    if form.is_valid():
        saved = _save(request, found, form, tree)
        if saved is not None:
            services.ask_for_count(saved.pk)
            nudge(tasks.refresh_segments)
            messages.success(request, _("Saved. A worker counts its people now."))
            return SeeOther(reverse("campaigns:segment", args=[saved.pk]))
    else:
        _check(tree, form, found.slug if found else "")
    return _form(request, found, form, tree, status=400)


def _save(request: HttpRequest, found: Segment | None, form: SegmentForm, tree: rules.Node) -> Segment | None:
    """The saved segment; None with the reason in the form or in the tree."""
    name = form.cleaned_data["name"]
    slug = found.slug if found else slugify(name)[:60]
    if not slug:
        form.add_error("name", _("This name has no letter or digit of the Latin alphabet: add one."))
        return None
    if found is None and Segment.objects.filter(slug=slug, merchant=None).exists():
        form.add_error("name", _("A segment of this name stands already: edit that one, or choose another name."))
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
        form.add_error(None, _("The rule cannot be used: %(why)s") % {"why": f"{refusal.reason} {refusal.remedy}"})
        return None


def _check(tree: rules.Node, form: SegmentForm, slug: str) -> bool:
    try:
        queries.compile_rule(rules.to_rule(tree), slug=slug)
    except RuleRefused as refusal:
        why = f"{refusal.reason} {refusal.remedy}"
        rules.mark(tree, refusal.place, why)
        form.add_error(None, _("The rule cannot be used yet: %(why)s") % {"why": why})
        return False
    return True


def _form(
    request: HttpRequest,
    found: Segment | None,
    form: SegmentForm,
    tree: rules.Node,
    *,
    status: int = 200,
    asks: bool = False,
) -> HttpResponse:
    """`asks`: whom the rule finds is counted, as far as it is complete."""
    rule = rules.to_rule(tree)
    try:
        words = reading(rule)
    except (KeyError, TypeError):
        words = ""  # not complete yet
    context = {"segment": found, "form": form, "tree": tree, "reading": words}
    context["hints"] = [(kind, known_names(kind)) for kind in sorted(tree.hints_inside())]
    if asks and words:
        try:
            row = tallies.ask_count(
                rule, merchant_id=found.merchant_id if found else None, slug=found.slug if found else ""
            )
        except RuleRefused as refusal:
            context["unfinished"] = f"{refusal.reason} {refusal.remedy}"
        else:
            nudge(tasks.answer_tallies)
            context |= _counted(request, row)
    return render(request, "campaigns/segment_form.html", context, status=status)


def _counted(request: HttpRequest, row: Tally) -> dict:
    answer = row.answer or {}
    may_see_people = request.user.can(Capability.CUSTOMER_READ)
    return {
        "tally": row,
        "size": answer.get("size"),
        "channels": figures.bars(answer["reach"], answer["size"]) if answer else [],
        "sample": membership.shown(answer.get("sample", ())) if may_see_people else None,
    }
