"""Who is still a customer, how often they will order, when next, and what that is worth.

BG/NBD (Fader, Hardie and Lee, "Counting Your Customers the Easy Way", Marketing Science 2005): while a person is a
customer they order at a rate λ ~ Gamma(r, α) a week; after each order they leave for good with chance p ~ Beta(a, b).
With x repeat orders, the last at t_x, seen for T weeks:

    L = Γ(r+x) α^r / Γ(r) · B(a, b+x) / B(a, b) · [ (α+T)^-(r+x) + (a / (b+x-1)) (α+t_x)^-(r+x)  if x > 0 ]
    P(alive) = 1 / (1 + (a / (b+x-1)) ((α+T) / (α+t_x))^(r+x)),  1 for x = 0

Gamma-gamma (Fader and Hardie 2013): orders of one person are worth ν each on average, ν ~ Gamma(q, γ), an order
Gamma(p, ν); worth and frequency are taken as independent. Both are fitted by maximum likelihood with scipy.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from recommendations.ml.interactions import TooFewData

WEEK = 7.0
# Seven numbers are learned: more people than this make them no better, and the fit slower.
PEOPLE = 10_000
LEAST_PEOPLE = 50


@dataclass(frozen=True, eq=False)
class Repeats:
    """(n_users,) each: x repeat orders, their last one in weeks since the first order, weeks since the first order, mean
    worth of an order. People without an order have 0 everywhere and `ordered` False.
    """

    repeats: np.ndarray
    last: np.ndarray
    seen: np.ndarray
    worth: np.ndarray
    ordered: np.ndarray

    def part(self, rows: np.ndarray) -> Self:
        return Repeats(self.repeats[rows], self.last[rows], self.seen[rows], self.worth[rows], self.ordered[rows])


def repeats(user: np.ndarray, day: np.ndarray, amount: np.ndarray, n_users: int, end: float) -> Repeats:
    """From one row per order, all before the day `end`. Orders of one day are one: a second trip is no second decision.

    >>> found = repeats(np.array([0, 0, 0]), np.array([0.0, 14.2, 14.9]), np.array([10.0, 20.0, 30.0]), 2, 28.0)
    >>> found.repeats.tolist(), found.last.round(2).tolist(), found.seen.tolist(), found.worth.tolist()
    ([1, 0], [2.0, 0.0], [4.0, 0.0], [30.0, 0.0])
    """
    whole = np.floor(day)
    cells, place = np.unique(np.stack([user, whole], axis=1), axis=0, return_inverse=True)
    of, when = cells[:, 0].astype(np.int64), cells[:, 1]
    spent = np.bincount(place.reshape(-1), weights=amount, minlength=len(cells))
    count = np.bincount(of, minlength=n_users)
    first, last = np.full(n_users, np.inf), np.full(n_users, -np.inf)
    np.minimum.at(first, of, when)
    np.maximum.at(last, of, when)
    ordered = count > 0
    first, last = np.where(ordered, first, end), np.where(ordered, last, end)
    total = np.bincount(of, weights=spent, minlength=n_users)
    return Repeats(
        repeats=np.maximum(count - 1, 0),
        last=(last - first) / WEEK,
        seen=(end - first) / WEEK,
        worth=np.divide(total, count, out=np.zeros(n_users), where=ordered),
        ordered=ordered,
    )


@dataclass(frozen=True)
class BgNbd:
    """r, alpha, a, b as in the paper, in weeks."""

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(cls, people: Repeats, seed: int = 0) -> Self:
        """Raises TooFewData below fifty people with an order, or when nobody ordered twice."""
        people = _sample(people, people.ordered, seed)
        x, last, seen = people.repeats, people.last, people.seen
        if len(x) < LEAST_PEOPLE or not x.any():
            raise TooFewData(
                f"lifetime: {len(x)} people with an order and {int((x > 0).sum())} with two; 50 and 1 needed"
            )
        again = x > 0

        def loss(logs: np.ndarray) -> float:
            r, alpha, a, b = np.exp(logs)
            common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
            common += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
            stays = -(r + x) * np.log(alpha + seen)
            left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + last)
            return -(common + np.where(again, np.logaddexp(stays, left), stays)).mean()

        found = minimize(loss, np.log([1.0, 2.0, 0.5, 2.0]), method="L-BFGS-B", bounds=[(-6, 8)] * 4)
        return cls(*np.exp(found.x).tolist())

    def alive(self, people: Repeats) -> np.ndarray:
        """(n,) the chance that a person has not left. 1 after one order alone: the model lets people leave at a repeat."""
        x, r = people.repeats, self.r
        odds = np.log(self.a / (self.b + np.maximum(x, 1) - 1)) + (r + x) * (
            np.log(self.alpha + people.seen) - np.log(self.alpha + people.last)
        )
        return np.where(x > 0, 1 / (1 + np.exp(np.clip(odds, -50, 50))), 1.0)

    def expected_orders(self, people: Repeats, weeks: float) -> np.ndarray:
        """(n,) orders to come in these weeks. Euler's form of the paper's hypergeometric, which does not overflow for
        people with hundreds of orders.
        """
        x, a, b = people.repeats, self.a + 1e-9, self.b  # a = 1 would divide by zero
        z = weeks / (self.alpha + people.seen + weeks)
        grown = hyp2f1(a + b - 1 - self.r, a - 1, a + b + x - 1, z)
        return (a + b + x - 1) / (a - 1) * (1 - (1 - z) ** (a - 1) * grown) * self.alive(people)

    def next_order(self, people: Repeats, share: float) -> np.ndarray:
        """(n,) weeks from now by which the next order comes with this chance, for somebody who is still a customer.

        Given the past, λ ~ Gamma(r + x, α + T), so P(wait > t) = ((α+T) / (α+T+t))^(r+x).
        """
        return (self.alpha + people.seen) * ((1 - share) ** (-1 / (self.r + people.repeats)) - 1)


@dataclass(frozen=True)
class GammaGamma:
    """p, q, gamma as in the paper."""

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, people: Repeats, seed: int = 0) -> Self:
        """From people with a repeat order whose orders were worth something. Raises TooFewData below fifty."""
        people = _sample(people, (people.repeats > 0) & (people.worth > 0), seed)
        n, mean = people.repeats + 1, people.worth
        if len(n) < LEAST_PEOPLE:
            raise TooFewData(f"lifetime: {len(n)} people with two paid orders, {LEAST_PEOPLE} needed")
        scale = mean.mean()  # in units of a mean order the search starts near its end for every currency
        mean = mean / scale

        def loss(logs: np.ndarray) -> float:
            p, q, gamma = np.exp(logs)
            parts = gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(gamma) + p * n * np.log(n)
            return -(parts + (p * n - 1) * np.log(mean) - (p * n + q) * np.log(gamma + n * mean)).mean()

        # q above 1: below it the mean worth of a person would be infinite.
        found = minimize(loss, np.log([2.0, 3.0, 1.0]), method="L-BFGS-B", bounds=[(-4, 8), (0.05, 8), (-6, 8)])
        p, q, gamma = np.exp(found.x).tolist()
        return cls(p, q, gamma * scale)

    def worth(self, people: Repeats) -> np.ndarray:
        """(n,) expected worth of an order: the person's own mean, drawn towards everybody's the fewer orders they have."""
        n = np.where(people.ordered, people.repeats + 1, 0)
        return self.p * (self.gamma + n * people.worth) / (self.p * n + self.q - 1)


def _sample(people: Repeats, wanted: np.ndarray, seed: int) -> Repeats:
    rows = np.flatnonzero(wanted)
    if len(rows) > PEOPLE:
        rows = np.sort(np.random.default_rng(seed).choice(rows, PEOPLE, replace=False))
    return people.part(rows)
