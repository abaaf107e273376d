"""An audience of a million people with twenty million events, from the segment to its queued messages.

    python -m benchmarks.million [--customers 1000000] [--events 20000000] [--explain] [--keep FOLDER]

Runs what a campaign runs: the segments are worked out and frozen with three products a person, approved by a second person,
rehearsed, and started, with two channels, a hold-out, caps, waves and four other campaigns of late in the way. The yardstick
is a bare INSERT ... SELECT: of as many messages into a table of the same columns without a key, and of everything that the
start writes into tables with the same keys and indexes. Prints seconds, ratios, memory and every statement over two seconds.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import crowd
from campaigns.models import Assignment, AudienceMember, Campaign, Exclusion, Message, MessageVariant, Segment
from campaigns.queries.audience import rehearse
from campaigns.queries.wording import channels_of
from campaigns.services import approval, audience, compose, delivery, membership, tallies
from campaigns.services.lifecycle import move
from campaigns.services.segments import save_segment
from catalog.services.offers import save_offer
from copywriting.contracts import CHANNELS
from registry.models import ModelVersion
from tests import factories

SLOW = 2.0  # seconds
# Two of three people: by what they are like and by what they did, counted over the events.
RULES = {
    "loyal": {"all": [{"field": "f_score", "op": ">=", "value": 4},
                      {"field": "viewed", "op": ">=", "value": 3, "days": 60}]},
    "seen": {"any": [{"field": "orders_in", "op": ">=", "value": 2, "days": 60},
                     {"field": "viewed", "op": ">=", "value": 1, "days": 90}]},
}  # fmt: skip
# What four campaigns of late said to every fourth person, so that the caps have something to count.
HEARD = """
INSERT INTO campaigns_message (campaign_id, customer_id, channel, variant_id, state, reason, tries, provider_id, error,
                               sent_at, attempted_at)
SELECT %s, id, 'email', %s, 'sent', '', 1, '', '', now() - %s * interval '1 day', now() - %s * interval '1 day'
FROM customers_customer WHERE id %% 4 = %s
"""
TABLES = (Message, Assignment, Exclusion)


class Watch:
    """How long each part took, and the statements that took most of it."""

    def __init__(self, explain: bool):
        self.seconds: dict[str, float] = {}
        self._explain = explain

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        with connection.execute_wrapper(self._timed):
            yield
        self.seconds[name] = time.monotonic() - began
        print(f"{name}: {self.seconds[name]:.1f} s", flush=True)

    def _timed(self, execute, sql, params, many, context):
        if self._explain and sql.lstrip().startswith(("INSERT", "WITH", "UPDATE")):
            self._explained(sql, params)
        began = time.monotonic()
        result = execute(sql, params, many, context)
        took = time.monotonic() - began
        if took > SLOW:
            print(f"    {took:.1f} s  {' '.join(sql.split())[:100]}", flush=True)
        return result

    def _explained(self, sql: str, params) -> None:
        """The plan as it really went, and nothing of its work stands."""
        connection.ensure_connection()
        with connection.connection.transaction(force_rollback=True), connection.connection.cursor() as cursor:
            began = time.monotonic()
            lines = [line for (line,) in cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + sql, params).fetchall()]
        if time.monotonic() - began > SLOW:
            print("\n".join(f"      {line}" for line in lines), flush=True)


def a_campaign(name: str, segments: list[Segment], actor, **plan) -> Campaign:
    offer = save_offer(external_id=f"{name} {time.time_ns()}", title="15% off", kind="percent", value=Decimal(15),
                       starts_at=timezone.now(), ends_at=timezone.now() + timedelta(days=10))  # fmt: skip
    made = compose.create(
        compose.Plan(name=name, segment_ids=tuple(one.pk for one in segments), offer_id=offer.pk, items_per_message=3,
                     scheduled_at=timezone.now(), **plan),
        actor=actor,
    )  # fmt: skip
    for segment in segments:
        for channel in channels_of(made):
            MessageVariant.objects.create(
                campaign=made, segment=segment, channel=channel, writer="person",
                subject="{{ product.title }} again?" if CHANNELS[channel].subject else "",
                body="{{ product.title }} is waiting. {{ offer }} until {{ ends_on }} at {{ store }}.",
            )  # fmt: skip
    return made


def said_before(segments: list[Segment], actor) -> None:
    for number in range(4):
        made = a_campaign(f"Earlier {number}", segments[:1], actor)
        days = 1 + 3 * number
        with connection.cursor() as cursor:
            cursor.execute(HEARD, [made.pk, made.variants.get().pk, days, days, number])


def bare(campaign: Campaign) -> tuple[float, float]:
    """Seconds of the bare insert of its messages, and of everything written into twins with the same keys and indexes."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("CREATE TEMP TABLE bare (LIKE campaigns_message)")
        plain = _timed(cursor, "INSERT INTO bare SELECT * FROM campaigns_message WHERE campaign_id = %s", campaign)
        twins = 0.0
        for table in (model._meta.db_table for model in TABLES):
            cursor.execute(f"CREATE TEMP TABLE twin_{table} (LIKE {table} INCLUDING ALL)")
            twins += _timed(cursor, f"INSERT INTO twin_{table} SELECT * FROM {table} WHERE campaign_id = %s", campaign)  # noqa: S608
        transaction.set_rollback(True)
    return plain, twins


