"""A person's figures at a moment by hand, in words, and nothing after the moment."""

import numpy as np

from recommendations.ml.affinity import leanings
from recommendations.ml.factors import factor
from recommendations.ml.habits import Orders, describe, does, figures

DAY, TOTAL = np.array([10.0, 90.0, 95.0, 101.0]), np.array([10.0, 20.0, 30.0, 999.0])
ORDERS = Orders(np.array([0, 0, 1, 0]), DAY, TOTAL, np.array([0, 20.0, 0, 0]), np.array([0, 2.5, 0, 1.0]), 3)
NOBODY = np.tile(describe([{}]), (3, 1))


def at_100():
    return figures(ORDERS, 100.0, np.array([[5.0], [0.0], [0.0]]), ("DAIRY",), NOBODY)


def test_figures_by_hand():
    found = at_100()
    ann, ben, cleo = (dict(zip(found.names, row, strict=True)) for row in found.values)
    assert (ann["orders_28"], ann["orders_84"], ann["orders_365"], ann["spend_365"]) == (1, 1, 2, 30)
    assert (ann["days_since_order"], ann["days_since_coupon"], ann["coupon_discount"]) == (10, 10, 2.5)
    assert (ann["discount_share"], ann["mean_order"], ann["spend in DAIRY"]) == (0.4, 15, 5)
    assert (ben["orders_28"], ben["days_since_coupon"], ben["coupon_orders_365"]) == (1, 400, 0)
    assert (cleo["days_since_order"], cleo["orders_365"]) == (400, 0)
    assert found.known.tolist() == [True, True, False]


def test_what_comes_later_is_the_answer_and_no_figure():
    before = ORDERS.between(0.0, 100.0)
    assert (
        figures(before, 100.0, np.zeros((3, 1)), ("DAIRY",), NOBODY).values[:, :-1] == at_100().values[:, :-1]
    ).all()
    assert does(ORDERS, 100.0, 28.0, with_coupon=False).tolist() == [1, 0, 0]
    assert does(ORDERS, 80.0, 20.0, with_coupon=True).tolist() == [1, 0, 0]


def test_every_figure_has_words():
    said = [factor(name, value, 0.5) for name, value in zip(at_100().names, at_100().values[0], strict=True)]
    assert "2 orders in the last year: raises it" in said
    assert "1 order with a coupon in the last four weeks: raises it" in said
    assert "Last coupon 10 days ago: raises it" in said
    assert "40% of the full price taken off by discounts: raises it" in said
    assert factor("spend in DAIRY", 5.0, -0.1) == "5 spent on dairy in the last twelve weeks: lowers it"


def test_a_leaning_is_against_the_shop_and_a_small_basket_makes_none():
    """The shop sells half tea, half rope. Ann: 1,000 for tea; Ben: 1 for tea, 1,001 for rope lately; Cleo: 1 for tea."""
    user, category = np.array([0, 1, 1, 2]), np.array([0, 0, 1, 0])
    found = leanings(
        user, category, np.array([5.0, 5, 5, 5]), np.array([1000.0, 1, 1002, 1]), n_users=3, n_categories=2
    )
    lately = found[0]
    assert lately.share[0].tolist() == [1.0, 0.0]
    assert lately.lift[0, 0] > 1.9
    assert lately.lift[2, 0] < 1.1  # all of one unit of money, drawn towards the shop
    assert lately.lift[1, 1] > 1.9
