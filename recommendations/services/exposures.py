"""Writes what was shown."""

from collections.abc import Iterable
from uuid import UUID, uuid4

from recommendations.models import Exposure


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
