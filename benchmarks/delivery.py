"""Messages a second to the mail sink, against a bare smtplib loop that hands over the same bytes on as many connections.

    python -m benchmarks.delivery [--people 2000] [--connections 2] [--rounds 3]

Both sides are processes of their own, started before the clock; the sink is the same process for both. The bare loop knows
no consent, no queue and no record: it is the most that this sink takes. Prints each round, and the median of the ratios.
"""

# ruff: noqa: E402 - Django is set up before anything of it is imported
import argparse
import os
import shutil
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")  # a worker is told another
os.environ["ATTUNE_TEST_DATABASE"] = "delivery_attune"

import django

django.setup()

from django.conf import settings
from django.db import connections
from django.test.utils import setup_databases, teardown_databases

from campaigns.channels.mime import compose
from campaigns.models import AudienceMember, Campaign, CampaignSegment, Message, MessageVariant
from campaigns.services import delivery
from campaigns.services.approval import digest_of
from campaigns.services.messages import build_emails
from tests.flows.shop import Shop, open_shop

ROOT = Path(__file__).resolve().parents[1]


def send(campaign: int) -> None:
    """One of Attune's workers."""
    say_ready()
    while delivery.send_batch(campaign):
        pass


def hand_over(path: str) -> None:
    """One bare loop: everything is composed, and one connection takes all."""
    mails = [line.split(b"\0", 2) for line in Path(path).read_bytes().split(b"\0\0\n") if line]
    say_ready()
    with smtplib.SMTP(settings.SMTP_HOST, settings.SMTP_PORT, local_hostname="localhost") as smtp:
        for sender, recipient, content in mails:
            smtp.sendmail(sender.decode(), [recipient.decode()], content)


def say_ready() -> None:
    connections["default"].ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()


def timed(arguments: list[list[str]]) -> float:
    """Seconds from the word to the end of the last process."""
    env = os.environ | {"SMTP_PORT": str(settings.SMTP_PORT), "SMTP_TLS": "none"}
    name, info = "benchmarks.delivery", connections["default"].settings_dict
    address = f"postgresql://{info['USER']}@/{info['NAME']}?host={info['HOST']}&port={info['PORT']}"
    env |= {"DATABASE_URL": address, "DATABASE_OWNER_URL": address, "CELERY_BROKER_URL": settings.CELERY_BROKER_URL}
    # The workers run on the settings of an install, with its broker and cache; the database alone does not sync.
    env |= {"CACHE_URL": settings.CACHE_URL, "DJANGO_SETTINGS_MODULE": "config.settings.base"}
    env |= {"ATTUNE_DATA_DIR": str(settings.DATA_DIR)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", name, *one],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in arguments
    ]
    for worker in workers:
        worker.stdout.readline()
    began = time.monotonic()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    if any(worker.wait() for worker in workers):
        raise SystemExit("a worker failed")
    return time.monotonic() - began


def clone(shop: Shop, number: int) -> int:
    """The same campaign once more, to the same people, started."""
    first = shop.campaign
    campaign = Campaign.objects.get(pk=first.pk)
    words, segment = first.variants.get(), first.campaign_segments.get().segment_id
    campaign.pk, campaign._state.adding, campaign.name, campaign.cap_days = None, True, f"Round {number}", 0
    campaign.save()
    CampaignSegment.objects.create(campaign=campaign, segment_id=segment, priority=0)
    MessageVariant.objects.create(
        campaign=campaign, segment_id=segment, subject=words.subject, body=words.body, writer="person"
    )
    rows = AudienceMember.objects.filter(campaign=first)
    AudienceMember.objects.bulk_create(
        AudienceMember(campaign=campaign, customer_id=row.customer_id, segment_id=segment, items=row.items)
        for row in rows
    )
    digest, content, size = digest_of(campaign)
    campaign.approvals.create(approver=shop.approver, digest=digest, content=content, audience_size=size)
    delivery.start(campaign.pk)
    return campaign.pk


def bare(campaign: int, folder: Path, count: int) -> list[list[str]]:
    """The bytes of the campaign's mails, dealt out to files."""
    rows = list(Message.objects.filter(campaign=campaign).order_by("pk"))
    mails = [compose(mail) for mail in build_emails(Campaign.objects.get(pk=campaign), rows).values()]
    paths = []
    for number in range(count):
        path = folder / f"mails-{number}"
        parts = (b"\0".join([m.sender.encode(), m.recipient.encode(), m.content]) for m in mails[number::count])
        path.write_bytes(b"\0\0\n".join(parts))
        paths.append(["--bare", str(path)])
    return paths


def main(people: int, count: int, rounds: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="attune-delivery-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.SMTP_PORT = probe.getsockname()[1]
    argv = [
        sys.executable,
        "manage.py",
        "mail_sink",
        "--port",
        str(settings.SMTP_PORT),
        "--dir",
        str(folder / "outbox"),
    ]
    sink = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    sink.stdout.readline()
    try:
        settings.FREQUENCY_CAPS = []
        shop = open_shop(people=people, per_second=30_000)
        ratios = []
        for number in range(rounds):
            campaign = clone(shop, number)
            plain = people / timed(bare(campaign, folder, count))
            attune = people / timed([["--send", str(campaign)]] * count)
            if Message.objects.filter(campaign=campaign, state="sent").count() != people:
                raise SystemExit("not everything was sent")
            ratios.append(attune / plain)
            print(
                f"  {count} connections: Attune {attune:,.0f} a second, bare smtplib {plain:,.0f}, ratio {ratios[-1]:.2f}"
            )
        print(f"  median ratio {statistics.median(ratios):.2f} over {rounds} rounds of {people:,} messages")
    finally:
        sink.terminate()
        sink.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--send", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--bare", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.send:
        send(asked.send)
    elif asked.bare:
        hand_over(asked.bare)
    else:
        old = setup_databases(verbosity=0, interactive=False)
        try:
            main(asked.people, asked.connections, asked.rounds)
        finally:
            for alias in connections:
                connections[alias].close()
            teardown_databases(old, verbosity=0)
