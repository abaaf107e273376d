"""The studio: what was asked for, a brief of its own, and the drafts of a job while a worker writes them."""

from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.contracts import Capability, requires
from copywriting import queries
from copywriting.contracts import CopyBrief
from copywriting.exceptions import BriefInvalid, NotAcceptable
from copywriting.forms import CHANNEL_NAMES, LOCALE_NAMES, TONES, BriefForm, WishesForm, wishes_of
from copywriting.models import Draft, Job, Piece
from copywriting.services import jobs
from copywriting.services.drafts import stated_in
from copywriting.services.provenance import Shown, diff, show
from copywriting.tasks import nudge, write
from copywriting.views.answers import SeeOther, page_below

PAGE = 25
PIECES = 60  # texts on one page; a merchant's thousand descriptions go on below


@requires(Capability.CAMPAIGN_READ)
@require_GET
def studio(request: HttpRequest) -> HttpResponse:
    rows, below = page_below(request, queries.jobs(), PAGE)
    tally = queries.tally([job.pk for job in rows])
    context = {"jobs": [(job, *tally.get(job.pk, (0, 0, 0))) for job in rows], "below": below}
    return render(request, "copywriting/studio.html", context)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _form(request, BriefForm())
    form = BriefForm(request.POST)
    if request.POST.get("do") == "find":  # everything typed stays, and nobody asked for a check
        return _form(request, form, asks=True)
    if not form.is_valid():
        return _form(request, form, status=400)
    with transaction.atomic():
        asked = {name: value for name, value in form.cleaned_data.items() if name not in ("find", "name")}
        job = jobs.ask(Job.Kind.BRIEF, form.cleaned_data["name"], form.briefs(), actor=request.user, asked=asked)
        nudge(write, job.run_id)
    return SeeOther(reverse("copywriting:job", args=[job.pk]))


def _form(request: HttpRequest, form: BriefForm, status: int = 200, *, asks: bool = False) -> HttpResponse:
    context = {"form": form, "hide_errors": asks, "tones": TONES}
    return render(request, "copywriting/new.html", context, status=status)


@dataclass(frozen=True)
class Written:
    """A draft as it is shown, and how it differs from what was accepted before; [] when nothing was or nothing differs."""

    draft: Draft
    shown: Shown
    changes: list[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """One text of a job with its drafts."""

    piece: Piece
    brief: CopyBrief
    channel: str
    language: str
    drafts: list[Written]
    before: Draft | None
    wishes: WishesForm


@requires(Capability.CAMPAIGN_READ)
@require_GET
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    return _job(request, job_id)


def _job(request: HttpRequest, job_id: int, refused: str = "", status: int = 200) -> HttpResponse:
    found = queries.job(job_id)
    if found is None:
        raise Http404
    text = request.GET.get("from", "")
    start = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
    rows = list(queries.pieces(job_id).filter(place__gte=start)[: PIECES + 1])
    before = queries.accepted_before(rows[:PIECES])
    context = {
        "job": found,
        "pieces": [_asked(piece, before.get(piece.pk)) for piece in rows[:PIECES]],
        "goes_on": rows[PIECES].place if len(rows) > PIECES else None,
        "is_moving": _is_moving(found),
        "may_write": request.user.can(Capability.CAMPAIGN_COMPOSE),
        "refused": refused,
        "tones": TONES,
    }
    return render(request, "copywriting/job.html", context, status=status)


def _is_moving(found: Job) -> bool:
    return found.run is not None and found.run.state in ("queued", "running")


def _asked(piece: Piece, before: Draft | None) -> Asked:
    brief = CopyBrief.of(piece.brief)
    written = []
    for draft in piece.generation.drafts.all() if piece.generation else ():
        stated = stated_in(draft)
        changes = diff(f"{before.subject} {before.body}", f"{draft.subject} {draft.body}") if before else []
        shown = show(brief, draft.subject, draft.body, writer=draft.writer, stated=stated)
        written.append(Written(draft, shown, changes))
    return Asked(
        piece,
        brief,
        CHANNEL_NAMES.get(brief.channel, brief.channel),
        LOCALE_NAMES.get(brief.locale, brief.locale),
        written,
        before,
        WishesForm(initial=wishes_of(brief), prefix=f"p{piece.pk}"),
    )


@requires(Capability.CAMPAIGN_READ)
@require_GET
def progress(request: HttpRequest, job_id: int) -> HttpResponse:
    """The fragment that the page of a job asks for while it is written; reloads the page when it is."""
    found = queries.job(job_id)
    if found is None:
        raise Http404
    answer = render(request, "copywriting/job.html#progress", {"job": found, "is_moving": _is_moving(found)})
    if not _is_moving(found):
        answer["HX-Refresh"] = "true"
    return answer


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def accept(request: HttpRequest, piece_id: int) -> HttpResponse:
    piece = get_object_or_404(Piece, pk=piece_id)
    text = request.POST.get("draft", "")
    try:
        jobs.accept(piece_id, int(text) if text.isdecimal() and len(text) < 19 else 0, actor=request.user)
    except NotAcceptable as refusal:
        return _job(request, piece.job_id, _("Not accepted: %(reason)s") % {"reason": refusal}, status=409)
    if piece.brief.get("channel") == "description":
        messages.success(request, _("Accepted, and written to the product."))
    else:
        messages.success(request, _("Accepted."))
    return SeeOther(reverse("copywriting:job", args=[piece.job_id]) + f"#piece-{piece_id}")


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def again(request: HttpRequest, piece_id: int) -> HttpResponse:
    """The same facts for the same readers, once more, with what is to be different."""
    piece = get_object_or_404(Piece.objects.select_related("job"), pk=piece_id)
    form = WishesForm(request.POST, prefix=f"p{piece_id}")
    if not form.is_valid():
        problems = "; ".join(f"{form.fields[name].label}: {' '.join(said)}" for name, said in form.errors.items())
        return _job(request, piece.job_id, problems, status=400)
    try:
        with transaction.atomic():
            asked = jobs.ask_again(
                CopyBrief.of(piece.brief),
                form.changes(),
                kind=piece.job.kind,
                name=_("%(name)s, again") % {"name": piece.job.name},
                actor=request.user,
                product_id=piece.product_id,
                merchant_id=piece.job.merchant_id,
            )
            nudge(write, asked.run_id)
    except BriefInvalid as reason:
        return _job(request, piece.job_id, str(reason), status=400)
    return SeeOther(reverse("copywriting:job", args=[asked.pk]))
