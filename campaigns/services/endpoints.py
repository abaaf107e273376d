"""Where merchants' systems are posted to: registered, signed with secrets that are shown once, rotated, switched off.

An act of a member of staff is audited; a key's is as well, under its service account.
"""

import base64
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.services import audit
from campaigns.channels import configured
from campaigns.channels.base import Channel
from campaigns.channels.signing import new_secret
from campaigns.contracts import HOOK_KINDS, PLATFORM_ONLY, SENDS
from campaigns.exceptions import ChannelUnavailable, EndpointRefused
from campaigns.models import WebhookDelivery, WebhookEndpoint, WebhookSecret
from customers.services.seal import open_install, seal_install

OVERLAP = timedelta(hours=24)  # that an old secret signs beside the new one
MOST_ENDPOINTS = 20  # of one merchant: each is told everything that it asks for
TEST = "endpoint.test"


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    name: str
    url: str
    kinds: tuple[str, ...]
    merchant_id: int | None = None


def register(new: NewEndpoint, *, actor) -> tuple[WebhookEndpoint, str]:
    """The endpoint, and its secret, which is shown this once. Raises EndpointRefused naming the field."""
    _check(new)
    with transaction.atomic():
        if WebhookEndpoint.objects.filter(merchant=new.merchant_id)[MOST_ENDPOINTS - 1 : MOST_ENDPOINTS].exists():
            raise EndpointRefused("url", f"There are {MOST_ENDPOINTS} endpoints already. Delete one first.")
        endpoint = WebhookEndpoint.objects.create(
            merchant_id=new.merchant_id, name=new.name, url=new.url, kinds=sorted(new.kinds), created_by=actor
        )
        secret = _give_secret(endpoint)
        audit(actor, "webhook.registered", endpoint, after={"url": new.url, "kinds": sorted(new.kinds)})
    return endpoint, secret


def change(endpoint: WebhookEndpoint, new: NewEndpoint, *, actor) -> None:
    """Another name, address or list of kinds; what was switched off is on again. Raises EndpointRefused."""
    _check(new)
    before = {"url": endpoint.url, "kinds": endpoint.kinds}
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
            name=new.name, url=new.url, kinds=sorted(new.kinds), disabled_at=None, disabled_reason=""
        )
        after = {"url": new.url, "kinds": sorted(new.kinds)}
        audit(actor, "webhook.changed", endpoint, before=before, after=after)


def rotate(endpoint: WebhookEndpoint, *, actor) -> str:
    """A new secret, shown this once; the ones before sign for a day more."""
    with transaction.atomic():
        WebhookSecret.objects.filter(endpoint=endpoint, ends_at=None).update(ends_at=timezone.now() + OVERLAP)
        secret = _give_secret(endpoint)
        audit(actor, "webhook.secret_rotated", endpoint, reason="a new secret; the old one signs for 24 hours more")
    return secret


def remove(endpoint: WebhookEndpoint, *, actor) -> None:
    """With all that it was told, and what waits for it."""
    with transaction.atomic():
        audit(actor, "webhook.removed", endpoint, before={"url": endpoint.url, "kinds": endpoint.kinds})
        endpoint.delete()


def disable(endpoint_id: int, reason: str) -> None:
    """The receiver wants no more: what waits is dropped, and nothing new is written down for it."""
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint_id, disabled_at=None).update(
            disabled_at=timezone.now(), disabled_reason=reason[:200]
        )
        waiting = WebhookDelivery.objects.filter(endpoint=endpoint_id, state=WebhookDelivery.State.WAITING)
        waiting.update(state=WebhookDelivery.State.DROPPED, lease_until=None)


def test(endpoint: WebhookEndpoint, *, actor) -> WebhookDelivery:
    """Something to try the receiver with; posted like everything else."""
    with transaction.atomic():
        audit(actor, "webhook.tested", endpoint, reason="a test was asked for")
        return WebhookDelivery.objects.create(endpoint=endpoint, kind=TEST)


def redeliver(delivery: WebhookDelivery, *, actor) -> None:
    """Once more, under the same webhook-id, at once and with all its tries. Raises EndpointRefused while it is off."""
    if delivery.endpoint.disabled_at is not None:
        raise EndpointRefused("endpoint", "This endpoint is switched off. Save it again to switch it on.")
    with transaction.atomic():
        audit(actor, "webhook.redelivered", delivery.endpoint, after={"delivery": delivery.pk})
        WebhookDelivery.objects.filter(pk=delivery.pk).update(
            state=WebhookDelivery.State.WAITING, tries=0, not_before=timezone.now(), lease_until=None
        )


def secrets_of(endpoint_id: int) -> tuple[str, ...]:
    """What signs now, the newest first."""
    rows = WebhookSecret.objects.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now()), endpoint=endpoint_id)
    return tuple(open_install(row.sealed).decode() for row in rows.order_by("-pk"))


def sealed(secret: str) -> str:
    """As an answer that is kept for a repeated request may hold it."""
    return base64.b64encode(seal_install(secret.encode())).decode()


def opened(text: str) -> str:
    return open_install(base64.b64decode(text)).decode()


def senders_of() -> list[int | None]:
    """The merchants (None: the platform) whose own sender writes messages on our word."""
    rows = WebhookEndpoint.objects.filter(disabled_at=None, kinds__contains=[SENDS])
    return list(rows.order_by("merchant").values_list("merchant", flat=True).distinct())


def channel(merchant_id: int | None, timeout: float) -> Channel:
    """The campaign channel of this merchant. Raises ChannelUnavailable("not_set") where it has no endpoint for it."""
    endpoint = _sender(merchant_id)
    if endpoint is None:
        raise ChannelUnavailable("not_set", f"No endpoint of this merchant takes {SENDS}.")
    return configured.webhook(timeout, endpoint.url, secrets_of(endpoint.pk))


def gone(merchant_id: int | None) -> None:
    """The merchant's sender answered 410."""
    if endpoint := _sender(merchant_id):
        disable(endpoint.pk, "It answered 410: it wants no more messages.")


def _sender(merchant_id: int | None) -> WebhookEndpoint | None:
    rows = WebhookEndpoint.objects.filter(merchant=merchant_id, disabled_at=None, kinds__contains=[SENDS])
    return rows.order_by("-pk").first()


def _give_secret(endpoint: WebhookEndpoint) -> str:
    secret = new_secret()
    WebhookSecret.objects.create(endpoint=endpoint, sealed=seal_install(secret.encode()))
    return secret


def _check(new: NewEndpoint) -> None:
    if not new.name.strip():
        raise EndpointRefused("name", "Give it a name that you will know it by.")
    try:
        configured.check_endpoint(new.url)
    except ValueError as refusal:
        raise EndpointRefused("url", str(refusal)) from None
    if len(new.url) > 500:
        raise EndpointRefused("url", "At most 500 characters.")
    unknown = sorted(set(new.kinds) - HOOK_KINDS.keys())
    if unknown or not new.kinds:
        raise EndpointRefused("kinds", f"Choose at least one of {', '.join(HOOK_KINDS)}.")
    if new.merchant_id is not None and (closed := PLATFORM_ONLY & set(new.kinds)):
        raise EndpointRefused("kinds", f"Only the platform's own endpoints hear of {', '.join(sorted(closed))}.")
