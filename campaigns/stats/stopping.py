"""When a send has to stop by itself: more people than promised bounced, complained or left, and not by chance.

One-sided exact binomial test: with n messages out, of which k had the outcome, a send whose true rate is the threshold would
show k or more in the share P(X >= k) of all cases, which is the regularised incomplete beta function I_p(k, n - k + 1)
(Abramowitz and Stegun 26.5.24). It is asked after each batch, so the level is strict: at 0.001 a send that keeps to its
thresholds is stopped once in some hundred sends at the most.
"""

from scipy import special  # not scipy.stats: a second to load

LEVEL = 0.001


def exceeds(k: int, n: int, threshold: float, *, least: int = 100) -> bool:
    """Whether k of n is more than a rate of `threshold` (0 to 1) explains. Never of fewer than `least` messages."""
    if not 0 < threshold < 1:
        raise ValueError(f"A threshold is a share between 0 and 1, not {threshold}.")
    if n < least or k <= threshold * n:
        return False
    return bool(special.betainc(k, n - k + 1, threshold) <= LEVEL)
