"""What can be refused here."""


class MisshapenOrders(ValueError):
    """Columns of orders that do not belong together: unequal lengths, or numbers that are none."""


class BadRule(ValueError):
    """A rule that names an unknown feature or a limit that is no positive number."""


class DecisionRefused(Exception):
    """A verdict that cannot stand: without a reason, or on a flag that somebody else decided meanwhile."""
