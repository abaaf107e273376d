"""People: the list, the search, one person across all channels."""

from datetime import UTC, datetime

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from customers.exceptions import InvalidContact
from customers.forms import Because, FindByEmail, FindById
from customers.identity import RULE_WORDS
from customers.models import ConsentState, Customer, Order
from customers.queries.behaviour import deeds_by_month, timeline
from customers.queries.consent import consent_summary
from customers.queries.merges import merges_of, open_proposals
from customers.queries.people import by_contact, contacts
from customers.services.spec import CHANNELS
from customers.views.exports import offered
from customers.views.paging import PAGE, moment, next_url, page_of, platform_staff_only

ORDERS_SHOWN = 12
MONTHS = 12


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
        "export": offered(request),
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
        form.add_error("email", _("Nobody has this address."))
    return _people_page(request, found, form=form, status=status)


@requires(Capability.CUSTOMER_READ)
@require_GET
def person(request: HttpRequest, customer_id: int) -> HttpResponse:
    platform_staff_only(request)
    customer = get_object_or_404(Customer, pk=customer_id)
    if customer.merged_into_id is not None and customer.erased_at is None:
        return redirect("customers:detail", customer.merged_into_id)
    context = {
        "customer": customer,
        "attributes": sorted(customer.attributes.items()),
        "consents": consent_summary(customer_id),
        "orders": Order.objects.filter(customer=customer_id).order_by("-ordered_at")[:ORDERS_SHOWN],
        **_identities(customer_id),
        **_timeline(request, customer_id),
    }
    if request.htmx and request.htmx.target == "timeline":
        return render(request, "customers/_timeline.html", context)
    return render(request, "customers/detail.html", context)


def _identities(customer_id: int) -> dict:
    return {
        "contacts": contacts(customer_id),
        "merges": [{"trail": row, "words": RULE_WORDS.get(row.rule, row.rule)} for row in merges_of(customer_id)],
        "proposals": list(open_proposals(customer_id)[:PAGE]),
        "because": Because(),
    }


def _timeline(request: HttpRequest, customer_id: int) -> dict:
    """A page of what they did, on all channels or on one, and the picture of their last year."""
    channel = request.GET.get("channel", "")
    channel = channel if channel in CHANNELS else ""
    at, _, pk = request.GET.get("before", "").partition("~")
    before, before_id = moment(at), int(pk) if pk.isdecimal() and len(pk) < 19 else None
    entries = timeline(customer_id, PAGE + 1, before, before_id=before_id, channel=channel)
    last = entries[PAGE - 1] if len(entries) > PAGE else None
    return {
        "entries": entries[:PAGE],
        "older_url": next_url(request, f"{last.at.isoformat()}~{last.id}" if last else ""),
        "is_older": before is not None,
        "channel": channel,
        "channels": CHANNELS,
        "year": _year(customer_id),
    }


def _year(customer_id: int) -> list[dict]:
    """Twelve months as bars: heights as shares of the busiest month, for a drawing that is one high."""
    now = timezone.now()
    first = now.year * 12 + now.month - MONTHS
    months = [datetime((first + n) // 12, (first + n) % 12 + 1, 1, tzinfo=UTC) for n in range(MONTHS)]
    found = {row.month: row for row in deeds_by_month(customer_id, since=months[0])}
    most = max((row.online + row.store for row in found.values()), default=0)
    bars = []
    for place, month in enumerate(months):
        row = found.get(month)
        online, store = (row.online, row.store) if row else (0, 0)
        bars.append(
            {
                "month": month, "x": place, "online": online, "store": store,
                "store_height": store / most if most else 0, "store_y": 1 - store / most if most else 1,
                "online_height": online / most if most else 0, "online_y": 1 - (store + online) / most if most else 1,
            }
        )  # fmt: skip
    return bars if most else []
