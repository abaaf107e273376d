"""Ids by the names that an imported history uses."""

from collections.abc import Iterable

from campaigns.models import Campaign, CouponCode
from campaigns.state import Kind
from customers.models import Customer, Order


def campaigns(prefix: str) -> dict[str, int]:
    """External id to id of the imported campaigns whose external id starts with `prefix`."""
    rows = Campaign.objects.filter(kind=Kind.HISTORY, merchant=None, external_id__startswith=prefix)
    return dict(rows.values_list("external_id", "id"))


def codes(campaign_ids: Iterable[int]) -> dict[int, int]:
    """Offer to the code that stands for it, over the codes that are nobody's own."""
    rows = CouponCode.objects.filter(campaign__in=list(campaign_ids), customer=None)
    return dict(rows.values_list("offer_id", "id"))


def customers(external_ids: Iterable[str]) -> dict[str, int]:
    return dict(Customer.objects.filter(external_id__in=list(external_ids)).values_list("external_id", "id"))


def orders(external_ids: Iterable[str]) -> dict[str, int]:
    """External id to id of the platform's own orders."""
    rows = Order.objects.filter(merchant=None, external_id__in=list(external_ids))
    return dict(rows.values_list("external_id", "id"))
