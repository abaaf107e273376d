"""The store as a whole, in a few figures: for the demo's report and for commands, not for a page that answers a request."""

from dataclasses import dataclass

from customers.models import ConsentState, Customer, Order, OrderLine


@dataclass(frozen=True)
class StoreTotals:
    customers: int
    orders: int
    lines: int


@dataclass(frozen=True)
class ConsentTotals:
    """People by their newest word; who was never asked is in neither."""

    given: int
    refused: int


def store_totals() -> StoreTotals:
    return StoreTotals(Customer.objects.present().count(), Order.objects.count(), OrderLine.objects.count())


def consent_totals(purpose: str, channel: str) -> ConsentTotals:
    rows = ConsentState.objects.filter(purpose=purpose, channel=channel)
    return ConsentTotals(rows.filter(is_given=True).count(), rows.filter(is_given=False).count())
