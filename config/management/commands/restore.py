"""Fills the database from a file of `dump`, then migrates, which also grants the application role its rights."""

from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from config.embedded import StartRefused, restore


class Command(BaseCommand):
    help = "Fills an empty database from FILE, all of it or nothing, then migrates."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="first drop all tables that are there")

    def handle(self, *, file, replace, **options):
        with tqdm(unit="B", unit_scale=True, desc="restore", disable=None) as bar:
            try:
                restore(settings.DATABASE_OWNER_URL, file, replace, lambda done: bar.update(done - bar.n))
            except StartRefused as refusal:
                raise CommandError(str(refusal)) from None
        call_command("migrate", verbosity=0)
        self.stdout.write(f"Restored from {file}.")
