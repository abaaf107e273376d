"""Takes in a file of store purchases by loyalty card, the nightly file. Safe to run twice: the same file changes nothing."""

from customers.management.importing import ImportCommand
from customers.services.import_fields import PURCHASES


class Command(ImportCommand):
    help = __doc__
    kind = PURCHASES

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--currency", default="", help="where the file names none (USD)")
