"""Trains one family on its own: judged on the last four weeks against popularity and its live version, kept fitted on all.

Under torchrun the first process does the run and the others follow: they read the same rows and take their share of
every batch, and write nothing.

A network leaves each pass in a folder of its run: the second attempt of a run whose worker was lost goes on from there.
"""

import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from recommendations.dataset import Purchases, day_of, purchases
from recommendations.ml.families import FAMILIES
from recommendations.ml.metrics import Evaluation, evaluate, judgeable
from recommendations.ml.neural import SequenceRecommender
from recommendations.ml.popularity import Popularity
from recommendations.ml.recommender import Recommender
from recommendations.ml.splits import Split, time_split
from recommendations.ml.trainer import world
from recommendations.training.cost import measured
from recommendations.training.recommender import HORIZON_DAYS, judged_metrics
from recommendations.training.window import window
from registry import queries as registry
from registry import services as runs
from registry.contracts import Lease, Trained
from registry.exceptions import LeaseLost

ENDLESS = "inf"
LEFT_BEHIND = 86_400.0  # seconds after which nobody comes back for a pass: a lost run is tried again within the hour


def train_family(lease: Lease) -> list:
    """One candidate of the lease's kind. Raises TooFewData, Diverged."""
    here = _passes(lease)
    try:
        versions = _train_family(lease, here)
    except LeaseLost:  # somebody else goes on from these passes
        raise
    except Exception:  # an error would come again; a worker that was lost or stopped leaves its passes to the next
        shutil.rmtree(here, ignore_errors=True)
        raise
    shutil.rmtree(here, ignore_errors=True)
    return versions


def _passes(lease: Lease) -> Path:
    """The folder of this run's passes; what runs left behind that nobody goes on with is removed."""
    folder = Path(settings.ARTIFACTS_DIR) / "checkpoints"
    here = folder / f"run-{lease.run_id}"
    for old in folder.glob("run-*"):
        if old != here and time.time() - old.stat().st_mtime > LEFT_BEHIND:
            shutil.rmtree(old, ignore_errors=True)
    return here


def _train_family(lease: Lease, passes: Path) -> list:
    resumed = passes.exists()
    span = window(lease.params)
    runs.beat(lease, "reading orders", 0.02)
    data = purchases(since=span.since, until=span.until)
    end = day_of(span.until)
    split = time_split(data.log, end - HORIZON_DAYS, HORIZON_DAYS)
    runs.beat(lease, f"judging {lease.kind}", 0.1)
    ours = _judged(_beating(lease, "judging", 0.1, passes)().fit(split.history), split)
    popular = _judged(Popularity().fit(split.history), split)
    live = _live(lease.kind, split)
    runs.beat(lease, "fitting on everything", 0.5)
    whole = time_split(data.log, end, 0.0)
    step, share = "fitting on everything", 0.5
    model, cost = measured(_beating(lease, step, share, passes), whole.history, _beating(lease, step, share))
    trained = Trained(
        params={
            **_plain(model.config),
            "min_buyers": 5,
            "horizon_days": HORIZON_DAYS,
            "cost": cost.as_dict(),  # of what this attempt did
            **({"resumed": True} if resumed else {}),
        },
        data_since=span.since,
        data_until=span.until,
        rows=len(whole.history),
        metrics=judged_metrics(ours, popular, live),
        baseline=Popularity.kind,
    )
    ids = {"customer_ids": data.customers, "product_ids": data.products[whole.items]}
    return [runs.save_version(lease, lease.kind, {**model.state(), **ids}, trained)]


def _beating(lease: Lease, step: str, share: float, passes: Path | None = None) -> Callable[[], Recommender]:
    """Makes the family; a network beats after each pass, for many of them take longer than a lease, and leaves it in
    `passes`. Not under torchrun, where all processes would have to go on from the same one.
    """

    def build() -> Recommender:
        model = FAMILIES[lease.kind]()
        if isinstance(model, SequenceRecommender):
            model.progress = lambda epoch, reached: runs.beat(lease, f"{step} {lease.kind}, pass {epoch}", share)
            model.checkpoints = passes if world()[1] == 1 else None
        return model

    return build


def follow(kind: str, params: dict) -> None:
    """The fits of `train_family` in a process that torchrun started beside the first: same data, same order, no writes."""
    span = window(params)
    data: Purchases = purchases(since=span.since, until=span.until)
    end = day_of(span.until)
    split = time_split(data.log, end - HORIZON_DAYS, HORIZON_DAYS)
    FAMILIES[kind]().fit(split.history)
    _live(kind, split)
    measured(FAMILIES[kind], time_split(data.log, end, 0.0).history)


def _live(kind: str, split: Split) -> dict[str, Evaluation] | None:
    """The live version's configuration, fitted and judged on the same split; None where none is live."""
    version = registry.live(kind)
    if version is None:
        return None
    config = FAMILIES[kind].Config
    known = {
        name: math.inf if value == ENDLESS else value
        for name, value in version.params.items()
        if name in config.__dataclass_fields__
    }
    return _judged(FAMILIES[kind](config(**known)).fit(split.history), split)


def _plain(config) -> dict:
    """The configuration as JSON takes it: it has no infinity."""
    return {name: ENDLESS if value == math.inf else value for name, value in vars(config).items()}


def _judged(model: Recommender, split: Split) -> dict[str, Evaluation]:
    return {view: evaluate(model, split, view) for view in judgeable(split)}
