"""Reads about products, for learning."""

from django.db.models import QuerySet

from catalog.models import Product


def product_classes() -> QuerySet:
    """(id, department, product type, title) of every product, for the dataset."""
    return Product.objects.values_list("pk", "department", "product_type", "title")
