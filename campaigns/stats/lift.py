"""Lift of the treated over the hold-out, by intention to treat, with intervals, a check of the arms and a power estimate.

Every interval here is valid for one look; `sequential.nominal_levels` gives the level at which it holds over many.

Sources
  Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212.
  Newcombe (1998), "Interval estimation for the difference between independent proportions: comparison of eleven
      methods", Statistics in Medicine 17, 873-890: method 10, square and add of two Wilson intervals.
  Donner and Zou (2012), "Closed-form confidence intervals for functions of the normal mean and standard deviation",
      Statistical Methods in Medical Research 21, 347-359: the ratio of two estimates from the interval of each (MOVER-R).
  Welch (1947), "The generalization of Student's problem when several different population variances are involved",
      Biometrika 34, 28-35, with the degrees of freedom of Satterthwaite (1946).
  Hall (1992), "On the removal of skewness by transformation", JRSS B 54, 221-228; for two samples Zhou and Dinh (2005),
      "Nonparametric confidence intervals for the one- and two-sample problems", Biostatistics 6, 187-200.
  Cochran (1954), "Some methods for strengthening the common chi-square tests", Biometrics 10, 417-451.
  Fleiss, Levin and Paik (2003), "Statistical Methods for Rates and Proportions", 3rd ed., ch. 4: power.
  Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments", KDD.
"""

import math
from dataclasses import dataclass
from decimal import localcontext

from scipy import special  # not scipy.stats: a second to load, 60 microseconds a quantile
from scipy.optimize import brentq

from campaigns.contracts import ArmResult, Interval, Lift, Metric, NoisyArm, Power, SampleRatio, Verdict

LEVEL = 0.95
# Below 30 customers in an arm, or 5 who buy and 5 who do not as the smaller arm expects them (Cochran), no interval here
# keeps its promise.
MIN_CUSTOMERS = 30
MIN_EXPECTED = 5
# With fewer buyers, money per customer hangs on single baskets: in simulations of no difference with 16 buyers in the
# hold-out, "higher" came out two to three times as often as promised.
MIN_BUYERS = 30
# A fair draw is called unfair once in a thousand campaigns: the usual line, as the check runs on every one of them.
MISMATCH_P = 0.001

# An estimate with the limits of its own interval.
_Limits = tuple[float, float, float]


def conversion_lift(treated: ArmResult, holdout: ArmResult, level: float = LEVEL) -> Lift:
    """Lift in the share of customers who bought: Newcombe's hybrid score interval."""
    arms, method = (treated, holdout), "Newcombe hybrid score; ratio by MOVER-R"
    shares = [arm.converted / arm.customers if arm.customers else None for arm in arms]
    if too_few := _too_few_customers(*arms):
        return Lift(Metric.CONVERSION, *shares, None, None, Verdict.CANNOT_TELL, too_few, method)
    limits = [(arm.converted / arm.customers, *wilson(arm.converted, arm.customers, level)) for arm in arms]
    difference = _difference(*limits, level)
    pooled = (treated.converted + holdout.converted) / (treated.customers + holdout.customers)
    if min(treated.customers, holdout.customers) * min(pooled, 1 - pooled) < MIN_EXPECTED:
        too_few = f"Too few: the smaller arm expects fewer than {MIN_EXPECTED} who buy, or who do not."
    verdict, reason = _judge(difference, too_few)
    return Lift(Metric.CONVERSION, *shares, difference, _ratio(*limits, level), verdict, reason, method)


