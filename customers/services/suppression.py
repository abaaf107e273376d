"""Who must not be written to: by keyed hash alone, so that it holds for everyone who shares the address, and after erasure."""

from collections.abc import Iterable

from django.db import connection, transaction
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.services import audit
from customers.contracts import STOPPED_KINDS, Channel
from customers.models import ContactPoint, Suppression

ADD = """
INSERT INTO customers_suppression (channel, lookup, lookup_version, reason)
SELECT DISTINCT v.channel, c.lookup, c.lookup_version, %s
FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS v (channel, kind, customer_id)
JOIN customers_contactpoint c ON c.customer_id = v.customer_id AND c.kind = v.kind
ON CONFLICT (channel, lookup) WHERE lifted_at IS NULL DO NOTHING
"""


def suppress(*, channel: str, contact_point_id: int, reason: str, actor) -> bool:
    """Stops all messages to this contact point on this channel, for whoever shares it; True when it was not stopped.

    `actor`: a member of staff, whose act is audited, or a word ("subject", "mail server").
    """
    point = ContactPoint.objects.get(pk=contact_point_id)
    row = Suppression(
        channel=channel, lookup=point.lookup, lookup_version=point.lookup_version, reason=Suppression.Reason(reason)
    )
    with transaction.atomic():
        before = Suppression.objects.filter(channel=channel, lookup=point.lookup, lifted_at=None).exists()
        # The unique key decides when two arrive at once.
        Suppression.objects.bulk_create([row], ignore_conflicts=True)
        if not before and not isinstance(actor, str):
            audit(actor, "contact.suppressed", point, after={"channel": channel}, reason=reason)
    return not before


def suppress_people(pairs: Iterable[tuple[int, str]], reason: str) -> int:
    """Stops every contact point by which (customer id, channel) reaches somebody; channel `any` means all. One statement."""
    rows = [
        (str(one), kind, customer_id)
        for customer_id, channel in pairs
        for one in (STOPPED_KINDS if channel == Channel.ANY else [Channel(channel)])
        for kind in STOPPED_KINDS.get(one, ())
    ]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        columns = [list(column) for column in zip(*sorted(rows), strict=True)]
        cursor.execute(ADD, [str(Suppression.Reason(reason)), *columns])
        return cursor.rowcount


def lift(*, channel: str, contact_point_id: int, actor, reason: str) -> bool:
    """Lets messages pass again, with a member of staff and a reason; consent is still asked. True when it was stopped.

    Raises Refused without a reason. An erased person's address stays stopped.
    """
    if not reason.strip():
        raise Refused("reason_missing", "Say why messages may go to this address again.")
    point = ContactPoint.objects.get(pk=contact_point_id)
    standing = Suppression.objects.filter(channel=channel, lookup=point.lookup, lifted_at=None)
    with transaction.atomic():
        lifted = standing.exclude(reason=Suppression.Reason.ERASED).update(lifted_at=timezone.now())
        if lifted:
            audit(actor, "contact.suppression_lifted", point, after={"channel": channel}, reason=reason)
    return bool(lifted)
