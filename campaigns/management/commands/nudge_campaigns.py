"""Asks the workers to look now for what beat would find within a minute."""

from django.core.management.base import BaseCommand

from campaigns.tasks import start_due, sweep, sweep_generation


class Command(BaseCommand):
    help = "Starts due campaigns, goes on sending and writes waiting drafts at once, instead of at the next sweep."

    def handle(self, *args, **options):
        for task in (sweep_generation, start_due, sweep):
            task.delay()
