"""CUPED against the same thing done customer by customer."""

from decimal import Decimal

import numpy as np
import pytest

from campaigns.contracts import Arm, ArmResult
from campaigns.stats.covariate import Past, adjust
from campaigns.stats.lift import revenue_lift


def arm_of(which, past, spent):
    sums = (Decimal(str(s.sum())) for s in (spent, spent**2, spent**3))
    pasts = (past, past**2, past**3, past * spent, past**2 * spent, past * spent**2)
    return ArmResult(which, len(spent), int((spent > 0).sum()), *sums), Past(*(Decimal(str(s.sum())) for s in pasts))


def drawn(seed, n=400, held=100, effect=0.0):
    rng = np.random.default_rng(seed)
    past = rng.gamma(2, 40, n + held).round(2)
    spent = (past * 0.6 + rng.gamma(2, 15, n + held)).round(2)
    spent[:n] += effect
    return (past[:n], spent[:n]), (past[n:], spent[n:])


def test_the_sums_are_those_of_the_customers_own_adjusted_figures():
    (x_t, y_t), (x_h, y_h) = drawn(3)
    (treated, past_t), (holdout, past_h) = arm_of(Arm.TREATED, x_t, y_t), arm_of(Arm.HOLDOUT, x_h, y_h)

    found = adjust(treated, holdout, past_t, past_h)

    centred = [(x - x.mean(), y - y.mean()) for x, y in ((x_t, y_t), (x_h, y_h))]
    theta = sum((x * y).sum() for x, y in centred) / sum((x * x).sum() for x, _ in centred)
    mean = np.concatenate([x_t, x_h]).mean()
    for arm, x, y in ((found.treated, x_t, y_t), (found.holdout, x_h, y_h)):
        each = y - theta * (x - mean)
        sums = (arm.revenue, arm.revenue_squared, arm.revenue_cubed)
        assert [float(s) for s in sums] == pytest.approx([each.sum(), (each**2).sum(), (each**3).sum()], rel=1e-9)
        assert arm.customers == len(y)
    assert found.theta == pytest.approx(theta)


def test_the_interval_is_narrower_by_what_the_past_foretells():
    (x_t, y_t), (x_h, y_h) = drawn(4, n=4000, held=1000)
    (treated, past_t), (holdout, past_h) = arm_of(Arm.TREATED, x_t, y_t), arm_of(Arm.HOLDOUT, x_h, y_h)
    found = adjust(treated, holdout, past_t, past_h)

    plain, less = revenue_lift(treated, holdout).difference, revenue_lift(found.treated, found.holdout).difference

    assert (less.high - less.low) / (plain.high - plain.low) == pytest.approx(found.width, rel=0.05)
    assert found.width < 0.7


def test_a_true_effect_stays_what_it_is():
    """Over a hundred draws the adjusted difference is the planted one on the mean, and varies less than the plain one."""
    plain, less = [], []
    for seed in range(100):
        (x_t, y_t), (x_h, y_h) = drawn(seed, effect=10.0)
        (treated, past_t), (holdout, past_h) = arm_of(Arm.TREATED, x_t, y_t), arm_of(Arm.HOLDOUT, x_h, y_h)
        found = adjust(treated, holdout, past_t, past_h)
        plain.append(y_t.mean() - y_h.mean())
        less.append(float(found.treated.revenue) / 400 - float(found.holdout.revenue) / 100)
    assert np.mean(less) == pytest.approx(10.0, abs=3 * np.std(less) / 10)
    assert np.std(less) < 0.75 * np.std(plain)


def test_a_past_that_foretells_nothing_is_left_alone():
    (_, y_t), (_, y_h) = drawn(5)
    (treated, _), (holdout, _) = arm_of(Arm.TREATED, y_t, y_t), arm_of(Arm.HOLDOUT, y_h, y_h)
    nothing = Past(*[Decimal(0)] * 6)
    assert adjust(treated, holdout, nothing, nothing) is None
    alike_t, alike_h = arm_of(Arm.TREATED, y_t * 0 + 5, y_t)[1], arm_of(Arm.HOLDOUT, y_h * 0 + 5, y_h)[1]
    assert adjust(treated, holdout, alike_t, alike_h) is None
