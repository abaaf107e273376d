"""Judges every family on one split of the shop's own orders, at product and at product-type level, and keeps the table."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from recommendations.dataset import Purchases, at_day, by_type, day_of, facts, purchases
from recommendations.ml.comparison import BASIS, Judged, Row, judge, table
from recommendations.ml.facts import Facts
from recommendations.ml.families import COUNTED, NETWORKS
from recommendations.ml.interactions import TooFewData
from recommendations.ml.popularity import Popularity
from recommendations.ml.splits import PurchaseLog, Split, time_split
from recommendations.ml.two_stage import TwoStage
from registry import services as registry

NAME = "recommenders"
LEVELS = ("item", "type")
MONDAY = 0


@dataclass(frozen=True)
class Question:
    """What is compared: level, the day of the cut, and whether the slow families take part."""

    level: str
    cut: float
    horizon_days: float = 28.0
    networks: bool = False
    two_stage: bool = True


@dataclass(frozen=True)
class Answer:
    question: Question
    rows: list[Row]
    left_out: dict[str, str]
    catalogue: int
    history_rows: int
    seconds: float


def week_end(data: Purchases, week: int, hour: int = 0) -> float:
    """The day on which week `week` of the data ends; weeks start on Monday at `hour` UTC, the first order's is week 1.

    Raises ValueError when no order lies after it.
    """
    first = at_day(float(data.log.day.min())) - timedelta(hours=hour)
    monday = (first - timedelta(days=first.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    end = day_of(monday + timedelta(weeks=week, hours=hour))
    if week < 1 or end >= data.log.day.max():
        weeks = int((data.log.day.max() - day_of(monday + timedelta(hours=hour))) // 7)
        raise ValueError(f"the orders span {weeks} whole weeks: a cut after week {week} leaves nothing to judge")
    return end


def read(since: datetime, until: datetime) -> Purchases:
    return purchases(since=since, until=until)


def compare(data: Purchases, question: Question, progress: Callable[[str], None] = lambda text: None) -> Answer:
    """All families on the split, each row in both views. A family with too few data is left out with its reason."""
    started = time.monotonic()
    about = facts(data)
    log = data.log
    if question.level == "type":
        log, about = by_type(data)
    split = time_split(log, question.cut, question.horizon_days)
    group, department = _groups(about, split, question.level)
    judged: list[Judged] = []
    left_out: dict[str, str] = {}

    def take(name: str, scorer) -> None:
        progress(name)
        try:
            judged.extend(judge(name, scorer(), split, group, department))
        except TooFewData as reason:
            left_out[name] = str(reason)

    def of_one(build):
        fitted = build().fit(split.history)
        return lambda view: fitted

    for name, family in (COUNTED | (NETWORKS if question.networks else {})).items():
        take(name, lambda family=family: of_one(family))
    if question.two_stage:
        take(TwoStage.kind, lambda: _two_stage(log, about, split, question))
    return Answer(
        question=question,
        rows=table(judged, Popularity.kind, TwoStage.kind),
        left_out=left_out,
        catalogue=len(split.items),
        history_rows=len(split.history),
        seconds=time.monotonic() - started,
    )


def keep(answer: Answer) -> None:
    """Keeps the table where the Models page shows it."""
    registry.keep_comparison(
        name=NAME,
        level=answer.question.level,
        basis=BASIS,
        cut_at=at_day(answer.question.cut),
        horizon_days=answer.question.horizon_days,
        catalogue=answer.catalogue,
        history_rows=answer.history_rows,
        rows=[row.as_dict() for row in answer.rows],
        left_out=answer.left_out,
        seconds=answer.seconds,
    )


def _two_stage(log: PurchaseLog, about: Facts, split: Split, question: Question):
    model = TwoStage(facts=about).fit(log, question.cut)
    scorers = model.scorers(model.snapshot(log, split, question.cut))

    def of_view(view):
        if view not in scorers:
            raise TooFewData(f"two_stage: no snapshot before the cut has anything to teach for view {view}")
        return scorers[view]

    return of_view


def _groups(about: Facts, split: Split, level: str) -> tuple[np.ndarray, np.ndarray]:
    """What makes two products of a list differ, and departments for calibration, in the split's positions."""
    finer = about.groups["type" if level == "item" else "category"]
    return finer[split.items], about.groups["department"][split.items]
