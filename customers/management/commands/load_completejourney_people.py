"""Loads the demo store's people, simulated addresses and consent, and every order before the cut-off."""

import time

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from catalog.exceptions import DemoStoreRefused, SourceMissing
from catalog.services.demo_products import source
from customers.services.demo_people import NOTICE, load_people


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--households", type=int, help="only the first so many households")

    def handle(self, *, households, **options):
        began = time.monotonic()
        try:
            store = source(timezone.now(), households)
            lines = store.count_lines(until=store.cutoff_at)
            quiet = options["verbosity"] == 0
            with tqdm(desc="order lines", total=lines, unit=" lines", disable=quiet, leave=False) as bar:
                report = load_people(store, progress=bar.update)
        except (SourceMissing, DemoStoreRefused) as refused:
            raise CommandError(str(refused)) from None
        totals = report.totals
        asked = report.customers / 100
        self.stdout.write(
            f"dates moved by {store.shift.days // 7} weeks; what comes from {store.cutoff_at:%Y-%m-%d %H:%M} UTC on is"
            " held back for the replay\n"
            f"customers: {report.customers:,}, {report.with_demographics:,} with demographics;"
            f" {report.contact_points:,} e-mail addresses (simulated)\n"
            f"consent at import (simulated, notice {NOTICE}; e-mail marketing, profiling, model training):"
            f" {report.agreed:,} agreed ({report.agreed / asked:.0f} %), {report.refused:,} refused"
            f" ({report.refused / asked:.0f} %), {report.never_asked:,} were never asked and receive nothing\n"
            f"orders: {totals.orders:,} with {totals.lines:,} lines, {totals.cents / 100:,.2f} USD\n"
            + (f"loaded in {time.monotonic() - began:.1f} s" if report.is_new else "all of it was there already")
        )
