"""Keeps doubtful orders and people out of training, audiences and reports, without saying who found them doubtful."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from customers.models import Customer, Order


def exclude_from_learning(*, order_ids: Iterable[int] = (), customer_ids: Iterable[int] = (), reason: str) -> int:
    """Marks orders and people; `customers.queries.interactions` and `contactable` leave them out from now on.

    Returns how many were not marked before; the first reason stays. Safe to repeat.
    """
    return _mark(order_ids, customer_ids, {"excluded_at": None}, timezone.now(), reason)


def include_again(*, order_ids: Iterable[int] = (), customer_ids: Iterable[int] = ()) -> int:
    """Takes the marks off; returns how many there were."""
    return _mark(order_ids, customer_ids, {"excluded_at__isnull": False}, None, "")


def _mark(order_ids, customer_ids, unless, at, reason) -> int:
    with transaction.atomic():
        return sum(
            model.objects.filter(pk__in=list(ids), **unless).update(excluded_at=at, excluded_reason=reason[:60])
            for model, ids in ((Customer, customer_ids), (Order, order_ids))
            if ids
        )
