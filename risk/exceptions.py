"""What can be refused here."""


class MisshapenOrders(ValueError):
    """Columns of orders that do not belong together: unequal lengths, or numbers that are none."""


class BadRule(ValueError):
    """A rule that names an unknown feature or a limit that is no positive number."""
