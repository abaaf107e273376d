"""Says where the database and the broker are; starts the embedded ones."""

import re
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.embedded import StartRefused, probe, renew

PASSWORD = re.compile(r"(?<=:)[^:/@]+(?=@)")


class Command(BaseCommand):
    help = "Prints the addresses of database, broker and cache, for psql and other tools. Starts the embedded ones."

    def add_arguments(self, parser):
        parser.add_argument("--hold", action="store_true", help="keep the embedded servers up until Ctrl-C")

    def handle(self, *, hold, **options):
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "CELERY_BROKER_URL", "CACHE_URL"):
            self.stdout.write(f"{name}='{PASSWORD.sub('***', getattr(settings, name))}'")
        try:
            probe(settings.DATABASE_URL)
            probe(settings.DATABASE_OWNER_URL, role="owner")
            while hold:
                renew()
                time.sleep(1)
        except StartRefused as refusal:
            raise CommandError(str(refusal)) from None
        except KeyboardInterrupt:
            self.stdout.write("")
