"""Whether there is anything to learn a kind of model from: what a shop does not do is no failed training."""

from datetime import datetime

from recommendations.contracts import HISTORY, REDEMPTION, SOCIAL_GROUPS
from recommendations.ml.deeds import LEAST_PEOPLE
from recommendations.models import OfferWave
from recommendations.queries.social import people_with_enough


def has_material(kind: str, until: datetime) -> bool:
    """True for kinds that learn from orders; for the others, whether coupons went out or enough people are on social networks."""
    if kind == REDEMPTION:
        return OfferWave.objects.exists()
    if kind == SOCIAL_GROUPS:
        return people_with_enough(since=until - HISTORY, until=until) >= LEAST_PEOPLE
    return True