def revenue_lift(treated: ArmResult, holdout: ArmResult, level: float = LEVEL) -> Lift:
    """Lift in money per assigned customer, buyers and others alike: Welch's statistic, freed from skew by Hall's cubic.

    Welch's plain interval calls "higher" up to twice too often where a small hold-out meets skewed baskets: the sample
    without the rare large basket has at once a low mean and a small variance.
    """
    arms, method = (treated, holdout), "Welch with Hall's transformation"
    means = [float(arm.revenue) / arm.customers if arm.customers else None for arm in arms]
    if too_few := _too_few_customers(*arms):
        return Lift(Metric.REVENUE, *means, None, None, Verdict.CANNOT_TELL, too_few, method)
    spreads = [_spread(arm) for arm in arms]
    if sum(spread.variance for spread in spreads) == 0:
        reason = "Every customer of an arm spent the same: there is no chance to measure."
        return Lift(Metric.REVENUE, *means, None, None, Verdict.CANNOT_TELL, reason, method)
    difference = Interval(means[0] - means[1], *_money_limits(*spreads, 1, level), level)
    if min(treated.converted, holdout.converted) < MIN_BUYERS:
        too_few = f"Too few: an arm has fewer than {MIN_BUYERS} buyers."
    verdict, reason = _judge(difference, too_few)
    return Lift(Metric.REVENUE, *means, difference, _money_ratio(*spreads, level), verdict, reason, method)


def _z(level: float) -> float:
    """1.96 for 0.95."""
    return float(special.ndtri((1 + level) / 2))


def _too_few_customers(treated: ArmResult, holdout: ArmResult) -> str:
    fewest = min(treated.customers, holdout.customers)
    if fewest == 0:
        return "An arm is empty: there is nothing to compare with."
    return f"Too few: an arm has fewer than {MIN_CUSTOMERS} customers." if fewest < MIN_CUSTOMERS else ""


def noisy_conversion_lift(treated: NoisyArm, holdout: NoisyArm, level: float = LEVEL) -> Lift:
    """Lift in the share of customers who bought, from counts with Laplace noise: normal, the noise's variance added."""
    return _noisy_lift(Metric.CONVERSION, treated, holdout, _noisy_share, level)


def noisy_revenue_lift(treated: NoisyArm, holdout: NoisyArm, cap: float, level: float = LEVEL) -> Lift:
    """Lift in money per customer, each held to `cap`, from sums with Laplace noise.

    No sum of squares is released, so a person's variance is taken as the largest that money from 0 to the cap with this
    mean can have, mean * (cap - mean) (Bhatia and Davis 2000, American Mathematical Monthly 107, 353-357): wider than true.
    """
    return _noisy_lift(Metric.REVENUE, treated, holdout, lambda arm: _noisy_money(arm, cap), level)


def _noisy_lift(metric: Metric, treated: NoisyArm, holdout: NoisyArm, estimate, level: float) -> Lift:
    method = "normal, variances of sampling and of the Laplace noise added; each person's money held to a cap"
    found = [estimate(arm) for arm in (treated, holdout)]
    means = [None if one is None else one[0] for one in found]
    if None in found:
        reason = "Too few to show: noise would be more than a fifth of a figure."
        return Lift(metric, *means, None, None, Verdict.CANNOT_TELL, reason, method)
    difference = means[0] - means[1]
    half = _z(level) * math.sqrt(found[0][1] + found[1][1])
    interval = Interval(difference, difference - half, difference + half, level)
    return Lift(metric, *means, interval, None, *_judge(interval, ""), method)


def _noisy_share(arm: NoisyArm) -> tuple[float, float] | None:
    """(share, variance): binomial, and by the delta method that of two counts whose Laplace noise has this mean size."""
    if not arm.customers or arm.converted is None:
        return None
    share = min(1.0, arm.converted / arm.customers)
    noise = 2 * arm.customers_error**2 * (1 + share**2) / arm.customers**2
    return share, share * (1 - share) / arm.customers + noise


def _noisy_money(arm: NoisyArm, cap: float) -> tuple[float, float] | None:
    """(money per customer, variance), as above."""
    if not arm.customers or arm.revenue is None:
        return None
    mean = min(cap, float(arm.revenue) / arm.customers)
    noise = 2 * (arm.revenue_error**2 + mean**2 * arm.customers_error**2) / arm.customers**2
    return mean, mean * (cap - mean) / arm.customers + noise


