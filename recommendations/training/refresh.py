"""The nightly training: the live recommender's recipe, fitted on newer data, against the live one as it is served.

The weekly training looks for a better recipe and compares recipes on equal data. Here the recipe is the same, so only
what is new can make a difference: of the days since the live model's data end, the recipe is fitted on the first half too,
and both are judged on the second half, which neither has seen. The refreshed one goes live when the paired interval lies
above zero, and then fitted on all data up to now.
"""

import numpy as np

from customers.queries.pseudonyms import epoch_of
from recommendations.contracts import RECOMMENDER
from recommendations.dataset import Purchases, day_of, purchases
from recommendations.ml.blend import Blend, BlendConfig
from recommendations.ml.metrics import VIEWS, evaluate
from recommendations.ml.popularity import Popularity
from recommendations.ml.splits import Split, time_split
from recommendations.training.recommender import BASELINE, HORIZON_DAYS, judged_metrics
from recommendations.training.window import window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained

FEWEST_DAYS = 14.0  # that the live model has not seen: half of them are a week, which holds every day of the week once


def can_refresh() -> bool:
    """Whether a recommender is live whose recipe can be fitted again; before the first, only a full training helps."""
    version = registry.live(RECOMMENDER)
    return version is not None and bool(version.params.get("weights"))


def refresh_recommender(lease: Lease) -> list:
    """A candidate of the live recipe on newer data; [] when the live model's data are less than two weeks old."""
    live = registry.live(RECOMMENDER)
    span = window(lease.params)
    end, seen = day_of(span.until), day_of(live.data_until)
    if end - seen < FEWEST_DAYS:
        runs.beat(lease, f"the live model has seen all but {max(0.0, end - seen):.1f} days; nothing to compare on", 0.9)
        return []
    runs.beat(lease, "reading orders", 0.05)
    state = runs.load_arrays(live)
    # People as the live model names them: a newer key waits for the full training.
    data = purchases(since=span.since, until=span.until, epoch=epoch_of(state["customer_ids"]))
    cut = end - min(HORIZON_DAYS, (end - seen) / 2)
    split = time_split(data.log, cut, end - cut)
    weights = BlendConfig(tuple(sorted((kind, float(w)) for kind, w in live.params["weights"].items())))
    runs.beat(lease, "judging the recipe on newer data", 0.25)
    fresh = Blend(weights).fit(split.history)
    ours = {view: evaluate(fresh, split, view) for view in VIEWS}
    baseline = {view: evaluate(Popularity().fit(split.history), split, view) for view in VIEWS}
    runs.beat(lease, "judging the live model as it is served", 0.50)
    served = AsServed(state, data, split)
    theirs = {view: evaluate(served, split, view) for view in VIEWS}
    runs.beat(lease, "fitting on everything", 0.75)
    whole = time_split(data.log, end, 0.0)
    final = Blend(weights).fit(whole.history)
    trained = Trained(
        params={**live.params, "mode": "incremental", "compared_days": round(end - cut, 1)},
        data_since=span.since,
        data_until=span.until,
        rows=len(whole.history),
        metrics=judged_metrics(ours, baseline, theirs),
        baseline=BASELINE,
    )
    ids = {"customer_ids": data.customers, "product_ids": data.products[whole.items]}
    return [runs.save_version(lease, RECOMMENDER, {**final.state(), **ids}, trained)]


class AsServed:
    """A stored blend, asked in the positions of another split: who and what it does not know stands last.

    A person who came since is given popularity, as the live answer gives them the common list.
    """

    def __init__(self, state: dict[str, np.ndarray], data: Purchases, split: Split) -> None:
        state = dict(state)
        customers, products = state.pop("customer_ids"), state.pop("product_ids")
        self.model = Blend.from_state(state)
        self.n_items_ = len(split.items)
        self.user = _places(customers, data.customers)
        self.item = _places(products, data.products[split.items])
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
