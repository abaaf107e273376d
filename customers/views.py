"""People for staff, the consent ledger for officers, and what came in for whoever feeds it."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from time import monotonic
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from catalog.queries import merchant_of, merchants
from customers import queries
from customers.exceptions import InvalidContact
from customers.forms import EventSearch, FindByEmail, FindById, LedgerSearch, Verify
from customers.models import ConsentRecord, ConsentState, Customer, Event, Notice, Order, Quarantine
from customers.services import consent

PAGE = 50
ORDERS_SHOWN = 12
FAULTS_SHOWN = 20


def _platform_staff(request: HttpRequest) -> None:
    """Merchants see aggregates and their own events, never a person."""
    if merchant_of(request.user) is not None:
        raise PermissionDenied("People belong to the platform; a merchant sees its own events and figures.")


def _page(rows: Iterable, cursor) -> tuple[list, str]:
    """(a page of rows, the cursor of the next one or ""), without counting: one row more than a page is read."""
    found = list(rows[: PAGE + 1])
    return found[:PAGE], cursor(found[PAGE - 1]) if len(found) > PAGE else ""


def _next_url(request: HttpRequest, cursor: str) -> str:
    query = request.GET.copy()
    query["before"] = cursor
    return f"?{query.urlencode()}" if cursor else ""


@requires(Capability.CUSTOMER_READ)
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    _platform_staff(request)
    begins, before = request.GET.get("q", "").strip()[:64], request.GET.get("before", "")
    rows = Customer.objects.present()
    if begins:
        rows = rows.filter(external_id__startswith=begins).order_by("external_id")
        rows = rows.filter(external_id__gt=before) if before else rows
        found, cursor = _page(_with_last_order(rows), lambda row: row.external_id)
    else:
        rows = rows.order_by("-id")
        rows = rows.filter(id__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows
        found, cursor = _page(_with_last_order(rows), lambda row: str(row.pk))
    return _people_page(request, found, next_url=_next_url(request, cursor))


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
    _platform_staff(request)
    form = FindByEmail(request.POST)
    found: list[Customer] = []
    if form.is_valid():
        try:
            found = list(_with_last_order(queries.by_contact("email", form.cleaned_data["email"]))[:PAGE])
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
    _platform_staff(request)
    customer = get_object_or_404(Customer, pk=customer_id)
    before = _moment(request.GET.get("before", ""))
    entries = queries.timeline(customer_id, limit=PAGE + 1, before=before)
    older = entries[PAGE - 1].at.isoformat() if len(entries) > PAGE else ""
    context = {
        "customer": customer,
        "attributes": sorted(customer.attributes.items()),
        "consents": queries.consent_summary(customer_id),
        "contacts": queries.contacts(customer_id),
        "entries": entries[:PAGE],
        "older_url": _next_url(request, older),
        "is_older": before is not None,
        "orders": Order.objects.filter(customer=customer_id).order_by("-ordered_at")[:ORDERS_SHOWN],
    }
    return render(request, "customers/detail.html", context)


def _moment(text: str) -> datetime | None:
    """An aware moment from a link, or None for anything else."""
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


@requires(Capability.CONSENT_READ)
@require_GET
def ledger(request: HttpRequest) -> HttpResponse:
    form = LedgerSearch(request.GET or None)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    rows = ConsentRecord.objects.order_by("-recorded_at", "-id")
    narrow = {name: asked[name] for name in ("purpose", "action") if asked.get(name)}
    customer = None
    if asked.get("customer"):
        customer = Customer.objects.filter(external_id=asked["customer"]).first()
        narrow["customer_id"] = customer.pk if customer else 0  # 0 is nobody's
    end = None
    if asked.get("as_of"):
        end = datetime.combine(asked["as_of"], time(), tzinfo=UTC) + timedelta(days=1)
        narrow["recorded_at__lt"] = end
    rows = _older(rows.filter(**narrow), request.GET.get("before", ""), "recorded_at")
    found, cursor = _page(rows, lambda row: f"{row.recorded_at.isoformat()}~{row.pk}")
    names = _names(row.customer_id for row in found)
    context = {
        "form": form,
        "rows": [{"record": row, "customer": names.get(row.customer_id, "")} for row in found],
        "customer": customer,
        "as_of": asked.get("as_of"),
        "state": queries.consent_summary(customer.pk, at=end and end - timedelta(microseconds=1)) if customer else (),
        "verify_form": Verify(initial={"customer": asked.get("customer", "")}),
        "next_url": _next_url(request, cursor),
    }
    return render(request, "customers/ledger.html", context)


def _names(customer_ids: Iterable[int | None]) -> dict[int, str]:
    return dict(Customer.objects.filter(pk__in=set(customer_ids) - {None}).values_list("pk", "external_id"))


def _older(rows: QuerySet, cursor: str, column: str) -> QuerySet:
    """What comes after the cursor `time~id` in an order of falling time, then falling id."""
    text, _, pk = cursor.partition("~")
    at = _moment(text)
    if at is None or not pk.isdecimal() or len(pk) > 18:
        return rows
    # The first condition alone is what the index can use.
    return rows.filter(**{f"{column}__lte": at}).filter(Q(**{f"{column}__lt": at}) | Q(id__lt=int(pk)))


@requires(Capability.CONSENT_READ)
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Verifies one person's chain or one shard, and says what it found. Nothing is changed."""
    form = Verify(request.POST)
    wanted = form.cleaned_data if form.is_valid() else {}
    shard, name = wanted.get("shard"), wanted.get("customer", "")
    if name:
        customer = Customer.objects.filter(external_id=name).first()
        shard = consent.shard_of_customer(customer.pk) if customer else None
    if shard is None:
        messages.error(request, "Name a person with consent records, or a shard from 0 to 63.")
    else:
        _say_verified(request, shard)
    back = reverse("customers:ledger")
    return redirect(f"{back}?{urlencode({'customer': name})}" if name else back)


