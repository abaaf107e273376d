"""A shop in the database whose bursts a reader can see: ordinary customers, to whom a test adds its own orders."""

from datetime import UTC, datetime, timedelta
from itertools import count

from catalog.models import Product
from customers.models import Customer, Order, OrderLine
from tests import factories

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_numbers = count(1)


def products(number: int = 40) -> list[Product]:
    return [factories.product(f"Thing {place}") for place in range(number)]


def order(customer: Customer, at: datetime, basket: list[Product], total="20.00", **fields) -> Order:
    """One order with a line of each product."""
    fields = {"external_id": f"o-{next(_numbers)}", "channel": "web", "source": "api", **fields}
    made = Order.objects.create(customer=customer, ordered_at=at, total=total, **fields)
    OrderLine.objects.bulk_create(OrderLine(order=made, product=one, quantity=1, amount="5.00") for one in basket)
    return made


def ordinary(basket: list[Product], customers: int = 20, orders_each: int = 5) -> list[Customer]:
    """Each customer orders every third day, and never the same twice."""
    people = [factories.customer() for _ in range(customers)]
    rows = [
        Order(
            external_id=f"o-{next(_numbers)}", customer=person, channel="web", source="api",
            ordered_at=MONDAY - timedelta(days=3 * number + 3, minutes=place), total=f"{10 + (7 * place + number) % 31}.00",
        )
        for place, person in enumerate(people)
        for number in range(orders_each)
    ]  # fmt: skip
    Order.objects.bulk_create(rows)
    OrderLine.objects.bulk_create(
        OrderLine(order=row, product=basket[place % len(basket)], quantity=1 + place, amount="5.00")
        for place, row in enumerate(rows)
    )
    return people


def burst(customer: Customer, basket: list[Product], orders: int = 12, since: datetime = MONDAY) -> list[Order]:
    """Every five minutes another basket: twelve fit into an hour."""
    return [order(customer, since + timedelta(minutes=5 * place), [basket[place]]) for place in range(orders)]
