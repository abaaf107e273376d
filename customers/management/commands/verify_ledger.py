"""Verifies the consent ledger: every hash, every link, and that the projection says what the ledger says."""

import time

from django.core.management.base import BaseCommand, CommandError

from customers.queries.people import customer_id_of
from customers.services import consent

SHOWN = 50


class Command(BaseCommand):
    help = "Verifies the consent ledger. Exits 1 and names shard, record and cause when something does not fit."

    def add_arguments(self, parser):
        parser.add_argument("--customer", help="verify the shard that holds this customer's records alone")
        parser.add_argument("--shard", type=int, help="verify this shard alone")

    def handle(self, *args, **options):
        shard = options["shard"]
        if options["customer"]:
            customer_id = customer_id_of(options["customer"])
            shard = consent.shard_of_customer(customer_id) if customer_id else None
            if shard is None:
                raise CommandError(f"{options['customer']}: no such customer, or none with consent records.")
        started = time.monotonic()
        progress = consent.Progress()
        faults = 0
        for fault in consent.verify(shard=shard, progress=progress):
            faults += 1
            if faults <= SHOWN:
                self.stderr.write(f"shard {fault.shard}, record {fault.seq}: {fault.cause}: {fault.detail}")
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
        if faults:
            raise CommandError(f"The ledger does not hold: {faults} fault{'s' if faults != 1 else ''}.")
        self.stdout.write("Every chain holds." if shard is not None else "Every chain holds; the projection fits.")
