import numpy as np

from recommendations.ml.blend import Blend, BlendConfig
from recommendations.ml.ease import Ease, EaseConfig
from recommendations.ml.popularity import Popularity
from recommendations.ml.reasons import Reason, explain
from recommendations.ml.recency import Recency
from tests.recommendations.ml.known_answers import interactions

BREAD, BUTTER, BEER, CRISPS = range(4)


def past():
    """Bread and butter go together, beer and crisps go together; person 8 bought bread twice, person 9 nothing."""
    rows = [(user, item, 20.0) for user in range(4) for item in (BREAD, BUTTER)]
    rows += [(user, item, 1.0) for user in range(4, 8) for item in (BEER, CRISPS)]
    return interactions([*rows, (8, BREAD, 30.0), (8, BREAD, 6.0)], n_users=10, n_items=4)


def ease() -> Ease:
    return Ease(EaseConfig(regularisation=1.0))


def blend(popularity: float) -> Blend:
    weights = (("recency", 1.0), ("ease", 1.0), ("popularity", popularity))
    return Blend(BlendConfig(weights), {"recency": Recency(), "ease": ease(), "popularity": Popularity()})


def test_each_kind_of_reason_with_its_figures():
    history = past()
    reasons = explain(blend(0.01).fit(history), np.array([8, 9]), np.array([[BREAD, BUTTER], [BEER, -1]]), history)
    assert reasons == [
        [Reason("bought_again", None, 2.0, 6.0), Reason("because_you_bought", BREAD, 1.0, 6.0)],
        [Reason("popular_now", None, 4.0, 14.0), None],
    ]


def test_popularity_is_named_when_it_carries_the_blend():
    history = past()
    model = blend(100.0).fit(history)
    assert explain(model, np.array([8]), np.array([[BEER]]), history) == [[Reason("popular_now", None, 4.0, 14.0)]]


def test_without_a_buyer_in_the_window_all_time_is_said():
    history = past()
    model = Popularity().fit(history)
    assert explain(model, np.array([9]), np.array([[BUTTER]]), history) == [[Reason("popular_now", None, 4.0, np.inf)]]


def test_a_purchase_that_has_left_the_history_is_never_named():
    """Person 8 was flagged after the training: the model still scores butter from their bread."""
    model = blend(0.01).fit(past())
    rest = past()
    kept = rest.user != 8
    history = interactions(
        list(zip(rest.user[kept], rest.item[kept], rest.days_before_cut[kept], strict=True)), n_users=10, n_items=4
    )
    reasons = explain(model, np.array([8]), np.array([[BUTTER, BREAD]]), history)
    assert reasons == [[Reason("popular_now", None, 4.0, np.inf), Reason("popular_now", None, 4.0, np.inf)]]


def test_recency_alone_knows_no_item_to_item_reason():
    history = past()
    model = Recency().fit(history)
    assert explain(model, np.array([8]), np.array([[BEER]]), history) == [[Reason("popular_now", None, 4.0, 14.0)]]


def test_the_named_item_is_the_largest_contribution():
    rng = np.random.default_rng(3)
    users, items = rng.integers(30, size=300), rng.integers(40, size=300)
    rows = list(zip(users.tolist(), items.tolist(), np.ones(300), strict=True))
    history = interactions(rows, n_users=30, n_items=40)
    model = ease().fit(history)
    unseen = np.array([np.flatnonzero(history.seen[[user]].toarray()[0] == 0)[:5] for user in range(30)])
    reasons = explain(model, np.arange(30), unseen, history)
    named = 0
    for user in range(30):
        for place, item in enumerate(unseen[user]):
            own, adds = model.contributions(user, model.weights(np.array([item]))[:, 0])
            reason = reasons[user][place]
            if adds.max() <= 0:
                assert reason.code == "popular_now"
                continue
            named += 1
            assert (reason.code, reason.item) == ("because_you_bought", own[adds.argmax()])
            assert abs(reason.value - adds.max() / adds[adds > 0].sum()) < 1e-6
    assert named > 100
