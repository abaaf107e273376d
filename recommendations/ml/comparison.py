"""Every family on one split, in both views: figures with intervals, paired against a baseline, by segment.

Orders only: what stands here was learned from orders and judged on orders. Nothing sampled: ranks are among the whole
catalogue.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from recommendations.ml.list_quality import SEGMENTS, diversity, miscalibration, popularity_bias, segments
from recommendations.ml.metrics import VIEWS, Evaluation, View, bootstrap, evaluate, judgeable, paired_difference
from recommendations.ml.recommender import Scorer, recommend
from recommendations.ml.splits import Split

BASIS = "orders only"
LEAD = "ndcg@10"


@dataclass(frozen=True, eq=False)
class Judged:
    """One family in one view: `evaluation` has the per-person values, the three list qualities included."""

    family: str
    view: View
    evaluation: Evaluation
    segment: np.ndarray


@dataclass(frozen=True)
class Row:
    """One line of the table. figures: metric -> mean. low, high: 95 % bootstrap interval of NDCG@10. over: paired
    difference to the baseline (mean, low, high), None for the baseline itself. by_segment: name -> (people, NDCG@10).
    ranker_over: the paired difference of the ranker to this family, None for the ranker and where it was not judged.
    """

    family: str
    view: str
    basis: str
    people: int
    figures: dict[str, float]
    low: float
    high: float
    baseline: str
    over: tuple[float, float, float] | None
    by_segment: dict[str, tuple[int, float]]
    ranker_over: tuple[float, float, float] | None = None

    def as_dict(self) -> dict:
        return asdict(self)


def judge(
    family: str,
    scorer: Callable[[View], Scorer],
    split: Split,
    group: np.ndarray | None = None,
    department: np.ndarray | None = None,
    *,
    k: int = 10,
) -> Iterator[Judged]:
    """One family in both views, or in those in which anybody has a true item.

    scorer: view -> the model for it; most have one for both.
    group, department: (n_items,) positions, for diversity and calibration; without them those two are left out.
    """
    for view in judgeable(split):
        model = scorer(view)
        found = evaluate(model, split, view, k)
        exclude = split.history.seen if view == "novel" else None
        ranked, _ = recommend(model, found.users, k, exclude)
        found.values["popularity_bias"] = popularity_bias(ranked, found.users, split.history)
        if group is not None:
            found.values["diversity"] = diversity(ranked, group)
        if department is not None:
            found.values["miscalibration"] = miscalibration(ranked, found.users, split.history, department)
        yield Judged(family, view, found, segments(found.users, split.history))


def table(judged: list[Judged], baseline: str, ranker: str = "") -> list[Row]:
    """A row per family and view, best NDCG@10 first within a view. Raises KeyError when the baseline was not judged."""
    of_baseline: Mapping[str, Evaluation] = {one.view: one.evaluation for one in judged if one.family == baseline}
    of_ranker = {one.view: one.evaluation for one in judged if one.family == ranker}

    def less(one: Evaluation | None, other: Evaluation | None) -> tuple[float, float, float] | None:
        if one is None or other is None or one is other:
            return None
        found = paired_difference(one, other, LEAD)
        return found.mean, found.low, found.high

    rows = []
    for one in judged:
        values = one.evaluation.values[LEAD]
        interval = bootstrap(values)
        rows.append(
            Row(
                family=one.family,
                view=one.view,
                basis=BASIS,
                people=len(values),
                figures={name: float(each.mean()) for name, each in one.evaluation.values.items()}
                | {"coverage": one.evaluation.coverage},
                low=interval.low,
                high=interval.high,
                baseline=baseline,
                over=less(one.evaluation, of_baseline[one.view]),
                by_segment={
                    name: (int((one.segment == place).sum()), float(values[one.segment == place].mean()))
                    for place, name in enumerate(SEGMENTS)
                    if (one.segment == place).any()
                },
                ranker_over=less(of_ranker.get(one.view), one.evaluation),
            )
        )
    return sorted(rows, key=lambda row: (VIEWS.index(row.view), -row.figures[LEAD]))
