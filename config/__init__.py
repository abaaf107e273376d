"""Wiring: the only place that knows every app. Celery's app loads with it, so that tasks bind to it everywhere."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
