"""Verifies the consent ledger: every hash and link, its ends against the anchors, and the projection against it."""

import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from customers.queries.people import customer_id_of
from customers.services import anchors, consent

SHOWN = 50


class Command(BaseCommand):
    help = "Verifies the consent ledger. Exits 1 and names shard, record and cause when something does not fit."

    def add_arguments(self, parser):
        parser.add_argument("--customer", help="verify the shard that holds this customer's records alone")
        parser.add_argument("--shard", type=int, help="verify this shard alone")
        parser.add_argument("--anchors", type=Path, help="the folder with the anchor files (ATTUNE_ANCHOR_DIR)")
        parser.add_argument("--public-key", help="check anchors with this Ed25519 public key in hex: needs no secret")

    def handle(self, *args, **options):
        shard = options["shard"]
        if options["customer"]:
            customer_id = customer_id_of(options["customer"])
            shard = consent.shard_of_customer(customer_id) if customer_id else None
            if shard is None:
                raise CommandError(f"{options['customer']}: no such customer, or none with consent records.")
        started = time.monotonic()
        progress = consent.Progress()
        reading = self._anchors(options)
        faults = 0
        # The anchors are read first: records that come in meanwhile stand behind their ends.
        found = consent.verify(shard=shard, progress=progress, anchored=reading.anchored)
        for fault in (*reading.faults, *found):
            faults += 1
            if faults <= SHOWN:
                where = f"shard {fault.shard}, record {fault.seq}: " if fault.shard >= 0 else ""
                self.stderr.write(f"{where}{fault.cause}: {fault.detail}")
        if shard is None:
            for fault in consent.compare_state():
                faults += 1
                if faults <= SHOWN:
                    self.stderr.write(
                        f"state of customer {fault.customer_id}, {fault.purpose}/{fault.channel}: {fault.detail}"
                    )
        seconds = time.monotonic() - started
        self.stdout.write(
            f"{progress.records:,} records in {progress.shards} shards verified in {seconds:.1f} seconds."
        )
        self.stdout.write(
            f"Checked against {reading.anchors:,} anchors, the newest of {reading.newest:%F %H:%M} UTC."
            if reading.newest
            else "There is no anchor yet: a tail that was cut off would not be noticed. Run anchor_ledger."
        )
        if faults:
            raise CommandError(f"The ledger does not hold: {faults} fault{'s' if faults != 1 else ''}.")
        self.stdout.write("Every chain holds." if shard is not None else "Every chain holds; the projection fits.")

    def _anchors(self, options) -> anchors.Reading:
        try:
            key = bytes.fromhex(options["public_key"]) if options["public_key"] else None
            if key is not None and len(key) != 32:
                raise ValueError
        except ValueError:
            raise CommandError("--public-key: give the 64 hex digits that anchor_ledger --public-key prints.") from None
        if options["anchors"] and not options["anchors"].is_dir():
            raise CommandError(f"--anchors: there is no folder {options['anchors'].absolute()}.")
        return anchors.read(options["anchors"], key)
