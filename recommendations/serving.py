"""The live answer: a person's own list, else the common one, each answer recorded as an exposure. No torch here."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from recommendations.contracts import RecommendedItem
from recommendations.queries.lists import items_for, popular
from recommendations.services.exposures import log_exposures


@dataclass(frozen=True)
class Answer:
    request_id: UUID
    items: tuple[RecommendedItem, ...]
    is_fallback: bool  # the common list: nothing is known of the person, or they asked not to be personalised


def recommend(customer_id: int, *, k: int, merchant_id: int | None, surface: str) -> Answer:
    """The best k products for this person now. Its request id comes back with clicks and orders that it led to."""
    items = items_for([customer_id], k=k, merchant_id=merchant_id).get(customer_id, ())
    is_fallback = not items
    if is_fallback:
        items = popular(k=k, merchant_id=merchant_id)
    request_id = uuid4()
    log_exposures(
        surface=surface,
        model_version_id=items[0].model_version_id if items else None,
        rows=[(request_id, customer_id, [item.product_id for item in items])],
    )
    return Answer(request_id, items, is_fallback)
