"""SIGKILL at random moments of a running send: of a worker, the broker, the database, the clock or all at once, all real.

    python -m benchmarks.kill_trials [--trials 200] [--people 24] [--from 0] [--tally FILE]

Each trial starts a campaign by e-mail and text message, strikes once at a random moment of its first seconds, and goes on
to the next while the sweep sorts out what was lost. Two Celery workers, rung by Celery's own clock, send to an SMTP server
on loopback that waits between the gate and DATA for up to two seconds (half of the messages for at most 30 ms, so that a
trial takes seconds), and to an HTTP provider on loopback that takes a text at once and may be slow to say so; meanwhile
people withdraw. Leases last ten seconds instead of two minutes and time-outs three instead of five, by the same code.
What ends by itself is started again, as the supervisor does. Prints a tally; exits 1 when somebody got two messages on a
channel, a row has neither a final state nor `unknown`, a campaign did not end, or a message arrived after its withdrawal
was acknowledged as effective.

A machine that is shared runs them in slices: `--trials 25 --from 0 --tally FILE`, then `--from 25` and so on. Each slice has
dice of its own and adds a line to FILE, and the sum of all lines is printed.
"""

# ruff: noqa: I001 - the stack sets the environment and Django up
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
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

from benchmarks.kill_stack import CLOCK, FOLDER, PLACE, ROOT, TARGETS, Stack, ring, work, workers

from aiosmtpd.controller import Controller
from django.conf import settings
from django.db import Error, connection

from campaigns.exceptions import TransitionRefused
from campaigns.models import AudienceMember, Campaign, CampaignSegment, Message, MessageVariant
from campaigns.services import delivery
from campaigns.services.approval import digest_of
from campaigns.services.withdrawal import acknowledge
from config.celery import app
from config.embedded import child
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey
from customers.contracts import NewContact
from customers.models import Customer
from customers.services.consent import record_many
from customers.services.people import add_contact_points
from tests.flows.shop import consent_of, open_shop

logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # a database that is away is the point of a trial
CHANNELS = ["email", "sms"]
EVERY = 4.0  # seconds from one trial to the next
WITHDRAWALS = 5  # a trial


# --- where the messages arrive


class Inbox:
    """aiosmtpd's handler: waits after MAIL, which is between the gate and DATA, and notes what arrived when."""

    def __init__(self, seed: int):
        self.dice, self.arrived = random.Random(seed), []

    def serve(self, port: int) -> Controller:
        server = Controller(self, hostname="127.0.0.1", port=port)
        server.start()
        return server

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802, aiosmtpd's name
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802, aiosmtpd's name
        await asyncio.sleep(self.dice.uniform(0, 0.03) if self.dice.random() < 0.5 else 2 * self.dice.random() ** 3)
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.arrived.append((envelope.rcpt_tos[0], time.monotonic()))
        return "250 2.0.0 kept"


class Provider:
    """Takes texts over HTTP as the plain interface says them, and notes what arrived when; it knows no repeated one."""

    def __init__(self, seed: int):
        self.dice, self.arrived = random.Random(seed), []

    def serve(self, port: int) -> ThreadingHTTPServer:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.arrived.append((said["to"], time.monotonic()))
                time.sleep(provider.dice.choice((0.0, 0.01, 0.3 * provider.dice.random())))
                raw = json.dumps({"id": said["reference"]}).encode()
                self.send_response(202)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # a worker that was struck hangs up
        Thread(target=server.serve_forever, daemon=True).start()
        return server


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
    said: dict[tuple[int, str], Said] = field(default_factory=dict)  # by person and channel
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


def number_of(place: int) -> str:
    """A phone number for each of a hundred million people."""
    return f"+49151{place:08d}"


