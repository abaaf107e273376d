"""Writes what people are like, whole."""

from collections.abc import Iterable

from django.db import transaction

from catalog.services.bulk import copy_rows
from customers.services.pseudonyms import named
from recommendations.models import Profile

PROFILE_COLUMNS = (
    "customer_id", "recency_days", "frequency", "monetary", "r_score", "f_score", "m_score", "cluster", "cluster_name",
    "top_category", "affinities", "lifetime_value", "expected_orders", "alive", "next_order_at", "next_order_from",
    "next_order_to", "purchase_propensity", "coupon_propensity", "discount_share", "figures", "as_of", "model_version_id",
)  # fmt: skip


def replace_profiles(rows: Iterable[tuple]) -> int:
    """All profiles anew, in one transaction. Rows as the columns, with a pseudonym in place of the customer's id."""
    rows = named(rows)
    with transaction.atomic():
        Profile.objects.all()._raw_delete("default")
        return copy_rows(Profile._meta.db_table, PROFILE_COLUMNS, rows)
