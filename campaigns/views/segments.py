"""Segments: who is meant in plain words, how many they are as kept, who came and left, and how they overlap."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.contracts import Capability, requires
from campaigns import tasks
from campaigns.exceptions import RuleRefused, SegmentInUse
from campaigns.models import Segment, Tally
from campaigns.queries import membership
from campaigns.queries import segments as queries
from campaigns.queries.rule_words import reading
from campaigns.queries.segment_uses import uses
from campaigns.services import segments as services
from campaigns.services import tallies
from campaigns.views import segment_figures as figures
from campaigns.views.answers import SeeOther, nudge, page_below

SHOWN = 200  # a platform that needs more wants folders, not a longer page
MOVES_SHOWN = 50
A_DAY = timedelta(days=1)


@requires(Capability.CAMPAIGN_READ)
@require_GET
def segments(request: HttpRequest) -> HttpResponse:
    rows = [
        {"segment": one, "reading": reading(one.rule), "is_stale": figures.is_stale(one)}
        for one in queries.visible().select_related("merchant")[:SHOWN]
    ]
    context = {
        "rows": rows,
        "may_compose": request.user.can(Capability.CAMPAIGN_COMPOSE),
        "most": membership.MOST_OVERLAPPING,
    }
    return render(request, "campaigns/segments.html", context)


@requires(Capability.CAMPAIGN_READ)
@require_GET
def segment(request: HttpRequest, segment_id: int) -> HttpResponse:
    """One segment; asked by htmx while a count is under way, the numbers alone."""
    found = get_object_or_404(Segment.objects.select_related("merchant", "created_by"), pk=segment_id)
    may_see_people = request.user.can(Capability.CUSTOMER_READ)
    nights = membership.nights(found)
    context = {
        "segment": found,
        "reading": reading(found.rule),
        "is_stale": figures.is_stale(found),
        "channels": figures.channel_bars(found),
        "people": membership.shown(found.sample) if may_see_people else None,
        "may_compose": request.user.can(Capability.CAMPAIGN_COMPOSE),
        "uses": uses(found),
        "nights": nights,
        "history": figures.history(nights),
    }
    name = "campaigns/segment.html#numbers" if request.htmx else "campaigns/segment.html"
    return render(request, name, context)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def count(request: HttpRequest, segment_id: int) -> HttpResponse:
    """Leaves the wish for a count; the page shows it when a worker has it."""
    found = get_object_or_404(Segment, pk=segment_id)
    services.ask_for_count(found.pk)
    nudge(tasks.refresh_segments)
    messages.success(request, _("A worker counts it now; the page shows the number as soon as it is there."))
    return SeeOther(reverse("campaigns:segment", args=[segment_id]))


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, segment_id: int) -> HttpResponse:
    """Asks once more, or says who relies on the segment; then it goes."""
    found = get_object_or_404(Segment, pk=segment_id)
    if request.method == "POST":
        try:
            services.delete_segment(found.pk, actor=request.user)
        except SegmentInUse:
            return render(request, "campaigns/segment_delete.html", {"segment": found, "uses": uses(found)}, status=409)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": found.name})
        return SeeOther(reverse("campaigns:segments"))
    return render(request, "campaigns/segment_delete.html", {"segment": found, "uses": uses(found)})


@requires(Capability.CUSTOMER_READ)
@require_GET
def moves(request: HttpRequest, segment_id: int) -> HttpResponse:
    """Who came into the segment since yesterday, or left it."""
    found = get_object_or_404(Segment, pk=segment_id)
    is_entry = request.GET.get("way") != "out"
    rows, next_url = page_below(
        request, membership.moves(found.pk, is_entry=is_entry, since=timezone.now() - A_DAY), MOVES_SHOWN
    )
    people = {person.pk: person for person in membership.shown(row.customer_id for row in rows)}
    context = {
        "segment": found,
        "is_entry": is_entry,
        "rows": [(row, people.get(row.customer_id)) for row in rows],
        "next_url": next_url,
    }
    return render(request, "campaigns/segment_moves.html", context)


@requires(Capability.CAMPAIGN_READ)
@require_http_methods(["POST"])
def overlap(request: HttpRequest) -> HttpResponse:
    """Asks how some segments overlap; a worker counts it."""
    chosen = [int(pk) for pk in request.POST.getlist("segment") if pk.isdecimal() and len(pk) < 19]
    known = list(queries.visible().filter(pk__in=chosen).values_list("pk", flat=True))
    try:
        row = tallies.ask_overlap(known)
    except RuleRefused as refusal:
        messages.error(request, f"{refusal.reason} {refusal.remedy}")
        return SeeOther(reverse("campaigns:segments"))
    nudge(tasks.answer_tallies)
    return SeeOther(reverse("campaigns:overlap-answer", args=[row.pk]))


@requires(Capability.CAMPAIGN_READ)
@require_GET
def overlap_answer(request: HttpRequest, tally_id: int) -> HttpResponse:
    row = get_object_or_404(Tally, pk=tally_id, kind=Tally.Kind.OVERLAP)
    named = {one.pk: one for one in Segment.objects.filter(pk__in=row.question["segments"])}
    chosen = [named[pk] for pk in row.question["segments"] if pk in named]
    context = {"tally": row, "segments": list(zip(figures.LETTERS, chosen, strict=False))}
    if row.answer and len(chosen) == len(row.question["segments"]):
        parts = [membership.Part(tuple(places), people) for places, people in row.answer["parts"]]
        context |= figures.overlap(chosen, parts)
    name = "campaigns/segment_overlap.html#answer" if request.htmx else "campaigns/segment_overlap.html"
    return render(request, name, context)
