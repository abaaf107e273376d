"""Reads about products, for learning."""

import numpy as np
from django.db.models import QuerySet

from catalog.models import Product


def product_classes() -> QuerySet:
    """(id, department, product type, title) of every product, for the dataset."""
    return Product.objects.values_list("pk", "department", "product_type", "title")


def product_groups() -> QuerySet:
    """(id, product type, category, department, brand) of every product: what a product belongs to."""
    return Product.objects.values_list("pk", "product_type", "category", "department", "brand")


def classes_on_sale() -> QuerySet:
    """(id, product type, category, department, brand) of every product on sale with a price, ids ascending."""
    rows = Product.objects.on_sale().filter(price__isnull=False).exclude(product_type="").order_by("pk")
    return rows.values_list("pk", "product_type", "category", "department", "brand")


def words_on_sale() -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """(ids ascending, per product its telling texts, the most telling first) of every product on sale with a price."""
    rows = Product.objects.on_sale().filter(price__isnull=False).exclude(product_type="").order_by("pk")
    found = list(rows.values_list("pk", "product_type", "title", "category", "brand").iterator(chunk_size=20_000))
    return np.array([pk for pk, *_ in found], dtype=np.int64), [tuple(texts) for _, *texts in found]
