"""The consent ledger for the officer: search, as of a date, verify, one record and its receipt."""

from datetime import UTC, datetime, time, timedelta
from time import monotonic
from urllib.parse import urlencode

from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from customers.forms import LedgerSearch, Verify
from customers.models import ConsentRecord, Customer, Notice
from customers.queries.consent import consent_summary
from customers.queries.consent import receipt as receipt_of
from customers.services import consent
from customers.views.paging import names_of, next_url, older, page_of

FAULTS_SHOWN = 20


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
    rows = older(rows.filter(**narrow), request.GET.get("before", ""), "recorded_at")
    found, cursor = page_of(rows, lambda row: f"{row.recorded_at.isoformat()}~{row.pk}")
    names = names_of(row.customer_id for row in found)
    context = {
        "form": form,
        "rows": [{"record": row, "customer": names.get(row.customer_id, "")} for row in found],
        "customer": customer,
        "as_of": asked.get("as_of"),
        "state": consent_summary(customer.pk, at=end and end - timedelta(microseconds=1)) if customer else (),
        "verify_form": Verify(initial={"customer": asked.get("customer", "")}),
        "next_url": next_url(request, cursor),
    }
    return render(request, "customers/ledger.html", context)


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
        messages.error(request, _("Name a person with consent records, or a shard from 0 to 63."))
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
        messages.error(
            request,
            _("Shard %(shard)s, record %(seq)s: %(cause)s. %(detail)s")
            % {"shard": fault.shard, "seq": fault.seq, "cause": fault.cause, "detail": fault.detail},
        )
    if not faults:
        last = ConsentRecord.objects.filter(shard=shard).order_by("-seq").values_list("seq", flat=True).first() or 0
        seconds = monotonic() - started
        messages.success(
            request,
            _("Shard %(shard)s holds: %(last)s records verified in %(seconds)s seconds.")
            % {"shard": shard, "last": f"{last:,}", "seconds": f"{seconds:.1f}"},
        )


@requires(Capability.CONSENT_READ)
@require_GET
def ledger_record(request: HttpRequest, record_id: int) -> HttpResponse:
    record = get_object_or_404(ConsentRecord, pk=record_id)
    context = {
        "record": record,
        "receipt": receipt_of(record),
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
    response = JsonResponse(receipt_of(record), encoder=DjangoJSONEncoder, json_dumps_params={"indent": 2})
    response["Content-Disposition"] = f'attachment; filename="consent-{record.shard}-{record.seq}.json"'
    return response
