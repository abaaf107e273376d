"""A small shop with habits that a reader can see, for the tests of what describes people."""

from datetime import UTC, datetime, timedelta

from customers.models import Customer, Order, OrderLine
from tests import factories

END = datetime(2026, 11, 2, tzinfo=UTC)
PEOPLE = 200
WEEKS = 40


def fill() -> list[Customer]:
    """Two hundred people. Even numbers use a coupon for every order, odd ones never. Each third stopped 90 days ago (that is
    12 silent weeks and more), all others order each week; each fifth buys meat, the others bread.
    """
    bread = factories.product("Rye bread", department="BAKERY", product_type="BREAD")
    meat = factories.product("Minced beef", department="MEAT", product_type="BEEF")
    people = Customer.objects.bulk_create(
        Customer(external_id=f"h-{number:03}", attributes={"age": "35-44"} if number % 4 else {})
        for number in range(PEOPLE)
    )
    orders, lines = [], []
    for number, person in enumerate(people):
        for week in range(WEEKS):
            ago = timedelta(days=7 * week + number % 7, hours=1 + number % 3)
            # Some skip a week, so that no one is sure to come.
            if (number % 3 == 0 and ago.days < 90) or (number * 7 + week * 3) % 5 == 0:
                continue
            amount = 10 + number % 4
            orders.append(
                Order(
                    external_id=f"o-{number}-{week}", customer=person, ordered_at=END - ago, channel="store",
                    source="store", total=amount, discount=amount if number % 2 == 0 else 0,
                    coupon_discount=1 if number % 2 == 0 else 0,
                )
            )  # fmt: skip
            lines.append((meat if number % 5 == 0 else bread, amount))
    for order, (product, amount) in zip(Order.objects.bulk_create(orders), lines, strict=True):
        order.line = OrderLine(order=order, product=product, quantity=1, amount=amount)
    OrderLine.objects.bulk_create(order.line for order in orders)
    return people