def _say_verified(request: HttpRequest, shard: int) -> None:
    started = monotonic()
    faults = []
    for fault in consent.verify(shard=shard):
        faults.append(fault)
        if len(faults) == FAULTS_SHOWN:
            break
    for fault in faults:
        messages.error(request, f"Shard {fault.shard}, record {fault.seq}: {fault.cause}. {fault.detail}")
    if not faults:
        last = ConsentRecord.objects.filter(shard=shard).order_by("-seq").values_list("seq", flat=True).first() or 0
        seconds = monotonic() - started
        messages.success(request, f"Shard {shard} holds: {last:,} records verified in {seconds:.1f} seconds.")


@requires(Capability.CONSENT_READ)
@require_GET
def ledger_record(request: HttpRequest, record_id: int) -> HttpResponse:
    record = get_object_or_404(ConsentRecord, pk=record_id)
    context = {
        "record": record,
        "receipt": queries.receipt(record),
        "is_whole": consent.is_whole(record),
        "notice": Notice.objects.filter(version=record.notice_version).first() if record.notice_version else None,
        "customer": Customer.objects.filter(pk=record.customer_id).first(),
        "previous": ConsentRecord.objects.filter(shard=record.shard, seq=record.seq - 1).first(),
        "following": ConsentRecord.objects.filter(shard=record.shard, seq=record.seq + 1).first(),
    }
    return render(request, "customers/ledger_record.html", context)


@requires(Capability.CONSENT_READ)
@require_GET
def receipt(request: HttpRequest, record_id: int) -> JsonResponse:
    """The record as a file to hand out."""
    record = get_object_or_404(ConsentRecord, pk=record_id)
    response = JsonResponse(queries.receipt(record), encoder=DjangoJSONEncoder, json_dumps_params={"indent": 2})
    response["Content-Disposition"] = f'attachment; filename="consent-{record.shard}-{record.seq}.json"'
    return response


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
        found, cursor = _page(rows, lambda row: str(row.pk))
    else:
        if asked.get("name"):
            narrow["name"] = asked["name"]
        # Each order has its index: a merchant's newest arrivals, or everybody's newest happenings.
        column = "received_at" if chosen else "occurred_at"
        # The planner does not see that IS NULL makes the merchant one value, so the order names it.
        order = ["merchant_id", f"-{column}", "-id"] if chosen else [f"-{column}", "-id"]
        rows = Event.objects.filter(**narrow).select_related("merchant").order_by(*order)
        rows = _older(rows, before, column)
        found, cursor = _page(rows, lambda row: f"{getattr(row, column).isoformat()}~{row.id}")
        # Merchants know their customers by ids of their own; whose they are here is not theirs to learn.
        names = {} if own else _names(row.customer_id for row in found)
        for row in found:
            row.customer_name = names.get(row.customer_id, "")
    context = {"form": form, "rows": found, "is_quarantine": is_quarantine, "next_url": _next_url(request, cursor)}
    return render(request, "customers/events.html", context)
