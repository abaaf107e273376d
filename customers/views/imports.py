"""Files of people and what they did: upload, columns, dry run, load, report, and back. A worker does the work.

The same pages have two doors: one for every file, and one for lists of people who are known, from which nothing new comes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.contracts import Capability, requires
from accounts.exceptions import Refused
from customers.exceptions import ImportRefused
from customers.forms import Because, ImportColumns, UploadFile, UploadList
from customers.models import ImportBatch
from customers.services import import_undo
from customers.services import imports as service
from customers.views.paging import next_url, page_of, platform_staff_only

REJECTS_SHOWN = 50
State = ImportBatch.State
MOVING = {State.RECEIVED, State.TO_CHECK, State.CHECKING, State.TO_LOAD, State.LOADING}


@dataclass(frozen=True)
class Door:
    """Which files go through it, and the names of its routes: the list of files, and the beginning of the rest."""

    files: str
    file: str
    upload: type[UploadFile]
    kind: str = ""  # of all its files; "": any

    def row(self, batch_id: int) -> ImportBatch:
        rows = ImportBatch.objects.select_related("actor")
        return get_object_or_404(rows.filter(kind=self.kind) if self.kind else rows, pk=batch_id)


EVERY = Door("customers:imports", "customers:import", UploadFile)
KNOWN = Door("customers:list_files", "customers:list_file", UploadList, ImportBatch.Kind.MEMBERS)


@requires(Capability.PEOPLE_WRITE)
@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    return _files(request, EVERY)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def list_files(request: HttpRequest) -> HttpResponse:
    return _files(request, KNOWN)


def _files(request: HttpRequest, door: Door) -> HttpResponse:
    """All files of this door, the newest first, and the form for the next."""
    platform_staff_only(request)
    form = door.upload(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            kind = door.kind or form.cleaned_data["kind"]
            batch = service.receive(kind, file.name, file.chunks(), actor=request.user)
        except ImportRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect(door.file, batch.pk)
    before = request.GET.get("before", "")
    rows = ImportBatch.objects.select_related("actor").order_by("-pk")
    rows = rows.filter(kind=door.kind) if door.kind else rows
    rows = rows.filter(pk__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows
    found, cursor = page_of(rows, lambda row: str(row.pk))
    context = {"form": form, "rows": found, "next_url": next_url(request, cursor), "door": door}
    return render(request, "customers/imports.html", context, status=400 if form.errors else 200)


@requires(Capability.PEOPLE_WRITE)
@require_GET
def batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _one(request, batch_id, EVERY)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_GET
def list_file(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _one(request, batch_id, KNOWN)


def _one(request: HttpRequest, batch_id: int, door: Door) -> HttpResponse:
    """One import; asked by htmx it is the part that moves."""
    platform_staff_only(request)
    return _page(request, door.row(batch_id), door)


def _page(
    request: HttpRequest, row: ImportBatch, door: Door, form: ImportColumns | None = None, status: int = 200
) -> HttpResponse:
    may_choose = row.state in {State.NEW, State.CHECKED, State.FAILED} and bool(row.columns)
    refused = list(service.rejects(row.pk)[: REJECTS_SHOWN + 1])
    context = {
        "batch": row,
        "door": door,
        "is_moving": row.state in MOVING,
        "form": form or (ImportColumns(batch=row) if may_choose else None),
        "because": Because(),
        "rejects": refused[:REJECTS_SHOWN],
        "has_more": len(refused) > REJECTS_SHOWN,
        "shares": _shares(row),
    }
    name = "customers/import.html#moving" if request.htmx else "customers/import.html"
    return render(request, name, context, status=status)


def _shares(row: ImportBatch) -> list[dict]:
    """Of the lines read, how many came to which end: for the picture."""
    total = row.done or 1
    is_list = row.kind == ImportBatch.Kind.MEMBERS
    ends = (
        (_("on the list") if is_list else _("taken in"), row.taken, "treated"),
        (_("on it already") if is_list else _("known before"), row.known, "holdout"),
        (_("refused"), row.rejected, "bad"),
    )
    return [{"words": words, "number": number, "share": number / total, "mark": mark} for words, number, mark in ends]


@requires(Capability.PEOPLE_WRITE)
@require_POST
def choose(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _choose(request, batch_id, EVERY)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def list_choose(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _choose(request, batch_id, KNOWN)


def _choose(request: HttpRequest, batch_id: int, door: Door) -> HttpResponse:
    """Which column is what; asks for the dry run."""
    platform_staff_only(request)
    row = door.row(batch_id)
    form = ImportColumns(request.POST, batch=row)
    if form.is_valid():
        try:
            service.choose(row.pk, form.mapping(), form.options())
            return redirect(door.file, row.pk)
        except ImportRefused as refusal:
            form.add_error(None, str(refusal))
    return _page(request, row, door, form, status=400)


@requires(Capability.PEOPLE_WRITE)
@require_POST
def load(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _act(request, batch_id, EVERY, service.load)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def list_load(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _act(request, batch_id, KNOWN, service.load)


@requires(Capability.PEOPLE_WRITE)
@require_POST
def discard(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _act(request, batch_id, EVERY, service.discard)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def list_discard(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _act(request, batch_id, KNOWN, service.discard)


@requires(Capability.PEOPLE_WRITE)
@require_POST
def undo(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _act(request, batch_id, EVERY, import_undo.undo, reason=_reason(request))


@requires(Capability.CAMPAIGN_COMPOSE)
@require_POST
def list_undo(request: HttpRequest, batch_id: int) -> HttpResponse:
    return _act(request, batch_id, KNOWN, import_undo.undo, reason=_reason(request))


def _reason(request: HttpRequest) -> str:
    form = Because(request.POST)
    return form.cleaned_data["reason"] if form.is_valid() else ""


def _act(request: HttpRequest, batch_id: int, door: Door, act: Callable, **more) -> HttpResponse:
    platform_staff_only(request)
    row = door.row(batch_id)
    try:
        act(row.pk, actor=request.user, **more)
    except (Refused, ImportRefused) as refusal:
        messages.error(request, _("%(refusal)s Nothing was changed.") % {"refusal": refusal})
    return redirect(door.file, row.pk)


@requires(Capability.PEOPLE_WRITE)
@require_GET
def rejects(request: HttpRequest, batch_id: int) -> StreamingHttpResponse:
    return _rejects(request, batch_id, EVERY)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_GET
def list_rejects(request: HttpRequest, batch_id: int) -> StreamingHttpResponse:
    return _rejects(request, batch_id, KNOWN)


def _rejects(request: HttpRequest, batch_id: int, door: Door) -> StreamingHttpResponse:
    """The refused lines as a file: line, field, reason, remedy. It holds nothing of what stood in them."""
    platform_staff_only(request)
    row = door.row(batch_id)
    answer = StreamingHttpResponse(service.reject_lines(row.pk), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="refused-{row.pk}.csv"'
    return answer
