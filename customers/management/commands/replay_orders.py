"""Replays the held-back orders of the demo store as incoming events, up to a date of the store's own time, or all."""

from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from catalog.exceptions import DemoStoreRefused, SourceMissing
from customers.services.replay import held_back, replay


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--until", required=True, help="a date or time such as 2026-12-07 (UTC, exclusive), or all")

    def handle(self, *, until, **options):
        try:
            at = None if until == "all" else datetime.fromisoformat(until)
        except ValueError:
            raise CommandError(f"--until {until}: write a date such as 2026-12-07, or all.") from None
        if at is not None and at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        try:
            store, since, end = held_back(at)
            if end <= since:
                self.stdout.write(f"replayed until {since:%Y-%m-%d %H:%M} UTC already; nothing to do")
                return
            total = store.count_baskets(since=since, until=end)
            with tqdm(
                desc="replay", total=total, unit=" orders", disable=options["verbosity"] == 0, leave=False
            ) as bar:
                report = replay(at, progress=bar.update)
        except (SourceMissing, DemoStoreRefused) as refused:
            raise CommandError(str(refused)) from None
        for fault in report.quarantined[:20]:
            self.stdout.write(f"set aside: {fault.message_id}: {fault.field}: {fault.reason}")
        self.stdout.write(
            f"replayed until {report.replayed_until:%Y-%m-%d %H:%M} UTC: {report.accepted:,} orders came in,"
            f" {report.duplicates} were there already, {len(report.quarantined)} were set aside"
        )
