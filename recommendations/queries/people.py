"""Reads about people: who somebody is, what they are like, and all that this room keeps of them."""

from collections.abc import Iterable

from django.db.models import QuerySet

from customers.models import Customer
from recommendations.contracts import PersonProfile, SocialPlace
from recommendations.models import Exposure, Profile, Recommendation, TextFinding, WaveReceiver


def customer_id_of(external_id: str) -> int | None:
    """The person whom the platform calls by this id; None for somebody unknown or erased."""
    return Customer.objects.present().filter(external_id=external_id).values_list("pk", flat=True).first()


def known_people() -> QuerySet[Customer]:
    """People who are there, for a page of one of them."""
    return Customer.objects.present()


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
        lifetime_value=row.lifetime_value,
        expected_orders=row.expected_orders,
        alive=row.alive,
        next_order=(row.next_order_from, row.next_order_at, row.next_order_to),
        purchase_propensity=row.purchase_propensity,
        coupon_propensity=row.coupon_propensity,
        discount_share=row.discount_share,
        shop_discount_share=row.figures.get("shop_discount_share"),
        leanings={int(days): _tuples(rows) for days, rows in row.figures.get("leanings", {}).items()},
        channels=row.figures.get("channels", {}),
        visits=tuple(row.figures["visits"]) if "visits" in row.figures else None,
        factors={kind: _tuples(rows) for kind, rows in row.figures.get("factors", {}).items()},
        lifetime=row.figures.get("lifetime", {}),
        redemption=row.figures.get("redemption", {}),
        said=_tuples(row.figures.get("said", [])),
        social=_social(row.figures.get("social")),
    )


def _social(found: dict | None) -> SocialPlace | None:
    if found is None:
        return None
    return SocialPlace(
        found["group"], found["name"], found["deeds"], _tuples(found["leanings"]), _tuples(found["alike"])
    )


def names_of(customer_ids: Iterable[int]) -> dict[int, str]:
    """What the platform calls these people; who is gone is left out."""
    return dict(Customer.objects.present().filter(pk__in=list(customer_ids)).values_list("pk", "external_id"))


def _tuples(rows: list[list]) -> tuple[tuple, ...]:
    return tuple(tuple(row) for row in rows)


def personal(customer_id: int) -> dict:
    """Everything this room keeps of a person, for access and portability."""
    return {
        "opinions": list(TextFinding.objects.filter(customer_id=customer_id).order_by("occurred_at").values()),
        "profile": list(Profile.objects.filter(customer_id=customer_id).values()),
        "recommendations": list(Recommendation.objects.filter(customer_id=customer_id).order_by("rank").values()),
        "coupons_received": list(
            WaveReceiver.objects.filter(customer_id=customer_id)
            .order_by("wave__starts_at")
            .values("wave__external_id", "wave__kind", "wave__starts_at", "used_at")
        ),
        "exposures": list(Exposure.objects.filter(customer_id=customer_id).order_by("at").values()),
    }
