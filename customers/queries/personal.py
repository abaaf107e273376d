"""Everything that this room knows of a person, for their access request."""

import json

from customers import crypto
from customers.models import (
    ConsentRecord,
    Customer,
    Event,
    MergeTrail,
    OptIn,
    PrivacyRequest,
)
from customers.queries.consent import receipt
from customers.queries.keys import EVENT_CONTEXT, key_of
from customers.queries.people import open_contact, records_of

PROFILE_FIELDS = (
    "external_id", "attributes", "language", "timezone", "jurisdiction", "personalise", "first_seen_at", "origin",
)  # fmt: skip

ORDER_FIELDS = (
    "external_id", "ordered_at", "channel", "store", "total", "discount", "coupon_discount", "refunded", "currency",
    "coupon", "cancelled_at", "origin",
)  # fmt: skip

OPT_IN_FIELDS = ("subject", "language", "notice_version", "asked_at", "expires_at", "confirmed_at", "closed_at")
REQUEST_FIELDS = (
    "reference",
    "kind",
    "state",
    "via",
    "received_at",
    "due_at",
    "verified_at",
    "completed_at",
    "refusal",
)
MERGE_FIELDS = ("merged_external_id", "rule", "reason", "at", "undone_at")


def personal(customer_id: int) -> dict:
    """Everything that this room knows of a person, opened, as JSON can hold it: for their access request.

    An erased person has what is not theirs to destroy: the ledger's records.
    """
    person = Customer.objects.get(pk=customer_id)
    records = Customer.objects.in_bulk(records_of(customer_id))
    consent = [receipt(record) for record in ConsentRecord.objects.filter(customer_id__in=records).order_by("id")]
    keys = {pk: key_of(record) for pk, record in records.items()}
    key = keys[customer_id]
    if key is None:
        return {"consent": consent}
    return {
        "profile": {name: getattr(person, name) for name in PROFILE_FIELDS},
        "contact_points": [
            {"kind": point.kind, "value": open_contact(key, point), "verified_at": point.verified_at, "origin": point.origin}
            for point in person.contact_points.order_by("id")
        ],
        "consent": consent,
        "opt_ins": list(OptIn.objects.filter(customer__in=records).order_by("pk").values(*OPT_IN_FIELDS)),
        "requests": list(PrivacyRequest.objects.filter(customer__in=records).order_by("pk").values(*REQUEST_FIELDS)),
        "merges": list(MergeTrail.objects.filter(kept__in=records).order_by("pk").values(*MERGE_FIELDS)),
        "events": [_exported(event, keys) for event in person.events.order_by("occurred_at").iterator(chunk_size=2000)],
        "orders": [
            {
                **{name: getattr(order, name) for name in ORDER_FIELDS},
                "lines": [
                    {"product": line.product.external_id, "title": line.product.title, "quantity": line.quantity,
                     "amount": line.amount}
                    for line in order.lines.all()
                ],
            }
            for order in person.orders.order_by("ordered_at").prefetch_related("lines__product")
        ],
    }  # fmt: skip


def _exported(event: Event, keys: dict[int, bytes | None]) -> dict:
    """What was written before a merge rests under the key of the record that it came as."""
    key = keys.get(event.came_as or event.customer_id)
    words = json.loads(crypto.open_sealed(key, event.sealed, EVENT_CONTEXT)) if event.sealed is not None and key else {}
    return {
        "message_id": event.message_id, "event": event.name, "occurred_at": event.occurred_at, "channel": event.channel,
        "source": event.source, "origin": event.origin, "properties": {**event.properties, **words},
    }  # fmt: skip
