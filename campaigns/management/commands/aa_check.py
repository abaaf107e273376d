"""How often the interval would call a difference that is not there: the arms drawn anew by many salts, on real orders."""

import sys

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from campaigns.assignment import arms
from campaigns.contracts import Arm, ArmResult
from campaigns.queries import measurement, progress
from campaigns.stats import conversion_lift, revenue_lift


class Command(BaseCommand):
    help = "Draws the arms of a sent campaign by other salts and prints how often the interval excludes zero (A/A)."

    def add_arguments(self, parser):
        parser.add_argument("--campaign", help="its name; the newest sent one unless told", default="")
        parser.add_argument("--salts", type=int, default=200)

    def handle(self, *args, campaign, salts, **options):
        found = progress.find(campaign) if campaign else progress.newest_sent()
        if found is None or found.started_at is None:
            raise CommandError("no such campaign was sent; name one with --campaign, or run make demo first")
        window = measurement.window_of(found)
        units, revenue, orders = measurement.outcomes(found, window)
        excluded = {"conversion": 0, "revenue": 0}
        told = dict(excluded)
        for number in tqdm(range(salts), desc="salts", file=sys.stderr):
            drawn = arms(f"aa:{number}", units, found.holdout_share)
            pair = [self._arm(arm, drawn == arm.value, revenue, orders) for arm in (Arm.TREATED, Arm.HOLDOUT)]
            for name, lift in (("conversion", conversion_lift(*pair)), ("revenue", revenue_lift(*pair))):
                if lift.difference is not None:
                    told[name] += 1
                    excluded[name] += lift.difference.excludes_zero
        self.stdout.write(
            f"“{found.name}”: {len(units):,} people who passed the gate, hold-out {found.holdout_share:.0%}, orders until "
            f"{window.until:%Y-%m-%d}. The salts draw other arms, so most of those “treated” here got the same mail or none: "
            "the true difference between the arms is zero."
        )
        for name, found_by in excluded.items():
            share = found_by / told[name] if told[name] else float("nan")
            self.stdout.write(
                f"{name:<11} the 95 % interval excluded zero for {found_by} of {told[name]} salts ({share:.1%})"
            )

    def _arm(self, arm: Arm, mask: np.ndarray, revenue: np.ndarray, orders: np.ndarray) -> ArmResult:
        return measurement.arm_of(arm, revenue[mask], orders[mask])
