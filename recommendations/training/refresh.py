"""The nightly training: the live recommender's recipe, fitted on newer data, against the live one as it is served.

The weekly training looks for a better recipe and compares recipes on equal data. Here the recipe is the same, so only
what is new can make a difference: of the days since the live model's data end, the recipe is fitted on the first half too,
and both are judged on the second half, which neither has seen. The refreshed one goes live when the paired interval lies
above zero, and then fitted on all data up to now. Of a ranker the recipe is its trees: what is fitted on newer data is the
first stage, and all that the trees are told of.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from customers.queries.pseudonyms import epoch_of
from recommendations.contracts import RECOMMENDER
from recommendations.dataset import Purchases, day_of, facts, purchases
from recommendations.ml.blend import Blend
from recommendations.ml.budget import config_of
from recommendations.ml.metrics import Evaluation, evaluate, judgeable
from recommendations.ml.popularity import Popularity
from recommendations.ml.recommender import Scorer
from recommendations.ml.splits import Split, time_split
from recommendations.ml.two_stage import TwoStage
from recommendations.training.cost import FLATTEST, cost
from recommendations.training.live import is_two_stage, judge_two_stage, weights_of
from recommendations.training.recommender import BASELINE, HORIZON_DAYS, judged_metrics
from recommendations.training.window import window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained

FEWEST_DAYS = 14.0  # that the live model has not seen: half of them are a week, which holds every day of the week once
Judged = dict[str, Evaluation]


@dataclass(frozen=True, eq=False)
class Newer:
    """The days that the live version has not seen: its arrays, and orders up to now, split within those days."""

    version: object
    state: dict[str, np.ndarray]
    data: Purchases
    split: Split
    cut: float
    seen: float


def can_refresh() -> bool:
    """Whether a recommender is live whose recipe can be fitted again; before the first, only a full training helps."""
    version = registry.live(RECOMMENDER)
    return version is not None and (is_two_stage(version) or bool(version.params.get("weights")))


def refresh_recommender(lease: Lease) -> list:
    """A candidate of the live recipe on newer data; [] when the live model's data are less than two weeks old."""
    live, began = registry.live(RECOMMENDER), time.process_time()
    span = window(lease.params)
    end, seen = day_of(span.until), day_of(live.data_until)
    if end - seen < FEWEST_DAYS:
        runs.beat(lease, f"the live model has seen all but {max(0.0, end - seen):.1f} days; nothing to compare on", 0.9)
        return []
    runs.beat(lease, "reading orders", 0.05)
    state = runs.load_arrays(live)
    # People as the live model names them: a newer key waits for the full training.
    epoch = epoch_of(state["customer_ids"]) if "customer_ids" in state else None
    data = purchases(since=span.since, until=span.until, epoch=epoch)
    cut = end - min(HORIZON_DAYS, (end - seen) / 2)
    newer = Newer(live, state, data, time_split(data.log, cut, end - cut), cut, seen)
    judge, fit = (_judge_ranker, _same_trees) if is_two_stage(live) else (_judge_blend, _fit_blend)
    ours, theirs = judge(newer, lambda text, share: runs.beat(lease, text, share))
    popular = Popularity().fit(newer.split.history)
    runs.beat(lease, "fitting on everything", 0.75)
    arrays, rows = fit(newer, end)
    # The recipe grows as it did when it was sought; what this night took is measured.
    grows = live.params.get("cost", {}).get("exponent", FLATTEST)
    spent = cost(rows, time.process_time() - began, grows).as_dict()
    trained = Trained(
        params={**live.params, "mode": "incremental", "compared_days": round(end - cut, 1), "cost": spent},
        data_since=span.since,
        data_until=span.until,
        rows=rows,
        metrics=judged_metrics(ours, {view: evaluate(popular, newer.split, view) for view in ours}, theirs),
        baseline=BASELINE,
    )
    return [runs.save_version(lease, RECOMMENDER, arrays, trained)]


def _judge_blend(newer: Newer, progress: Callable[[str, float], None]) -> tuple[Judged, Judged]:
    progress("judging the recipe on newer data", 0.25)
    fresh = Blend(weights_of(newer.version)).fit(newer.split.history)
    ours = {view: evaluate(fresh, newer.split, view) for view in judgeable(newer.split)}
    progress("judging the live model as it is served", 0.50)
    state, data, split = dict(newer.state), newer.data, newer.split
    customers, products = state.pop("customer_ids"), state.pop("product_ids")
    user, item = _places(customers, data.customers), _places(products, data.products[split.items])
    served = AsServed(Blend.from_state(state), user, item, split)
    return ours, {view: evaluate(served, split, view) for view in ours}


def _judge_ranker(newer: Newer, progress: Callable[[str, float], None]) -> tuple[Judged, Judged]:
    data, split = newer.data, newer.split
    model = TwoStage.from_state(newer.state, config_of(newer.version.params), facts(data))
    progress("judging the trees on newer data", 0.25)
    ours = judge_two_stage(model, model.snapshot(data.log, split, newer.cut))
    progress("judging the live model as it is served", 0.50)
    then = time_split(data.log, newer.seen, 0.0)
    scorers = model.scorers(model.snapshot(data.log, then, newer.seen))
    user = np.where(np.diff(then.history.seen.indptr) > 0, np.arange(data.log.n_users), -1)
    item = _places(then.items, split.items)
    return ours, {view: evaluate(AsServed(scorers[view], user, item, split), split, view) for view in ours}


def _fit_blend(newer: Newer, end: float) -> tuple[dict[str, np.ndarray], int]:
    whole = time_split(newer.data.log, end, 0.0)
    ids = {"customer_ids": newer.data.customers, "product_ids": newer.data.products[whole.items]}
    return {**Blend(weights_of(newer.version)).fit(whole.history).state(), **ids}, len(whole.history)


def _same_trees(newer: Newer, end: float) -> tuple[dict[str, np.ndarray], int]:
    return newer.state, len(newer.data.log.user)


class AsServed:
    """A model asked in the positions of another split: who and what it does not know stands last.

    user, item: where the split's people and items stand in the model, -1 for none. A person who came since is given
    popularity, as the live answer gives them the common list.
    """

    def __init__(self, model: Scorer, user: np.ndarray, item: np.ndarray, split: Split) -> None:
        self.model, self.user, self.item = model, user, item
        self.n_items_ = len(split.items)
        self.popular = Popularity().fit(split.history).buyers_

    def score(self, users: np.ndarray) -> np.ndarray:
        scores = np.tile(self.popular - self.popular.max() - 1e6, (len(users), 1)).astype(np.float32)
        known = self.user[users] >= 0
        if known.any():
            theirs = self.model.score(self.user[users][known])
            here = self.item >= 0
            scores[np.ix_(known, here)] = theirs[:, self.item[here]]
        return scores


def _places(held: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted id stands among the ascending ids held; -1 for none."""
    place = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return np.where(held[place] == wanted, place, -1)
