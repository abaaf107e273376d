"""Writes about recommendations: scored lists, profiles and what was shown."""

from collections.abc import Iterable
from uuid import UUID, uuid4

from django.db import transaction

from catalog.services.bulk import copy_rows
from recommendations.models import Exposure, Profile, Recommendation

RECOMMENDATION_COLUMNS = (
    "customer_id", "product_id", "rank", "score", "is_novel", "reason_code", "reason_product_id", "reason_value",
    "reason_days", "model_version_id",
)  # fmt: skip
PROFILE_COLUMNS = (
    "customer_id", "recency_days", "frequency", "monetary", "r_score", "f_score", "m_score", "cluster", "cluster_name",
    "top_category", "affinities", "as_of", "model_version_id",
)  # fmt: skip


def replace_recommendations(rows: Iterable[tuple]) -> int:
    """All lists anew, in one transaction: readers see the old ones until the new ones are whole. Rows as the columns."""
    with transaction.atomic():
        Recommendation.objects.all()._raw_delete(
            "default"
        )  # no row points here; a million need not pass through Python
        return copy_rows(Recommendation._meta.db_table, RECOMMENDATION_COLUMNS, rows)


def replace_profiles(rows: Iterable[tuple]) -> int:
    """All profiles anew, in one transaction. Rows as the columns."""
    with transaction.atomic():
        Profile.objects.all()._raw_delete("default")
        return copy_rows(Profile._meta.db_table, PROFILE_COLUMNS, rows)


def log_exposures(
    *, surface: str, model_version_id: int | None, rows: Iterable[tuple[UUID | None, int | None, list[int]]]
) -> int:
    """Records answers that were given: (request id, customer id, product ids in order). Repeated request ids are ignored.

    The lists here are deterministic, so each shown product was shown with probability 1.
    """
    exposures = [
        Exposure(
            request_id=request_id or uuid4(),
            surface=surface,
            customer_id=customer_id,
            model_version_id=model_version_id,
            items=items,
            propensities=[1.0] * len(items),
        )
        for request_id, customer_id, items in rows
    ]
    Exposure.objects.bulk_create(exposures, ignore_conflicts=True, batch_size=1000)
    return len(exposures)
