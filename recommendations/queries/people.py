"""Reads about people: who somebody is, what they are like, and all that this room keeps of them."""

from customers.models import Customer
from recommendations.contracts import PersonProfile
from recommendations.models import Exposure, Profile, Recommendation


def customer_id_of(external_id: str) -> int | None:
    """The person whom the platform calls by this id; None for somebody unknown or erased."""
    return Customer.objects.present().filter(external_id=external_id).values_list("pk", flat=True).first()


def profile(customer_id: int) -> PersonProfile | None:
    row = Profile.objects.filter(customer_id=customer_id).first()
    if row is None:
        return None
    return PersonProfile(
        recency_days=row.recency_days,
        frequency=row.frequency,
        monetary=row.monetary,
        scores=(row.r_score, row.f_score, row.m_score),
        cluster=row.cluster,
        cluster_name=row.cluster_name,
        affinities=row.affinities,
        as_of=row.as_of,
    )


def personal(customer_id: int) -> dict:
    """Everything this room keeps of a person, for access and portability."""
    return {
        "profile": list(Profile.objects.filter(customer_id=customer_id).values()),
        "recommendations": list(Recommendation.objects.filter(customer_id=customer_id).order_by("rank").values()),
        "exposures": list(Exposure.objects.filter(customer_id=customer_id).order_by("at").values()),
    }
