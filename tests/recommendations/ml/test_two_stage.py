import numpy as np
import pytest

from recommendations.ml.ease import Ease, EaseConfig
from recommendations.ml.facts import Facts
from recommendations.ml.metrics import evaluate
from recommendations.ml.popularity import Popularity
from recommendations.ml.ranker import RankerConfig
from recommendations.ml.recency import Recency
from recommendations.ml.repurchase import Repurchase
from recommendations.ml.splits import PurchaseLog, time_split
from recommendations.ml.two_stage import TwoStage, TwoStageConfig

CUT = 224.0
SMALL = TwoStageConfig(
    snapshots=2,
    first_stage={
        "recency": Recency,
        "repurchase": Repurchase,
        "popularity": Popularity,
        "ease": lambda: Ease(EaseConfig(regularisation=1.0)),
    },
    depth={"all": {"recency": 20, "ease": 10}, "novel": {"ease": 15, "popularity": 15}},
    rankers={
        "all": RankerConfig(trees=30, least_in_leaf=20, negatives=1.0),
        "novel": RankerConfig(objectives="binary", trees=30, least_in_leaf=20, negatives=1.0),
    },
)


def shop(people: int = 80) -> tuple[PurchaseLog, Facts]:
    """60 products. Each person rebuys four staples in turn, one a week: due is what was bought longest ago. Everybody
    finds one new product a week, always from the shelf of 15 that their store has (store = person % 4).
    """
    rng = np.random.default_rng(0)
    rows = []
    for person in range(people):
        store = person % 4
        staples = rng.choice(60, 4, replace=False)
        shelf = rng.permutation(np.arange(15) * 4 + store)
        for week in range(40):
            day = 7.0 * week + rng.random()
            rows.append((person, staples[week % 4], day, store))
            if week % 3 == 0:
                rows.append((person, shelf[(week // 3) % 15], day, store))
    user, item, day, store = (np.array(column) for column in zip(*rows, strict=True))
    log = PurchaseLog(user.astype(int), item.astype(int), day, np.ones(len(rows)), people, 60)
    facts = Facts(
        groups={"type": np.arange(60) // 6}, store=store.astype(int), price=1.0 + item % 7, reduced=item % 5 == 0
    )
    return log, facts


@pytest.fixture(scope="module")
def fitted():
    log, facts = shop()
    model = TwoStage(SMALL, facts).fit(log, CUT)
    split = time_split(log, CUT, 28.0)
    return log, model, split, model.snapshot(log, split, CUT)


def test_each_view_beats_what_it_is_made_of(fitted):
    _, model, split, snapshot = fitted
    for view, others in (("all", ("recency", "popularity")), ("novel", ("popularity",))):
        ours = evaluate(model.scorer(snapshot, view), split, view).mean("ndcg@10")
        for other in others:
            assert ours > evaluate(snapshot.models[other], split, view).mean("ndcg@10")


def test_the_own_shelf_is_learned(fitted):
    """In "novel" nearly all of a person's first ten stand on their own store's shelf."""
    log, model, split, snapshot = fitted
    scores = model.scorer(snapshot, "novel").score(np.arange(log.n_users))
    seen = split.history.seen.toarray() > 0
    scores[seen] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :3]
    on_shelf = split.items[best] % 4 == (np.arange(log.n_users) % 4)[:, None]
    assert on_shelf.mean() > 0.9


def test_nothing_that_happens_after_the_cut_changes_a_score(fitted):
    log, model, _, snapshot = fitted
    late = log.day >= CUT
    changed = PurchaseLog(
        log.user, np.where(late, (log.item + 11) % 60, log.item), log.day, log.quantity, log.n_users, log.n_items
    )
    again = TwoStage(SMALL, model.facts).fit(changed, CUT)
    other = again.snapshot(changed, time_split(changed, CUT, 28.0), CUT)
    for view in ("all", "novel"):
        before = model.scorer(snapshot, view).score(np.arange(20))
        after = again.scorer(other, view).score(np.arange(20))
        assert np.array_equal(before, after)


def test_the_promotion_plan_is_read_ahead_only_when_told():
    log, _ = shop(10)
    plan = {"mailer": np.arange(45 * 60, dtype=np.float32).reshape(45, 60)}
    facts = Facts(plan=plan)
    split = time_split(log, 210.0, 28.0, min_buyers=1)
    blind = facts.at(log, split, 210.0).item_values
    assert sorted(blind) == ["mailer_4_weeks", "mailer_last_week"]
    assert np.array_equal(blind["mailer_last_week"], plan["mailer"][29, split.items])
    foreseen = facts.at(log, split, 210.0, foresee_weeks=2).item_values
    assert np.array_equal(foreseen["mailer_planned"], plan["mailer"][30:32, split.items].mean(axis=0))
