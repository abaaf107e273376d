"""Who comes back, how often, when next, and for how much, on the real demo store: `python -m benchmarks.lifetime`.

Complete Journey, cut after weeks 29, 39 and 48; judged on the four weeks after each. Five CPU seconds.
"""

import numpy as np
import polars as pl

from catalog.services.completejourney import folder
from recommendations.ml.classification import roc_auc
from recommendations.ml.ltv import BgNbd, GammaGamma, repeats
from recommendations.ml.metrics import bootstrap

CUTS = (203, 273, 336)  # days after the first; whole weeks
HORIZON = 28.0
WEEKS = HORIZON / 7


def baskets() -> pl.DataFrame:
    """user (a position), day since 1970, amount: one row a basket."""
    lines = pl.read_parquet(folder() / "transactions.parquet").filter(pl.col("quantity") > 0)
    return (
        lines.group_by("household_id", "basket_id")
        .agg(day=pl.col("transaction_timestamp").first().dt.epoch("s") / 86_400, amount=pl.col("sales_value").sum())
        .with_columns(user=(pl.col("household_id").rank("dense") - 1).cast(pl.Int64))
        .sort("day", "basket_id")
    )


def report(orders: pl.DataFrame, days: int) -> None:
    user, day, amount = (orders[name].to_numpy() for name in ("user", "day", "amount"))
    n, end = int(user.max()) + 1, float(np.floor(day.min())) + days
    past, later = day < end, (day >= end) & (day < end + HORIZON)
    people = repeats(user[past], day[past], amount[past], n, end)
    known = people.ordered
    comes, spends = BgNbd.fit(people), GammaGamma.fit(people)
    after = repeats(user[later], day[later], amount[later], n, end + HORIZON)
    came = np.where(after.ordered, after.repeats + 1, 0)[known]
    spent = np.bincount(user[later], weights=amount[later], minlength=n)[known]
    expected = comes.expected_orders(people, WEEKS)[known]
    own_rate = ((people.repeats + 1) / np.maximum(people.seen, 1.0) * WEEKS)[known]
    worth = expected * spends.worth(people)[known]
    print(f"\ncut after {days // 7} weeks, {int(known.sum()):,} people: r {comes.r:.2f}, alpha {comes.alpha:.2f}, "
          f"a {comes.a:.3f}, b {comes.b:.1f}")  # fmt: skip
    print(f"  days with an order: expected {expected.sum():,.0f}, came {came.sum():,}")
    ours, theirs = np.abs(expected - came), np.abs(own_rate - came)
    print(f"  mean error per person {ours.mean():.3f}, at each one's own rate {theirs.mean():.3f}, "
          f"difference {bootstrap(ours - theirs)}")  # fmt: skip
    print(
        f"  spend: expected {worth.sum():,.0f}, came {spent.sum():,.0f}, correlation {np.corrcoef(worth, spent)[0, 1]:.3f}"
    )
    lately = -(people.seen - people.last)[known]
    print(f"  who orders at all (base rate {(came > 0).mean():.3f}): ROC-AUC of the expected orders "
          f"{roc_auc((came > 0) * 1.0, expected):.3f}, of recency alone {roc_auc((came > 0) * 1.0, lately):.3f}, "
          f"of P(alive) alone {roc_auc((came > 0) * 1.0, comes.alive(people)[known]):.3f}")  # fmt: skip
    wait = np.full(n, np.inf)
    np.minimum.at(wait, user[day >= end], day[day >= end] - end)
    inside = [float((wait[known] <= comes.next_order(people, q)[known] * 7).mean()) for q in (0.1, 0.5, 0.9)]
    print("  next order by its 10, 50 and 90 % day: {:.3f}, {:.3f}, {:.3f} of the people".format(*inside))


def main() -> None:
    orders = baskets()
    for days in CUTS:
        report(orders, days)


if __name__ == "__main__":
    main()
