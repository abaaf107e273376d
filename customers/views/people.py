"""People: the list, the search, one person across all channels."""

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from customers.exceptions import InvalidContact
from customers.forms import FindByEmail, FindById
from customers.models import ConsentState, Customer, Order
from customers.queries.behaviour import timeline
from customers.queries.consent import consent_summary
from customers.queries.people import by_contact, contacts
from customers.views.paging import PAGE, moment, next_url, page_of, platform_staff_only

ORDERS_SHOWN = 12


@requires(Capability.CUSTOMER_READ)
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    platform_staff_only(request)
    begins, before = request.GET.get("q", "").strip()[:64], request.GET.get("before", "")
    rows = Customer.objects.present()
    if begins:
        rows = rows.filter(external_id__startswith=begins).order_by("external_id")
        rows = rows.filter(external_id__gt=before) if before else rows
        found, cursor = page_of(_with_last_order(rows), lambda row: row.external_id)
    else:
        rows = rows.order_by("-id")
        rows = rows.filter(id__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows
        found, cursor = page_of(_with_last_order(rows), lambda row: str(row.pk))
    return _people_page(request, found, next_url=next_url(request, cursor))


def _with_last_order(rows: QuerySet[Customer]) -> QuerySet[Customer]:
    newest = Order.objects.filter(customer=OuterRef("pk")).order_by("-ordered_at").values("ordered_at")
    return rows.annotate(last_order_at=Subquery(newest[:1]))


def _people_page(request: HttpRequest, found: list[Customer], *, form=None, next_url="", status=200) -> HttpResponse:
    given: dict[int, list[str]] = {}
    states = ConsentState.objects.filter(customer__in=found, purpose="marketing", is_given=True).order_by("channel")
    for customer_id, channel in states.values_list("customer_id", "channel"):
        given.setdefault(customer_id, []).append(channel)
    context = {
        "rows": [{"customer": row, "channels": given.get(row.pk, [])} for row in found],
        "by_id": FindById(request.GET or None),
        "by_email": form or FindByEmail(),
        "next_url": next_url,
    }
    return render(request, "customers/list.html", context, status=status)


@requires(Capability.CUSTOMER_READ)
@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """By e-mail address, through its keyed hash. One person: their page; several share it: all of them."""
    platform_staff_only(request)
    form = FindByEmail(request.POST)
    found: list[Customer] = []
    if form.is_valid():
        try:
            found = list(_with_last_order(by_contact("email", form.cleaned_data["email"]))[:PAGE])
        except InvalidContact as refusal:
            form.add_error("email", f"{refusal.reason} {refusal.remedy}")
    if len(found) == 1:
        return redirect("customers:detail", found[0].pk)
    status = 200 if found else 400 if form.errors else 404
    if status == 404:
        form.add_error("email", "Nobody has this address.")
    return _people_page(request, found, form=form, status=status)


@requires(Capability.CUSTOMER_READ)
@require_GET
def person(request: HttpRequest, customer_id: int) -> HttpResponse:
    platform_staff_only(request)
    customer = get_object_or_404(Customer, pk=customer_id)
    before = moment(request.GET.get("before", ""))
    entries = timeline(customer_id, limit=PAGE + 1, before=before)
    older = entries[PAGE - 1].at.isoformat() if len(entries) > PAGE else ""
    context = {
        "customer": customer,
        "attributes": sorted(customer.attributes.items()),
        "consents": consent_summary(customer_id),
        "contacts": contacts(customer_id),
        "entries": entries[:PAGE],
        "older_url": next_url(request, older),
        "is_older": before is not None,
        "orders": Order.objects.filter(customer=customer_id).order_by("-ordered_at")[:ORDERS_SHOWN],
    }
    return render(request, "customers/detail.html", context)
