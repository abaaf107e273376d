"""CUPED: the revenue of each customer less what their spending before the start foretold, so that chance weighs less.

Deng, Xu, Kohavi and Walker (2013), "Improving the sensitivity of online controlled experiments by utilizing pre-experiment
data", WSDM, 123-132. The arms are drawn by a hash that knows nothing of the past, so the expectation of the difference
does not move; its variance shrinks by the square of the correlation.
"""

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext

from campaigns.contracts import ArmResult


@dataclass(frozen=True, slots=True)
class Past:
    """Sums over an arm's customers of x, what each spent before the start, and its products with y, their revenue since."""

    x: Decimal
    xx: Decimal
    xxx: Decimal
    xy: Decimal
    xxy: Decimal
    xyy: Decimal


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Both arms with what the past foretold taken out; `correlation` is that of past and revenue within the arms."""

    treated: ArmResult
    holdout: ArmResult
    theta: float
    correlation: float

    @property
    def width(self) -> float:
        """Of the adjusted interval, as a share of the plain one's."""
        return math.sqrt(max(1 - self.correlation**2, 0.0))


def adjust(treated: ArmResult, holdout: ArmResult, past_t: Past, past_h: Past) -> Adjusted | None:
    """None where the past foretells nothing: nobody spent before, or all alike."""
    pairs = ((treated, past_t), (holdout, past_h))
    if min(treated.customers, holdout.customers) < 2:
        return None
    with localcontext(prec=60):  # as in the lift: sums that almost cancel
        s_xx = sum(past.xx - past.x**2 / arm.customers for arm, past in pairs)
        s_xy = sum(past.xy - past.x * arm.revenue / arm.customers for arm, past in pairs)
        s_yy = sum(arm.revenue_squared - arm.revenue**2 / arm.customers for arm, _ in pairs)
        if s_xx <= 0 or s_yy <= 0:
            return None
        theta = s_xy / s_xx
        mean = sum(past.x for _, past in pairs) / (treated.customers + holdout.customers)
        arms = [_without(arm, past, theta, mean) for arm, past in pairs]
        return Adjusted(*arms, float(theta), float(s_xy / (s_xx * s_yy).sqrt()))


def _without(arm: ArmResult, past: Past, theta: Decimal, mean: Decimal) -> ArmResult:
    """The sums of y - theta (x - mean), from those of x and y."""
    n, y, yy, yyy = arm.customers, arm.revenue, arm.revenue_squared, arm.revenue_cubed
    # Moments of d = x - mean with y, first.
    d, dd = past.x - n * mean, past.xx - 2 * mean * past.x + n * mean**2
    ddd = past.xxx - 3 * mean * past.xx + 3 * mean**2 * past.x - n * mean**3
    dy, ddy, dyy = (
        past.xy - mean * y,
        past.xxy - 2 * mean * past.xy + mean**2 * y,
        past.xyy - mean * yy,
    )
    return ArmResult(
        arm.arm,
        n,
        arm.converted,
        y - theta * d,
        yy - 2 * theta * dy + theta**2 * dd,
        yyy - 3 * theta * dyy + 3 * theta**2 * ddy - theta**3 * ddd,
        arm.orders,
        arm.currency,
    )
