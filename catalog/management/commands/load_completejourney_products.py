"""Loads merchants, products and offers of the demo store from the Complete Journey data."""

import time

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from catalog.exceptions import SourceMissing
from catalog.services.demo_products import load_catalogue, source


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--households", type=int, help="only what the first so many households bought")

    def handle(self, *, households, **options):
        began = time.monotonic()
        try:
            store = source(timezone.now(), households)
            with tqdm(desc="products and offers", unit=" rows", disable=options["verbosity"] == 0) as bar:

                def went_in(rows: int, total: int) -> None:
                    bar.total = total
                    bar.update(rows)

                report = load_catalogue(store, progress=went_in)
        except SourceMissing as missing:
            raise CommandError(str(missing)) from None
        self.stdout.write(
            f"products: {report.products:,} ({report.priced:,} with a price from the tills, {report.unlisted} that no"
            f" list names), of {report.merchants} merchants (simulated: the largest makers) and the platform's own\n"
            f"offers: {report.offers:,} coupons for {report.offer_products:,} products; their value was not recorded\n"
            + (f"loaded in {time.monotonic() - began:.1f} s" if report.is_new else "all of it was there already")
        )
