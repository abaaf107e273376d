"""The only translator: rows of orders to positions in arrays, and back."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime

import numpy as np
import polars as pl

from customers.contracts import InteractionColumns
from customers.queries.behaviour import interactions
from customers.queries.exclusions import flagged_interactions
from customers.queries.pseudonyms import epoch_of
from recommendations.ml.facts import Facts
from recommendations.ml.habits import WINDOWS, Figures, Orders, coded, describe, figures
from recommendations.ml.redemption import Past
from recommendations.ml.rfm import Rfm, rfm
from recommendations.ml.splits import PurchaseLog
from recommendations.queries import behaviour
from recommendations.queries.catalogue import product_classes, product_groups
from recommendations.queries.waves import Waves

DAY = 86_400.0
# What no shop would put into a message: fuel, services, coupons and other entries of the till that are no goods.
NOT_GOODS = frozenset({
    "FUEL", "MISCELLANEOUS", "COUPON", "TRAVEL & LEISURE", "POSTAL CENTER", "CNTRL/STORE SUP", "PHOTO & VIDEO",
    "AUTOMOTIVE", "GM MERCH EXP", "ELECT &PLUMBING", "PROD-WHS SALES", "TOYS",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class Purchases:
    """log: one row per (order, product) of goods, users and items as positions in `customers` and `products`, days since
    1970. order: (n,) int64, the order each row belongs to, numbered from 0. amount: (n,) float64, money paid for the row.
    store: (n,) int64, where it was bought, numbered from 0; orders that name no store share a number.
    department: (n_items,) positions in `departments`.
    """

    log: PurchaseLog
    order: np.ndarray
    amount: np.ndarray
    store: np.ndarray
    customers: np.ndarray  # (n_users,) pseudonyms, rising: customers.services.pseudonyms leads back
    products: np.ndarray  # (n_items,) ids
    department: np.ndarray
    departments: tuple[str, ...]
    title: np.ndarray  # (n_items,) equal numbers for products that people read as the same


def day_of(at: datetime) -> float:
    return at.timestamp() / DAY


def at_day(day: float) -> datetime:
    return datetime.fromtimestamp(day * DAY, UTC)


def purchases(*, since: datetime, until: datetime, epoch: int | None = None, with_flagged: bool = False) -> Purchases:
    """What people bought in [since, until), without flagged orders and without people who refused (see the query).

    epoch: of the pseudonyms; the newest. with_flagged: the doubted orders too, to measure what leaving them out changes;
    no model is kept of them.
    """
    columns = interactions(since=since, until=until, epoch=epoch)
    if with_flagged:
        columns = _joined(columns, flagged_interactions(since=since, until=until, epoch=epoch))
    classes = {pk: facts for pk, *facts in product_classes().iterator(chunk_size=20_000)}
    bought = np.unique(columns.product_id)
    is_goods = np.array(
        [bool(classes[pk][1]) and classes[pk][0] not in NOT_GOODS for pk in bought.tolist()], dtype=bool
    )
    products = bought[is_goods]
    keep = np.isin(columns.product_id, products)
    customer_id, product_id = columns.customer_id[keep], columns.product_id[keep]
    day = columns.occurred_at[keep] / DAY
    customers, user = np.unique(customer_id, return_inverse=True)
    item = np.searchsorted(products, product_id)
    # A basket has one time: a person's rows with the same time are one order. The learning code counts an order once per
    # product, so lines of one product in one basket become one row with their sums.
    _, order = np.unique(np.stack([user, day]), axis=1, return_inverse=True)
    cells, first, cell = np.unique(order.reshape(-1) * len(products) + item, return_index=True, return_inverse=True)
    quantity = np.bincount(cell, weights=columns.quantity[keep], minlength=len(cells))
    amount = np.bincount(cell, weights=columns.amount[keep], minlength=len(cells))
    user, item, day, order = user[first], item[first], day[first], order.reshape(-1)[first]
    store = np.unique(columns.store[keep], return_inverse=True)[1].reshape(-1)[first]
    names = [classes[pk][0] for pk in products.tolist()]
    departments = tuple(sorted(set(names)))
    place = {name: index for index, name in enumerate(departments)}
    log = PurchaseLog(user, item, day, quantity, len(customers), len(products))
    return Purchases(
        log=log,
        order=order,
        amount=amount,
        store=store,
        customers=customers,
        products=products,
        department=np.array([place[name] for name in names], dtype=np.int64),
        departments=departments,
        title=np.unique([classes[pk][2] for pk in products.tolist()], return_inverse=True)[1],
    )


def _joined(one: InteractionColumns, other: InteractionColumns) -> InteractionColumns:
    return InteractionColumns(
        *(
            np.concatenate([getattr(one, column.name), getattr(other, column.name)])
            for column in fields(InteractionColumns)
        )
    )


def facts(data: Purchases) -> Facts:
    """What the database knows beside who bought what: type, category, department and brand of products, the store and the
    price of every row, and of people what the platform told. Who was told nothing of has NaN.
    """
    rows = {pk: named for pk, *named in product_groups().iterator(chunk_size=20_000)}
    columns = zip(*(rows[pk] for pk in data.products.tolist()), strict=True)
    groups = {
        name: np.unique(np.array(column), return_inverse=True)[1].reshape(-1)
        for name, column in zip(("type", "category", "department", "brand"), columns, strict=True)
    }
    return Facts(
        groups=groups, person_values=_told(data.customers), store=data.store, price=data.amount / data.log.quantity
    )


def _told(customers: np.ndarray) -> dict[str, np.ndarray]:
    values = described(customers)
    values[values[:, 3] == 0, :3] = np.nan
    return dict(zip(("age", "income", "household"), values.T[:3], strict=True))


def by_type(data: Purchases) -> tuple[PurchaseLog, Facts]:
    """The same orders with product types in place of products: one row per (order, type)."""
    about = facts(data)
    kind = about.groups["type"]
    n_types = int(kind.max()) + 1
    _, first, cell = np.unique(data.order * n_types + kind[data.log.item], return_index=True, return_inverse=True)
    quantity = np.bincount(cell, weights=data.log.quantity)
    amount = np.bincount(cell, weights=data.amount)
    log = PurchaseLog(
        data.log.user[first], kind[data.log.item[first]], data.log.day[first], quantity, data.log.n_users, n_types
    )
    # A type is where most of its products are.
    groups = {}
    for name in ("category", "department"):
        size = int(about.groups[name].max()) + 1
        counts = np.bincount(kind * size + about.groups[name], minlength=n_types * size).reshape(n_types, size)
        groups[name] = counts.argmax(axis=1)
    return log, Facts(
        groups=groups, person_values=about.person_values, store=data.store[first], price=amount / quantity
    )


def people_features(data: Purchases, end: float) -> tuple[Rfm, np.ndarray]:
    """(RFM of every customer, spend per department (n_users, departments)) up to the day `end`."""
    orders, first = np.unique(data.order, return_index=True)
    amount = np.bincount(data.order, weights=data.amount, minlength=len(orders))
    figures = rfm(data.log.user[first], end - data.log.day[first], np.maximum(amount, 0), data.log.n_users)
    cells = data.log.user * len(data.departments) + data.department[data.log.item]
    spend = np.bincount(cells, weights=np.maximum(data.amount, 0), minlength=data.log.n_users * len(data.departments))
    return figures, spend.reshape(data.log.n_users, len(data.departments))


def orders_of(customers: np.ndarray | None = None, *, since: datetime, until: datetime) -> tuple[Orders, np.ndarray]:
    """(orders, ids of their people): users are positions in `customers`, rising ids; without them, in everybody found."""
    columns = behaviour.orders(since=since, until=until)
    customers = np.unique(columns.customer_id) if customers is None else customers
    keep = np.isin(columns.customer_id, customers)
    return (
        Orders(
            user=np.searchsorted(customers, columns.customer_id[keep]),
            day=columns.day[keep],
            total=columns.total[keep],
            discount=columns.discount[keep],
            coupon_discount=columns.coupon_discount[keep],
            n_users=len(customers),
        ),
        customers,
    )


def described(customers: np.ndarray) -> np.ndarray:
    """(n, 4) as `ml.habits.describe`, of what the platform told."""
    given = behaviour.attributes(epoch=epoch_of(customers) if len(customers) else None)
    return describe([given.get(pk, {}) for pk in customers.tolist()])


def bands(customers: np.ndarray) -> np.ndarray:
    """(n, 3) as `ml.habits.coded`, of what the platform told of these people."""
    given = behaviour.attributes(epoch=epoch_of(customers) if len(customers) else None)
    return np.array([coded(given.get(pk, {})) for pk in customers.tolist()], dtype=np.int64).reshape(-1, 3)


def figures_at(data: Purchases, orders: Orders, at: float, departments: tuple[str, ...], about: np.ndarray) -> Figures:
    """Everybody's figures at the day `at`; a department that the shop no longer has counts 0 for everybody."""
    log = data.log
    place = {name: index for index, name in enumerate(departments)}
    column = np.array([place.get(name, -1) for name in data.departments], dtype=np.int64)[data.department[log.item]]
    keep = (log.day >= at - WINDOWS[1]) & (log.day < at) & (column >= 0)
    cells = log.user[keep] * len(departments) + column[keep]
    spend = np.bincount(cells, weights=data.amount[keep], minlength=log.n_users * len(departments))
    return figures(orders, at, spend.reshape(log.n_users, len(departments)), departments, about)


