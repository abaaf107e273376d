"""Writes the whole database into one file."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from config.embedded import StartRefused, dump


class Command(BaseCommand):
    help = "Writes the whole database into FILE, for `restore` here, on another machine or in a newer Postgres."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)

    def handle(self, *, file, **options):
        with tqdm(unit="B", unit_scale=True, desc="dump", disable=None) as bar:
            try:
                dump(settings.DATABASE_OWNER_URL, file, lambda done: bar.update(done - bar.n))
            except StartRefused as refusal:
                raise CommandError(str(refusal)) from None
        self.stdout.write(
            f"{file}: {file.stat().st_size / 1e6:.1f} MB. It holds personal data under ATTUNE_PERSON_KEY: "
            "keep that key too, and in another place."
        )
