"""Keeps doubtful orders and people out of training, audiences and reports, without saying who found them doubtful."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from customers.models import Customer, Order
from customers.services import shells


def exclude_from_learning(*, order_ids: Iterable[int] = (), customer_ids: Iterable[int] = (), reason: str) -> int:
    """Marks orders and people; `customers.queries.interactions` and `contactable` leave them out from now on.

    A merged record's mark is one of the person whom it was merged into, too. Returns how many orders and people were
    not marked before; the first reason stays. Safe to repeat.
    """
    mark = {"excluded_at": timezone.now(), "excluded_reason": reason[:60]}
    records = set(customer_ids)
    with transaction.atomic():
        now = shells.hold(records, to_change=True) if records else {}
        unmarked = Customer.objects.filter(excluded_at=None)
        unmarked.filter(pk__in=now.keys()).update(**mark)
        people = unmarked.filter(pk__in={now.get(pk, pk) for pk in records}).update(**mark)
        return people + Order.objects.filter(pk__in=list(order_ids), excluded_at=None).update(**mark)


def include_again(*, order_ids: Iterable[int] = (), customer_ids: Iterable[int] = ()) -> int:
    """Takes the marks off; returns how many orders and people had one.

    A merged record's mark goes from its person too, where the person's has the same reason.
    """
    blank = {"excluded_at": None, "excluded_reason": ""}
    records = set(customer_ids)
    with transaction.atomic():
        now = shells.hold(records, to_change=True) if records else {}
        marked = Customer.objects.filter(excluded_at__isnull=False)
        given = dict(marked.filter(pk__in=now.keys()).values_list("pk", "excluded_reason"))
        people = marked.filter(pk__in=records - now.keys()).update(**blank)
        for reason in sorted(set(given.values())):
            persons = {now[pk] for pk, its_reason in given.items() if its_reason == reason}
            people += marked.filter(pk__in=persons, excluded_reason=reason).update(**blank)
        marked.filter(pk__in=now.keys()).update(**blank)
        return people + Order.objects.filter(pk__in=list(order_ids), excluded_at__isnull=False).update(**blank)
