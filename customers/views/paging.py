"""Keyset pages, and who may look at people at all."""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from catalog.queries import merchant_of
from customers.models import Customer

PAGE = 50


def platform_staff_only(request: HttpRequest) -> None:
    """Merchants see aggregates and their own events, never a person."""
    if merchant_of(request.user) is not None:
        raise PermissionDenied(_("People belong to the platform; a merchant sees its own events and figures."))


def page_of(rows: Iterable, cursor) -> tuple[list, str]:
    """(a page of rows, the cursor of the next one or ""), without counting: one row more than a page is read."""
    found = list(rows[: PAGE + 1])
    return found[:PAGE], cursor(found[PAGE - 1]) if len(found) > PAGE else ""


def next_url(request: HttpRequest, cursor: str) -> str:
    query = request.GET.copy()
    query["before"] = cursor
    return f"?{query.urlencode()}" if cursor else ""


def moment(text: str) -> datetime | None:
    """An aware moment from a link, or None for anything else."""
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def older(rows: QuerySet, cursor: str, column: str) -> QuerySet:
    """What comes after the cursor `time~id` in an order of falling time, then falling id."""
    text, _, pk = cursor.partition("~")
    at = moment(text)
    if at is None or not pk.isdecimal() or len(pk) > 18:
        return rows
    # The first condition alone is what the index can use.
    return rows.filter(**{f"{column}__lte": at}).filter(Q(**{f"{column}__lt": at}) | Q(id__lt=int(pk)))


def names_of(customer_ids: Iterable[int | None]) -> dict[int, str]:
    return dict(Customer.objects.filter(pk__in=set(customer_ids) - {None}).values_list("pk", "external_id"))
