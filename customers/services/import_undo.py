"""Takes an import back: exactly what it brought, or nothing, with the reason, when something depends on it by now."""

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.services import audit
from customers.contracts import ALLOWING, Action, NewConsent
from customers.exceptions import ImportRefused
from customers.models import (
    ConsentRecord,
    ConsentState,
    ContactPoint,
    Customer,
    ImportBatch,
    ImportedRow,
    MergeProposal,
    MergeTrail,
    SubjectKey,
)
from customers.services import consent

What = ImportedRow.What
METHOD = "import taken back"
# Each finds somebody or something of the import that has changed, or has something from elsewhere, by now.
MERGED = """
SELECT 1 FROM customers_importedrow i JOIN customers_mergetrail m ON i.customer_id IN (m.kept_id, m.merged_id)
WHERE i.batch_id = %(batch)s AND i.what IN ('customer', 'contact', 'event', 'order') AND m.undone_at IS NULL LIMIT 1
"""
ORDERS_CHANGED = """
SELECT 1 FROM customers_importedrow i JOIN customers_order o ON o.id = i.row_id
WHERE i.batch_id = %(batch)s AND i.what = 'order'
  AND (o.refunded > 0 OR o.cancelled_at IS NOT NULL OR o.excluded_at IS NOT NULL) LIMIT 1
"""
OTHER_ORDERS = """
SELECT 1 FROM customers_importedrow i JOIN customers_order o ON o.customer_id = i.row_id
WHERE i.batch_id = %(batch)s AND i.what = 'customer' AND NOT EXISTS (
    SELECT 1 FROM customers_importedrow r WHERE r.batch_id = i.batch_id AND r.what = 'order' AND r.row_id = o.id) LIMIT 1
"""
OTHER_EVENTS = """
SELECT 1 FROM customers_importedrow i JOIN customers_event e ON e.customer_id = i.row_id
WHERE i.batch_id = %(batch)s AND i.what = 'customer' AND NOT EXISTS (
    SELECT 1 FROM customers_importedrow r WHERE r.batch_id = i.batch_id AND r.what = 'event'
      AND r.customer_id = e.customer_id AND r.at = e.occurred_at AND r.key = e.message_id) LIMIT 1
"""
OTHER_CONTACTS = """
SELECT 1 FROM customers_importedrow i JOIN customers_contactpoint c ON c.customer_id = i.row_id
WHERE i.batch_id = %(batch)s AND i.what = 'customer' AND NOT EXISTS (
    SELECT 1 FROM customers_importedrow r WHERE r.batch_id = i.batch_id AND r.what = 'contact' AND r.row_id = c.id) LIMIT 1
"""
OTHER_WORDS = """
SELECT 1 FROM customers_importedrow i JOIN customers_consentrecord c ON c.customer_id = i.row_id
WHERE i.batch_id = %(batch)s AND i.what = 'customer' AND c.actor <> %(actor)s LIMIT 1
"""
DEPENDS = (
    (MERGED, "Records of it were merged: take those merges back first."),
    (ORDERS_CHANGED, "Orders of it were refunded, cancelled or flagged since."),
    (OTHER_ORDERS, "People of it have ordered since."),
    (OTHER_EVENTS, "People of it have done something since."),
    (OTHER_CONTACTS, "People of it have contact points from elsewhere by now."),
    (OTHER_WORDS, "People of it have said since what they allow."),
)
# By person and moment, for which there is an index; the message id makes it exact.
DELETE_EVENTS = """
DELETE FROM customers_event e USING customers_importedrow i
WHERE i.batch_id = %(batch)s AND i.what = 'event' AND e.customer_id = i.customer_id AND e.occurred_at = i.at
  AND e.message_id = i.key AND e.merchant_id IS NULL
"""
DELETE_KEYS = """
DELETE FROM customers_eventkey k USING customers_importedrow i
WHERE i.batch_id = %(batch)s AND i.what = 'event' AND k.message_id = i.key AND k.merchant_id IS NULL
"""
DELETE_LINES = """
DELETE FROM customers_orderline l USING customers_importedrow i
WHERE i.batch_id = %(batch)s AND i.what = 'order' AND l.order_id = i.row_id
"""
DELETE_ORDERS = """
DELETE FROM customers_order o USING customers_importedrow i
WHERE i.batch_id = %(batch)s AND i.what = 'order' AND o.id = i.row_id
"""


