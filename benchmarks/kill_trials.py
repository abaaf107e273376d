"""SIGKILL at random moments of a running send: of a worker, the broker or the database, all of them real, on a store of its own.

    python -m benchmarks.kill_trials [--trials 200] [--people 24] [--from 0] [--tally FILE]

Each trial starts a campaign, strikes once at a random moment of its first seconds, and goes on to the next while the
sweep sorts out what was lost. Two Celery workers send to an SMTP server on loopback that waits between the gate and DATA
for up to two seconds (half of the messages for at most 30 ms, so that a trial takes seconds); meanwhile people withdraw.
Leases last ten seconds instead of two minutes and time-outs three instead of five, by the same code. Prints a tally; exits
1 when somebody got two messages, a row has neither a final state nor `unknown`, a campaign did not end, or a message
arrived after its withdrawal was acknowledged as effective.

A machine that is shared runs them in slices: `--trials 25 --from 0 --tally FILE`, then `--from 25` and so on. Each slice has
dice of its own and adds a line to FILE, and the sum of all lines is printed.
"""

# ruff: noqa: E402 - Django is set up only when the servers that it asks for are there
import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock, Thread
from urllib.parse import quote

# Under /var/tmp: files that are synced, and a path short enough for a socket. A worker gets the place of its trials.
PLACE = Path(os.environ.get("ATTUNE_TRIALS") or tempfile.mkdtemp(prefix="attune-kill-", dir="/var/tmp"))
_run = quote(str(PLACE / "data" / "run"))
os.environ |= {
    "ATTUNE_TRIALS": str(PLACE), "ATTUNE_DATA_DIR": str(PLACE / "data"), "ATTUNE_FREQUENCY_CAPS": "",
    "DJANGO_SETTINGS_MODULE": "config.settings.base", "SMTP_HOST": "127.0.0.1", "SMTP_TLS": "none",
    "DATABASE_URL": f"postgresql://attune_app@/attune?host={_run}&port=5432",
    "DATABASE_OWNER_URL": f"postgresql://attune_owner@/attune?host={_run}&port=5432",
    "CELERY_BROKER_URL": f"redis+socket://{_run}%2Fvalkey.sock", "CACHE_URL": f"unix://{_run}%2Fvalkey.sock?db=1",
}  # fmt: skip

import django

django.setup()

from aiosmtpd.controller import Controller
from django.conf import settings
from django.db import Error, connection

from campaigns.exceptions import TransitionRefused
from campaigns.models import AudienceMember, Campaign, CampaignSegment, Message, MessageVariant
from campaigns.services import delivery, senders
from campaigns.services.approval import digest_of
from campaigns.services.withdrawal import acknowledge
from campaigns.tasks import sweep
from config.celery import app
from config.embedded import child
from config.embedded.folder import Folder
from config.embedded.holder import environment
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey
from customers.models import Customer
from tests.flows.shop import open_shop

FOLDER = Folder(PLACE / "data")
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # a database that is away is the point of a trial
ROOT = Path(__file__).resolve().parents[1]
TIMEOUT, LEASE, BATCH = 3, timedelta(seconds=10), 4
WORKERS = 2
# How often each is struck, of ten.
TARGETS = ["worker"] * 4 + ["database"] * 3 + ["broker"] * 3
EVERY = 4.0  # seconds from one trial to the next
WITHDRAWALS = 5  # a trial


# --- what a worker process runs


def work(name: str) -> None:
    senders.SMTP_TIMEOUT = delivery.SMTP_TIMEOUT = TIMEOUT
    delivery.LEASE, delivery.RESERVE, delivery.BATCH = LEASE, timedelta(seconds=2 * TIMEOUT + 2), BATCH
    delivery.send_batch.__defaults__ = delivery.claim.__defaults__ = (BATCH, "")
    argv = ["worker", "-Q", "default,delivery", "-n", f"{name}@here", "--concurrency=1", "--pool=prefork"]
    app.worker_main([*argv, "--loglevel=WARNING", "--without-gossip", "--without-mingle"])


# --- the servers and workers, each of which may be struck


