"""Looks at the live recommender each night: has the world moved, do its lists still cover it, what did they lead to.

Each figure becomes a reading of the version, with the histograms behind it, so that a page can draw what moved; one out
of bounds raises an alarm. The past that a reading compares with is the version's own: the four weeks before its data end,
and for scores the first night that it scored.
"""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from django.utils import timezone

from customers.queries.exclusions import left_out
from recommendations.contracts import HISTORY, RECOMMENDER
from recommendations.ml.drift import ALARM, LOOK, chance, edges, histogram, psi
from recommendations.ml.offpolicy import Log, TooLittle, cross_fitted, estimates
from recommendations.queries import health
from recommendations.queries.outcomes import Drawn, drawn, outcomes
from registry import queries as registry
from registry import services
from registry.contracts import Measured

WEEKS = timedelta(weeks=4)  # a month's habits, and what the outcome of an answer is counted over
HALF = 0.5  # of the first night's coverage: below it the lists have narrowed to a few products, or left people out
Z = 1.959964


def watch() -> int:
    """Takes the readings of the live recommender; returns how many, 0 while none is live."""
    version = registry.live(RECOMMENDER)
    if version is None:
        return 0
    newest = health.newest_order()
    readings = [*_population(version, newest), *_scores(version), *_coverage(version, newest)] if newest else []
    readings += _left_out(version)
    services.take_readings(version.pk, readings)
    by_version: dict[int, list[Measured]] = {}
    now = timezone.now()
    for one in outcomes(now - WEEKS, now):
        by_version.setdefault(one.version_id, []).extend(_rates(one))
    by_version.setdefault(version.pk, []).extend(_policies(drawn(version.pk, now - WEEKS, now)))
    for version_id, rates in by_version.items():
        services.take_readings(version_id, rates)
    return len(readings) + sum(len(rates) for rates in by_version.values())


# --- has the world moved


def _population(version, newest: datetime) -> Iterator[Measured]:
    # The newest order itself belongs to the window, whose end is left out.
    then, now = version.data_until, max(newest + timedelta(microseconds=1), version.data_until)
    before, after = health.departments(then - WEEKS, then), health.departments(now - WEEKS, now)
    names = sorted(set(before) | set(after), key=lambda name: -before.get(name, 0))
    if before and after:
        yield _moved(
            "psi departments", names, [before.get(name, 0) for name in names], [after.get(name, 0) for name in names]
        )
    for name, read, span, unit in (
        ("psi recency", health.recency_days, HISTORY, "days"),
        ("psi baskets", health.basket_totals, WEEKS, ""),
    ):
        old, new = read(then - span, then), read(now - span, now)
        if len(old) and len(new):
            yield _histograms(name, old, new, unit)


def _scores(version) -> Iterator[Measured]:
    scores = health.first_scores(version.pk)
    if not len(scores):
        return
    first = registry.first_reading(version.pk, "psi scores")
    if first is None:
        borders = edges(scores)
        counts = histogram(scores, borders)
        yield _moved("psi scores", _labels(borders, ""), counts, counts, borders=borders.tolist())
        return
    borders = np.array(first.detail["borders"])
    yield _moved(
        "psi scores",
        first.detail["labels"],
        first.detail["before"],
        histogram(scores, borders),
        borders=borders.tolist(),
    )


def _histograms(name: str, old: np.ndarray, new: np.ndarray, unit: str) -> Measured:
    borders = edges(old)
    return _moved(name, _labels(borders, unit), histogram(old, borders), histogram(new, borders))


def _moved(name: str, labels: list[str], before, now, **more) -> Measured:
    """A shift that chance alone would make is no alarm: a small shop's histograms differ from week to week."""
    value = psi(before, now)
    by_chance = chance(len(labels), float(np.sum(before)), float(np.sum(now)))
    detail = {
        "labels": list(labels),
        "before": [int(n) for n in before],
        "now": [int(n) for n in now],
        "chance": by_chance if math.isfinite(by_chance) else None,
        **more,
    }
    return Measured(name, value, threshold=ALARM, is_alarm=bool(value > ALARM and by_chance < LOOK), detail=detail)


