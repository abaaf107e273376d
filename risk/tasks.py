"""The alarm clock of this room: it may ring twice, also at once."""

from celery import shared_task


@shared_task(name="risk.sweep")
def sweep() -> None:
    """Judges the orders that came in since the last sweep."""
    from risk import scoring

    scoring.sweep()
