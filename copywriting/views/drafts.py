"""One draft: every span with its source, the findings of today's rules, a text by hand, another look at how it was made."""

from difflib import SequenceMatcher

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from copywriting import queries
from copywriting.contracts import CopyBrief, Fact, stated
from copywriting.exceptions import SourceMissing
from copywriting.forms import CHANNEL_NAMES, LOCALE_NAMES, TextForm
from copywriting.models import Draft
from copywriting.services import drafts, jobs
from copywriting.services.provenance import diff, origins, show
from copywriting.tasks import nudge
from copywriting.tasks import replay as replay_task
from copywriting.views.answers import SeeOther

MOST_COMPARED = 12


@requires(Capability.CAMPAIGN_READ)
@require_GET
def draft(request: HttpRequest, draft_id: int) -> HttpResponse:
    found = get_object_or_404(queries.drafts(), pk=draft_id)
    return _page(request, found, TextForm(initial={"subject": found.subject, "body": found.body}))


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def edit(request: HttpRequest, draft_id: int) -> HttpResponse:
    """A text by hand, beside the one that it came from; "check" only looks at it."""
    found = get_object_or_404(queries.drafts(), pk=draft_id)
    form = TextForm(request.POST)
    given = _stated(request)
    if request.POST.get("do") == "check":
        return _page(request, found, form, given=given)
    if not form.is_valid():
        return _page(request, found, form, given=given, status=400)
    typed = form.cleaned_data
    try:
        kept = drafts.edit(found, subject=typed["subject"], body=typed["body"], stated=given, actor=request.user)
    except SourceMissing as refusal:
        form.add_error("body", str(refusal))
        return _page(request, found, form, given=given, status=400)
    messages.success(request, _("Kept beside the one that you edited."))
    return SeeOther(reverse("copywriting:draft", args=[kept.pk]))


def _stated(request: HttpRequest) -> tuple[Fact, ...]:
    return stated(request.POST.getlist("fact_value"), request.POST.getlist("fact_source"))


def _page(request: HttpRequest, found: Draft, form: TextForm, *, given=None, status: int = 200) -> HttpResponse:
    brief = CopyBrief.of(found.generation.brief)
    own = drafts.stated_in(found)
    piece = queries.piece_of(found)
    typed = {name: form[name].value() or "" for name in ("subject", "body")}
    others = [one for one in queries.of_generations([found.generation_id])[found.generation_id] if one.pk != found.pk]
    before = queries.accepted_before([piece]).get(piece.pk) if piece else None
    replayed = queries.last_replay(found.generation_id)
    context = {
        "draft": found,
        "brief": brief,
        "channel": CHANNEL_NAMES.get(brief.channel, brief.channel),
        "language": LOCALE_NAMES.get(brief.locale, brief.locale),
        "piece": piece,
        "shown": show(brief, found.subject, found.body, writer=found.writer, stated=own),
        "origins": origins(brief, found.subject, found.body, own),
        "form": form,
        "editor": show(brief, typed["subject"], typed["body"], stated=own if given is None else given),
        "check_url": reverse("copywriting:check", args=[found.pk]),
        "others": others[:MOST_COMPARED],
        "edits": diff(f"{found.parent.subject} {found.parent.body}", f"{found.subject} {found.body}")
        if found.parent
        else [],
        "before": before,
        "since": diff(f"{before.subject} {before.body}", f"{found.subject} {found.body}") if before else [],
        "replayed": replayed,
        "is_replaying": replayed is not None and replayed.is_same is None and not replayed.error,
        "replay_changes": _replay_changes(found, replayed),
        "may_write": request.user.can(Capability.CAMPAIGN_COMPOSE),
    }
    return render(request, "copywriting/draft.html", context, status=status)


def _replay_changes(found: Draft, replayed) -> list[tuple[str, str]]:
    if replayed is None or replayed.is_same is not False:
        return []
    first = drafts.generation(found.generation_id)
    return diff(f"{first.subject} {first.body}", f"{replayed.subject} {replayed.body}")


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def check(request: HttpRequest, draft_id: int) -> HttpResponse:
    """The fragment beside the editor: the text as it is typed, its findings, and the numbers that wait for a source."""
    found = get_object_or_404(queries.drafts(), pk=draft_id)
    brief = CopyBrief.of(found.generation.brief)
    subject, body = request.POST.get("subject", "")[:200], request.POST.get("body", "")[:5000]
    editor = show(brief, " ".join(subject.split()), body.strip(), stated=_stated(request))
    return render(request, "copywriting/_check.html", {"editor": editor})


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def replay(request: HttpRequest, draft_id: int) -> HttpResponse:
    found = get_object_or_404(queries.drafts(), pk=draft_id)
    with transaction.atomic():
        row = jobs.ask_replay(found.generation, actor=request.user)
        nudge(replay_task, row.run_id)
    return SeeOther(reverse("copywriting:draft", args=[draft_id]) + "#replay")


@requires(Capability.CAMPAIGN_READ)
@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """Two drafts side by side, word by word."""
    both = []
    for name in ("one", "other"):
        text = request.GET.get(name, "")
        pk = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
        both.append(get_object_or_404(queries.drafts(), pk=pk))
    sides = []
    for one in both:
        brief = CopyBrief.of(one.generation.brief)
        sides.append((one, show(brief, one.subject, one.body, writer=one.writer, stated=drafts.stated_in(one))))
    said = [f"{one.subject} {one.body}" for one in both]
    alike = SequenceMatcher(None, said[0].split(), said[1].split(), autojunk=False).ratio()
    context = {"sides": sides, "changes": diff(*said), "alike": round(100 * alike)}
    return render(request, "copywriting/compare.html", context)
