"""The demo store, from data to a measured campaign: each room's own loader and services, one after the other.

Everything runs as it would in production: trainings, words and sending go through Celery workers, the mail through SMTP,
the clicks through HTTP. Only the store is a data set, and its last weeks are held back and replayed.
"""

import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from accounts.contracts import Scope
from accounts.services import create_user, enrol_totp, issue_api_key
from campaigns.queries import progress
from campaigns.services import approval, compose, segments, tallies
from campaigns.services.demo_ways import give_ways
from campaigns.services.simulator import click_some
from catalog.queries import merchants
from catalog.services.offers import save_offer, service_account
from config.embedded import StartRefused, check_port, free_port, renew
from config.management.commands.serve import answers
from config.management.report import report
from config.supervisor import GaveUp, Supervisor, processes
from customers.queries.store import demo_store
from registry.queries import live

STAFF = {
    "mara": ("marketer", "Mara", "Marketer"),
    "arno": ("approver", "Arno", "Approver"),
    "ria": ("analyst", "Ria", "Analyst"),
    "otto": ("officer", "Otto", "Officer"),
    "ada": ("administrator", "Ada", "Administrator"),
}
FIRST, SECOND = "Your favourites, 15% off", "A thank-you before the holidays"
CLICK_SHARE = 0.2  # of the mails the click simulator follows one link; simulated, and said so wherever it shows


