"""Withdrawals against a running send: a real SMTP server that waits between the gate and DATA, and a tally of what arrived when.

Both sides read the machine's one monotonic clock. A mail counts at the moment its last byte has arrived, which is later
than the moment it was sent, so the trial errs on the strict side.
"""

import asyncio
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock

from aiosmtpd.controller import Controller
from django.db import connection
from django.test.utils import override_settings

from campaigns.models import Message
from campaigns.services import delivery
from campaigns.services.withdrawal import Acknowledgement, acknowledge
from tests.flows.shop import Shop, open_shop

AIMED, AIM_TRIES = 0.8, 200  # so many aim at a message that is being handed over, and look for one for two seconds


class SlowServer:
    """aiosmtpd's handler: answers MAIL after 0 to `most` seconds, so the wait lies between the gate and DATA."""

    def __init__(self, most: float, seed: int):
        self.most = most
        self.random = random.Random(seed)
        self.arrived: list[tuple[str, float]] = []

    async def handle_MAIL(self, server, session, envelope, address, options):
        await asyncio.sleep(self.random.uniform(0, self.most))
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.arrived.append((envelope.rcpt_tos[0], time.monotonic()))
        return "250 2.0.0 kept"


@dataclass
class Tally:
    """What the trial saw."""

    withdrawals: int = 0
    while_sending: int = 0  # acknowledged while the send still ran
    met_under_way: int = 0  # whose message was being handed over: the acknowledgement had to wait for it
    effective: int = 0
    under_way: int = 0  # "recorded; one message may be under way"
    sent: int = 0
    cancelled: int = 0
    longest: float = 0.0  # seconds to the acknowledgement
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    states: Counter = field(default_factory=Counter)


def trial(
    withdrawals: int, *, people: int, senders: int, withdrawers: int, delay: float, patience: float = 10, seed: int = 1,
    progress: Callable[[int], object] = lambda done: None,
) -> Tally:  # fmt: skip
    """Sends to `people` and lets the first `withdrawals` of them say no meanwhile, four in five under the sender's hands."""
    shop = open_shop(people=people, per_second=10_000)
    handler = SlowServer(delay, seed)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(handler, hostname="127.0.0.1", port=port)
    server.start()
    try:
        return _run(shop, handler, port, withdrawals, senders, withdrawers, patience, seed, progress)
    finally:
        server.stop()


def _run(shop: Shop, handler, port, withdrawals, senders, withdrawers, patience, seed, progress) -> Tally:
    tally, over, lock = Tally(), Event(), Lock()
    names = {f"{person.external_id}@example.invalid": person.pk for person in shop.people}
    waiting = [person.pk for person in shop.people]
    random.Random(seed).shuffle(waiting)
    left = set(waiting)
    said: dict[int, tuple[float, Acknowledgement]] = {}
    began = time.monotonic()

    def send() -> None:
        while delivery.send_batch(shop.campaign.pk, size=3):
            if over.is_set():
                break
        connection.close()

    def take(candidates: list[int]) -> int | None:
        """The first that nobody took yet. A list that is handed in empty means anybody."""
        with lock:
            one = next((pk for pk in candidates if pk in left), None)
            while not candidates and one is None and waiting:
                last = waiting.pop()
                one = last if last in left else None
            left.discard(one)
            return one

    def next_person(dice: random.Random) -> int | None:
        with lock:
            if tally.withdrawals >= withdrawals:
                return None
            tally.withdrawals += 1
        for _ in range(AIM_TRIES if dice.random() < AIMED else 0):
            rows = Message.objects.filter(state="sending", attempted_at__isnull=False)
            aimed = list(rows.values_list("customer_id", flat=True))
            if aimed and (one := take(aimed)) is not None:
                return one
            time.sleep(0.01)
        return take([])

    def withdraw_some(number: int) -> None:
        dice = random.Random(seed * 1000 + number)
        while (person := next_person(dice)) is not None:
            asked = time.monotonic()
            ack = acknowledge(
                customer_id=person, channel="email", purpose="marketing", method="one_click", actor="subject",
                patience=patience,
            )  # fmt: skip
            now = time.monotonic()
            with lock:
                said[person] = (now, ack)
                tally.longest = max(tally.longest, now - asked)
                tally.met_under_way += now - asked > 0.1
                tally.while_sending += not over.is_set()
            progress(1)
        connection.close()

    settings = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": port, "SMTP_TLS": "none"}
    with override_settings(**settings), ThreadPoolExecutor(senders + withdrawers) as pool:
        delivery.start(shop.campaign.pk)
        sending = [pool.submit(send) for _ in range(senders)]
        saying = [pool.submit(withdraw_some, number) for number in range(withdrawers)]
        for future in saying:
            future.result()
        over.set()
        for future in sending:
            future.result()
    tally.seconds = time.monotonic() - began
    _count(tally, handler, said, names)
    return tally


def _count(tally: Tally, handler: SlowServer, said: dict, names: dict) -> None:
    tally.withdrawals = len(said)
    tally.sent = len(handler.arrived)
    tally.effective = sum(ack.is_effective for _, ack in said.values())
    tally.under_way = tally.withdrawals - tally.effective
    tally.cancelled = sum(ack.cancelled for _, ack in said.values())
    tally.states = Counter(Message.objects.values_list("state", "reason"))
    message_of = dict(Message.objects.values_list("customer_id", "pk"))
    for address, arrived in handler.arrived:
        person = names[address]
        at, ack = said.get(person, (None, None))
        if ack is None or arrived <= at:
            continue
        if ack.is_effective:
            tally.violations.append(f"customer {person}: sent {arrived - at:.3f} s after it was effective")
        elif message_of[person] not in [one.message_id for one in ack.under_way]:
            tally.violations.append(f"customer {person}: sent after the word, and not named as under way")
