"""Writes what a named group of people buys, when whoever named it counts it."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from recommendations.models import GroupList, GroupPick
from recommendations.queries.groups import favourites


def keep_group(*, merchant_id: int | None, slug: str, name: str, people: QuerySet) -> int:
    """Replaces the group's list by what these people (a query of Customer) bought; returns how many products it holds.

    One statement counts. A list of a merchant's own group holds that merchant's products.
    """
    with transaction.atomic():
        group, _ = GroupList.objects.update_or_create(
            merchant_id=merchant_id, slug=slug, defaults={"name": name, "made_at": timezone.now()}
        )
        GroupPick.objects.filter(group=group).delete()
        picks = [
            GroupPick(group=group, product_id=product_id, buyers=buyers)
            for product_id, buyers in favourites(people, merchant_id, of_each_merchant=True)
        ]
        GroupPick.objects.bulk_create(picks, batch_size=2000)
    return len(picks)


def forget_group(*, merchant_id: int | None, slug: str) -> None:
    """The group's rule has changed: its list would speak of other people."""
    GroupList.objects.filter(merchant_id=merchant_id, slug=slug).delete()
