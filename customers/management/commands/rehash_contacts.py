"""Brings contact points and suppressions to the newest lookup key (ATTUNE_LOOKUP_KEY=1:OLD,2:NEW), in batches."""

from django.core.management.base import BaseCommand
from tqdm import tqdm

from customers.models import ContactPoint, Suppression
from customers.services import contacts, seal


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--batch", type=int, default=contacts.BLOCK, help="rows a transaction")

    def handle(self, *, batch, **options):
        newest = max(seal.keyring().hash_keys)
        total = 0
        with tqdm(unit=" contact points", disable=None, file=self.stderr) as bar:
            while done := contacts.rehash(batch):
                total += done
                bar.update(done)
        left = ContactPoint.objects.filter(lookup_version__lt=newest).count()
        kept = Suppression.objects.filter(lookup_version__lt=newest, lifted_at=None).count()
        self.stdout.write(f"{total:,} contact points brought to lookup key {newest}; {left:,} do not open and stay.")
        if kept:
            self.stdout.write(
                f"{kept:,} suppressions stand under earlier keys: keep those keys in ATTUNE_LOOKUP_KEY, so that an address "
                "that comes again is still found stopped."
            )