def coupon_past(data: Purchases, orders: Orders, known: Waves) -> Past:
    """What `ml.redemption` reads. Households are positions in `data.customers`, products positions in `data.products` (of
    those that nobody bought, minus their id). Discounts are known by order here: a line has its share of them. Which coupon
    of a wave somebody used, the store and the retailer's match are not known.
    """
    groups = {pk: named for pk, *named in product_groups().iterator(chunk_size=20_000)}
    columns = zip(*(groups[pk] for pk in data.products.tolist()), strict=True)
    about = pl.DataFrame(
        dict(zip(("product_type", "category", "department", "brand"), map(list, columns), strict=True))
    )
    place = {pk: position for position, pk in enumerate(data.products.tolist())}
    log = data.log
    lines = pl.DataFrame(
        {"household_id": log.user, "second": np.rint(log.day * DAY).astype(np.int64), "basket_id": data.order,
         "product_id": log.item, "day": log.day, "amount": data.amount, "store_id": np.zeros(len(log.user), np.int8)}
    ).hstack(about[log.item].drop("category"))  # fmt: skip
    paid = pl.DataFrame(
        {"household_id": orders.user, "second": np.rint(orders.day * DAY).astype(np.int64), "discount": orders.discount,
         "coupon": orders.coupon_discount}
    ).unique(["household_id", "second"])  # fmt: skip
    share = pl.col("amount") / pl.col("amount").sum().over("basket_id").clip(0.01)
    lines = lines.join(paid, on=["household_id", "second"], how="left").with_columns(
        retail_discount=(pl.col("discount").fill_null(0.0) * share),
        coupon_discount=(pl.col("coupon").fill_null(0.0) * share),
        match_discount=pl.lit(0.0),
    )
    people = np.array([person for _, person, _ in known.received], dtype=np.int64)
    user = np.minimum(np.searchsorted(data.customers, people), max(len(data.customers) - 1, 0))
    may = data.customers[user] == people if len(people) else np.zeros(0, dtype=bool)
    reached = [(wave, int(at), used) for (wave, _, used), at, ok in zip(known.received, user, may, strict=True) if ok]
    products: dict[int, list[int]] = {}
    for offer, product in known.covered:
        products.setdefault(offer, []).append(product)
    coupons = [
        (wave.pk, offer, place.get(product, -product), groups[product][0] or None)
        for wave in known.waves for offer in wave.offers for product in products.get(offer, ())
    ]  # fmt: skip
    number = {"campaign_id": pl.Int64, "household_id": pl.Int64}
    return Past(
        lines=lines.drop("second", "discount", "coupon"),
        campaigns=pl.DataFrame(
            [(wave.pk, wave.kind, day_of(wave.starts_at), day_of(wave.ends_at)) for wave in known.waves],
            {"campaign_id": pl.Int64, "campaign_type": pl.String, "starts": pl.Float64, "ends": pl.Float64}, orient="row",
        ),
        receivers=pl.DataFrame([row[:2] for row in reached], number, orient="row"),
        coupons=pl.DataFrame(
            coupons, {"campaign_id": pl.Int64, "coupon": pl.Int64, "product_id": pl.Int64, "product_type": pl.String},
            orient="row",
        ),
        redemptions=pl.DataFrame(
            [(user, wave, None, day_of(used)) for wave, user, used in reached if used is not None],
            {"household_id": pl.Int64, "campaign_id": pl.Int64, "coupon": pl.Int64, "day": pl.Float64}, orient="row",
        ),
        people=_people(data.customers),
    )  # fmt: skip


def _people(customers: np.ndarray) -> pl.DataFrame:
    given = behaviour.attributes()
    names = ("age", "income", "household_size", "kids_count", "home_ownership")
    rows = [
        (place, *(given[pk].get(name) for name in names)) for place, pk in enumerate(customers.tolist()) if pk in given
    ]
    return pl.DataFrame(rows, {"household_id": pl.Int64} | dict.fromkeys(names, pl.String), orient="row")


def spend_in(departments: list[str], data: Purchases, spend: np.ndarray) -> np.ndarray:
    """(n_users, departments): spend in a model's columns. A department that was new or gone since its training has none."""
    columns = np.zeros((len(spend), len(departments)))
    for index, name in enumerate(departments):
        if name in data.departments:
            columns[:, index] = spend[:, data.departments.index(name)]
    return columns
