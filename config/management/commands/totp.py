"""Answers for the demo's authenticator apps, from the secrets that `manage.py demo` printed and kept."""

import json

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.services import totp_code


class Command(BaseCommand):
    help = "Prints the code that a demo user's authenticator app shows now. Knows the demo's own users and nobody else."

    def add_arguments(self, parser):
        parser.add_argument("username", help="such as arno")

    def handle(self, *, username, **options):
        path = settings.DATA_DIR / "secrets" / "demo_logins.json"
        try:
            secrets = json.loads(path.read_text(encoding="utf-8")).get("authenticators", {})
        except FileNotFoundError:
            raise CommandError(f"There is no demo here ({path} does not exist); use your authenticator app.") from None
        if username not in secrets:
            raise CommandError(
                f"{username} is no demo user with an authenticator app; there are: {', '.join(secrets)}."
            )
        self.stdout.write(totp_code(secrets[username]))
