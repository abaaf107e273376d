"""Writes a kept generation again and says whether the words are the same, and if not, what differs."""

from django.core.management.base import BaseCommand, CommandError

from copywriting.exceptions import CopywritingError
from copywriting.generation import replay
from copywriting.models import Generation


class Command(BaseCommand):
    help = (
        "Replays a generation under its recorded model, adapter, prompt, seed and batch; exits 1 when the words differ."
    )

    def add_arguments(self, parser):
        parser.add_argument("generation", type=int, help="the id that the review page shows")

    def handle(self, *args, generation, **options):
        try:
            found = replay(generation)
        except Generation.DoesNotExist:
            raise CommandError(f"There is no generation {generation}.") from None
        except CopywritingError as reason:
            raise CommandError(str(reason)) from None
        for line in found.differs:
            self.stdout.write(f"differs: {line}")
        self.stdout.write(f"{found.subject} | {found.body}")
        if not found.same:
            raise CommandError("The words are not those that were kept.")
        self.stdout.write("The same words.")