def _labels(borders: np.ndarray, unit: str) -> list[str]:
    if not len(borders):
        return ["all"]
    texts = [f"{border:.4g}" for border in borders]
    middle = [f"{low} to {high}" for low, high in pairwise(texts)]
    return [f"{label} {unit}".strip() for label in (f"below {texts[0]}", *middle, f"{texts[-1]} or more")]


# --- do the lists cover it


def _coverage(version, newest: datetime) -> Iterator[Measured]:
    found = health.coverage(newest)
    if not found.people:
        return
    first = registry.first_reading(version.pk, "products in lists")
    bound = HALF * (first.value if first else found.products)
    yield Measured(
        "products in lists", found.products, threshold=bound, is_alarm=found.products < bound, detail={"below": True}
    )
    if found.active:
        share = found.active_with_list / found.active
        yield Measured(
            "buyers with a list",
            share,
            threshold=HALF,
            is_alarm=share < HALF,
            detail={"below": True, "people": found.active},
        )


# --- what training left out


def _left_out(version) -> Iterator[Measured]:
    found = left_out(version.data_until - HISTORY, version.data_until)
    for name, orders, people in (
        ("left out refused", found.refused_orders, found.refusing_people),
        ("left out flagged", found.flagged_orders, found.flagged_people),
    ):
        yield Measured(name, orders, detail={"people": people, "of": found.orders})


# --- what they led to


def _rates(one) -> Iterator[Measured]:
    where = f"{one.surface} {one.origin}"
    for name, hits in (("click-through", one.clicked), ("conversion", one.ordered)):
        low, high = wilson(hits, one.shown)
        yield Measured(f"{name} {where}", hits / one.shown, low, high, detail={"shown": one.shown, "hits": hits})
    if one.ratings:
        error = Z * (one.rating_spread or 0.0) / math.sqrt(one.ratings)
        has_interval = one.ratings > 1
        yield Measured(
            f"satisfaction {where}",
            one.rating,
            one.rating - error if has_interval else None,
            one.rating + error if has_interval else None,
            detail={"ratings": one.ratings},
        )


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927): it stays in [0, 1] and holds for few hits, where the normal one fails."""
    share, square = hits / n, Z**2
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


# --- what another policy would have earned in the drawn place


def _policies(log: Drawn) -> Iterator[Measured]:
    """Clicks per answer in the drawn place, of two policies that did not run: always the best, and any of the ten alike."""
    if not len(log.taken):
        return
    for name, judge in (("always the best", _best), ("any alike", _alike)):
        try:
            for one in estimates(policy_log(log, judge)):
                yield Measured(
                    f"off-policy {name} {one.name}",
                    one.value,
                    one.low,
                    one.high,
                    detail={"rounds": one.rounds, "effective": one.effective},
                )
        except TooLittle as refusal:
            yield Measured(f"off-policy {name}", 0.0, detail={"refused": str(refusal), "rounds": len(log.taken)})


def _best(odds: dict[int, float]) -> dict[int, float]:
    return {max(odds, key=odds.__getitem__): 1.0}


def _alike(odds: dict[int, float]) -> dict[int, float]:
    return dict.fromkeys(odds, 1.0 / len(odds))


def policy_log(log: Drawn, judge) -> Log:
    """The log of the drawn places as the judged policy sees it. Actions of the reward model are places in the order of
    merit: products are too many to be learnt apart, and the first of the ten is clicked more than the last.
    """
    n = len(log.taken)
    orders = [sorted(odds, key=lambda pk: -odds[pk]) for odds in log.odds]
    place = np.array([order.index(pk) for order, pk in zip(orders, log.taken.tolist(), strict=True)])
    expected = cross_fitted(place, log.clicked, max(len(order) for order in orders))
    p = np.array([odds[pk] for odds, pk in zip(log.odds, log.taken.tolist(), strict=True)])
    judged = [judge(odds) for odds in log.odds]
    q = np.array([policy.get(pk, 0.0) for policy, pk in zip(judged, log.taken.tolist(), strict=True)])
    value = np.array(
        [
            sum(policy.get(pk, 0.0) * expected[row, nth] for nth, pk in enumerate(orders[row]))
            for row, policy in enumerate(judged)
        ]
    )
    return Log(log.clicked, p, q, expected[np.arange(n), place], value)
