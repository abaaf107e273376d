"""The one description of a product that was written here and accepted."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.services import audit
from catalog.models import Product


def describe(product_id: int, text: str, *, actor=None) -> str:
    """Writes the description as a new version of the product; returns the one before.

    The next feed that carries a description overwrites it, as it does every fact.
    """
    with transaction.atomic():
        product = Product.objects.select_for_update().get(pk=product_id)
        before = product.description
        if before != text:
            Product.objects.filter(pk=product_id).update(
                description=text, version=F("version") + 1, updated_at=timezone.now()
            )
            audit(actor, "product.described", product, before={"description": before}, after={"description": text})
    return before