def _judge(difference: Interval, too_few: str) -> tuple[Verdict, str]:
    if too_few:
        return Verdict.CANNOT_TELL, too_few
    if not difference.excludes_zero:
        return Verdict.CANNOT_TELL, "The interval includes zero: no difference is one of the answers that fit."
    return (Verdict.HIGHER if difference.low > 0 else Verdict.LOWER), "The interval excludes zero."


# --- shares


def wilson(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of a share."""
    z2 = _z(level) ** 2
    share = successes / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2) / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # The formula touches 0 and 1 exactly there; rounding would leave 1e-18.
    return (0.0 if successes == 0 else float(centre - half)), (1.0 if successes == n else float(centre + half))


def _difference(treated: _Limits, holdout: _Limits, level: float) -> Interval:
    """Square and add: the limits of t - h from the limits of each."""
    (t, t_low, t_high), (h, h_low, h_high) = treated, holdout
    low = t - h - math.hypot(t - t_low, h_high - h)
    high = t - h + math.hypot(t_high - t, h - h_low)
    return Interval(t - h, low, high, level)


def _ratio(treated: _Limits, holdout: _Limits, level: float) -> Interval | None:
    """t / h - 1 by MOVER-R: the ratios R at which a limit of t - R h, by `_difference`, is zero.

    So it excludes zero exactly when the difference does. None when nobody of the hold-out bought: then every ratio fits.
    """
    (t, t_low, t_high), (h, h_low, h_high) = treated, holdout
    if h_low <= 0:
        return None
    cross = (t * h) ** 2
    a, c = h_high * (2 * h - h_high), t_low * (2 * t - t_low)
    # The root (t h - sqrt(.)) / a, written so that it also holds where a is zero or negative.
    divisor = t * h + math.sqrt(cross - a * c)
    low = c / divisor if divisor else 0.0
    a, c = h_low * (2 * h - h_low), t_high * (2 * t - t_high)
    high = (t * h + math.sqrt(cross - a * c)) / a
    return Interval(t / h - 1, low - 1, high - 1, level)


# --- money


@dataclass(frozen=True, slots=True)
class _Spread:
    """The mean of an arm, and the variance and third cumulant of that mean."""

    mean: float
    variance: float
    third: float
    freedom: int


def _spread(arm: ArmResult) -> _Spread:
    n, s1, s2, s3 = arm.customers, arm.revenue, arm.revenue_squared, arm.revenue_cubed
    with localcontext(prec=60):  # sums that almost cancel would lose their difference in floats
        variance = (s2 - s1 * s1 / n) / (n - 1)
        third = (n * s3 - 3 * s1 * s2 + 2 * s1**3 / n) / ((n - 1) * (n - 2))
    return _Spread(float(s1) / n, max(float(variance), 0.0) / n, float(third) / n**2, n - 1)


def _money_limits(t: _Spread, h: _Spread, factor: float, level: float) -> tuple[float, float]:
    """The limits of t - factor h."""
    v_t, v_h = t.variance, factor**2 * h.variance
    freedom = (v_t + v_h) ** 2 / (v_t**2 / t.freedom + v_h**2 / h.freedom)
    error = math.sqrt(v_t + v_h)
    skew = (t.third - factor**3 * h.third) / error**3
    quantile, mean = special.stdtrit(freedom, (1 + level) / 2), t.mean - factor * h.mean
    return float(mean - error * _hall(quantile, skew)), float(mean - error * _hall(-quantile, skew))


def _hall(quantile: float, skew: float) -> float:
    """The quantile of a studentised mean of this skewness: the inverse of T + s T^2/3 + s^2 T^3/27 + s/6."""
    if abs(skew) < 1e-6:  # the limit; below it the formula divides noise by noise
        return quantile
    return 3 / skew * (math.cbrt(1 + skew * (quantile - skew / 6)) - 1)


def _money_ratio(t: _Spread, h: _Spread, level: float) -> Interval | None:
    """t / h - 1: the ratios R at which a limit of t - R h is zero, as Fieller (1954) did for the plain t.

    So it excludes zero exactly when the difference does. None when the hold-out's own interval comes near zero.
    """
    if h.mean <= 0 or t.mean <= 0:
        return None
    ratio = t.mean / h.mean
    most = 100 * max(ratio, 1)  # a hundredfold says nothing that "no limit" does not say
    if _money_limits(t, h, most, level)[1] > 0:
        return None
    high = brentq(lambda factor: _money_limits(t, h, factor, level)[1], ratio, most)
    low = 0.0
    if _money_limits(t, h, 0, level)[0] > 0:
        low = brentq(lambda factor: _money_limits(t, h, factor, level)[0], 0, ratio)
    return Interval(ratio - 1, low - 1, high - 1, level)


# --- the arms' sizes, and what they can show


def sample_ratio(treated: int, holdout: int, holdout_share: float) -> SampleRatio:
    """Chi-square test (1 degree of freedom) of the arms' sizes against the share that was drawn with.

    Count what was drawn: units, where customers share a contact point.
    """
    if not 0 < holdout_share < 1:
        raise ValueError(f"Only a share between 0 and 1 can be checked, not {holdout_share}.")
    total = treated + holdout
    if total == 0:
        return SampleRatio(0, 0, holdout_share, 0.0, 1.0, is_mismatch=False)
    off = (holdout - total * holdout_share) ** 2  # the treated are off by the same
    chi_square = off / (total * holdout_share) + off / (total * (1 - holdout_share))
    p_value = float(special.chdtrc(1, chi_square))
    return SampleRatio(treated, holdout, holdout_share, chi_square, p_value, is_mismatch=p_value < MISMATCH_P)


def power_to_see(effect: float, treated: int, holdout: int, baseline: float, level: float = LEVEL) -> float:
    """The chance that a two-sided test sees, on the right side, that the treated convert at baseline + effect."""
    share = baseline + effect
    pooled = (treated * share + holdout * baseline) / (treated + holdout)
    null = math.sqrt(pooled * (1 - pooled) * (1 / treated + 1 / holdout))
    true = math.sqrt(share * (1 - share) / treated + baseline * (1 - baseline) / holdout)
    return float(special.ndtr((abs(effect) - _z(level) * null) / true))


def minimal_effect(n: int, holdout_share: float, baseline: float, *, power: float = 0.8, level: float = LEVEL) -> Power:
    """The smallest rise of a conversion share that an audience of n customers would show with this power."""
    if not 0 < baseline < 1:
        raise ValueError(f"A conversion share to start from lies between 0 and 1, not {baseline}.")
    holdout = round(n * holdout_share)
    treated, effect, most = n - holdout, None, 1 - baseline
    if min(treated, holdout) >= MIN_CUSTOMERS and power_to_see(most, treated, holdout, baseline, level) >= power:
        effect = brentq(lambda d: power_to_see(d, treated, holdout, baseline, level) - power, 1e-12, most)
    return Power(treated, holdout, baseline, effect, power, level)


def minimal_revenue_effect(
    n: int, holdout_share: float, mean: float, deviation: float, *, power: float = 0.8, level: float = LEVEL
) -> Power:
    """The same for money per customer; `deviation` is its standard deviation between customers, alike in both arms."""
    holdout = round(n * holdout_share)
    treated, effect = n - holdout, None
    if min(treated, holdout) >= MIN_CUSTOMERS:
        z = _z(level) + float(special.ndtri(power))
        effect = z * deviation * math.sqrt(1 / treated + 1 / holdout)
    return Power(treated, holdout, mean, effect, power, level)
