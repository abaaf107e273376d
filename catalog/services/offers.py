"""Writes about offers and about who works for a merchant."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.services import audit, create_user
from catalog.models import Membership, Merchant, Offer, Origin


def save_offer(
    *,
    external_id: str,
    title: str,
    kind: str,
    value: Decimal,
    starts_at: datetime,
    ends_at: datetime,
    actor=None,
    merchant_id: int | None = None,
    origin: str = Origin.OBSERVED,
) -> Offer:
    """Makes an offer, or changes the one with this external id; every change is a new version, which voids approvals."""
    given = {"title": title, "kind": kind, "value": value, "starts_at": starts_at, "ends_at": ends_at}
    with transaction.atomic():
        offer, made = Offer.objects.select_for_update().get_or_create(
            merchant_id=merchant_id, external_id=external_id, defaults={**given, "origin": origin}
        )
        changed = {name: new for name, new in given.items() if getattr(offer, name) != new}
        if not made and changed:
            Offer.objects.filter(pk=offer.pk).update(**changed, version=offer.version + 1)
            offer.refresh_from_db()
        if made or changed:
            audit(actor, "offer.saved", offer, after={name: str(new) for name, new in given.items()})
    return offer


def service_account(*, merchant_id: int | None, username: str):
    """The account that a merchant's API keys act as (None: the platform's own). Nobody can log in with it."""
    with transaction.atomic():
        user = create_user(username, None, roles=(), is_service=True)
        if merchant_id is not None:
            Membership.objects.create(user=user, merchant=Merchant.objects.get(pk=merchant_id))
    return user
