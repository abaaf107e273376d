"""Loads a product feed, JSON lines or CSV: good lines go in, each bad line is listed and kept with what is wrong."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.contracts import PLATFORM
from accounts.queries import seen_as
from catalog import queries
from catalog.exceptions import FeedUnreadable
from catalog.services.feed import import_products


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="the feed; - reads it from the standard input")
        parser.add_argument("--merchant", help="the merchant's external id; without it, the platform's own products")

    def handle(self, *, file, merchant, **options):
        owner = queries.merchant(merchant) if merchant else None
        if merchant and owner is None:
            known = ", ".join(one.external_id for one in queries.merchants()[:20]) or "none yet"
            raise CommandError(f"No merchant has the id “{merchant}”. Known: {known}.")
        try:
            with seen_as(str(owner.id) if owner else PLATFORM):
                if str(file) == "-":
                    report = self._load(sys.stdin.buffer, None, owner, "stdin", options["verbosity"])
                else:
                    with file.open("rb") as lines:
                        report = self._load(lines, file.stat().st_size, owner, file.name, options["verbosity"])
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from None
        except FeedUnreadable as unreadable:
            raise CommandError(f"{file}: {unreadable}") from None
        for reject in queries.rejects(report.feed_id) if report.rejected else ():
            self.stdout.write(f"line {reject.line}: {reject.field}: {reject.reason} {reject.remedy}")
        self.stdout.write(
            f"{report.accepted:,} lines are in the catalogue ({report.changed:,} products new or changed),"
            f" {report.rejected:,} are not and rest under feed {report.feed_id}"
        )

    @staticmethod
    def _load(lines, size, owner, name, verbosity):
        with tqdm(desc=name, total=size, unit="B", unit_scale=True, disable=verbosity == 0, leave=False) as bar:

            def counted():
                for line in lines:
                    bar.update(len(line))
                    yield line

            return import_products(counted(), merchant=owner, name=name)
