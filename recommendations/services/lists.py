"""Writes everybody's list, whole."""

from collections.abc import Iterable

from django.db import transaction

from catalog.services.bulk import copy_rows
from customers.services.pseudonyms import named
from recommendations.models import Recommendation

RECOMMENDATION_COLUMNS = (
    "customer_id", "product_id", "rank", "score", "is_novel", "reason_code", "reason_product_id", "reason_value",
    "reason_days", "model_version_id",
)  # fmt: skip


def replace_recommendations(rows: Iterable[tuple]) -> int:
    """All lists anew, in one transaction: readers see the old ones until the new ones are whole.

    Rows as the columns, with a pseudonym in place of the customer's id.
    """
    rows = named(rows)
    with transaction.atomic():
        Recommendation.objects.all()._raw_delete(
            "default"
        )  # no row points here; a million need not pass through Python
        return copy_rows(Recommendation._meta.db_table, RECOMMENDATION_COLUMNS, rows)
