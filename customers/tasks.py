"""Alarm clocks of consent: no ids needed, each looks for what is due, and may ring twice."""

from celery import shared_task

from customers.services import anchors


@shared_task(name="customers.anchor")
def anchor() -> None:
    anchors.append()
