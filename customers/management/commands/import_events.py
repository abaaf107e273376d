"""Takes in a file of events: the good lines load, each bad one is listed with line, field and reason, and kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.contracts import PLATFORM
from accounts.queries import seen_as
from catalog.queries import merchant
from customers.models import Source
from customers.services.events import record_events

BATCH = 500  # a transaction of half a second: what an interrupted import has to do again, which changes nothing


class Command(BaseCommand):
    help = "Takes in a JSON-lines file of events in Segment's e-commerce spec v2. Safe to run twice."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--merchant", help="external id of the merchant whose events they are; the platform's without"
        )
        parser.add_argument("--source", choices=Source.values, default=Source.IMPORT)
        parser.add_argument("--origin", choices=("observed", "simulated"), default="observed")

    def handle(self, *args, **options):
        owner = merchant(options["merchant"]) if options["merchant"] else None
        if options["merchant"] and owner is None:
            raise CommandError(f"No merchant has the id “{options['merchant']}”.")
        try:
            with options["file"].open("rb") as file, seen_as(str(owner.id) if owner else PLATFORM):
                totals = self._load(file, owner and owner.id, options["source"], options["origin"])
        except OSError as error:
            raise CommandError(f"{options['file']}: cannot be read ({error.strerror}).") from None
        accepted, duplicates, bad = totals
        self.stdout.write(f"{accepted:,} taken in, {duplicates:,} known before, {bad:,} set aside.")

    def _load(self, file: BinaryIO, merchant_id: int | None, source: str, origin: str) -> tuple[int, int, int]:
        accepted = duplicates = bad = 0
        progress = tqdm(unit=" events", disable=None, file=self.stderr)
        for lines, events in _batches(file):
            receipt = record_events(events, merchant_id=merchant_id, source=source, origin=origin)
            accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
            bad += len(receipt.quarantined)
            for one in receipt.quarantined:
                self.stdout.write(f"line {lines[one.index]}: {one.field}: {one.reason}")
            progress.update(len(events))
        progress.close()
        return accepted, duplicates, bad


def _batches(file: BinaryIO) -> Iterator[tuple[list[int], list[object]]]:
    """(line numbers from 1, events) by the batch. A line that is no JSON stands as its text, to be set aside as it is."""
    lines, events = [], []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):  # ValueError: no JSON, or no UTF-8
            event = line.decode(errors="backslashreplace").rstrip("\n")
        lines.append(number)
        events.append(event)
        if len(events) == BATCH:
            yield lines, events
            lines, events = [], []
    if events:
        yield lines, events
