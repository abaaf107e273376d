"""A real SMTP server on loopback that keeps what it gets: nothing that the demo or a trial sends reaches anybody."""

import asyncio
import hashlib
import os
import re
import signal
import tempfile
import threading
from pathlib import Path

from aiosmtpd.smtp import SMTP
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from campaigns.management import http_sink


class Keeper:
    """aiosmtpd's handler: one file a mail. The name tells the Message-ID, the count how often it came."""

    def __init__(self, folder: Path, delay: float):
        self.folder = folder
        self.delay = delay

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802, aiosmtpd's name
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]  # it reads line after line, so many at once may come

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, aiosmtpd's name
        kept = keep(self.folder, envelope.rcpt_tos, envelope.content)
        # Kept, but not yet answered: the moment in which a sender that dies cannot know.
        await asyncio.sleep(self.delay)
        return f"250 2.0.0 kept as {kept.name}"


def keep(folder: Path, recipients: list[str], content: bytes) -> Path:
    """Writes one mail whole or not at all; a second one with the same Message-ID gets the next number."""
    found = re.search(rb"(?im)^message-id:\s*(\S+)", content.partition(b"\r\n\r\n")[0])
    name = hashlib.sha256(found[1] if found else content).hexdigest()[:32]
    envelope = "".join(f"Delivered-To: {recipient}\r\n" for recipient in recipients)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        file.write(envelope.encode() + content)
    draft = Path(file.name)
    count = 1
    while True:
        target = folder / f"{name}.{count}.eml"
        try:
            os.link(draft, target)  # unlike a rename it never replaces a mail that is there
        except FileExistsError:
            count += 1
            continue
        draft.unlink()
        return target


class Command(BaseCommand):
    help = "Keeps mail, texts, push and webhooks in files instead of delivering them."
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.SMTP_PORT)
        parser.add_argument("--http-port", type=int, help="for the other channels; 0: none, as beside another --port")
        parser.add_argument("--dir", type=Path, default=settings.MAIL_SINK_DIR)
        parser.add_argument("--delay", type=float, default=0.0, help="seconds between keeping a mail and answering")

    def handle(self, *, host, port, delay, **options):
        folder: Path = options["dir"]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for draft in folder.glob("*.part"):  # left by a sink that was killed: never answered, so never sent
            draft.unlink()
        beside = settings.SINK_PORT if port == settings.SMTP_PORT else 0
        if http_port := beside if options["http_port"] is None else options["http_port"]:
            self._serve_http(host, http_port, folder)
        try:
            asyncio.run(self._serve(Keeper(folder, delay), host, port))
        except OSError as error:
            raise CommandError(
                f"{host}:{port}: {error.strerror}. Is another sink running? Choose another --port."
            ) from None

    def _serve_http(self, host: str, port: int, folder: Path) -> None:
        try:
            other = http_sink.server(host, port, folder)
        except OSError as error:
            raise CommandError(
                f"{host}:{port}: {error.strerror}. Is another sink running? Choose another --http-port."
            ) from None
        threading.Thread(target=other.serve_forever, daemon=True).start()
        self.stdout.write(f"Sink of the other channels on {host}:{other.server_address[1]}")

    async def _serve(self, keeper: Keeper, host: str, port: int) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        options = {"hostname": "mail-sink", "enable_SMTPUTF8": True, "loop": loop}
        server = await loop.create_server(lambda: SMTP(keeper, **options), host, port)
        address = server.sockets[0].getsockname()
        self.stdout.write(f"Mail sink on {address[0]}:{address[1]} keeps mail in {keeper.folder}")
        self.stdout.flush()
        await stopped.wait()
        server.close()
        self.stdout.write("Mail sink stopped.")
