"""Writes the whole database into a file, and into another that must not live long what opens people's texts.

That is their keys, and what rests under the install's own key, which outlives everybody: files that wait to be loaded,
events whose person is not known yet, addresses typed into the privacy page.
"""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from config.embedded import StartRefused, dump

APART = ("customers_subjectkey", "customers_quarantine", "customers_importchunk", "customers_typedrequest")
KEYS_LIFE_DAYS = 30  # a month: by then a restore is made from a newer dump, and an erasure must have taken effect


class Command(BaseCommand):
    help = "Writes the database into FILE and people's keys into FILE.keys, for `restore` here or on another machine."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)

    def handle(self, *, file, **options):
        with tqdm(unit="B", unit_scale=True, desc="dump", disable=None) as bar:
            try:
                apart = (APART, Path(f"{file}.keys"))
                dump(settings.DATABASE_OWNER_URL, file, lambda done: bar.update(done - bar.n), apart=apart)
            except StartRefused as refusal:
                raise CommandError(str(refusal)) from None
        self.stdout.write(
            f"{file}: {file.stat().st_size / 1e6:.1f} MB. It holds people by the platform's own ids, with the attributes that "
            "it gave; all else about them is sealed under their own keys.\n"
            f"{file}.keys: those keys, and what is sealed for nobody yet, under ATTUNE_PERSON_KEY: keep that key too, and in "
            f"another place. Delete this file after {KEYS_LIFE_DAYS} days: until then a person who is erased can still be "
            "read from it."
        )
