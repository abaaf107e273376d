import numpy as np
import pytest

from recommendations.ml.ease import Ease, EaseConfig
from recommendations.ml.interactions import Interactions, TooFewData
from tests.recommendations.ml.known_answers import interactions


def random_past(n_users: int, n_items: int, seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    rows = 12 * n_users
    return Interactions(
        rng.integers(n_users, size=rows),
        rng.zipf(1.6, size=rows) % n_items,
        rng.uniform(0, 300, size=rows),
        np.ones(rows),
        n_users,
        n_items,
    )


def reference(past: Interactions, config: EaseConfig) -> np.ndarray:
    """The paper's formula, dense and in float64."""
    x = past.counts(config.half_life_days).toarray().astype(np.float64)
    x[x > 0] **= config.damping
    p = np.linalg.inv(x.T @ x + config.regularisation * np.eye(past.n_items))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0.0)
    return x @ b


@pytest.mark.parametrize(("n_users", "n_items", "side"), [(40, 70, "people"), (90, 70, "items")])
@pytest.mark.parametrize("regularisation", [1.0, 50.0])
def test_either_side_solves_the_formula_of_the_paper(n_users, n_items, side, regularisation):
    past = random_past(n_users, n_items)
    config = EaseConfig(regularisation=regularisation, damping=0.5)
    model = Ease(config).fit(past)
    assert (model.weights_.size == 0) == (side == "people")
    assert np.abs(model.score(np.arange(n_users)) - reference(past, config)).max() < 1e-5


@pytest.mark.parametrize(("n_users", "n_items", "side"), [(40, 70, "people"), (90, 70, "items")])
def test_weights_of_people_solve_the_weighted_formula(n_users, n_items, side):
    """By hand in float64: w = (n_u / mean n) ** -1 in each person's squared error."""
    past = random_past(n_users, n_items)
    config = EaseConfig(regularisation=5.0, damping=0.5, user_power=1.0)
    x = past.counts(config.half_life_days).toarray().astype(np.float64)
    x[x > 0] **= config.damping
    held = (x > 0).sum(axis=1)
    p = np.linalg.inv(x.T @ (x * (held.mean() / held)[:, None]) + 5.0 * np.eye(n_items))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0.0)
    model = Ease(config).fit(past)
    assert (model.weights_.size == 0) == (side == "people")
    assert np.abs(model.score(np.arange(n_users)) - x @ b).max() < 1e-5
    assert np.abs(model.weights(np.arange(n_items)) - b).max() < 1e-5
    assert np.abs(model.score(np.arange(n_users)) - Ease(EaseConfig(regularisation=5.0, damping=0.5)).fit(past).score(
        np.arange(n_users))).max() > 1e-3  # fmt: skip


def test_two_people_of_weights_by_hand():
    """One who bought a and b, one who bought a, b and c: with power 1 their weights are 5/4 and 5/6, so X'WX is 25/12 for
    every pair of a and b and 5/6 with c; the weight of a for b follows from the inverse.
    """
    past = Interactions(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 2]), np.zeros(5), np.ones(5), 2, 3)
    gram = np.array([[25 / 12, 25 / 12, 5 / 6], [25 / 12, 25 / 12, 5 / 6], [5 / 6, 5 / 6, 5 / 6]])
    p = np.linalg.inv(gram + np.eye(3))
    found = Ease(EaseConfig(damping=0.0, regularisation=1.0, user_power=1.0)).fit(past).weights(np.array([1]))[:, 0]
    assert found == pytest.approx([-p[0, 1] / p[1, 1], 0.0, -p[2, 1] / p[1, 1]], abs=1e-6)


def test_an_artifact_from_before_people_had_weights_still_answers():
    model = Ease(EaseConfig(regularisation=5.0)).fit(random_past(40, 70))
    old = {name: value for name, value in model.state().items() if name not in ("roots_", "config.user_power")}
    assert np.array_equal(Ease.from_state(old).score(np.arange(40)), model.score(np.arange(40)))


def test_the_sides_agree_on_the_same_data():
    """60 people, 50 items: the item side is chosen; the people side is forced, with everybody in the sample."""
    past = random_past(60, 50)
    of_items = Ease(EaseConfig(regularisation=5.0)).fit(past)
    of_people = Ease(EaseConfig(regularisation=5.0)).fit(past)
    of_people._fit_people(np.arange(60))
    everyone, all_items = np.arange(60), np.arange(50)
    assert np.abs(of_people.score(everyone) - of_items.score(everyone)).max() < 1e-5
    assert np.abs(of_people.weights(all_items) - of_items.weights_).max() < 1e-5


@pytest.mark.parametrize("config", [EaseConfig(regularisation=5.0), EaseConfig(regularisation=5.0, max_side=25)])
@pytest.mark.parametrize("n_users", [40, 90])
def test_contributions_of_the_own_items_sum_to_the_score(config, n_users):
    model = Ease(config).fit(random_past(n_users, 70))
    items = np.array([0, 3, 69])
    weights = model.weights(items)
    for user in range(0, n_users, 7):
        scores = model.score(np.array([user]))[0, items]
        sums = [model.contributions(user, weights[:, column])[1].sum() for column in range(3)]
        assert np.abs(scores - sums).max() < 1e-5


def test_an_item_never_speaks_for_itself():
    model = Ease(EaseConfig(regularisation=5.0)).fit(random_past(40, 70))
    assert np.diag(model.weights(np.arange(70))).tolist() == [0.0] * 70


def test_what_is_bought_together_speaks_for_each_other():
    """Bread (0) and butter (1) go together, beer (2) goes with crisps (3); person 8 has bread alone."""
    rows = [(user, item, 1.0) for user in range(4) for item in (0, 1)]
    rows += [(user, item, 1.0) for user in range(4, 8) for item in (2, 3)]
    model = Ease(EaseConfig(regularisation=1.0)).fit(interactions([*rows, (8, 0, 1.0)], n_users=9, n_items=4))
    scores = model.score(np.array([8]))[0]
    assert scores.argmax() == 1
    assert np.abs(scores[2:]).max() < 1e-6


def test_a_history_that_came_later_is_scored_without_a_fit():
    past = random_past(40, 70)
    model = Ease(EaseConfig(regularisation=5.0)).fit(past)
    row = model.rows_[[7]]
    assert np.abs(model.score_rows(row) - model.score(np.array([7]))).max() < 1e-5


def test_a_sample_of_people_bounds_the_memory_and_still_serves_all():
    past = random_past(200, 300)
    model = Ease(EaseConfig(regularisation=5.0, max_side=50)).fit(past)
    assert model.kernel_.shape == (50, 50)
    assert model.state()["kernel_"].shape == (50 * 51 // 2,)
    assert np.isfinite(model.score(np.arange(200))).all()
    other = Ease(EaseConfig(regularisation=5.0, max_side=50, seed=1)).fit(past)
    assert not np.array_equal(model.sample_, other.sample_)


def test_one_person_is_too_few():
    with pytest.raises(TooFewData, match="fewer than 2 people"):
        Ease().fit(interactions([(0, 0, 1.0), (0, 1, 1.0)], n_users=2, n_items=2))
