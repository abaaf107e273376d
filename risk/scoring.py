"""One pass over what came in since the last: orders, features, rules, reasons, flags."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from customers.services.pseudonyms import owned
from risk import dataset, queries, services
from risk.contracts import NewFlag, SweepReport
from risk.ml.explain import Range, explain, usual_ranges
from risk.ml.features import Features, Orders, build_features
from risk.ml.rules import Rule, evaluate

# An order is dated when its transaction begins and seen when that ends, so some of those that came in before the last sweep
# may not have been seen by it. A quarter of an hour is far beyond the longest bulk load.
LATE = timedelta(minutes=15)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What is ordinary in one currency."""

    orders: Orders
    ranges: Mapping[str, Range]


def sweep(*, everything: bool = False, progress: Callable[[int], None] = lambda judged: None) -> SweepReport:
    """Judges every order received since the last sweep, or all of them, and raises what is doubtful.

    May run twice at once: both read the same orders, and a flag is raised once. `progress` gets the orders judged by
    each block.
    """
    began, reads_at = time.monotonic(), queries.database_now()
    recent = queries.received(reads_at - LATE, reads_at)  # before anything is read: who commits later, is missed here
    services.ensure_rules()
    in_force = queries.rules_in_force()
    rules = tuple(
        Rule.from_params(row.code, row.description, row.params)
        for row in in_force.values()
        if row.code != services.HOLD
    )
    since = BEGINNING if everything else _unread_since()
    judged, flags, orders, held = 0, Counter(), 0, 0
    for currency in queries.currencies(since):
        yardstick = _yardstick(rules, currency)
        for block in dataset.blocks(currency=currency, since=since):
            doubts = owned(list(_doubts(rules, block, yardstick, in_force)))
            raised = services.raise_flags([NewFlag(*doubt) for doubt in doubts])
            judged += (here := int(block.is_judged.sum()))
            flags.update(raised.flags)
            orders, held = orders + raised.orders, held + raised.customers_held
            progress(here)
    report = SweepReport(judged, dict(flags), orders, held, time.monotonic() - began)
    services.record_sweep(report, read_until=reads_at, recent=recent)
    return report


def _unread_since() -> datetime:
    """Where the last sweep ended, or a little before when orders were committed late; reading some twice does no harm."""
    last = queries.last_sweep()
    if last is None:
        return BEGINNING
    came_late = queries.received(last.read_until - LATE, last.read_until) != last.recent
    return last.read_until - LATE if came_late else last.read_until


def _doubts(rules: tuple[Rule, ...], block: dataset.Block, yardstick: Yardstick, in_force: Mapping) -> Iterator[tuple]:
    """(pseudonym, ...) and what else a NewFlag holds, in its order."""
    features = build_features(dataset.beside(block.orders, yardstick.orders))
    signals = evaluate(rules, features)
    reasons = explain(signals, features, yardstick.ranges)
    for row, rule, reason in zip(signals.row, signals.rule, reasons, strict=True):
        if row < len(block.is_judged) and block.is_judged[row]:
            facts = {name: float(column[row]) for name, column in features.values.items() if not np.isnan(column[row])}
            code = rules[rule].code
            yield int(features.customer[row]), int(features.order[row]), in_force[code].pk, reason, facts


def _yardstick(rules: tuple[Rule, ...], currency: str) -> Yardstick:
    """Of the newest orders those that no rule doubts: a burst does not get to say what is usual."""
    orders = dataset.ordinary(currency=currency)
    features = build_features(orders)
    is_plain = np.ones(len(orders.order), dtype=bool)
    is_plain[evaluate(rules, features).row] = False
    plain = Features(
        features.order[is_plain], features.customer[is_plain], {n: c[is_plain] for n, c in features.values.items()}
    )
    return Yardstick(orders, usual_ranges(plain))