def prepare(trials: int, people: int) -> list[tuple[int, list[int]]]:
    """(campaign, its people) of each trial: clones of one approved campaign, each to people of its own."""
    shop = open_shop(people=trials * people, per_second=1000)
    first, ids = shop.campaign, [person.pk for person in shop.people]
    add_contact_points(NewContact(pk, "phone", number_of(place), origin="simulated") for place, pk in enumerate(ids))
    record_many(replace(consent_of(person), channel="sms") for person in shop.people)
    # Where it is noon: texts rest at night.
    Customer.objects.filter(pk__in=ids).update(timezone=f"Etc/GMT{datetime.now(UTC).hour - 12:+d}")
    segment, words = first.campaign_segments.get(), first.variants.get()
    items = AudienceMember.objects.filter(campaign=first).first().items
    AudienceMember.objects.filter(campaign=first).delete()
    made = []
    for number in range(trials):
        own = ids[number * people : (number + 1) * people]
        campaign = Campaign.objects.get(pk=first.pk)
        campaign.pk, campaign._state.adding, campaign.name = None, True, f"Trial {number}"
        campaign.channels = CHANNELS
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
        self.tally, self.lock = Tally(), Lock()

    def withdraw(self, people: list[int], seed: int) -> None:
        """Some of these, at random moments of the trial; what is not acknowledged counts for nothing."""
        dice = random.Random(seed)
        for person in dice.sample(people, min(WITHDRAWALS, len(people))):
            time.sleep(dice.uniform(0, EVERY / WITHDRAWALS))
            channel = dice.choice(CHANNELS)
            try:
                ack = acknowledge(
                    customer_id=person,
                    channel=channel,
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
                self.tally.said[person, channel] = Said(time.monotonic(), ack.is_effective, under_way)
        connection.close()

    def run(self) -> None:
        others = []
        for number, (campaign, people) in enumerate(self.campaigns):
            began = time.monotonic()

            def start(campaign=campaign):
                with suppress(TransitionRefused):  # it was started, and the answer was lost with the database
                    delivery.start(campaign)

            patiently(start)
            others.append(Thread(target=self.withdraw, args=(people, number), daemon=True))
            others[-1].start()
            time.sleep(self.dice.uniform(0, EVERY - 1))
            self.stack.mend()
            what = self.dice.choice(TARGETS)
            self.stack.strike(what, self.dice)
            self.tally.strikes[what] += 1
            if number % 10 == 9:
                print(f"  {number + 1} trials, {dict(self.tally.strikes)}", flush=True)
            time.sleep(max(0.0, began + EVERY - time.monotonic()))
        self._await_the_end()
        for one in others:
            one.join(20)

    def _await_the_end(self, seconds: float = 120.0) -> None:
        """Until every campaign has ended, or none of the open messages has for so long: a slow machine gets its time."""
        left, changed = -1, time.monotonic()
        while patiently(lambda: Campaign.objects.filter(state="sending").exists()):
            self.stack.mend()
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
            print(f"    {name}: {'has ended' if child.ended(process) else 'runs'}")
        with app.connection_for_read() as broker:
            client = broker.default_channel.client
            print("    tasks that wait:", {name: client.llen(name) for name in ("default", "delivery")})
        print("    workers that answer:", app.control.ping(timeout=5))
        print("    what they do:", app.control.inspect(timeout=5).active())
        for name in (*workers(), CLOCK):
            print(*(f"    {name}: {line}" for line in child.tail(self.stack.log_of(name), 15)), sep="\n", flush=True)


def judge(trials: Trials, inboxes: dict[str, Inbox | Provider]) -> Counter:
    """Compares what arrived with what the rows say; faults go into the tally. Returns the states of the messages."""
    faults, rows = trials.tally.faults, {(row.customer_id, row.channel): row for row in Message.objects.all()}
    for row in rows.values():
        if row.state in ("queued", "sending"):
            faults.append(f"message {row.pk} is {row.state}")
    for campaign in Campaign.objects.filter(name__startswith="Trial").exclude(state="sent"):
        faults.append(f"campaign {campaign.pk} is {campaign.state}: {campaign.note}")
    people = [person for _, own in trials.campaigns for person in own]
    names = dict(Customer.objects.values_list("pk", "external_id"))
    addresses = {"email": [f"{names[pk]}@example.invalid" for pk in people]}
    addresses["sms"] = [number_of(place) for place in range(len(people))]
    for channel, inbox in inboxes.items():
        person_of = dict(zip(addresses[channel], people, strict=True))
        for address, times in Counter(address for address, _ in inbox.arrived).items():
            if times > 1:
                faults.append(f"{address} got {times} messages")
        for address, at in inbox.arrived:
            key = (person_of[address], channel)
            row, said = rows[key], trials.tally.said.get(key)
            if row.state not in ("sent", "unknown"):
                faults.append(f"message {row.pk} arrived and is {row.state} {row.reason}")
            if said and at > said.at and (said.is_effective or row.pk not in said.under_way):
                faults.append(f"message {row.pk} arrived {at - said.at:.3f} s after its withdrawal was acknowledged")
        got = {person_of[address] for address, _ in inbox.arrived}
        faults += [
            f"message {row.pk} is sent and never arrived"
            for row in rows.values()
            if row.channel == channel and row.state == "sent" and row.customer_id not in got
        ]
    return Counter((row.channel, row.state, row.reason) for row in rows.values())


def main(count: int, people: int, seed: int) -> dict:
    settings.SMTP_PORT, text_port = free_port(), free_port()
    FOLDER.prepare()
    stack = Stack(
        os.environ | {"SMTP_PORT": str(settings.SMTP_PORT), "ATTUNE_SMS_URL": f"http://127.0.0.1:{text_port}/"}
    )
    stopped = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        stack.start_server(Postgres(FOLDER, True))
        stack.start_server(Valkey(FOLDER))
        subprocess.run([sys.executable, "manage.py", "migrate"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        return _trials(stack, text_port, count, people, seed)
    finally:
        signal.signal(signal.SIGTERM, stopped)
        stack.stop()
        shutil.rmtree(PLACE, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _trials(stack: Stack, text_port: int, count: int, people: int, seed: int) -> dict:
    made = prepare(count, people)
    inboxes = {"email": Inbox(seed), "sms": Provider(seed)}
    mail, texts = inboxes["email"].serve(settings.SMTP_PORT), inboxes["sms"].serve(text_port)
    stack.start_all()
    time.sleep(10)  # until all are up: a send that waits for its workers is hardest to hit
    print(f"{count} trials with {people} people each, one SIGKILL a trial, seed {seed}", flush=True)
    began, trials = time.monotonic(), Trials(stack, seed, made)
    try:
        trials.run()
    finally:
        mail.stop()
        texts.shutdown()
    return report(trials, inboxes, seed, time.monotonic() - began)


def report(trials: Trials, inboxes: dict[str, Inbox | Provider], seed: int, seconds: float) -> dict:
    """The tally as plain numbers by name, which add up over slices."""
    states, tally = judge(trials, inboxes), trials.tally
    arrived = Counter(address for inbox in inboxes.values() for address, _ in inbox.arrived)
    return {
        "seed": seed,
        "trials": len(trials.campaigns),
        "seconds": round(seconds),
        "struck": dict(tally.strikes),
        "ended": len(trials.stack.ended),
        "arrived": arrived.total(),
        "twice": sum(times > 1 for times in arrived.values()),
        "messages": {" ".join(kind).strip(): number for kind, number in states.items()},
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


SUMS = ("trials", "seconds", "ended", "arrived", "twice", "withdrawals", "effective", "unanswered", "late")


def say(tally: dict) -> bool:
    """Prints a tally; True when nothing was at fault and every trial struck."""
    struck, kinds = (
        ", ".join(f"{what} {n:,}" for what, n in sorted(tally[name].items())) for name in ("struck", "messages")
    )
    print(f"  {tally['trials']} trials, {tally['seconds']:.0f} s; struck: {struck}")
    print(f"  {tally['ended']} processes ended by themselves and were started again")
    print(f"  {tally['arrived']:,} messages arrived, {tally['twice']} recipients got two on a channel")
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
    parser.add_argument("--clock", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        work(asked.worker)
    elif asked.clock:
        ring()
    else:
        run = main(asked.trials, asked.people, asked.seed + asked.first)
        if asked.tally:
            with asked.tally.open("a") as file:
                file.write(json.dumps(run) + "\n")
            run = add_up([json.loads(line) for line in asked.tally.read_text().splitlines()])
        sys.exit(0 if say(run) else 1)
