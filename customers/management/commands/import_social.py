"""Takes in a file of follows, likes, shares and comments. Safe to run twice: the same file changes nothing."""

from customers.management.importing import ImportCommand
from customers.services.import_fields import SOCIAL


class Command(ImportCommand):
    help = __doc__
    kind = SOCIAL

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--network", default="", help="where the file names none, as instagram")
