"""Offers that run now, with what they hold for."""

from datetime import datetime

from catalog.models import Offer, OfferProduct
from recommendations.contracts import LiveOffer

MOST = 200  # offers at a time; the next to end stand first


def live(merchant_id: int | None, now: datetime) -> list[LiveOffer]:
    """Offers that have begun and not ended, which the caller may see, the next to end first. Two queries."""
    rows = Offer.objects.filter(starts_at__lte=now, ends_at__gt=now)
    if merchant_id is not None:
        rows = rows.filter(merchant_id=merchant_id)
    found = list(rows.order_by("ends_at", "pk")[:MOST])
    covered: dict[int, set[int]] = {}
    for offer_id, product_id in OfferProduct.objects.filter(offer__in=found).values_list("offer_id", "product_id"):
        covered.setdefault(offer_id, set()).add(product_id)
    return [
        LiveOffer(
            id=row.pk,
            external_id=row.external_id,
            title=row.title,
            kind=row.kind,
            value=row.value,
            currency=row.currency,
            ends_at=row.ends_at,
            origin=row.origin,
            product_ids=frozenset(covered.get(row.pk, ())),
            covers_all=row.pk not in covered,
        )
        for row in found
    ]
