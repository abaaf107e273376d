"""The audit trail: searched page by page, taken along whole by whoever has the right, which is an entry of its own."""

from datetime import UTC, datetime, time, timedelta

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import queries, services
from accounts.contracts import Capability, TrailFilter, requires
from accounts.forms import AuditFilter

PAGE = 50


def _asked(form: AuditFilter) -> TrailFilter:
    """What the form asks for; days run from midnight to midnight UTC, the last one included."""
    given = form.cleaned_data if form.is_bound and form.is_valid() else {}
    words = {name: given.get(name) or "" for name in ("actor", "action", "object_type", "object_id")}
    since, until = given.get("since"), given.get("until")
    return TrailFilter(
        **words,
        since=since and datetime.combine(since, time.min, UTC),
        until=until and datetime.combine(until + timedelta(days=1), time.min, UTC),
    )


@requires(Capability.AUDIT_READ)
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    form = AuditFilter(request.GET or None)
    if form.is_bound and not form.is_valid():
        return render(request, "accounts/audit.html", {"form": form, "entries": []}, status=400)
    rows = queries.audit_trail(_asked(form))
    entries = list(queries.older_than(rows, request.GET.get("before", ""))[: PAGE + 1])
    more = ""
    if len(entries) > PAGE:
        entries = entries[:PAGE]
        query = request.GET.copy()
        query["before"] = queries.cursor_of(entries[-1])
        more = f"?{query.urlencode()}"
    context = {"form": form, "entries": entries, "next_url": more}
    context["may_export"] = request.user.can(Capability.AUDIT_EXPORT)
    return render(request, "accounts/audit.html", context)


@requires(Capability.AUDIT_EXPORT)
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """What the search on the page finds, all of it, as CSV or JSON lines. The export is audited before its first line."""
    form = AuditFilter(request.POST)
    if not form.is_valid():
        return render(request, "accounts/audit.html", {"form": form, "entries": [], "may_export": True}, status=400)
    asked, kind = _asked(form), "json" if request.POST.get("format") == "json" else "csv"
    services.audit_export(request.user, asked, kind)
    rows = queries.audit_trail(asked).iterator(chunk_size=2_000)
    lines = services.trail_as_csv(rows) if kind == "csv" else services.trail_as_json(rows)
    name = f"audit-{timezone.now():%Y%m%dT%H%M%SZ}.{'csv' if kind == 'csv' else 'jsonl'}"
    answer = StreamingHttpResponse(lines, content_type="text/csv" if kind == "csv" else "application/jsonl")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
