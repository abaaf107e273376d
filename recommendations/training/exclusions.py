"""What leaving doubted orders out changes: one recipe, fitted with and without them, judged on the same undoubted orders.

What people refused is never read, not even to measure: of them there are only counts (`services.watch`).
"""

from dataclasses import replace

import numpy as np

from recommendations.contracts import RECOMMENDER
from recommendations.dataset import Purchases, day_of, purchases
from recommendations.ml.blend import Blend
from recommendations.ml.interactions import TooFewData
from recommendations.ml.metrics import VIEWS, evaluate, paired_difference
from recommendations.ml.splits import Split, time_split
from recommendations.training.live import weights_of
from recommendations.training.recommender import HORIZON_DAYS
from recommendations.training.window import window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Measured


def measure_exclusions(lease: Lease) -> list:
    """Leaves readings on the live recommender: the difference in NDCG@10, with minus without the doubted orders, with its
    95 % interval. Returns [], for it keeps no model. Raises TooFewData without a live recommender.
    """
    live = registry.live(RECOMMENDER)
    if live is None or not live.params.get("weights"):
        raise TooFewData("no recommender is live whose recipe could be fitted twice; train one first")
    span = window(lease.params)
    runs.beat(lease, "reading orders", 0.05)
    data = purchases(since=span.since, until=span.until, with_flagged=True)
    undoubted = purchases(since=span.since, until=span.until)
    kept = _also_in(data, undoubted)
    cut = day_of(span.until) - HORIZON_DAYS
    # One catalogue and one set of people for both, or the differences would be of other things.
    everything = time_split(data.log, cut, HORIZON_DAYS)
    without = _without(everything, data, kept, cut)
    weights = weights_of(live)  # of a ranker, the blend that it was chosen over: fitted twice it costs seconds
    runs.beat(lease, "fitting with the doubted orders", 0.3)
    with_them = Blend(weights).fit(everything.history)
    runs.beat(lease, "fitting without them", 0.6)
    without_them = Blend(weights).fit(without.history)
    readings = []
    for view in VIEWS:
        # Judged on one truth, the undoubted; for "novel", on what the undoubted history does not know.
        ours, theirs = evaluate(with_them, without, view), evaluate(without_them, without, view)
        found = paired_difference(ours, theirs, "ndcg@10")
        detail = {"with": ours.mean("ndcg@10"), "without": theirs.mean("ndcg@10"), "lines": int((~kept).sum())}
        readings.append(Measured(f"flagged orders ndcg@10 {view}", found.mean, found.low, found.high, detail=detail))
    runs.take_readings(live.pk, readings)
    return []


def _also_in(data: Purchases, undoubted: Purchases) -> np.ndarray:
    """Which rows of `data` are undoubted too, bool: by person, product and moment."""

    def keys(some: Purchases) -> np.ndarray:
        table = np.empty(len(some.log.user), dtype=[("person", "<i8"), ("product", "<i8"), ("day", "<f8")])
        table["person"], table["product"] = some.customers[some.log.user], some.products[some.log.item]
        table["day"] = some.log.day
        return table

    return np.isin(keys(data), keys(undoubted))


def _without(split: Split, data: Purchases, kept: np.ndarray, cut: float) -> Split:
    """The same split of the undoubted rows alone: history and truth, in the positions of the whole."""
    position = np.full(data.log.n_items, -1, dtype=np.int64)
    position[split.items] = np.arange(len(split.items))
    log = data.log
    known = position[log.item] >= 0
    past = kept & known & (log.day < cut)
    future = kept & known & (log.day >= cut) & (log.day < cut + HORIZON_DAYS)
    history = replace(
        split.history,
        user=log.user[past],
        item=position[log.item[past]],
        days_before_cut=cut - log.day[past],
        quantity=log.quantity[past],
    )
    cells = np.unique(np.stack([log.user[future], position[log.item[future]]]), axis=1)
    truth = type(split.truth)((np.ones(cells.shape[1], np.float32), (cells[0], cells[1])), shape=split.truth.shape)
    return Split(history=history, truth=truth, items=split.items)
