"""The published figures come out, known parameters are found again, and hundreds of orders do not overflow."""

import numpy as np
import pytest

from recommendations.ml.interactions import TooFewData
from recommendations.ml.ltv import BgNbd, GammaGamma, Repeats, repeats


def person(x, last, seen, worth=10.0) -> Repeats:
    return Repeats(*(np.array([value]) for value in (x, last, seen, worth)), np.array([True]))


def simulated(n=4000, r=0.8, alpha=6.0, a=0.6, b=3.0, p=4.0, q=5.0, gamma=40.0, *, cut=52.0, end=78.0):
    """Orders of people who live by the two models: (user, day, amount)."""
    rng = np.random.default_rng(1)
    rows = []
    for user, (rate, chance, mean) in enumerate(
        zip(rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n), p / rng.gamma(q, 1 / gamma, n), strict=True)
    ):
        at, born = 0.0, rng.uniform(0, 26)
        while born + at < end:
            rows.append((user, (born + at) * 7, rng.gamma(p, mean / p)))
            if rows and at > 0 and rng.random() < chance:
                break
            at += rng.exponential(1 / rate)
    return np.array(rows), n, cut * 7


def test_the_published_customer_of_the_cdnow_data():
    """Fader, Hardie and Lee's own parameters and person: 1.226 orders in 39 weeks, alive with 0.727."""
    model = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
    one = person(2, 30.43, 38.86)
    assert model.expected_orders(one, 39.0)[0] == pytest.approx(1.226, abs=5e-4)
    assert model.alive(one)[0] == pytest.approx(0.7266, abs=5e-5)


def test_known_parameters_are_found_and_the_next_half_year_comes_out():
    rows, n, cut = simulated()
    before = rows[rows[:, 1] < cut]
    people = repeats(before[:, 0].astype(int), before[:, 1], before[:, 2], n, cut)
    model = BgNbd.fit(people)
    assert model.r / model.alpha == pytest.approx(0.8 / 6.0, rel=0.15)  # mean rate
    later = rows[(rows[:, 1] >= cut)]
    came = len(np.unique(np.stack([later[:, 0], np.floor(later[:, 1])]), axis=1)[0])
    known = people.ordered
    assert model.expected_orders(people, 26.0)[known].sum() == pytest.approx(came, rel=0.06)


def test_the_chance_of_the_next_order_holds():
    """Of people who are still customers, half order within their own median and nine in ten within their own range."""
    model, rng = BgNbd(1.5, 1.5, 1e-6, 5.0), np.random.default_rng(2)
    rate = rng.gamma(1.5, 1 / 1.5, 5000)
    seen = np.full(5000, 20.0)
    x = rng.poisson(rate * 20)
    people = Repeats(x, np.full(5000, 19.0), seen, np.ones(5000), np.ones(5000, dtype=bool))
    wait = rng.exponential(1 / rate)
    assert (wait <= model.next_order(people, 0.5)).mean() == pytest.approx(0.5, abs=0.02)
    assert (wait <= model.next_order(people, 0.9)).mean() == pytest.approx(0.9, abs=0.02)


def test_the_worth_of_an_order_is_drawn_towards_everybodys():
    rng = np.random.default_rng(4)
    mean = 4.0 / rng.gamma(5.0, 1 / 40.0, 3000)  # everybody's: 10 p gamma / (q - 1) = 400
    n = rng.integers(2, 30, 3000)
    worth = rng.gamma(4.0 * n, 10 * mean / (4.0 * n))
    people = Repeats(n - 1, n * 1.0, n * 1.0, worth, np.ones(3000, dtype=bool))
    model = GammaGamma.fit(people)
    expected = model.p * model.gamma / (model.q - 1)
    assert expected == pytest.approx(worth.mean(), rel=0.1)
    few, many, none = (model.worth(person(x, 1.0, 1.0, 800.0))[0] for x in (0, 40, 0))
    assert expected < few < many < 800.0
    assert none == few


def test_one_order_alone_is_alive_and_hundreds_do_not_overflow():
    model = BgNbd(1.4, 1.4, 0.03, 26.0)
    assert model.alive(person(0, 0.0, 50.0))[0] == 1.0
    daily = person(700, 103.0, 104.0)
    assert model.expected_orders(daily, 52.0)[0] == pytest.approx(700 / 104 * 52, rel=0.3)
    gone = person(700, 20.0, 104.0)
    assert model.alive(gone)[0] < 1e-6
    assert model.expected_orders(gone, 52.0)[0] < 1e-3


def test_too_few_people_are_told():
    with pytest.raises(TooFewData, match="1 people with an order and 1 with two; 50 and 1 needed"):
        BgNbd.fit(person(2, 3.0, 4.0))
