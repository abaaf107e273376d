"""Runs Attune on this machine: web, workers, beat and the mail sink, until Ctrl-C."""

import fcntl
import http.client
import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.embedded import StartRefused, check_port, probe, renew
from config.supervisor import GaveUp, Supervisor, processes


class Command(BaseCommand):
    help = "Runs web, workers, beat and the mail sink under one supervisor until Ctrl-C."

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1", help="where the web server listens (default %(default)s)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="PORT, else 8000")

    def handle(self, *, host, port, **options):
        lock = self._only_one()
        try:
            probe(settings.DATABASE_URL)
            check_port(host, port)
            self._check_migrations()
            self._serve(host, port)
        except (StartRefused, GaveUp) as refusal:
            raise CommandError(str(refusal)) from None
        finally:
            os.close(lock)

    def _only_one(self) -> int:
        """Two of them on one data folder would be two beats: every sweep twice."""
        lock = os.open(settings.DATA_DIR / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise CommandError(
                f"Attune already runs from {settings.DATA_DIR}: stop it there with Ctrl-C, "
                "or set ATTUNE_DATA_DIR (and PORT) for a second one."
            ) from None
        return lock

    def _check_migrations(self):
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        connection.close()
        if missing:
            raise CommandError(f"{len(missing)} migrations are missing: run `manage.py migrate` first.")

    def _serve(self, host, port):
        supervisor = Supervisor(settings.DATA_DIR / "log", self._say)
        self._announced, self._problem = False, ""
        try:
            for name, argv in processes(port, host):
                supervisor.spawn(name, argv)
            self._say(f"Starting. Logs: {supervisor.log_dir}. Ctrl-C stops all of it.")
            supervisor.run(also=lambda: self._look(host, port))
        finally:
            supervisor.stop()
        self._say("Stopped.")

    def _look(self, host, port):
        """About once a second: says when the web answers, and brings back embedded servers that somebody killed."""
        if not self._announced and answers(host, port):
            self._announced = True
            self._say(f"Attune runs at http://{host}:{port}/")
        try:
            renew()
            self._problem = ""
        except StartRefused as refusal:
            if str(refusal) != self._problem:
                self._problem = str(refusal)
                self._say(self._problem)

    def _say(self, text):
        self.stdout.write(text)
        self.stdout.flush()


def answers(host: str, port: int) -> bool:
    """Whether a page comes back, of whatever status: the first one takes seconds, in which the views are loaded."""
    web = http.client.HTTPConnection(host, port, timeout=3)  # Ctrl-C waits for it
    try:
        web.request("GET", "/")
        web.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()
    return True
