import numpy as np
import pytest

from recommendations.ml.clusters import Clusters, ClustersConfig, align
from recommendations.ml.interactions import TooFewData
from recommendations.ml.rfm import Rfm, rfm

DEPARTMENTS = ["GROCERY", "PRODUCE", "MEAT"]
# orders, days since the last, money per order, shares of the departments
REGULARS = (60, 2.0, 40.0, (0.5, 0.45, 0.05))
BUTCHERS_FRIENDS = (12, 15.0, 15.0, (0.4, 0.05, 0.55))
GONE = (3, 200.0, 5.0, (0.9, 0.05, 0.05))


def town(seed: int = 0) -> tuple[Rfm, np.ndarray, np.ndarray]:
    """50 people of each kind, shuffled, and one without an order: figures, spend per department, kind (-1 without)."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.repeat([0, 1, 2], 50))
    user, days, amount, spend = [], [], [], []
    for person, kind in enumerate(kinds):
        orders, last, money, shares = (REGULARS, BUTCHERS_FRIENDS, GONE)[kind]
        noise = rng.uniform(0.8, 1.2)
        user += [person] * orders
        days += [last * noise + step for step in range(orders)]
        amount += [money * noise] * orders
        spend.append(np.array(shares) * rng.uniform(0.9, 1.1, size=3) * money * noise * orders)
    figures = rfm(np.array(user), np.array(days), np.array(amount), n_users=151)
    return figures, np.array([*spend, np.zeros(3)]), np.array([*kinds, -1])


def fitted() -> Clusters:
    figures, spend, _ = town()
    return Clusters(ClustersConfig(n_clusters=3)).fit(figures, spend)


def test_finds_the_kinds_numbered_from_most_to_least_spend():
    figures, spend, kinds = town()
    assert fitted().predict(figures, spend).tolist() == kinds.tolist()
    assert fitted().sizes_.tolist() == [50, 50, 50]


def test_names_say_rhythm_spend_and_leaning():
    assert fitted().names(DEPARTMENTS) == [
        "frequent, high spend, produce-leaning",
        "regular, average spend, meat-leaning",
        "lapsing, low spend, grocery-leaning",
    ]


def test_names_are_distinct():
    model = fitted()
    model.centers_ = np.concatenate([model.centers_, model.centers_[:1]])
    names = model.names(DEPARTMENTS)
    assert names[3] == "frequent, high spend, produce-leaning (2)"
    assert len(set(names)) == 4


def test_the_order_of_people_does_not_move_the_groups():
    figures, spend, _ = town()
    labels = fitted().predict(figures, spend)
    order = np.random.default_rng(5).permutation(151)
    shuffled = Rfm(**{name: values[order] for name, values in vars(figures).items()})
    other = Clusters(ClustersConfig(n_clusters=3)).fit(shuffled, spend[order])
    assert other.predict(shuffled, spend[order]).tolist() == labels[order].tolist()


def test_comes_back_from_its_arrays():
    figures, spend, _ = town()
    model = fitted()
    restored = Clusters.from_state(model.state())
    assert restored.config == model.config
    assert restored.predict(figures, spend).tolist() == model.predict(figures, spend).tolist()
    assert restored.names(DEPARTMENTS) == model.names(DEPARTMENTS)
    assert all(np.array_equal(value, model.state()[name]) for name, value in restored.state().items())


def test_too_few_people_and_negative_spend_are_refused():
    figures, spend, _ = town()
    with pytest.raises(TooFewData, match="150 people with an order, 160 needed"):
        Clusters(ClustersConfig(n_clusters=16)).fit(figures, spend)
    with pytest.raises(ValueError, match="spend must be 0 or more"):
        fitted().predict(figures, spend - 1)


def test_a_group_keeps_its_number_when_the_order_of_spend_turns():
    """Last week's rich become this week's poor: by spend the numbers would swap, by people they stay."""
    rng = np.random.default_rng(3)
    people = np.arange(120)

    def week(rich):
        amount = np.where(rich, 1000.0, 50.0) * rng.uniform(0.9, 1.1, 120)
        figures = rfm(people, np.full(120, 5.0), amount, 120)
        return figures, np.stack([np.where(people < 60, amount, 0), np.where(people < 60, 0, amount)], axis=1)

    first, second = week(people < 60), week(people >= 60)
    config = ClustersConfig(n_clusters=2)
    before = Clusters(config).fit(*first).predict(*first)
    model = Clusters(config).fit(*second)
    assert (model.predict(*second) != before).all()

    order, kept = align(before, model.predict(*second), 2)
    assert kept == 1.0
    assert (model.renumbered(order).predict(*second) == before).all()


def test_better_groups_explain_more_and_one_group_nothing():
    rng = np.random.default_rng(4)
    people = np.arange(120)
    amount = np.where(people < 60, 1000.0, 50.0) * rng.uniform(0.9, 1.1, 120)
    figures, spend = rfm(people, np.full(120, 5.0), amount, 120), amount[:, None]
    model = Clusters(ClustersConfig(n_clusters=2)).fit(figures, spend)
    true = model.explained(figures, spend, model.predict(figures, spend)).mean()
    chance = model.explained(figures, spend, rng.integers(0, 2, 120)).mean()
    assert true > 0.9 > chance
    assert abs(model.explained(figures, spend, np.zeros(120, dtype=int)).mean()) < 1e-9
