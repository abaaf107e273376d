"""What people allowed: who may be written to, the newest word of a person, receipts."""

from dataclasses import replace
from datetime import datetime

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from customers.contracts import (
    ALLOWING,
    CONTACT_KIND,
    NOES,
    Channel,
    ConsentLine,
    ConsentTotals,
)
from customers.models import (
    ConsentRecord,
    ConsentState,
    ContactPoint,
    Customer,
    Suppression,
)
from customers.queries.people import records_of

# The newest record that speaks for each purpose and channel at a moment; a "no" on `any` speaks for every channel.
CONSENT_AT = """
WITH said AS (
    SELECT * FROM customers_consentrecord WHERE customer_id = %(customer)s AND recorded_at <= %(at)s
)
SELECT DISTINCT ON (k.purpose, k.channel)
       k.purpose, k.channel, r.action, r.action = ANY(%(yes)s), r.recorded_at, r.valid_until, r.id, r.origin
FROM (SELECT DISTINCT purpose, channel FROM said) k
JOIN said r ON r.purpose = k.purpose AND (r.channel = k.channel OR r.channel = 'any' AND NOT r.action = ANY(%(yes)s))
ORDER BY k.purpose, k.channel, r.id DESC
"""

RECEIPT_FIELDS = (
    "id", "shard", "seq", "customer_id", "purpose", "channel", "action", "lawful_basis", "notice_version", "language",
    "method", "origin", "actor", "jurisdiction", "ip_truncated", "valid_until", "recorded_at",
)  # fmt: skip

RECEIPT_HASHES = ("subject", "notice_sha256", "prev_hash", "form_sha256", "hash")


def contactable(purpose: str, channel: str, at: datetime | None = None) -> QuerySet[Customer]:
    """Who may be written to at that moment (now): given and still valid, an address that nobody stopped, no fraud flag.

    Caps, quiet hours and hold-outs are the campaign's to ask.
    """
    at = at or timezone.now()
    given = ConsentState.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=at),
        customer=OuterRef("pk"),
        purpose=purpose,
        channel=channel,
        is_given=True,
    )
    stopped = Suppression.objects.filter(channel=channel, lookup=OuterRef("lookup"), lifted_at=None)
    address = ContactPoint.objects.filter(
        ~Exists(stopped), customer=OuterRef("pk"), kind=CONTACT_KIND[Channel(channel)]
    )
    return Customer.objects.present().trusted().filter(Exists(given), Exists(address))


def consent_summary(customer_id: int, at: datetime | None = None) -> tuple[ConsentLine, ...]:
    """The newest word per purpose and channel: now, from the projection; at an earlier moment, from the ledger itself."""
    if at is None:
        rows = ConsentState.objects.filter(customer_id=customer_id).values_list(
            "purpose", "channel", "action", "is_given", "since", "valid_until", "record_id", "origin"
        )
    else:
        with connection.cursor() as cursor:
            cursor.execute(CONSENT_AT, {"customer": customer_id, "at": at, "yes": sorted(map(str, ALLOWING))})
            rows = cursor.fetchall()
    moment = at or timezone.now()
    lines = [ConsentLine(*row) for row in rows]
    ended = [
        replace(line, is_given=False) if line.valid_until and line.valid_until <= moment else line for line in lines
    ]
    return tuple(sorted(ended, key=lambda line: (line.purpose, line.channel)))


def receipt(record: ConsentRecord) -> dict:
    """One record of the ledger for its person or an auditor, hashes in hex. What was sealed stays sealed."""
    hashes = {name: getattr(record, name) for name in RECEIPT_HASHES}
    return {
        **{name: getattr(record, name) for name in RECEIPT_FIELDS},
        **{name: None if value is None else bytes(value).hex() for name, value in hashes.items()},
    }


def receipts_of(customer_id: int) -> list[dict]:
    """Every receipt of one person, also under records merged into theirs, the newest first: by ISO/IEC TS 27560 what they
    may keep.
    """
    rows = ConsentRecord.objects.filter(customer_id__in=records_of(customer_id))
    return [receipt(record) for record in rows.order_by("-id")]


def consent_totals(purpose: str, channel: str) -> ConsentTotals:
    rows = ConsentState.objects.filter(purpose=purpose, channel=channel, customer__erased_at=None)
    return ConsentTotals(
        **rows.aggregate(given=Count("pk", filter=Q(is_given=True)), refused=Count("pk", filter=Q(action__in=NOES)))
    )
