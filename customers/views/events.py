"""The event explorer: what came in and what was set aside."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from catalog.queries import merchant_of, merchants
from customers.forms import EventSearch
from customers.models import Event, Quarantine
from customers.views.paging import names_of, next_url, older, page_of


@requires(Capability.EVENT_READ)
@require_GET
def events(request: HttpRequest) -> HttpResponse:
    """A merchant's own member sees its own events alone."""
    own = merchant_of(request.user)
    form = EventSearch(request.GET or None, merchants=[own] if own else merchants())
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    chosen = str(own.id) if own else asked.get("merchant", "")
    narrow = {"merchant_id": None if chosen == "platform" else int(chosen)} if chosen else {}
    before = request.GET.get("before", "")
    is_quarantine = asked.get("show") == "quarantine"
    if is_quarantine:
        rows = Quarantine.objects.filter(**narrow).select_related("merchant").order_by("-id")
        rows = rows.filter(id__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows
        found, cursor = page_of(rows, lambda row: str(row.pk))
    else:
        if asked.get("name"):
            narrow["name"] = asked["name"]
        # Each order has its index: a merchant's newest arrivals, or everybody's newest happenings.
        column = "received_at" if chosen else "occurred_at"
        # The planner does not see that IS NULL makes the merchant one value, so the order names it.
        order = ["merchant_id", f"-{column}", "-id"] if chosen else [f"-{column}", "-id"]
        rows = Event.objects.filter(**narrow).select_related("merchant").order_by(*order)
        rows = older(rows, before, column)
        found, cursor = page_of(rows, lambda row: f"{getattr(row, column).isoformat()}~{row.id}")
        # Merchants know their customers by ids of their own; whose they are here is not theirs to learn.
        names = {} if own else names_of(row.customer_id for row in found)
        for row in found:
            row.customer_name = names.get(row.customer_id, "")
    context = {"form": form, "rows": found, "is_quarantine": is_quarantine, "next_url": next_url(request, cursor)}
    return render(request, "customers/events.html", context)