@dataclass
class Stack:
    folder: Folder
    env: dict[str, str]
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start_server(self, server: Postgres | Valkey) -> None:
        """As the holder does, but without its end after five deaths in a minute."""
        server.prepare()
        while True:
            before = child.size(server.log)
            process = child.spawn(
                server.argv(), server.log, account=server.account, death=server.death, env=environment()
            )
            while not child.ended(process):
                if server.answers():
                    server.provision()
                    self.processes[server.name] = process
                    return
                time.sleep(0.02)
            child.kill_group(process)
            if not server.may_retry(before):
                raise SystemExit(server.why(before))
            time.sleep(0.1)

    def start_worker(self, number: int) -> None:
        argv = [sys.executable, "-m", "benchmarks.kill_trials", "--worker", f"w{number}-{time.monotonic_ns()}"]
        log = self.folder.log / f"worker-{number}.log"
        self.processes[f"worker {number}"] = child.spawn(argv, log, cwd=ROOT, env=self.env)

    def strike(self, what: str, dice: random.Random) -> str:
        """SIGKILL for it and everything of it; whatever it was is back before this returns, workers are on their way."""
        if what == "worker":
            number = dice.randrange(WORKERS)
            child.kill_group(self.processes[f"worker {number}"])
            self.start_worker(number)
            return f"worker {number}"
        server = Postgres(self.folder, True) if what == "database" else Valkey(self.folder)
        child.kill_group(self.processes[server.name])
        time.sleep(dice.uniform(0, 0.5))
        self.start_server(server)
        return server.name

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            child.kill_group(process)


class Inbox:
    """aiosmtpd's handler: waits after MAIL, which is between the gate and DATA, and notes what arrived when."""

    def __init__(self, seed: int):
        self.dice, self.arrived = random.Random(seed), []

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802, aiosmtpd's name
        await asyncio.sleep(self.dice.uniform(0, 0.03) if self.dice.random() < 0.5 else 2 * self.dice.random() ** 3)
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.arrived.append((envelope.rcpt_tos[0], time.monotonic()))
        return "250 2.0.0 kept"


# --- the trials


@dataclass
class Said:
    """A withdrawal: when it was acknowledged, and of which messages it was said that they may be under way."""

    at: float
    is_effective: bool
    under_way: frozenset[int]


@dataclass
class Tally:
    strikes: Counter = field(default_factory=Counter)
    said: dict[int, Said] = field(default_factory=dict)
    unanswered: int = 0  # withdrawals that met a database that was away, and were not acknowledged
    faults: list[str] = field(default_factory=list)


