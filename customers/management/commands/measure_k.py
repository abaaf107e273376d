"""Prints how many people share what is told of them, before and after the view that learning reads."""

from django.core.management.base import BaseCommand, CommandError

from customers.queries.anonymity import anonymity

LEAST = 5


class Command(BaseCommand):
    help = "Measures k-anonymity of demographics; exits 1 when learning reads a class of fewer than five people."

    def handle(self, *args, **options):
        found = anonymity()
        self.stdout.write(f"{'':52}{'people':>8}{'classes':>9}{'k':>5}{'in classes < 5':>16}")
        for row in found:
            self.stdout.write(f"{row.what:52}{row.people:8,}{row.classes:9,}{row.smallest:5}{row.alone:16,}")
        if found[-1].people and found[-1].smallest < LEAST:
            raise CommandError(f"Learning reads a class of {found[-1].smallest}; {LEAST} is the least.")
