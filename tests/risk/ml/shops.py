"""A small shop whose frauds a reader can see: ordinary orders, to which a test adds its own."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from risk.ml.features import DAY, HOUR, Orders, basket_digests

CUSTOMERS = 30
ORDERS_EACH = 25


@dataclass(frozen=True)
class Purchase:
    customer: int
    at: int
    amount: float = 20.0
    products: tuple[int, ...] = (1, 2, 3)
    coupon_saved: float = 0.0
    device: int = -1
    address: int = -1


def ordinary_purchases() -> list[Purchase]:
    """25 orders of each of 30 customers, one every third day, of 10 to 40, no two baskets alike, each from home."""
    return [
        Purchase(
            customer,
            at=number * 3 * DAY + customer * HOUR,
            amount=10.0 + (customer * 7 + number * 11) % 31,
            products=(100 + number, 200 + customer),
            device=customer,
            address=customer // 2,  # two customers a household
        )
        for customer in range(CUSTOMERS)
        for number in range(ORDERS_EACH)
    ]


def orders_of(purchases: Iterable[Purchase]) -> Orders:
    """Order ids are places in the list."""
    purchases = list(purchases)
    position = np.repeat(np.arange(len(purchases)), [len(purchase.products) for purchase in purchases])
    product = np.array([product for purchase in purchases for product in purchase.products], dtype=np.int64)
    return Orders(
        order=np.arange(len(purchases)),
        customer=np.array([purchase.customer for purchase in purchases], dtype=np.int64),
        occurred_at=np.array([purchase.at for purchase in purchases], dtype=np.int64),
        amount=np.array([purchase.amount for purchase in purchases], dtype=np.float64),
        lines=np.array([len(purchase.products) for purchase in purchases], dtype=np.int64),
        coupon_saved=np.array([purchase.coupon_saved for purchase in purchases], dtype=np.float64),
        basket=basket_digests(position, product, np.ones(len(product), dtype=np.int64), len(purchases)),
        device=np.array([purchase.device for purchase in purchases], dtype=np.int64),
        address=np.array([purchase.address for purchase in purchases], dtype=np.int64),
    )
