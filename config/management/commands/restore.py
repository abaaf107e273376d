"""Fills the database from a file of `dump`, then migrates, which also grants the application role its rights."""

from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from campaigns.services.rights import repeat_erasures
from config.embedded import StartRefused, restore


class Command(BaseCommand):
    help = "Fills an empty database from FILE, all of it or nothing, then migrates."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--keys", type=Path, help="the file with people's keys; FILE.keys if it is there")
        parser.add_argument("--replace", action="store_true", help="first drop all tables that are there")

    def handle(self, *, file, replace, keys, **options):
        keys = keys or Path(f"{file}.keys")
        keys = keys if keys.is_file() else None
        with tqdm(unit="B", unit_scale=True, desc="restore", disable=None) as bar:
            try:
                restore(settings.DATABASE_OWNER_URL, file, replace, lambda done: bar.update(done - bar.n), apart=keys)
            except StartRefused as refusal:
                raise CommandError(str(refusal)) from None
        call_command("migrate", verbosity=0)
        self.stdout.write(f"Restored from {file}.")
        if keys is None:
            self.stdout.write("Without people's keys: figures and the ledger are there, addresses cannot be opened.")
        # Whoever was erased since the dump was written is erased again, by the register beside the anchors.
        if again := repeat_erasures():
            self.stdout.write(f"{again} people had been erased since, and were erased again.")
