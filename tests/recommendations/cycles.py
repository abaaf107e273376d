"""A shop in which what is due says more than what was bought lately.

Eighty people, each with twelve of sixty products, of which each is bought every eight weeks: what was bought in the last
four weeks will not be bought in the next four, and what was bought in the four before that will.
"""

from datetime import datetime, timedelta

from customers.models import Customer, Order, OrderLine
from tests import factories

PEOPLE, PRODUCTS, STAPLES, CYCLE, DAYS = 80, 60, 12, 56, 358


def fill(end: datetime) -> tuple[list[Customer], list]:
    """(people, products). Orders up to `end`; person n's k-th staple is product (7n + 5k) % 60, bought on days k * 14 / 3."""
    products = [
        factories.product(f"Good {'abcdefghij'[n // 6]}{'uvwxyz'[n % 6]}", external_id=f"g{n}", product_type=f"T{n % 12}",
                          category=f"C{n % 4}", department="GROCERY")
        for n in range(PRODUCTS)
    ]  # fmt: skip
    people = Customer.objects.bulk_create(Customer(external_id=f"c-{n}") for n in range(PEOPLE))
    rows = [
        (person, ago, products[(7 * n + 5 * k) % PRODUCTS])
        for n, person in enumerate(people)
        for k in range(STAPLES)
        for ago in range(1 + (n + k * CYCLE // STAPLES) % CYCLE, DAYS, CYCLE)
    ]
    orders = Order.objects.bulk_create(
        Order(external_id=f"o-{n}", customer=person, ordered_at=end - timedelta(days=ago, minutes=n % 60), channel="store",
              source="store", store=f"s{person.pk % 3}", total=3)
        for n, (person, ago, _) in enumerate(rows)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=product, quantity=1, amount=3)
        for order, (_, _, product) in zip(orders, rows, strict=True)
    )
    return people, products


def due(products: list, number: int) -> list:
    """What person `number` will buy in the four weeks after the end, the longest wait first."""
    ago = {k: 1 + (number + k * CYCLE // STAPLES) % CYCLE for k in range(STAPLES)}
    late = sorted((k for k in ago if ago[k] > CYCLE // 2), key=lambda k: -ago[k])
    return [products[(7 * number + 5 * k) % PRODUCTS] for k in late]
