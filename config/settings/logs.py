"""What the log must not hold: addresses of pages carry tokens and names of people."""

import logging


class RoutesOnly(logging.Filter):
    """Writes the route of a request, `u/<str:token>/`, where Django would write its path."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        path = getattr(request, "path", None)
        if path and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = f"/{match.route}" if match else "(no such page)"
            record.args = tuple(route if argument == path else argument for argument in record.args)
        return True
