"""Anchors the consent ledger now, as beat does every hour, or prints the public key that checks anchors and proofs."""

from django.core.management.base import BaseCommand, CommandError

from customers.exceptions import BadKeyring
from customers.services import anchors


class Command(BaseCommand):
    help = "Signs where all shards of the consent ledger end and appends it to a file in ATTUNE_ANCHOR_DIR."

    def add_arguments(self, parser):
        parser.add_argument("--public-key", action="store_true", help="print the Ed25519 public key in hex, and stop")

    def handle(self, *, public_key, **options):
        try:
            if public_key:
                self.stdout.write(anchors.public_key().hex())
                return
            path, anchor = anchors.append()
        except BadKeyring as refusal:
            raise CommandError(str(refusal)) from None
        except OSError as error:
            raise CommandError(f"ATTUNE_ANCHOR_DIR: the anchor cannot be written ({error.strerror}).") from None
        records = sum(head.seq for head in anchor.heads.values())
        self.stdout.write(
            f"{path}: {records:,} records in {len(anchor.heads)} shards, signed at {anchor.at:%F %T} UTC."
        )
