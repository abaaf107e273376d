"""How often the intervals call a difference that is not there, and find one that is: the arms drawn anew on real orders."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from campaigns.assignment import arms
from campaigns.contracts import Arm, ArmResult, Lift
from campaigns.queries import measurement, progress
from campaigns.queries.arms import Outcomes, outcomes
from campaigns.stats.covariate import Past, adjust
from campaigns.stats.lift import conversion_lift, revenue_lift
from campaigns.stats.sequential import converted_covariance, nominal_levels

EFFECTS = (0.05, 0.10, 0.20, 0.40)  # planted on every order of the treated
METRICS = ("conversion", "revenue", "adjusted")


class Command(BaseCommand):
    help = "Draws the arms of a sent campaign by other salts: how often intervals exclude zero (A/A), cover and find a lift."

    def add_arguments(self, parser):
        parser.add_argument("--campaign", help="its name; the newest sent one unless told", default="")
        parser.add_argument("--salts", type=int, default=200)
        parser.add_argument("--every", type=int, default=7, help="days between two looks at the results")

    def handle(self, *args, campaign, salts, every, **options):
        found = progress.find(campaign) if campaign else progress.newest_sent()
        if found is None or found.started_at is None:
            raise CommandError("no such campaign was sent; name one with --campaign, or run make demo first")
        window = measurement.window_of(found)
        looks = [window.since + timedelta(days=day) for day in range(every, found.attribution_days + 1, every)]
        looks = [look for look in looks if look <= window.until]
        if not looks:
            raise CommandError(f"the first look is {every} days after the start; ask again then, or with --every 1")
        people = outcomes(found, looks)
        shares = np.array([(look - window.since).days / found.attribution_days for look in looks])
        self.stdout.write(
            f"“{found.name}”: {len(people.units):,} people who passed the gate, hold-out {found.holdout_share:.0%}, "
            f"{len(looks)} looks until {looks[-1]:%Y-%m-%d}. The salts draw other arms, so most of those “treated” here got "
            "the same mail or none: the true difference between the arms is zero."
        )
        if salts:
            draws = [arms(f"aa:{number}", people.units, found.holdout_share) for number in range(salts)]
            self._nothing_there(people, shares, draws)
            self._something_there(people, shares, draws)

    def _nothing_there(self, people: Outcomes, shares: np.ndarray, draws: list) -> None:
        told, at_end, at_any, peeked = (dict.fromkeys(METRICS, 0) for _ in range(4))
        wider, narrower = [], []
        for drawn in tqdm(draws, desc="no difference", file=sys.stderr):
            trial = Trial.of(people, drawn == Arm.TREATED.value, shares)
            for metric in METRICS:
                lifts, plain = trial.lifts(metric), trial.lifts(metric, one_look=True)
                told[metric] += lifts[-1] is not None
                at_end[metric] += excludes(lifts[-1])
                at_any[metric] += any(map(excludes, lifts))
                peeked[metric] += any(map(excludes, plain))
                if metric == "revenue" and lifts[-1] is not None:
                    wider.append(width(lifts[-1]) / width(plain[-1]))
                if metric == "adjusted" and lifts[-1] is not None:
                    narrower.append(width(lifts[-1]) / width(trial.lifts("revenue")[-1]))
        for metric in METRICS:
            n = max(told[metric], 1)
            self.stdout.write(
                f"{metric:<11} the 95 % interval excluded zero for {at_end[metric]} of {told[metric]} salts at the last look "
                f"({at_end[metric] / n:.1%}), at any look for {at_any[metric]} ({at_any[metric] / n:.1%}); one-look "
                f"intervals, looked at as often, would for {peeked[metric]} ({peeked[metric] / n:.1%})"
            )
        if wider:
            self.stdout.write(f"revenue     at the last look {np.mean(wider):.3f} times as wide as for one look")
        if narrower:
            self.stdout.write(f"adjusted    {1 - np.mean(narrower):.0%} narrower than revenue without the past (CUPED)")

    def _something_there(self, people: Outcomes, shares: np.ndarray, draws: list) -> None:
        """Every order of the treated made dearer by a share: the truth is that share of what people spend anyway."""
        for effect in EFFECTS:
            truth = effect * people.money.mean(axis=0)
            covered, found = dict.fromkeys(METRICS[1:], 0), dict.fromkeys(METRICS[1:], 0)
            for drawn in tqdm(draws, desc=f"{effect:.0%} planted", file=sys.stderr, leave=False):
                treated = drawn == Arm.TREATED.value
                money = np.where(treated[:, None], people.money * (1 + effect), people.money)
                trial = Trial.of(Outcomes(people.units, money, people.ordered, people.past), treated, shares)
                for metric in METRICS[1:]:
                    lifts = trial.lifts(metric)
                    inside = [
                        one is None or one.difference.low <= true <= one.difference.high
                        for one, true in zip(lifts, truth, strict=True)
                    ]
                    covered[metric] += all(inside)
                    found[metric] += any(one is not None and one.difference.low > 0 for one in lifts)
            self.stdout.write(
                f"{effect:>4.0%} planted on every order: "
                + "; ".join(
                    f"{metric} covers it at every look for {covered[metric] / len(draws):.1%} of the salts and calls it "
                    f"higher for {found[metric] / len(draws):.1%}"
                    for metric in METRICS[1:]
                )
            )


def excludes(lift: Lift | None) -> bool:
    return lift is not None and lift.difference.excludes_zero


def width(lift: Lift) -> float:
    return lift.difference.high - lift.difference.low


@dataclass(frozen=True)
class Trial:
    """One draw: both arms at every look, and the level that each look gets."""

    pairs: list[tuple[ArmResult, ArmResult]]
    adjusted: list[tuple[ArmResult, ArmResult] | None]
    levels: dict[str, np.ndarray]

    @classmethod
    def of(cls, people: Outcomes, treated: np.ndarray, shares: np.ndarray) -> "Trial":
        masks = (treated, ~treated)
        pairs, adjusted = [], []
        for look in range(len(shares)):
            both = [cls._arm(arm, people, mask, look) for arm, mask in zip(Arm, masks, strict=True)]
            pasts = [cls._past(people, mask, look) for mask in masks]
            less = adjust(*both, *pasts)
            pairs.append(tuple(both))
            adjusted.append(less and (less.treated, less.holdout))
        return cls(pairs, adjusted, cls._levels(people, masks, shares))

    @staticmethod
    def _arm(arm: Arm, people: Outcomes, mask: np.ndarray, look: int) -> ArmResult:
        money = people.money[mask, look]
        powers = [Decimal(str((money**power).sum())) for power in (1, 2, 3)]
        ordered = int(people.ordered[mask, look].sum())
        return ArmResult(arm, len(money), ordered, *powers, ordered)

    @staticmethod
    def _past(people: Outcomes, mask: np.ndarray, look: int) -> Past:
        x, y = people.past[mask], people.money[mask, look]
        return Past(*(Decimal(str(one.sum())) for one in (x, x**2, x**3, x * y, x**2 * y, x * y**2)))

    @staticmethod
    def _levels(people: Outcomes, masks: tuple, shares: np.ndarray) -> dict[str, np.ndarray]:
        money = sum(np.cov(people.money[m].T).reshape(len(shares), -1) / m.sum() for m in masks)
        past = sum(np.var(people.past[m]) / m.sum() for m in masks)
        both = sum(
            (people.money[m] - people.money[m].mean(axis=0)).T @ (people.past[m] - people.past[m].mean()) / m.sum() ** 2
            for m in masks
        )
        covariances = {
            "conversion": sum(converted_covariance(people.ordered[m].mean(axis=0)) / m.sum() for m in masks),
            "revenue": money,
            "adjusted": money - np.outer(both, both) / past if past > 0 else money,
        }
        return {metric: nominal_levels(covariance, shares) for metric, covariance in covariances.items()}

    def lifts(self, metric: str, *, one_look: bool = False) -> list[Lift | None]:
        """The lift at each look; None where it has no interval."""
        measure = conversion_lift if metric == "conversion" else revenue_lift
        pairs = self.adjusted if metric == "adjusted" else self.pairs
        found = []
        for pair, level in zip(pairs, self.levels[metric], strict=True):
            lift = pair and (measure(*pair) if one_look else measure(*pair, float(level)))
            found.append(lift if lift and lift.difference is not None else None)
        return found
