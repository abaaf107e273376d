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
from recommendations.ml.neural import SequenceRecommender
from recommendations.ml.popularity import Popularity
from recommendations.ml.splits import PurchaseLog, Split, time_split
from recommendations.ml.two_stage import TwoStage
from recommendations.training.recommender import HORIZON_DAYS
from recommendations.training.window import window
from registry import services as registry
from registry.contracts import Lease

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


def measure_families(lease: Lease) -> list:
    """Judges the families on the last four weeks, products first, then product types, and keeps both tables. With `networks`
    of the run's parameters the three networks too. Returns [], for it keeps no model. Raises TooFewData.
    """
    span = window(lease.params)
    registry.beat(lease, "reading orders", 0.02)
    data = read(span.since, span.until)
    if not len(data.log.day):
        raise TooFewData("there are no orders to judge by")
    for place, level in enumerate(LEVELS):
        question = Question(
            level, day_of(span.until) - HORIZON_DAYS, HORIZON_DAYS, networks=bool(lease.params.get("networks"))
        )
        families = len(COUNTED) + 1 + (len(NETWORKS) if question.networks else 0)
        begun: list[str] = []

        def tell(text: str, level=level, place=place, families=families, begun=begun) -> None:
            name = text.partition(",")[0]
            if name not in begun:
                begun.append(name)
            share = (place + (len(begun) - 1) / families) / len(LEVELS)
            registry.beat(lease, f"judging by {level}: {text}", 0.05 + 0.94 * share)

        answer = compare(data, question, tell)
        if not answer.rows:
            reasons = "; ".join(f"{family}: {reason}" for family, reason in answer.left_out.items())
            raise TooFewData(reasons or "nobody bought anything in the last four weeks that others had bought before")
        keep(answer)
    return []


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

    def of_one(name, build):
        model = build()
        if isinstance(model, SequenceRecommender):  # its passes take longer than a lease lasts
            model.progress = lambda epoch, reached: progress(f"{name}, pass {epoch}")
        fitted = model.fit(split.history)
        return lambda view: fitted

    for name, family in (COUNTED | (NETWORKS if question.networks else {})).items():
        take(name, lambda name=name, family=family: of_one(name, family))
    if question.two_stage:
        take(TwoStage.kind, lambda: _two_stage(log, about, split, question, progress))
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


def _two_stage(log: PurchaseLog, about: Facts, split: Split, question: Question, progress: Callable[[str], None]):
    name = TwoStage.kind
    model = TwoStage(facts=about).fit(log, question.cut, lambda step, share: progress(f"{name}, {step}"))
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
