"""A worker that is killed while it sends: nobody gets a mail twice, and what is ambiguous says so."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.models import Message
from campaigns.services import delivery
from tests.flows.shop import open_shop

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import django; django.setup()
from django.conf import settings
settings.SMTP_PORT = int({port}); settings.SMTP_TLS = "none"
from campaigns.services.delivery import send_batch
while send_batch({campaign}, size=20): pass
"""


def worker(campaign_id: int, port: int) -> subprocess.Popen:
    """A process of its own that sends on the test database, as the application role."""
    info = connection.settings_dict
    address = f"postgresql://{info['USER']}@/{info['NAME']}?host={info['HOST']}" + (
        f"&port={info['PORT']}" if info["PORT"] else ""
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", "DATABASE_URL": address}
    env |= {"DATABASE_OWNER_URL": address, "CELERY_BROKER_URL": "redis://127.0.0.1:1/0"}
    code = WORKER.format(port=port, campaign=campaign_id)
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stderr=subprocess.PIPE)


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_worker_killed_in_the_middle_of_the_send_leaves_nobody_with_two_mails(sink, settings):
    folder = sink(delay=0.05)
    people = 60
    shop = open_shop(people=people)
    delivery.start(shop.campaign.pk)
    process = worker(shop.campaign.pk, settings.SMTP_PORT)
    deadline = time.monotonic() + 60
    while len(kept(folder)) < 15:
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        assert time.monotonic() < deadline, "the worker sent nothing"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    interrupted = Message.objects.filter(state="sending").count()

    # The lease ends, the sweep sorts out, a second worker goes on.
    Message.objects.filter(state="sending").update(lease_until=timezone.now() - timedelta(seconds=1))
    assert delivery.sweep() == [shop.campaign.pk]
    while delivery.send_batch(shop.campaign.pk):
        pass

    states = dict.fromkeys(["sent", "unknown", "queued", "sending"], 0)
    for state in Message.objects.values_list("state", flat=True):
        states[state] += 1
    recipients = [path.read_text().split("\nTo: ", 1)[1].split("\n", 1)[0] for path in kept(folder)]
    assert interrupted >= 1
    assert Message.objects.count() == people
    assert len(recipients) == len(set(recipients)), "somebody got two mails"
    assert states["queued"] == states["sending"] == 0
    assert states["unknown"] <= 1, "one worker has one message between the attempt and the answer"
    assert states["sent"] + states["unknown"] == people
    assert len(recipients) >= states["sent"]
    shop.campaign.refresh_from_db()
    assert shop.campaign.state == "sent"