class Command(BaseCommand):
    help = "Builds the demo store, runs a first campaign to its results, prepares a second, and serves."

    def add_arguments(self, parser):
        parser.add_argument(
            "--headless", action="store_true", help="do not serve afterwards; exit 0 only if all of it held"
        )
        parser.add_argument("--port", type=int, default=settings.PORT, help="PORT, else 8000")

    def handle(self, *, headless, port, **options):
        began = time.monotonic()
        try:
            port = free_port("127.0.0.1", port) if headless else port
            check_port("127.0.0.1", port)
            if settings.MAIL_SINK:
                check_port(settings.SMTP_HOST, settings.SMTP_PORT)
                if settings.SINK_PORT:
                    check_port("127.0.0.1", settings.SINK_PORT)
        except StartRefused as refusal:
            raise CommandError(str(refusal)) from None
        os.environ["PORT"] = str(port)  # for the workers: links in mails lead to where the site is served
        self.site = f"http://127.0.0.1:{port}"
        call_command("migrate", verbosity=0)
        self.supervisor = Supervisor(settings.DATA_DIR / "log", self.say)
        try:
            for name, argv in processes(port):
                self.supervisor.spawn(name, argv)
            is_new = progress.find(SECOND) is None
            if is_new:
                self._prepare()
            seconds = time.monotonic() - began
            self._report(seconds)
            if not headless:
                self._welcome()
                if is_new:
                    self._teach_the_ranker()
                self.supervisor.run(also=renew)
        except GaveUp as refusal:
            raise CommandError(str(refusal)) from None
        finally:
            self.supervisor.stop()

    def say(self, text: str = "") -> None:
        self.stdout.write(text)
        self.stdout.flush()

    # --- the way from data to a measured campaign

    def _prepare(self) -> None:
        self.step("1 of 9", "Loading the Complete Journey data set")
        for part in ("products", "people", "campaigns"):
            call_command(f"load_completejourney_{part}", stdout=self.stdout)
        if settings.MAIL_SINK and settings.SINK_PORT:
            self.say(f"{give_ways()} households get a simulated phone and browser at the sink, to try every channel.")
        self.step("2 of 9", "Looking for orders that cannot be trusted")
        call_command("sweep_risk", stdout=self.stdout)
        self.step("3 of 9", "Training the recommenders and grouping people, in the ml worker")
        if live("recommender") is None or live("clusters") is None:
            # Up to the cut-off: between it and today, at most a week, the store has no orders before the replay.
            call_command("train_recommenders", until=demo_store().cutoff_at.isoformat(), stdout=self.stdout)
        self.step("4 of 9", "Staff, a merchant's API key, segments and offers")
        self._staff()
        mara, arno = self._user("mara"), self._user("arno")
        chosen = segments.save_defaults(mara)
        offer = self._offer("demo-15", "15% off", Decimal(15), mara)
        self.step("5 of 9", "First campaign: products per person and words per segment, in the ml worker")
        first = self._draft(FIRST, chosen, offer, mara)
        self.step("6 of 9", "Arno approves what Mara made; it is sent to the mail sink")
        self._approve(first, arno)
        self._send(first, arno)
        self.step("7 of 9", "The click simulator follows links in the mail sink")
        self._click()
        self.step("8 of 9", "Replaying the held-back weeks as incoming orders")
        call_command("replay_orders", until="all", stdout=self.stdout)
        call_command("load_completejourney_campaigns", stdout=self.stdout)  # the three that began in those weeks
        call_command("sweep_risk", stdout=self.stdout)  # before the results are read, not five minutes after
        self.step("9 of 9", "Second campaign: it waits for your approval")
        thanks = self._offer("demo-20", "20% off", Decimal(20), mara)
        self._draft(SECOND, chosen, thanks, mara)

    def _teach_the_ranker(self) -> None:
        """Two minutes that nobody waits for: while people look around, the lists become the ranker's if it is better."""
        self.say("The two-stage ranker is being trained now; the Models page shows how far, and whether it goes live.")
        until = demo_store().cutoff_at.isoformat()
        call_command("train_recommenders", only=[], ranker="small", later=True, until=until, stdout=self.stdout)

    def step(self, place: str, text: str) -> None:
        self.supervisor.poll()
        self.say(f"\n[{place}] {text}")

    def _staff(self) -> None:
        passwords, authenticators = {}, {}
        for username, (role, first, last) in STAFF.items():
            if not get_user_model().objects.filter(username=username).exists():
                passwords[username] = secrets.token_urlsafe(9)
                user = create_user(
                    username,
                    passwords[username],
                    [role],
                    first_name=first,
                    last_name=last,
                    is_staff=role == "administrator",
                )
                if user.needs_second_factor:
                    authenticators[username] = enrol_totp(user)
        if passwords:
            merchant = merchants()[0]
            account = service_account(merchant_id=merchant.id, username=f"merchant-{merchant.external_id}")
            _, key = issue_api_key(account, "demo key", list(Scope), actor=None)
            kept = json.dumps(
                {"passwords": passwords, "authenticators": authenticators, "merchant": merchant.name, "key": key}
            )
            path = self._logins()
            path.touch(mode=0o600)
            path.write_text(kept, encoding="utf-8")

    def _logins(self) -> Path:
        return settings.DATA_DIR / "secrets" / "demo_logins.json"

    def _user(self, username: str):
        return get_user_model().objects.get(username=username)

    def _offer(self, external_id: str, title: str, percent: Decimal, actor):
        now = timezone.now()
        return save_offer(
            external_id=external_id,
            title=title,
            kind="percent",
            value=percent,
            starts_at=now.replace(hour=0, minute=0, second=0, microsecond=0),
            ends_at=now + timedelta(days=14),
            actor=actor,
            origin="simulated",
        )

    def _draft(self, name: str, chosen, offer, actor) -> int:
        found = progress.find(name)
        if found is None:
            plan = compose.Plan(
                name=name,
                segment_ids=tuple(segment.pk for segment in chosen),
                goal="More orders in the four weeks after the mail",
                offer_id=offer.pk,
                scheduled_at=timezone.now() + timedelta(seconds=5),
                late_after=None,  # it goes when somebody releases it after the approval
                holdout_share=0.2,
                per_second=200,
                wave_wait=timedelta(0),  # nobody waits for bounces of a mail sink
            )
            found = compose.create(plan, actor=actor)
        if found.state == "draft":
            compose.ask_for_drafts(found.pk, actor=actor)
        call_command("nudge_campaigns")
        self._wait(
            "choosing and writing",
            lambda: progress.generation_share(found.pk),
            lambda: progress.find(name).state != "generating",
            600,
        )
        found.refresh_from_db()
        if found.state == "draft":
            raise CommandError(f"the drafts of “{name}” could not be made: {found.note}")
        drafted, passed = progress.drafted_and_passed(found.pk)
        self.say(
            f"  {passed} of {drafted} drafts of the language model passed every check ({passed / max(drafted, 1):.0%})"
        )
        for variant in progress.writing(found.pk):
            who = {"model": "the language model", "template": "a written template steps in"}[variant.writer]
            self.say(f"  {variant.segment.name}: “{variant.subject}” ({who})")
        return found.pk

    def _approve(self, campaign_id: int, approver) -> None:
        campaign = progress.find(FIRST)
        if campaign.state == "in_review":
            row = tallies.read_through(campaign)  # here, or by the worker that was faster
            self._wait(
                "reading it through", lambda: 0.0, lambda: tallies.review_of(campaign).state in ("done", "failed"), 120
            )
            row.refresh_from_db()
            if row.state == "failed":
                raise CommandError(f"the first campaign could not be read through: {row.message}")
            digest = row.answer["digest"]
            approval.approve(
                campaign_id, approver=approver, seen_digest=digest, comment="Read every variant; facts hold."
            )
            self.say(f"  approved, bound to digest {digest[:16]}…")

    def _send(self, campaign_id: int, actor) -> None:
        if progress.find(FIRST).state == "approved":
            compose.schedule(campaign_id, actor=actor)
        self._wait("waiting for its time", lambda: 0.0, lambda: progress.is_due(campaign_id), 30)
        call_command("nudge_campaigns")
        ended = {"sent", "cancelled", "in_review", "paused"}
        self._wait(
            "sending", lambda: progress.sent_share(campaign_id), lambda: progress.find(FIRST).state in ended, 600
        )
        campaign = progress.find(FIRST)
        if campaign.state != "sent":
            raise CommandError(f"the first campaign is {campaign.state}: {campaign.note}")

    def _click(self) -> None:
        self._wait("web", lambda: 0.0, lambda: answers("127.0.0.1", int(os.environ["PORT"])), 60)
        with tqdm(desc="clicks (simulated)", unit="click", file=sys.stderr) as bar:
            followed = click_some(settings.MAIL_SINK_DIR, share=CLICK_SHARE, tick=bar.update)
        self.say(f"  {followed} links followed by the click simulator")

    def _wait(self, what: str, share: Callable[[], float], done: Callable[[], bool], seconds: int) -> None:
        """Waits for the workers, with a bar; brings back a process that ended."""
        deadline = time.monotonic() + seconds
        with tqdm(total=100, desc=what, unit="%", bar_format="{l_bar}{bar}| {elapsed}", file=sys.stderr) as bar:
            while not done():
                if time.monotonic() > deadline:
                    raise CommandError(f"{what} took longer than {seconds} s; see {self.supervisor.log_dir}")
                self.supervisor.poll()
                bar.n = round(100 * share())
                bar.refresh()
                time.sleep(0.3)
            bar.n = 100
            bar.refresh()

    # --- what a person reads at the end

    def _report(self, seconds: float) -> None:
        lines, problems = report(FIRST)
        self.say("\n" + "\n".join(lines))
        self.say(f"\nReady in {seconds:.0f} s.")
        if problems:
            raise CommandError("not everything held:\n  " + "\n  ".join(problems))

    def _welcome(self) -> None:
        logins = json.loads(self._logins().read_text(encoding="utf-8"))
        self.say(f"\nAttune runs at {self.site}/   (Ctrl-C stops it; make demo starts it again)")
        for username, (role, first, last) in STAFF.items():
            self.say(f"  {role:<14} {username:<6} password {logins['passwords'][username]}   ({first} {last})")
        apps = [f"{username} {secret}" for username, secret in logins.get("authenticators", {}).items()]
        self.say("  Approver, officer and administrator give a code as well: `.venv/bin/python manage.py totp arno`")
        self.say(f"  prints the one of now, or type the secret into an authenticator app: {', '.join(apps)}")
        self.say(f"  API key of {logins['merchant']} (simulated merchant): {logins['key']}")
        self.say(f"  API reference {self.site}/api/docs/")
        if settings.MAIL_SINK:
            self.say(f"  What would have gone out, on every channel: {self.site}/sink/")
        self.say(f"\nClick first: log in as arno, open “{SECOND}” under your tasks, read it, approve it,")
        self.say("then send it. Log in as mara to see its results, as otto to see what proves it.")
