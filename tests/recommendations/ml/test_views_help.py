"""Who views A orders B within two weeks. Only a model that sees views can know; a generator, no figure of quality."""

import numpy as np

from recommendations.ml.interactions import Interactions
from recommendations.ml.lstm import Lstm, LstmConfig
from recommendations.ml.metrics import evaluate
from recommendations.ml.sequences import ORDER, VIEW, EventLog
from recommendations.ml.splits import PurchaseLog, time_split

PEOPLE, ITEMS, DAYS, CUT = 120, 20, 196.0, 168.0
CONFIG = LstmConfig(
    length=12, dim=16, dropout=0.0, anchors=4, step_days=28.0, epochs=30, patience=30, batch=32, learning_rate=0.01,
    negatives=20, weight_decay=0.0,
)  # fmt: skip


def generated():
    """Every 28 days each person views one product, drawn anew, and 10 days later orders its partner (the next but
    seven): the view of the last round is before the cut, its order after it.
    """
    rng = np.random.default_rng(0)
    views, orders = [], []
    for person in range(PEOPLE):
        for start in np.arange(20.0, DAYS, 28.0):
            seen = int(rng.integers(ITEMS))
            views.append((person, seen, start))
            orders.append((person, (seen + 7) % ITEMS, start + 10))
    return np.array(views), np.array(orders)


def test_the_model_with_views_beats_the_one_without():
    views, orders = generated()
    log = PurchaseLog(
        orders[:, 0].astype(int), orders[:, 1].astype(int), orders[:, 2], np.ones(len(orders)), PEOPLE, ITEMS
    )
    split = time_split(log, CUT, 28.0, min_buyers=1)
    assert len(split.items) == ITEMS
    history: Interactions = split.history
    of_orders = EventLog.of_orders(history)
    seen = views[views[:, 2] < CUT]
    with_views = EventLog(
        user=np.concatenate([history.user, seen[:, 0].astype(int)]),
        item=np.concatenate([history.item, seen[:, 1].astype(int)]),
        kind=np.concatenate([of_orders.kind, np.full(len(seen), VIEW)]),
        days_before_cut=np.concatenate([history.days_before_cut, CUT - seen[:, 2]]),
        n_users=PEOPLE,
        n_items=ITEMS,
    )
    assert set(of_orders.kind.tolist()) == {ORDER}
    blind = evaluate(Lstm(CONFIG).fit_events(of_orders, history), split, "all").mean("ndcg@10")
    sighted = evaluate(Lstm(CONFIG).fit_events(with_views, history), split, "all").mean("ndcg@10")
    assert sighted > 0.9
    assert blind < 0.4
