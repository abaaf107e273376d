"""Rebuilds the projection of the newest words from the ledger, or only says where the two differ."""

from django.core.management.base import BaseCommand, CommandError

from customers.services import consent

SHOWN = 50


class Command(BaseCommand):
    help = (
        "Makes the consent projection anew from the ledger. With --check changes nothing and exits 1 on a difference."
    )

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="compare alone; exit 1 and name what differs")

    def handle(self, *, check, **options):
        found = 0
        for fault in consent.compare_state():
            found += 1
            if found <= SHOWN:
                where = f"customer {fault.customer_id}, {fault.purpose}/{fault.channel}"
                (self.stderr if check else self.stdout).write(f"{where}: {fault.detail}")
        differ = f"{found:,} row{'s' if found != 1 else ''} differ{'s' if found == 1 else ''} from the ledger"
        if check:
            if found:
                raise CommandError(f"{differ}. Run rebuild_consent without --check to make the projection anew.")
            self.stdout.write("The projection says what the ledger says.")
            return
        rows = consent.rebuild_state()
        self.stdout.write(f"{rows:,} rows made anew from the ledger; {differ if found else 'none differed'}.")
