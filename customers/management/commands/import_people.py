"""Takes in a file of people with their contact points, attributes and consent. The same file twice changes nothing."""

from customers.management.importing import ImportCommand
from customers.services.import_fields import PEOPLE


class Command(ImportCommand):
    help = __doc__
    kind = PEOPLE
