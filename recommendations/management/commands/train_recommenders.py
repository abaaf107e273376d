"""Asks for the trainings, shows their progress, promotes what may be promoted, and refreshes everybody's list."""

import os
import time
from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from recommendations.contracts import (
    COUPON,
    FAMILIES,
    LIFETIME,
    PROPENSITIES,
    PURCHASE,
    REDEMPTION,
    SOCIAL_GROUPS,
    TWO_STAGE,
)
from recommendations.queries.material import has_material
from recommendations.scoring.everyone import score_everyone
from recommendations.services.watch import watch
from recommendations.tasks import score, train
from recommendations.training.cost import Cost
from recommendations.training.families import follow
from recommendations.training.run import KINDS
from recommendations.training.run import train as train_here
from registry import queries, services

# A young shop has lists and groups before it has enough orders for these.
LEFT_OUT_WHERE_SMALL = (LIFETIME, PROPENSITIES, REDEMPTION, SOCIAL_GROUPS)


class Command(BaseCommand):
    help = "Trains the recommenders and what describes people, lets better ones go live and scores everybody."

    def add_arguments(self, parser):
        parser.add_argument("--here", action="store_true", help="train in this process instead of a worker")
        parser.add_argument("--until", help="the end of the data window, ISO; now unless told")
        parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS, help="some trainings instead of all")
        parser.add_argument("--kind", choices=FAMILIES, help="one family on its own, as a candidate; changes no list")
        parser.add_argument("--ranker", choices=("small", "full"), help="the two-stage recommender too, at this budget")
        parser.add_argument("--later", action="store_true", help="ask a worker for it and for new lists, and return")
        parser.add_argument("--wait", type=int, default=900, help="seconds to wait for the worker")

    def handle(self, *args, here, until, only, kind, ranker, later, wait, **options):
        params = {"promote": True, **({"until": until} if until else {})}
        if kind is not None:
            self._one(kind, params | {"promote": False}, here, wait)
            return
        end = datetime.fromisoformat(until) if until else timezone.now()
        asked = [(name, params) for name in only]
        if ranker:
            asked.append((TWO_STAGE, params | {"budget": ranker}))
        for name, params in asked:
            if not has_material(name, end):
                self.stdout.write(f"{name} is left out: nothing came in that it could learn from")
                continue
            run = services.ask(name, params)
            if here:
                train_here(run.pk)
            else:
                train.delay(run.pk)
            if not later:
                self._follow(run, 0 if here else wait)
        if later:
            score.delay()  # behind the trainings, in one queue
            return
        lists, profiles = score_everyone()
        watch()
        self.stdout.write(f"{lists:,} recommendations and {profiles:,} profiles written.")
        for name in (*KINDS, PURCHASE, COUPON):
            self._tell(name)

    def _one(self, kind: str, params: dict, here: bool, wait: int) -> None:
        """One family, and what its fit cost. Of several processes under torchrun the first does the run."""
        if int(os.environ.get("RANK", "0")) > 0:
            follow(kind, params)
            return
        run = services.ask(kind, params)
        if here:
            train_here(run.pk)
        else:
            train.delay(run.pk)
        self._follow(run, 0 if here else wait)
        version = queries.versions(kind).first()
        self.stdout.write(f"candidate {kind}: version {version.pk}, judged on orders only")
        self._figures(version)
        self.stdout.write(f"cost: {Cost(**version.params['cost'])}")

    def _follow(self, run, wait: int) -> None:
        deadline = time.monotonic() + wait
        with tqdm(total=100, desc=f"training {run.kind}", unit="%", bar_format="{l_bar}{bar}| {postfix}") as bar:
            while True:
                run.refresh_from_db()
                bar.n = round(100 * run.share_done)
                bar.set_postfix_str(run.step)
                if run.state == "succeeded":
                    return
                if run.state == "failed" and run.kind in LEFT_OUT_WHERE_SMALL and run.error.startswith("Too few data"):
                    self.stdout.write(f"{run.kind} is left out: {run.error}")
                    return
                if run.state == "failed":
                    raise CommandError(f"training {run.kind} failed: {run.error}")
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"training {run.kind} is {run.state} after {wait} s; is a worker on queue ml running?"
                    )
                time.sleep(0.3)

    def _tell(self, kind: str) -> None:
        version = queries.live(kind)
        if version is None:
            return
        self.stdout.write(f"live {kind}: version {version.pk}, {version.rows:,} rows")
        self._figures(version)
        if "cost" in version.params:
            self.stdout.write(f"  cost: {Cost(**version.params['cost'])}")

    def _figures(self, version) -> None:
        for name, row in version.metrics.items():
            low, high = row["over_baseline"][1:]
            self.stdout.write(
                f"  {name:<16} {row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]  {version.baseline} "
                f"{row['baseline']:.4f}  difference [{low:+.4f}, {high:+.4f}]"
            )
