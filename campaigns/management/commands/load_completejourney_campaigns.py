"""Loads the demo store's 27 campaigns as history, as far as the cut-off or the replay: run it again after a replay."""

import time

from django.core.management.base import BaseCommand, CommandError

from campaigns.services.history import load_history
from campaigns.services.outcomes import hand_over
from catalog.exceptions import DemoStoreRefused, SourceMissing


class Command(BaseCommand):
    help = __doc__

    def handle(self, **options):
        began = time.monotonic()
        try:
            report = load_history()
            hand_over()  # to what learns who redeems; the nightly task does the same for campaigns sent from here
        except (SourceMissing, DemoStoreRefused) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(
            f"history: {report.campaigns} campaigns, {report.receivers:,} receivers, {report.codes:,} coupon codes,"
            f" {report.redemptions:,} redemptions ({report.with_order:,} with a certain basket);"
            f" {report.waiting_campaigns} campaigns and {report.waiting_redemptions} redemptions wait for the replay\n"
            + (f"loaded in {time.monotonic() - began:.1f} s" if report.added else "all of it was there already")
        )
