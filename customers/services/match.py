"""Asks the rules of customers.identity about every contact point that nobody has asked about: the row is the queue."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from customers.contracts import Matched
from customers.exceptions import MergeRefused
from customers.identity import MOST_SHARED, RULES, Record, Rule, judge
from customers.models import ContactPoint, Customer, MergeProposal
from customers.queries.people import standing
from customers.services.merge import merge, propose, sweep_strays

log = logging.getLogger(__name__)
BATCH = 500  # contact points a round: below a second, and what a killed worker has to ask again
STRAYS = timedelta(hours=1)  # longer than any transaction that stores events

# Per asked point: who else has it, one more than may share it at most, so that a till's own card costs no more.
SHARED = """
SELECT p.id, o.customer_id FROM customers_contactpoint p
CROSS JOIN LATERAL (
    SELECT DISTINCT c.customer_id FROM customers_contactpoint c JOIN customers_customer r ON r.id = c.customer_id
    WHERE c.kind = p.kind AND c.lookup = p.lookup AND r.erased_at IS NULL AND r.merged_into_id IS NULL
      AND (NOT %(verified)s OR c.verified_at IS NOT NULL)
    LIMIT %(most)s
) o
WHERE p.id = ANY(%(ids)s) AND p.kind = %(kind)s AND (NOT %(verified)s OR p.verified_at IS NOT NULL)
ORDER BY p.id, o.customer_id
"""


def match(batch: int = BATCH) -> Matched:
    """Merges or proposes whom the next unasked contact points show to be one person; `asked` is 0 when none is left.

    Rules are asked in their order, and each merge is a transaction of its own. Two workers on the same points do it
    once: the second finds the records merged and the pair proposed. One that is killed leaves its points to the next.
    """
    began = timezone.now()
    ids = list(ContactPoint.objects.filter(matched_at=None).order_by("pk").values_list("pk", flat=True)[:batch])
    merged = proposed = 0
    for rule in RULES:
        for one, other in _pairs(rule, ids):
            outcome = _ask(rule, one, other)
            merged, proposed = merged + (outcome == "merged"), proposed + (outcome == "proposed")
    ContactPoint.objects.filter(pk__in=ids, matched_at=None).update(matched_at=began)
    return Matched(len(ids), merged, proposed)


def match_all() -> Matched:
    """Rounds until nothing waits, then what came in at the moment of a merge."""
    total = Matched()
    while (done := match()).asked:
        total = Matched(total.asked + done.asked, total.merged + done.merged, total.proposed + done.proposed)
    sweep_strays(timezone.now() - STRAYS)
    return total


def _pairs(rule: Rule, ids: list[int]) -> list[tuple[int, int]]:
    """Records that share a point under this rule, each pair once, the smaller id first."""
    if not ids:
        return []
    shared: dict[int, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(SHARED, {"ids": ids, "kind": rule.kind, "verified": rule.is_verified, "most": MOST_SHARED + 1})
        for point_id, customer_id in cursor.fetchall():
            shared[point_id].append(customer_id)
    return sorted(
        {(owners[0], other) for owners in shared.values() if len(owners) <= MOST_SHARED for other in owners[1:]}
    )


def _ask(rule: Rule, one: int, other: int) -> str:
    """Merges, proposes or leaves the pair: "merged", "proposed" or ""."""
    now = standing([one, other])
    one, other = now.get(one, one), now.get(other, other)
    if one == other or _was_asked(one, other):
        return ""
    records = _records([one, other])
    if len(records) < 2:
        return ""
    verdict = judge(*records)
    if verdict.conflict:
        return "proposed" if propose(verdict.kept, verdict.merged, rule=rule.name, conflict=verdict.conflict) else ""
    try:
        merge(verdict.kept, verdict.merged, rule=rule.name)
    except MergeRefused as refusal:  # somebody else was faster
        log.info("records %s and %s were not merged: %s", one, other, refusal)
        return ""
    return "merged"


def _was_asked(one: int, other: int) -> bool:
    return MergeProposal.objects.filter(one__in=(one, other), other__in=(one, other)).exists()


def _records(ids: Iterable[int]) -> list[Record]:
    verified: dict[int, set[bytes]] = defaultdict(set)
    points = ContactPoint.objects.filter(customer__in=ids, kind="email", verified_at__isnull=False)
    for customer_id, lookup in points.values_list("customer_id", "lookup"):
        verified[customer_id].add(bytes(lookup))
    return [
        Record(pk, not is_provisional, frozenset(verified[pk]))
        for pk, is_provisional in Customer.objects.present().filter(pk__in=ids).values_list("pk", "is_provisional")
    ]