def undo(batch_id: int, *, actor, reason: str) -> None:
    """Takes a loaded import back in one transaction. Raises Refused without a reason, ImportRefused with what stands
    against it; then nothing changed.

    The ledger forgets nothing: a yes that the import brought lapses, a no of it stays with whoever was there before.
    """
    if not reason.strip():
        raise Refused("reason_missing", "Say why this import is taken back.")
    try:
        with transaction.atomic():
            if not ImportBatch.objects.filter(pk=batch_id, state=ImportBatch.State.LOADED).update(
                state=ImportBatch.State.UNDONE, undone_at=timezone.now(), undone_reason=reason[:300]
            ):
                raise ImportRefused("Only an import that is in can be taken back, and once.")
            _ask(batch_id)
            _delete(batch_id)
            with connection.cursor() as cursor:
                # What other rooms hold speaks up here, not at the commit.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            audit(actor, "import.undone", ImportBatch.objects.get(pk=batch_id), reason=reason)
    except IntegrityError as error:
        table = getattr(getattr(error.__cause__, "diag", None), "table_name", None) or "another table"
        raise ImportRefused(f"Something depends on what it brought: rows of {table} point at it.") from None


def _ask(batch_id: int) -> None:
    parameters = {"batch": batch_id, "actor": f"import:{batch_id}"}
    with connection.cursor() as cursor:
        for question, words in DEPENDS:
            cursor.execute(question, parameters)
            if cursor.fetchone() is not None:
                raise ImportRefused(words)


def _delete(batch_id: int) -> None:
    _expire(batch_id)
    with connection.cursor() as cursor:
        for statement in (DELETE_EVENTS, DELETE_KEYS, DELETE_LINES, DELETE_ORDERS):
            cursor.execute(statement, {"batch": batch_id})
    _raw_delete(ContactPoint.objects.filter(pk__in=_ids(batch_id, What.CONTACT)))
    ContactPoint.objects.filter(pk__in=_ids(batch_id, What.VERIFIED)).update(verified_at=None)
    _give_back(batch_id)
    made = _ids(batch_id, What.CUSTOMER)
    for rows in (
        ConsentState.objects.filter(customer__in=made),
        SubjectKey.objects.filter(customer__in=made),
        MergeTrail.objects.filter(kept__in=made),  # undone ones: a standing one was refused above
        MergeTrail.objects.filter(merged__in=made),
        MergeProposal.objects.filter(one__in=made),
        MergeProposal.objects.filter(other__in=made),
        Customer.objects.filter(pk__in=made),
    ):
        _raw_delete(rows)


def _ids(batch_id: int, what: str) -> QuerySet:
    return ImportedRow.objects.filter(batch=batch_id, what=what).values("row_id")


def _raw_delete(rows: QuerySet) -> None:
    """One statement, without Django's own cascade: it would take messages and recommendations of other rooms along."""
    rows._raw_delete(rows.db)


def _give_back(batch_id: int) -> None:
    """Sets attributes back where nobody has changed them since; refuses where somebody has."""
    rows = ImportedRow.objects.filter(batch=batch_id, what=What.ATTRIBUTES).order_by("-id")  # the last change first
    customers = Customer.objects.in_bulk({row.row_id for row in rows})
    for row in rows:
        customer = customers[row.row_id]
        for name, (before, after) in row.before.items():
            value = getattr(customer, name)
            if (value.isoformat() if hasattr(value, "isoformat") else value) != after:
                raise ImportRefused("Attributes that it brought were changed since.")
            setattr(customer, name, Customer._meta.get_field(name).to_python(before))
    Customer.objects.bulk_update(customers.values(), ["attributes", "first_seen_at"], batch_size=1000)


def _expire(batch_id: int) -> None:
    """A yes of it lapses, where the person has not spoken since.

    A yes from elsewhere stands: over one that stood before, the import recorded nothing. So did a later import over this
    one's, and what it had only repeated has to be loaded again.
    """
    records = ConsentRecord.objects.filter(pk__in=_ids(batch_id, What.CONSENT), action__in=ALLOWING)
    last = set(ConsentState.objects.filter(record__in=records.values("pk")).values_list("record_id", flat=True))
    lapsed = [
        NewConsent(
            customer_id=one.customer_id, purpose=one.purpose, channel=one.channel, action=Action.EXPIRED,
            lawful_basis=one.lawful_basis, method=METHOD, actor=f"import:{batch_id}", origin=one.origin,
        )
        for one in records
        if one.pk in last
    ]  # fmt: skip
    consent.record_many(lapsed, to_person=False)
