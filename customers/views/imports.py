"""Files of people and what they did: upload, columns, dry run, load, report, and back. A worker does the work."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.contracts import Capability, requires
from accounts.exceptions import Refused
from customers.exceptions import ImportRefused
from customers.forms import Because, ImportColumns, UploadFile
from customers.models import ImportBatch
from customers.services import import_undo
from customers.services import imports as service
from customers.views.paging import next_url, page_of, platform_staff_only

REJECTS_SHOWN = 50
State = ImportBatch.State
MOVING = {State.RECEIVED, State.TO_CHECK, State.CHECKING, State.TO_LOAD, State.LOADING}


@requires(Capability.PEOPLE_WRITE)
@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """All imports, the newest first, and the form for the next."""
    platform_staff_only(request)
    form = UploadFile(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            batch = service.receive(form.cleaned_data["kind"], file.name, file.chunks(), actor=request.user)
        except ImportRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("customers:import", batch.pk)
    before = request.GET.get("before", "")
    rows = ImportBatch.objects.select_related("actor").order_by("-pk")
    rows = rows.filter(pk__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows
    found, cursor = page_of(rows, lambda row: str(row.pk))
    context = {"form": form, "rows": found, "next_url": next_url(request, cursor)}
    return render(request, "customers/imports.html", context, status=400 if form.errors else 200)


@requires(Capability.PEOPLE_WRITE)
@require_GET
def batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    """One import; asked by htmx it is the part that moves."""
    platform_staff_only(request)
    row = get_object_or_404(ImportBatch.objects.select_related("actor"), pk=batch_id)
    return _page(request, row)


def _page(request: HttpRequest, row: ImportBatch, form: ImportColumns | None = None, status: int = 200) -> HttpResponse:
    may_choose = row.state in {State.NEW, State.CHECKED, State.FAILED} and bool(row.columns)
    refused = list(service.rejects(row.pk)[: REJECTS_SHOWN + 1])
    context = {
        "batch": row,
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
    ends = (
        (_("taken in"), row.taken, "treated"),
        (_("known before"), row.known, "holdout"),
        ("refused", row.rejected, "bad"),
    )
    return [{"words": words, "number": number, "share": number / total, "mark": mark} for words, number, mark in ends]


@requires(Capability.PEOPLE_WRITE)
@require_POST
def choose(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Which column is what; asks for the dry run."""
    platform_staff_only(request)
    row = get_object_or_404(ImportBatch, pk=batch_id)
    form = ImportColumns(request.POST, batch=row)
    if form.is_valid():
        try:
            service.choose(row.pk, form.mapping(), form.options())
            return redirect("customers:import", row.pk)
        except ImportRefused as refusal:
            form.add_error(None, str(refusal))
    return _page(request, row, form, status=400)


@requires(Capability.PEOPLE_WRITE)
@require_POST
def load(request: HttpRequest, batch_id: int) -> HttpResponse:
    platform_staff_only(request)
    return _act(request, batch_id, lambda row: service.load(row.pk, actor=request.user))


@requires(Capability.PEOPLE_WRITE)
@require_POST
def discard(request: HttpRequest, batch_id: int) -> HttpResponse:
    platform_staff_only(request)
    return _act(request, batch_id, lambda row: service.discard(row.pk, actor=request.user))


@requires(Capability.PEOPLE_WRITE)
@require_POST
def undo(request: HttpRequest, batch_id: int) -> HttpResponse:
    platform_staff_only(request)
    form = Because(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    return _act(request, batch_id, lambda row: import_undo.undo(row.pk, actor=request.user, reason=reason))


def _act(request: HttpRequest, batch_id: int, act) -> HttpResponse:
    row = get_object_or_404(ImportBatch, pk=batch_id)
    try:
        act(row)
    except (Refused, ImportRefused) as refusal:
        messages.error(request, _("%(refusal)s Nothing was changed.") % {"refusal": refusal})
    return redirect("customers:import", row.pk)


@requires(Capability.PEOPLE_WRITE)
@require_GET
def rejects(request: HttpRequest, batch_id: int) -> StreamingHttpResponse:
    """The refused lines as a file: line, field, reason, remedy. It holds nothing of what stood in them."""
    platform_staff_only(request)
    row = get_object_or_404(ImportBatch, pk=batch_id)
    answer = StreamingHttpResponse(service.reject_lines(row.pk), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="refused-{row.pk}.csv"'
    return answer
