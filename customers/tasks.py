"""Alarm clocks of this room: each looks for what is due, and may ring twice."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from customers.services import anchors, import_run, optin, sessions
from customers.services.match import match_all

LOGINS_SINCE = timedelta(days=2)  # a night that was missed is made up for by the next


@shared_task(name="customers.anchor")
def anchor() -> None:
    anchors.append()


@shared_task(name="customers.expire")
def expire() -> None:
    """Ends what was never confirmed and what was allowed until now, a thousand records at a time."""
    while optin.expire():
        pass


@shared_task(name="customers.match")
def match() -> None:
    """Asks whom new contact points show to be one person."""
    match_all()


@shared_task(name="customers.join_sessions")
def join_sessions() -> None:
    sessions.sweep(timezone.now() - LOGINS_SINCE)


@shared_task(name="customers.sweep_imports")
def sweep_imports() -> None:
    """Files that wait for a step. No request nudges this: the web process does not load what reads files."""
    for batch_id in import_run.waiting():
        import_run.run(batch_id)
