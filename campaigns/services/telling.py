"""Tells endpoints what waits for them: claimed under a lease, posted, and every try kept.

A receiver knows a repeated post by its webhook-id, so what got no answer is posted again. Whatever is not a 2xx is tried
again with growing pauses; 410 switches the endpoint off.
"""

import time
from datetime import timedelta

from django.db import connection
from django.db.models import F
from django.utils import timezone

from campaigns.channels import configured
from campaigns.channels.webhook import WebhookSession
from campaigns.exceptions import ChannelUnavailable, SendFailure
from campaigns.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from campaigns.services import endpoints, pace

TIMEOUT = 5.0  # seconds for the connection, and again for the answer
# Of one call: a task of half a minute at the most, so that one endpoint holds up no other for longer.
BATCH, SECONDS = 50, 20.0
LEASE = timedelta(minutes=10)  # longer than a batch of time-outs: 50 x 10 s
MOST_FAILURES = 3  # in a row: then the receiver is away, and the rest of the batch waits
# The pauses that the specification suggests; after the last one it is given up, some three days after it happened.
PAUSES = tuple(
    timedelta(seconds=one) for one in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)  # fmt: skip
KEPT = timedelta(days=30)
CLAIM = """
UPDATE campaigns_webhookdelivery d SET lease_until = statement_timestamp() + %(lease)s, tries = d.tries + 1
FROM (
    SELECT id FROM campaigns_webhookdelivery
    WHERE endpoint_id = %(endpoint)s AND state = 'waiting' AND not_before <= statement_timestamp()
      AND (lease_until IS NULL OR lease_until < statement_timestamp())
    ORDER BY not_before, id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
) due WHERE d.id = due.id RETURNING d.id
"""
DUE = """
SELECT e.id FROM campaigns_webhookendpoint e
WHERE e.disabled_at IS NULL AND EXISTS (
    SELECT FROM campaigns_webhookdelivery d
    WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.not_before <= statement_timestamp()
      AND (d.lease_until IS NULL OR d.lease_until < statement_timestamp()))
ORDER BY e.id
"""
State = WebhookDelivery.State


def due() -> list[int]:
    """Endpoints that something waits for."""
    with connection.cursor() as cursor:
        cursor.execute(DUE)
        return [pk for (pk,) in cursor.fetchall()]


def tell(endpoint_id: int) -> int:
    """Posts what is due to one endpoint, for twenty seconds at the most; returns how many it took. None while it asked to be
    left alone (Retry-After).
    """
    began, taken = time.monotonic(), 0
    while time.monotonic() - began < SECONDS and not pace.is_left_alone(_name(endpoint_id)):
        endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id, disabled_at=None).first()
        claimed = _claim(endpoint_id) if endpoint else []
        if not claimed:
            break
        some, is_away = _post_all(endpoint, claimed, until=began + SECONDS)
        taken += some
        if is_away:
            break
    return taken


def _name(endpoint_id: int) -> str:
    return f"endpoint:{endpoint_id}"


def forget() -> int:
    """Deletes what was settled a month ago."""
    old = WebhookDelivery.objects.filter(at__lt=timezone.now() - KEPT).exclude(state=State.WAITING)
    return old.delete()[0]


def _claim(endpoint_id: int) -> list[WebhookDelivery]:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"endpoint": endpoint_id, "batch": BATCH, "lease": LEASE})
        ids = [pk for (pk,) in cursor.fetchall()]
    rows = WebhookDelivery.objects.filter(pk__in=ids).select_related("customer", "order")
    return list(rows.order_by("pk"))


def _post_all(endpoint: WebhookEndpoint, claimed: list[WebhookDelivery], *, until: float) -> tuple[int, bool]:
    """(how many were taken, whether the receiver is away). What was not tried waits as before."""
    channel = configured.webhook(TIMEOUT, endpoint.url, endpoints.secrets_of(endpoint.pk))
    taken = failures = 0
    left = list(claimed)
    try:
        session = channel.session()
    except ChannelUnavailable as refusal:  # an address that this install does not post to
        endpoints.disable(endpoint.pk, refusal.detail)
        return 0, True
    try:
        while left and failures < MOST_FAILURES and time.monotonic() < until:
            if pace.is_left_alone(_name(endpoint.pk)):
                break
            one = left.pop(0)
            answer = _post(session, one)
            if answer is None:
                continue
            is_taken, is_gone = answer
            taken += is_taken
            failures = 0 if is_taken else failures + 1
            if is_gone:
                endpoints.disable(endpoint.pk, "It answered 410: it wants no more of these.")
                return taken, True
    finally:
        session.close()
        rest = WebhookDelivery.objects.filter(pk__in=[one.pk for one in left], state=State.WAITING)
        rest.update(lease_until=None, tries=F("tries") - 1)
    return taken, failures >= MOST_FAILURES


def _post(session: WebhookSession, one: WebhookDelivery) -> tuple[bool, bool] | None:
    """(taken, gone); None for what is about somebody who was erased since: that is told to nobody."""
    if one.customer is not None and one.customer.erased_at is not None:
        WebhookDelivery.objects.filter(pk=one.pk).update(state=State.DROPPED, lease_until=None)
        return None
    began = time.monotonic()
    try:
        answer = session.post(f"evt_{one.event.hex}", one.kind, facts(one), at=one.at)
    except SendFailure as failure:
        _keep(one, began, False, failure.detail or failure.reason)
        is_gone = isinstance(failure, ChannelUnavailable) and failure.reason == "gone"
        wait = getattr(failure, "retry_after", 0.0)
        if wait:
            pace.leave_alone(_name(one.endpoint_id), wait)
        is_over = one.tries > len(PAUSES)
        fields = {"state": State.FAILED}
        if not is_over:
            fields = {"not_before": timezone.now() + max(PAUSES[one.tries - 1], timedelta(seconds=wait))}
        WebhookDelivery.objects.filter(pk=one.pk, state=State.WAITING).update(lease_until=None, **fields)
        return False, is_gone
    _keep(one, began, True, f"The server answered {answer.status}.")
    WebhookDelivery.objects.filter(pk=one.pk).update(state=State.DELIVERED, lease_until=None)
    return True, False


def facts(one: WebhookDelivery) -> dict:
    """What is told: ids, and words that name nobody. The person is known by the platform's own id."""
    return {
        **one.words,
        **({"campaign": one.campaign_id} if one.campaign_id else {}),
        **({"message": one.message_id} if one.message_id else {}),
        **({"customer": one.customer.external_id} if one.customer else {}),
        **({"order": one.order.external_id} if one.order else {}),
    }


def _keep(one: WebhookDelivery, began: float, is_taken: bool, words: str) -> None:
    took = int((time.monotonic() - began) * 1000)
    WebhookAttempt.objects.create(delivery=one, is_taken=is_taken, words=words[:300], took_ms=took)