def patiently(do, seconds: float = 60.0):
    """Through a database or a broker that comes back in a moment."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return do()
        except (Error, OSError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def prepare(trials: int, people: int) -> list[tuple[int, list[int]]]:
    """(campaign, its people) of each trial: clones of one approved campaign, each to people of its own."""
    shop = open_shop(people=trials * people, per_second=1000)
    first, ids = shop.campaign, [person.pk for person in shop.people]
    segment, words = first.campaign_segments.get(), first.variants.get()
    items = AudienceMember.objects.filter(campaign=first).first().items
    AudienceMember.objects.filter(campaign=first).delete()
    made = []
    for number in range(trials):
        own = ids[number * people : (number + 1) * people]
        campaign = Campaign.objects.get(pk=first.pk)
        campaign.pk, campaign._state.adding, campaign.name = None, True, f"Trial {number}"
        campaign.save()
        CampaignSegment.objects.create(campaign=campaign, segment_id=segment.segment_id, priority=0)
        MessageVariant.objects.create(
            campaign=campaign, segment_id=segment.segment_id, subject=words.subject, body=words.body, writer="person"
        )
        AudienceMember.objects.bulk_create(
            AudienceMember(campaign=campaign, customer_id=pk, segment_id=segment.segment_id, items=items) for pk in own
        )
        digest, content, size = digest_of(campaign)
        campaign.approvals.create(approver=shop.approver, digest=digest, content=content, audience_size=size)
        made.append((campaign.pk, own))
    Campaign.objects.filter(pk=first.pk).update(state="cancelled")
    return made


# The open messages, and the sessions of the database: what each waits for.
HELD = (
    """SELECT state, reason, tries, wave, count(*), min(not_before) - now(), max(lease_until) - now(), left(min(error), 80)
       FROM campaigns_message WHERE state IN ('queued', 'sending') GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 10""",
    """SELECT pid, state, wait_event_type, wait_event, now() - state_change, pg_blocking_pids(pid), left(query, 80)
       FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()""",
)


class Trials:
    def __init__(self, stack: Stack, seed: int, began: list[tuple[int, list[int]]]):
        self.stack, self.dice, self.campaigns = stack, random.Random(seed), began
        self.tally, self.lock, self.over = Tally(), Lock(), Event()

    def ring(self) -> None:
        """What beat does, more often: nudges the sweep through the broker, which may be away."""
        while not self.over.wait(0.4):
            with suppress(Exception):  # a broker that is away is the point of a trial
                sweep.apply_async(retry=False, expires=5)

    def withdraw(self, people: list[int], seed: int) -> None:
        """Some of these, at random moments of the trial; what is not acknowledged counts for nothing."""
        dice = random.Random(seed)
        for person in dice.sample(people, min(WITHDRAWALS, len(people))):
            time.sleep(dice.uniform(0, EVERY / WITHDRAWALS))
            try:
                ack = acknowledge(
                    customer_id=person,
                    channel="email",
                    purpose="marketing",
                    method="one_click",
                    actor="subject",
                    patience=3,
                )
            except (Error, OSError):
                connection.close()
                with self.lock:
                    self.tally.unanswered += 1
                continue
            under_way = frozenset(one.message_id for one in ack.under_way)
            with self.lock:
                self.tally.said[person] = Said(time.monotonic(), ack.is_effective, under_way)
        connection.close()

    def run(self) -> None:
        others = [Thread(target=self.ring, daemon=True)]
        others[0].start()
        for number, (campaign, people) in enumerate(self.campaigns):
            began = time.monotonic()

            def start(campaign=campaign):
                with suppress(TransitionRefused):  # it was started, and the answer was lost with the database
                    delivery.start(campaign)

            patiently(start)
            others.append(Thread(target=self.withdraw, args=(people, number), daemon=True))
            others[-1].start()
            time.sleep(self.dice.uniform(0, EVERY - 1))
            what = self.dice.choice(TARGETS)
            self.stack.strike(what, self.dice)
            self.tally.strikes[what] += 1
            if number % 10 == 9:
                print(f"  {number + 1} trials, {dict(self.tally.strikes)}", flush=True)
            time.sleep(max(0.0, began + EVERY - time.monotonic()))
        self._await_the_end()
        self.over.set()
        for one in others:
            one.join(20)

    def _await_the_end(self, seconds: float = 120.0) -> None:
        """Until every campaign has ended, or none of the open messages has for so long: a slow machine gets its time."""
        left, changed = -1, time.monotonic()
        while patiently(lambda: Campaign.objects.filter(state="sending").exists()):
            now = patiently(lambda: Message.objects.open().count())
            if now != left:
                left, changed = now, time.monotonic()
            if time.monotonic() - changed > seconds:
                patiently(self._say_what_holds)
                return
            time.sleep(1)

    def _say_what_holds(self) -> None:
        """Prints what somebody who looks for the cause of a stall asks first."""
        print("  nothing moves any more:")
        with connection.cursor() as cursor:
            for sql in HELD:
                cursor.execute(sql)
                for row in cursor.fetchall():
                    print("   ", *row)
        for name, process in self.stack.processes.items():
            print(f"    {name}: {'runs' if process.poll() is None else f'ended with {process.returncode}'}")
        with app.connection_for_read() as broker:
            client = broker.default_channel.client
            print("    tasks that wait:", {name: client.llen(name) for name in ("default", "delivery")})
        print("    workers that answer:", app.control.ping(timeout=5))
        print("    what they do:", app.control.inspect(timeout=5).active())
        for number in range(WORKERS):
            lines = child.tail(FOLDER.log / f"worker-{number}.log", 15)
            print(*(f"    worker {number}: {line}" for line in lines), sep="\n", flush=True)


def judge(trials: Trials, inbox: Inbox) -> Counter:
    """Compares what arrived with what the rows say; faults go into the tally. Returns the states of the messages."""
    tally, name = trials.tally, dict(Customer.objects.values_list("external_id", "pk"))
    rows = {row.customer_id: row for row in Message.objects.all()}
    arrived = Counter(address for address, _ in inbox.arrived)
    for address, times in arrived.items():
        if times > 1:
            tally.faults.append(f"{address} got {times} messages")
    for row in rows.values():
        if row.state in ("queued", "sending"):
            tally.faults.append(f"message {row.pk} is {row.state}")
    for campaign in Campaign.objects.filter(name__startswith="Trial").exclude(state="sent"):
        tally.faults.append(f"campaign {campaign.pk} is {campaign.state}: {campaign.note}")
    for address, at in inbox.arrived:
        person = name[address.partition("@")[0]]
        row, said = rows[person], tally.said.get(person)
        if row.state not in ("sent", "unknown"):
            tally.faults.append(f"message {row.pk} arrived and is {row.state} {row.reason}")
        if said and at > said.at and (said.is_effective or row.pk not in said.under_way):
            tally.faults.append(f"message {row.pk} arrived {at - said.at:.3f} s after its withdrawal was acknowledged")
    got = {name[address.partition("@")[0]] for address in arrived}
    for row in rows.values():
        if row.state == "sent" and row.customer_id not in got:
            tally.faults.append(f"message {row.pk} is sent and never arrived")
    return Counter((row.state, row.reason) for row in rows.values())


def main(count: int, people: int, seed: int) -> dict:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings.SMTP_PORT = port
    FOLDER.prepare()
    stack = Stack(FOLDER, os.environ | {"SMTP_PORT": str(port)})
    stopped = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        stack.start_server(Postgres(FOLDER, True))
        stack.start_server(Valkey(FOLDER))
        subprocess.run([sys.executable, "manage.py", "migrate"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        return _trials(stack, port, count, people, seed)
    finally:
        signal.signal(signal.SIGTERM, stopped)
        stack.stop()
        shutil.rmtree(PLACE, ignore_errors=True)


def _trials(stack: Stack, port: int, count: int, people: int, seed: int) -> dict:
    made = prepare(count, people)
    inbox = Inbox(seed)
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    for number in range(WORKERS):
        stack.start_worker(number)
    time.sleep(10)  # until both are up: a send that waits for its workers is hardest to hit
    print(f"{count} trials with {people} people each, one SIGKILL a trial, seed {seed}", flush=True)
    began, trials = time.monotonic(), Trials(stack, seed, made)
    try:
        trials.run()
    finally:
        server.stop()
    return report(trials, inbox, seed, time.monotonic() - began)


def report(trials: Trials, inbox: Inbox, seed: int, seconds: float) -> dict:
    """The tally as plain numbers by name, which add up over slices."""
    states, tally = judge(trials, inbox), trials.tally
    return {
        "seed": seed,
        "trials": len(trials.campaigns),
        "seconds": round(seconds),
        "struck": dict(tally.strikes),
        "arrived": len(inbox.arrived),
        "twice": sum(times > 1 for times in Counter(address for address, _ in inbox.arrived).values()),
        "messages": {f"{state} {reason}".strip(): number for (state, reason), number in states.items()},
        "withdrawals": len(tally.said),
        "effective": sum(said.is_effective for said in tally.said.values()),
        "unanswered": tally.unanswered,
        "late": sum("after its withdrawal" in fault for fault in tally.faults),
        "faults": tally.faults,
    }


def add_up(slices: list[dict]) -> dict:
    """The sum of what `report` returned for each."""
    total = {name: sum(one[name] for one in slices) for name in SUMS}
    for name in ("struck", "messages"):
        total[name] = sum((Counter(one[name]) for one in slices), Counter())
    return total | {"faults": [fault for one in slices for fault in one["faults"]]}


SUMS = ("trials", "seconds", "arrived", "twice", "withdrawals", "effective", "unanswered", "late")


def say(tally: dict) -> bool:
    """Prints a tally; True when nothing was at fault and every trial struck."""
    struck, kinds = (
        ", ".join(f"{what} {n:,}" for what, n in sorted(tally[name].items())) for name in ("struck", "messages")
    )
    print(f"  {tally['trials']} trials, {tally['seconds']:.0f} s; struck: {struck}")
    print(f"  {tally['arrived']:,} messages arrived, {tally['twice']} recipients got two")
    print(f"  messages: {kinds}")
    print(
        f"  {tally['withdrawals']:,} withdrawals acknowledged, {tally['effective']:,} of them as effective; "
        f"{tally['unanswered']} met a database that was away"
    )
    print(f"  messages after an acknowledged withdrawal: {tally['late']}; faults in all: {len(tally['faults'])}")
    for fault in tally["faults"][:30]:
        print(f"    {fault}")
    return not tally["faults"] and sum(tally["struck"].values()) == tally["trials"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the number of this slice's first trial")
    parser.add_argument("--tally", type=Path, help="a file to which this slice is added, and whose sum is printed")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        work(asked.worker)
    else:
        run = main(asked.trials, asked.people, asked.seed + asked.first)
        if asked.tally:
            with asked.tally.open("a") as file:
                file.write(json.dumps(run) + "\n")
            run = add_up([json.loads(line) for line in asked.tally.read_text().splitlines()])
        sys.exit(0 if say(run) else 1)
