"""The plan: composing it, reading it, asking for the drafts, and releasing what was approved."""

import re
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.contracts import Capability, requires
from campaigns import tasks
from campaigns.contracts import Block, Trigger
from campaigns.forms.block import block_words
from campaigns.forms.plan import PlanForm
from campaigns.forms.words import ReasonForm
from campaigns.models import Campaign, Tally
from campaigns.queries import planning
from campaigns.queries.block import Sample, samples
from campaigns.queries.progress import generation_run
from campaigns.queries.triggers import words as trigger_words
from campaigns.services import compose, delivery, tallies, triggers
from campaigns.state import CampaignState, Kind, allowed_actions
from campaigns.tasks import start_due, sweep_generation
from campaigns.views import figures
from campaigns.views.answers import REFUSALS, SeeOther, campaign_or_404, nudge, say_refusal
from campaigns.views.experiment import Power, could_see
from campaigns.views.reading import reading
from campaigns.views.shell import shell
from copywriting.services.briefs import festival_name

KEPT_LENGTH, KEPT_VALUES = 1_000, 20  # characters of a value, and values of a field: more than any of them takes


@requires(Capability.CAMPAIGN_READ)
@require_GET
def detail(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    parts = list(campaign.campaign_segments.select_related("segment"))
    trigger = Trigger.of(campaign.trigger)
    context = shell(request, campaign, "detail") | {
        "parts": parts,
        "problems": compose.problems_of(campaign) if campaign.state == CampaignState.DRAFT else (),
        "power": _power([part.segment_id for part in parts], campaign.holdout_share, campaign.attribution_days),
        "cancel_form": ReasonForm(label=_("Why is it cancelled?"), prefix="cancel"),
        "block_words": block_words(Block.of(campaign.block)),
        "festival": festival_name(campaign.festival),
        "trigger": trigger and trigger_words(trigger),
        "again": trigger and trigger.again,
        "reading": reading(campaign) if campaign.kind != Kind.HISTORY else [],
        "end_form": ReasonForm(label=_("Why does it end?"), prefix="end"),
    }
    if campaign.state == CampaignState.GENERATING:
        context["run"] = generation_run(campaign.pk)
    return render(request, "campaigns/detail.html", context)


@requires(Capability.CAMPAIGN_READ)
@require_GET
def progress(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The fragment that the campaign page asks for while words are written; reloads the page when they are."""
    campaign = campaign_or_404(campaign_id)
    context = {"campaign": campaign, "run": generation_run(campaign.pk)}
    answer = render(request, "campaigns/detail.html#progress", context)
    if campaign.state != CampaignState.GENERATING:
        answer["HX-Refresh"] = "true"
    return answer


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    if campaign.state not in compose.EDITABLE or campaign.kind == "history":
        words = _(campaign.state.replace("_", " "))
        messages.error(
            request, _("A campaign that is %(words)s cannot be edited any more; compose a new one.") % {"words": words}
        )
        return SeeOther(reverse("campaigns:detail", args=[campaign_id]))
    return _edit(request, campaign)


def _edit(request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    if request.method == "GET":
        return _fresh(request, campaign)
    do = request.POST.get("do", "save")
    if do == "discard":
        compose.discard(request.user, campaign and campaign.pk)
        messages.success(request, _("What was typed and not saved is gone."))
        return SeeOther(request.path)
    if do != "save":  # one more line, a pin, a sample: everything typed stays, and nobody asked for a check
        return _again(request, campaign, do)
    form = PlanForm(request.POST, campaign=campaign)
    if not form.is_valid():
        return _form(request, campaign, form, status=400)
    try:
        if campaign is None:
            campaign = compose.create(form.plan(), actor=request.user)
        else:
            compose.update(campaign.pk, form.plan(), actor=request.user)
    except REFUSALS as refusal:  # somebody else took a step in the meantime
        form.add_error(None, str(refusal))
        return _form(request, campaign, form, status=409)
    messages.success(request, _("The plan is saved."))
    return SeeOther(reverse("campaigns:detail", args=[campaign.pk]))


def _fresh(request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    """The form as the plan stands, or as it was typed when it was left unsaved."""
    kept = planning.kept(request.user, campaign and campaign.pk)
    if kept is None:
        return _form(request, campaign, PlanForm(campaign=campaign))
    form = PlanForm(MultiValueDict(kept.fields), campaign=campaign)
    return _form(request, campaign, form, asks=True, kept_at=kept.kept_at)


def _again(request: HttpRequest, campaign: Campaign | None, do: str) -> HttpResponse:
    typed = request.POST.copy()
    what, _colon, which = do.partition(":")
    if what in ("pin", "unpin"):
        pins = [pin for pin in typed.get("pins", "").split(",") if pin and pin != which]
        typed["pins"] = ",".join([*pins, which] if what == "pin" else pins)
    form = PlanForm(typed, campaign=campaign, more_segments=1 if what == "segment" else 0)
    extra = {"samples": _samples(form), "asked_samples": True} if what == "sample" else {}
    return _form(request, campaign, form, asks=True, foresees=what == "foresee", **extra)


def _samples(form: PlanForm) -> list[Sample]:
    """The block as typed, tried on five people of the chosen segments; [] as long as it is not whole."""
    form.full_clean()
    given = form.cleaned_data
    if not {"choice", "pins", "category", "max_price", "not_bought_days", "items_per_message"} <= given.keys():
        return []
    segments = planning.segments([_whole(form[field.name].value()) for field in form.segment_fields])
    merchant = _whole(given.get("merchant")) or None
    return samples(form.block(), segments, merchant, given["items_per_message"])


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def keep(request: HttpRequest, campaign_id: int | None = None) -> HttpResponse:
    """What is typed, kept as it is while it is typed: the composer asks for it a moment after each change."""
    campaign = campaign_or_404(campaign_id) if campaign_id else None
    known = PlanForm(campaign=campaign).fields
    typed = {
        name: [value[:KEPT_LENGTH] for value in values[:KEPT_VALUES]]
        for name, values in request.POST.lists()
        if name in known or re.fullmatch(r"segment_\d{1,2}", name)
    }
    draft = compose.keep(request.user, campaign and campaign.pk, typed)
    context = {"kept_at": draft.kept_at, "just_now": True, "keep_url": request.path}
    return render(request, "campaigns/compose.html#kept", context)


def _form(
    request,
    campaign,
    form: PlanForm,
    status: int = 200,
    *,
    asks: bool = False,
    foresees: bool = False,
    kept_at=None,
    **extra,
) -> HttpResponse:
    segments = [_whole(form[field.name].value()) for field in form.segment_fields]
    days, share = _whole(form["attribution_days"].value()), _share(form["holdout"].value())
    context = {
        "campaign": campaign,
        "form": form,
        "hide_errors": asks,
        "kept_at": kept_at,
        "keep_url": reverse("campaigns:keep", args=[campaign.pk]) if campaign else reverse("campaigns:keep-new"),
        "power": _power([pk for pk in segments if pk], share, days),
        "voids": campaign is not None and campaign.state != CampaignState.DRAFT,
    }
    context |= _read(form, campaign, foresees=foresees)
    return render(request, "campaigns/compose.html", context | extra, status=status)


def _read(form: PlanForm, campaign: Campaign | None, *, foresees: bool) -> dict:
    """The plan in plain words; `foresees`: and whom caps and nights would hold up, which a worker counts."""
    if not form.is_bound:
        return {"reading": reading(campaign) if campaign else []}
    plan = form.foreseen()
    if plan is None:
        return {"reading": []}
    typed = Campaign(**plan.fields())
    context = {"reading": reading(typed)}
    if foresees and plan.segment_ids:
        row = tallies.ask_plan(typed, list(plan.segment_ids))
        nudge(tasks.answer_tallies)
        context |= _foreseen(row)
    return context


def _foreseen(row: Tally) -> dict:
    """By channel, as bars of the audience: who stays, whom a cap holds back, whom the night delays."""
    channels = []
    for one in (row.answer or {}).get("channels", ()):
        until = one["until"] and datetime.fromisoformat(one["until"])
        channels.append((one["channel"], figures.foreseen_bars(one["people"], one["capped"], one["asleep"], until)))
    return {"tally": row, "foreseen": channels}


@requires(Capability.CAMPAIGN_COMPOSE)
@require_GET
def foreseen(request: HttpRequest, tally_id: int) -> HttpResponse:
    """The fragment that the composer asks for until the worker has counted."""
    row = get_object_or_404(Tally, pk=tally_id, kind=Tally.Kind.PLAN)
    return render(request, "campaigns/compose.html#foreseen", _foreseen(row))


@requires(Capability.CAMPAIGN_COMPOSE)
@require_GET
def power(request: HttpRequest) -> HttpResponse:
    """The fragment beside the hold-out: what an experiment of this size could see."""
    segments = [_whole(value) for key, value in request.GET.items() if key.startswith("segment_")]
    share, days = _share(request.GET.get("holdout")), _whole(request.GET.get("attribution_days"))
    context = {"power": _power([pk for pk in segments if pk], share, days)}
    return render(request, "campaigns/compose.html#power", context)


def _whole(value) -> int:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _share(percent) -> float:
    try:
        share = float(percent or 0) / 100
    except ValueError:
        return 0.0
    return share if 0 <= share <= 0.5 else 0.0  # NaN fails both comparisons


def _power(segment_ids: list[int], holdout_share: float, days: int) -> Power | None:
    return could_see(planning.known_size(segment_ids) if segment_ids else None, holdout_share, days)


# --- steps that need no form: plain posts from buttons


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def ask_for_drafts(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign_or_404(campaign_id)
    try:
        compose.ask_for_drafts(campaign_id, actor=request.user)
    except REFUSALS as refusal:
        say_refusal(request, refusal)
    else:
        nudge(sweep_generation)
        messages.success(request, _("A worker chooses the products and writes the words. This takes a minute or two."))
    return SeeOther(reverse("campaigns:detail", args=[campaign_id]))


@requires(Capability.CAMPAIGN_SEND)
@require_POST
def schedule(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Releases an approved campaign: it starts at its time, at once when that has come."""
    campaign_or_404(campaign_id)
    try:
        compose.schedule(campaign_id, actor=request.user)
    except REFUSALS as refusal:
        say_refusal(request, refusal)
    else:
        nudge(start_due)
        messages.success(request, _("Released. It starts by itself when its time has come."))
    return SeeOther(reverse("campaigns:monitor", args=[campaign_id]))


@requires(Capability.CAMPAIGN_SEND)
@require_POST
def unschedule(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign_or_404(campaign_id)
    try:
        compose.unschedule(campaign_id, actor=request.user)
    except REFUSALS as refusal:
        say_refusal(request, refusal)
    else:
        messages.success(request, _("Taken back: it stays approved and starts only when it is released again."))
    return SeeOther(reverse("campaigns:detail", args=[campaign_id]))


@requires(Capability.CAMPAIGN_SEND)
@require_POST
def start(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Sets an approved campaign that answers events running."""
    campaign = campaign_or_404(campaign_id)
    if campaign.kind != Kind.TRIGGERED:
        messages.error(request, _("This campaign answers no event: release it instead."))
        return SeeOther(reverse("campaigns:detail", args=[campaign_id]))
    try:
        triggers.start(campaign_id, actor=request.user)
    except REFUSALS as refusal:
        say_refusal(request, refusal)
    else:
        messages.success(request, _("It runs: from now on it answers events, once a minute."))
    return SeeOther(reverse("campaigns:monitor", args=[campaign_id]))


@requires(Capability.CAMPAIGN_HALT)
@require_POST
def end(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Ends a campaign that answers events. Its results go on until the last person's window is over."""
    campaign_or_404(campaign_id)
    form = ReasonForm(request.POST, prefix="end")
    if not form.is_valid():
        messages.error(request, _("Say why it ends: the reason stands in the audit trail."))
        return SeeOther(reverse("campaigns:detail", args=[campaign_id]))
    try:
        skipped = triggers.end(campaign_id, actor=request.user, reason=form.cleaned_data["reason"])
    except REFUSALS as refusal:
        say_refusal(request, refusal)
    else:
        messages.success(request, _("Ended. %(n)s queued messages will not be sent.") % {"n": f"{skipped:,}"})
    return SeeOther(reverse("campaigns:detail", args=[campaign_id]))


@requires(Capability.CAMPAIGN_HALT)
@require_POST
def cancel(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Ends it for good, in whatever state; a send in progress stops with what is queued."""
    campaign = campaign_or_404(campaign_id)
    form = ReasonForm(request.POST, prefix="cancel")
    if not form.is_valid():
        messages.error(request, _("Say why it is stopped for good: the reason stands in the audit trail."))
    elif "cancel" not in allowed_actions(campaign.state, campaign.kind):
        messages.error(request, _("It is over already; nothing was changed."))
    else:
        try:
            skipped = delivery.cancel(campaign_id, actor=request.user, reason=form.cleaned_data["reason"])
        except REFUSALS as refusal:
            say_refusal(request, refusal)
        else:
            messages.success(
                request,
                _("Stopped for good. %(skipped)s queued messages will not be sent.") % {"skipped": f"{skipped:,}"},
            )
    return SeeOther(reverse("campaigns:detail", args=[campaign_id]))
