"""Orders in bulk by COPY: a history of years goes in as it stands, past the one-by-one door of `services.events`.

Each order leaves what an accepted event would have left: the key that keeps it from coming in twice, the event in the
words of `services.spec`, the order and its lines.
"""

from dataclasses import dataclass

import polars as pl
from django.db import transaction

from catalog.services.bulk import copy_csv, csv_block, reserve_ids
from customers.models import Event, EventKey, Order, OrderLine
from customers.services.orders import COMPLETED


@dataclass(frozen=True, slots=True)
class Way:
    """What all orders of a load have in common."""

    source: str
    channel: str
    origin: str
    currency: str


@dataclass(frozen=True, slots=True)
class OrderTotals:
    orders: int = 0
    lines: int = 0
    cents: int = 0

    def __add__(self, other: "OrderTotals") -> "OrderTotals":
        return OrderTotals(self.orders + other.orders, self.lines + other.lines, self.cents + other.cents)


def load_orders(lines: pl.DataFrame, way: Way, *, customers: dict[str, int], products: dict[str, int]) -> OrderTotals:
    """Appends whole orders of the platform in one transaction: all of them or none. Half a second for 60,000 lines.

    Columns: order, customer, product (external ids, text), store (text), quantity, ordered_at (UTC), cents,
    discount_cents, coupon_cents; an order's lines all stand in one call. `customers` and `products` map external ids to
    ids. An order that is there already raises IntegrityError, an unknown id polars' InvalidOperationError. The month
    partitions of these times must have been made.
    """
    lines = lines.with_columns(
        customer_id=pl.col("customer").replace_strict(customers, return_dtype=pl.Int64),
        product_id=pl.col("product").replace_strict(products, return_dtype=pl.Int64),
    )
    orders = lines.group_by("order", maintain_order=True).agg(
        pl.col("customer_id", "store", "ordered_at").first(), pl.col("cents", "discount_cents", "coupon_cents").sum()
    )
    with transaction.atomic():
        ids = pl.Series(reserve_ids(Order._meta.db_table, orders.height), dtype=pl.Int64)
        orders = orders.with_columns(id=ids)
        lines = lines.join(orders.select("order", order_id="id"), on="order", how="left", maintain_order="left")
        _copy(EventKey, orders.select(message_id="order"))
        _copy(Event, _events(orders, lines, way))
        _copy(Order, _orders(orders, way))
        _copy(OrderLine, lines.select("order_id", "product_id", "quantity", amount=_money("cents")))
    return OrderTotals(orders.height, lines.height, lines["cents"].sum())


def _orders(orders: pl.DataFrame, way: Way) -> pl.DataFrame:
    return orders.select(
        "id", "customer_id", "store", "ordered_at",
        external_id="order", channel=pl.lit(way.channel), source=pl.lit(way.source), total=_money("cents"),
        discount=_money("discount_cents"), coupon_discount=_money("coupon_cents"), refunded=pl.lit(0),
        currency=pl.lit(way.currency), coupon=pl.lit(""), excluded_reason=pl.lit(""), origin=pl.lit(way.origin),
    )  # fmt: skip


def _events(orders: pl.DataFrame, lines: pl.DataFrame, way: Way) -> pl.DataFrame:
    """One Order Completed an order, its properties as `services.spec` keeps them."""
    each = pl.struct("quantity", product_id="product", amount=_money("cents"))
    bought = lines.group_by("order_id", maintain_order=True).agg(products=each)
    properties = pl.struct(
        "store", "products", order_id="order", total=_money("cents"), discount=_money("discount_cents"),
        coupon_discount=_money("coupon_cents"), currency=pl.lit(way.currency),
    )  # fmt: skip
    return orders.join(bought, left_on="id", right_on="order_id", maintain_order="left").select(
        "customer_id", occurred_at="ordered_at", message_id="order", name=pl.lit(COMPLETED), source=pl.lit(way.source),
        channel=pl.lit(way.channel), properties=properties.struct.json_encode(), origin=pl.lit(way.origin),
    )  # fmt: skip


def _money(cents: str) -> pl.Expr:
    """Cents, which are never negative here, as text: JSON numbers are floats, and money is not."""
    return pl.format("{}.{}", pl.col(cents) // 100, (pl.col(cents) % 100).cast(pl.String).str.zfill(2))


def _copy(model, rows: pl.DataFrame) -> None:
    copy_csv(model._meta.db_table, rows.columns, [csv_block(rows)])
