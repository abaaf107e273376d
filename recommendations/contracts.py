"""What other rooms receive: products for a person with the reason, and what a person is like."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

# The two kinds of live model of this room, and how far back both look: a year holds every season once; more makes old
# habits louder and the fit slower.
RECOMMENDER, CLUSTERS = "recommender", "clusters"
HISTORY = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class RecommendedItem:
    """One product. `reason_text` is a true sentence; `reason_product_id` is the own product that explains it, if any."""

    product_id: int
    score: float
    is_novel: bool
    reason_code: str  # bought_again, because_you_bought or popular_now
    reason_product_id: int | None
    reason_value: float | None
    reason_text: str
    model_version_id: int | None


@dataclass(frozen=True, slots=True)
class PersonProfile:
    """Recency in days, orders, spend, their quintiles (5 is best, 0 without an order), cluster and shares of spend."""

    recency_days: float | None
    frequency: int
    monetary: Decimal
    scores: tuple[int, int, int]
    cluster: int | None
    cluster_name: str
    affinities: dict[str, float]
    as_of: datetime
