"""Shows what the retention rules would throw away, and with --apply throws it away, as the owner."""

from django.core.management.base import BaseCommand, CommandError

from customers.exceptions import RetentionRefused
from customers.services import retention


class Command(BaseCommand):
    help = "Lists what is older than its retention rule allows; --apply removes it. Legal holds stop a table."

    def add_arguments(self, parser):
        parser.add_argument("--apply", action="store_true", help="remove it; without this nothing is removed")

    def handle(self, *, apply, **options):
        try:
            found = list(retention.due())
        except RetentionRefused as refusal:
            raise CommandError(str(refusal)) from None
        for one in found:
            run = retention.apply(one) if apply else retention.note(one)
            what = ", ".join(one.names) or f"{one.due:,} {one.unit}"
            if not one.due:
                done = "nothing due"
            elif run.held_by:
                done = f"{what} due, kept by a legal hold: {run.held_by}"
            else:
                done = f"{what} {'removed' if apply else 'due'}"
            self.stdout.write(f"{one.rule.table:28} older than {one.cutoff:%Y-%m-%d}: {done}")
        if not apply:
            self.stdout.write("Nothing was removed; --apply does it.")