def _timed(cursor, statement: str, campaign: Campaign) -> float:
    began = time.monotonic()
    cursor.execute(statement, [campaign.pk])
    return time.monotonic() - began


def main(customers: int, events: int, explain: bool) -> None:
    crowd.fill(customers=customers, events=events)
    print(f"{customers:,} customers, {events:,} events, {crowd.used():.1f} GB", flush=True)
    marketer, approver = (factories.staff(role, f"{role}-{time.time_ns()}") for role in ("marketer", "approver"))
    segments = [save_segment(slug=f"{slug}-{marketer.pk}", name=slug, rule=rule, audience_phrase="guests", actor=marketer)
                for slug, rule in RULES.items()]  # fmt: skip
    if not Message.objects.exists():
        said_before(segments, marketer)
    campaign = a_campaign("All of them", segments, marketer, channels=("email", "sms"), holdout_share=0.1,
                          cap_days=3)  # fmt: skip
    move(campaign.pk, "generate", actor=marketer)
    Campaign.objects.filter(pk=campaign.pk).update(recommender=ModelVersion.objects.get(kind="recommender"))
    campaign = Campaign.objects.select_related("offer", "merchant").get(pk=campaign.pk)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_message")
    watch = Watch(explain)
    with crowd.Memory() as memory:
        for segment in segments:
            with watch.part(f"members of “{segment.name}” kept, everybody asked"):
                membership.rebuild(segment.pk)
        with watch.part("audience frozen, products chosen"):
            size = audience.freeze(campaign)
        move(campaign.pk, "drafted")
        with watch.part("read through for the reviewer, and approval"):
            campaign = Campaign.objects.get(pk=campaign.pk)
            approval.approve(
                campaign.pk, approver=approver, seen_digest=tallies.read_through(campaign).answer["digest"]
            )
        compose.schedule(campaign.pk, actor=marketer)
        with watch.part("rehearsal, nothing written"):
            rehearse(campaign)
        with watch.part("start: digest again, words tried, gate, arms, messages"):
            said = delivery.start(campaign.pk)
    report(campaign, size, said, watch, memory)


def report(campaign: Campaign, size: int, said, watch: Watch, memory: crowd.Memory) -> None:
    written = {model._meta.model_name: model.objects.filter(campaign=campaign).count() for model in TABLES}
    assert AudienceMember.objects.filter(campaign=campaign).count() == size == written["assignment"]
    plain, twins = bare(campaign)
    print(f"audience {size:,}; treated {said.treated:,}, held out {said.holdout:,}; "
          + ", ".join(f"{step.reason} {step.count:,}" for step in said.steps))  # fmt: skip
    print("written: " + ", ".join(f"{number:,} {name}s" for name, number in written.items()))
    start, rehearsed = watch.seconds[list(watch.seconds)[-1]], watch.seconds["rehearsal, nothing written"]
    print(f"bare INSERT ... SELECT of the messages: {plain:.1f} s; start {start / plain:.1f} times that, "
          f"the gate alone (rehearsal) {rehearsed / plain:.1f} times")  # fmt: skip
    print(f"INSERT ... SELECT of all that is written, with its keys and indexes: {twins:.1f} s; start {start / twins:.2f} "
          "times that")  # fmt: skip
    print(f"from the segments to the queue: {sum(watch.seconds.values()):.0f} s; most memory: this process {memory.own:.0f} MB, "
          f"a server process {memory.server:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--explain", action="store_true", help="print the plans of slow statements, each run twice")
    parser.add_argument("--keep", help="a folder where the store stays, and is found again")
    asked = parser.parse_args()
    with crowd.store():
        main(asked.customers, asked.events, asked.explain)
