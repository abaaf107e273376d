"""Judges new orders for fraud and prints what each rule doubts."""

from django.core.management.base import BaseCommand
from tqdm import tqdm

from risk import queries, scoring


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", dest="everything", help="judge every order again")

    def handle(self, *, everything, verbosity, **options):
        with tqdm(desc="orders judged for fraud", unit=" orders", disable=verbosity == 0) as bar:
            report = scoring.sweep(everything=everything, progress=bar.update)
        share = report.orders_flagged / report.orders if report.orders else 0
        self.stdout.write(
            f"fraud: {report.orders:,} orders judged in {report.seconds:.1f} s, {report.orders_flagged:,} flagged "
            f"({share:.2%}), {report.customers_held} customers held out of audiences until somebody decides"
        )
        for rule in queries.rules():
            if rule.is_active:
                counts = f"{rule.open:6,} open {rule.confirmed:6,} confirmed {rule.dismissed:6,} dismissed"
                self.stdout.write(f"  {rule.code:<13}{counts}  {rule.description}")
