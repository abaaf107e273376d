"""For a lost phone without recovery codes. Whoever runs it has asked the person, not the mail that claims to be theirs."""

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.services import reset_second_factor


class Command(BaseCommand):
    help = "Takes a user's second factors away and ends their sessions; at the next login they enrol a new one."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="stands in the audit trail")

    def handle(self, *, username, reason, **options):
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"No user is called {username}.")
        reset_second_factor(user, reason)
        self.stdout.write(f"{username} has no second factor any more, and is logged out everywhere.")
