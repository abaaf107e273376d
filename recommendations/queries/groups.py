"""Reads about what groups of people buy: the model's own groups, and those that another room named and counted."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from customers.models import Order, OrderLine
from recommendations.contracts import Group
from recommendations.models import GroupList, GroupPick, Profile

DAYS = 14
KEPT = 300  # seconds
FEWEST_BUYERS = 5  # in a group: fewer say more about one household than about the group
OF_EACH_MERCHANT = (
    120  # products of a kept list, the best of each merchant: what any filter by merchant leaves is as long
)


def group_called(name: str, merchant_id: int | None) -> Group | None:
    """The group of this number or name that the caller may ask about; None where there is none with a list.

    A segment by its name or slug, the merchant's own before the platform's; else a group of the clusters' model.
    """
    mine = Q(merchant=None) | Q(merchant_id=merchant_id) if merchant_id is not None else Q(merchant=None)
    kept = GroupList.objects.filter(mine, Q(name__iexact=name) | Q(slug__iexact=name))
    row = kept.order_by(F("merchant").asc(nulls_last=True), "slug").values_list("name", "pk").first()
    if row is not None:
        return Group(row[0], list_id=row[1])
    rows = Profile.objects.exclude(cluster=None)
    is_number = name.isdecimal() and len(name) < 5
    rows = rows.filter(cluster=int(name)) if is_number else rows.filter(cluster_name__iexact=name)
    found = rows.values_list("cluster_name", "cluster").first()
    return None if found is None else Group(found[0], cluster=found[1])


def popular_in(group: Group, merchant_id: int | None, k: int) -> list[tuple[int, int]]:
    """(product, buyers) of what most people of the group bought, of this merchant's products or everybody's.

    Of a segment as of its last count; of a cluster the two weeks before its newest order, kept for 5 minutes.
    """
    if group.list_id is not None:
        rows = GroupPick.objects.filter(
            group_id=group.list_id, product__is_active=True, product__price__isnull=False
        )  # fmt: skip
        if merchant_id is not None:
            rows = rows.filter(product__merchant_id=merchant_id)
        return list(rows.order_by("-buyers", "product_id").values_list("product_id", "buyers")[:k])
    key = f"recommendations:popular:{group.cluster}:{merchant_id}:{k}"
    found = cache.get(key)
    if found is None:
        found = favourites(Profile.objects.filter(cluster=group.cluster).values("customer_id"), merchant_id)[:k]
        cache.set(key, found, KEPT)
    return found


def favourites(people: QuerySet, merchant_id: int | None, *, of_each_merchant: bool = False) -> list[tuple[int, int]]:
    """(product, buyers) by how many of these people bought it in the two weeks before their newest order, the most first.

    people: a query of one column, customers' ids, or of Customer. of_each_merchant: the best of every merchant's products,
    not of all products.
    """
    orders = Order.objects.counted().filter(ordered_at__lte=timezone.now(), customer_id__in=people)
    newest = orders.order_by("-ordered_at").values_list("ordered_at", flat=True).first()
    if newest is None:
        return []
    lines = OrderLine.objects.filter(
        order__in=orders.filter(ordered_at__gt=newest - timedelta(days=DAYS)).values("pk"),
        product__is_active=True,
        product__price__isnull=False,
        quantity__gt=0,
    ).exclude(product__product_type="")
    if merchant_id is not None:
        lines = lines.filter(product__merchant_id=merchant_id)
    top = lines.values("product_id").annotate(buyers=Count("order__customer_id", distinct=True))
    top = top.filter(buyers__gte=FEWEST_BUYERS)
    whose = [F("product__merchant_id")] if of_each_merchant else None
    place = Window(RowNumber(), partition_by=whose, order_by=[F("buyers").desc(), F("product_id").asc()])
    best = top.annotate(place=place).filter(place__lte=OF_EACH_MERCHANT).order_by("-buyers", "product_id")
    return list(best.values_list("product_id", "buyers"))
