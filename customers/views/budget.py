"""What differential privacy has cost: the budgets of merchants, and every answer that took from one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from customers.privacy import LARGEST_ERROR
from customers.queries import budget as queries
from customers.views.paging import next_url, page_of


@requires(Capability.CONSENT_READ)
@require_GET
def budget(request: HttpRequest) -> HttpResponse:
    before = request.GET.get("before", "")
    rows = queries.log()
    rows = rows.filter(pk__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows
    found, cursor = page_of(rows, lambda row: str(row.pk))
    lines = queries.budgets()
    context = {
        "lines": [{"line": line, "share": min(1.0, line.spent_epsilon / line.cap_epsilon)} for line in lines],
        "cap": queries.CAP,
        "largest_error": f"{LARGEST_ERROR:.0%}",
        "rows": found,
        "next_url": next_url(request, cursor),
    }
    return render(request, "customers/budget.html", context)
