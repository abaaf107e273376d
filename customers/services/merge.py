"""Two records that are one person become one, with a trail from which they can be taken apart to what they were.

The merged record stays as an empty shell that points at the kept one. Events, orders and contact points are re-pointed
and remember in `came_as` whose they were; everything else that changes on the kept record stands in the trail. Shells
keep their own key: what was sealed under it opens as long as the person is there.

Who merges locks both rows in the order of their ids, so that two merges at once wait for each other and the second sees
what the first did. No ring can come about: only records that stand for themselves merge, and a shell never does.
"""

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.services import audit
from customers.exceptions import MergeRefused
from customers.identity import RULE_WORDS
from customers.models import ContactPoint, Customer, MergeProposal, MergeTrail, Suppression
from customers.queries.people import records_of, standing
from customers.services import merged_consent
from customers.services.contacts import reseal

PART = 5000  # rows a statement re-points: some 100 ms, and memory does not grow with what a person did
STAFF = "staff"
FILLED = ("language", "timezone", "jurisdiction")  # the kept record's own where it has one
KEPT_FIELDS = ("attributes", "personalise", "first_seen_at", "excluded_at", "excluded_reason", *FILLED)
# A person's own no. A bounce is of one address and says nothing of another.
PERSONAL = (Suppression.Reason.UNSUBSCRIBED, Suppression.Reason.COMPLAINED, Suppression.Reason.STAFF)

EVENTS = """
WITH part AS (SELECT occurred_at, id FROM customers_event WHERE customer_id = %(merged)s LIMIT %(part)s)
UPDATE customers_event e SET customer_id = %(kept)s, came_as = COALESCE(e.came_as, %(merged)s)
FROM part WHERE e.occurred_at = part.occurred_at AND e.id = part.id
"""
ORDERS = """
WITH part AS (SELECT id FROM customers_order WHERE customer_id = %(merged)s LIMIT %(part)s)
UPDATE customers_order o SET customer_id = %(kept)s, came_as = COALESCE(o.came_as, %(merged)s)
FROM part WHERE o.id = part.id
"""
EVENTS_BACK = """
WITH part AS (
    SELECT occurred_at, id FROM customers_event WHERE customer_id = %(kept)s AND came_as = ANY(%(came)s) LIMIT %(part)s
)
UPDATE customers_event e SET customer_id = %(merged)s, came_as = NULLIF(e.came_as, %(merged)s)
FROM part WHERE e.occurred_at = part.occurred_at AND e.id = part.id
"""
ORDERS_BACK = """
WITH part AS (SELECT id FROM customers_order WHERE customer_id = %(kept)s AND came_as = ANY(%(came)s) LIMIT %(part)s)
UPDATE customers_order o SET customer_id = %(merged)s, came_as = NULLIF(o.came_as, %(merged)s)
FROM part WHERE o.id = part.id
"""
# A no to one address of a channel is a no to every address of that channel which turns out to be the same person's.
SUPPRESS = """
INSERT INTO customers_suppression (channel, lookup, lookup_version, reason)
SELECT DISTINCT ON (s.channel, other.lookup) s.channel, other.lookup, other.lookup_version, s.reason
FROM customers_contactpoint said
JOIN customers_suppression s ON s.lookup = said.lookup AND s.lifted_at IS NULL AND s.reason = ANY(%(reasons)s)
JOIN customers_contactpoint other ON other.customer_id = said.customer_id AND other.kind = said.kind
WHERE said.customer_id = %(kept)s
ORDER BY s.channel, other.lookup, s.id
ON CONFLICT (channel, lookup) WHERE lifted_at IS NULL DO NOTHING RETURNING id
"""


def merge(kept_id: int, merged_id: int, *, rule: str, actor=None, reason: str = "") -> MergeTrail:
    """Merges one record into another, in one transaction. Raises MergeRefused, and then nothing changed.

    Consent afterwards is the stricter of the two for every purpose and channel, a no to an address holds for all of the
    person's addresses of that channel, and both switches must have been on for a personalised message. `actor` is a
    member of staff, or None when a rule of customers.identity said so.
    """
    with transaction.atomic():
        kept, merged = _locked(kept_id, merged_id)
        for one in (kept, merged):
            if one.merged_into_id is not None:
                raise MergeRefused(f"{one.external_id} was merged already: merge the record that it stands in.")
        trail = MergeTrail.objects.create(
            kept=kept,
            merged=merged,
            merged_external_id=merged.external_id,
            rule=rule,
            actor=actor,
            reason=reason[:300],
        )
        before = {name: getattr(kept, name) for name in KEPT_FIELDS}
        verified = _move_contacts(kept, merged)
        _in_parts(EVENTS, kept=kept.pk, merged=merged.pk)
        _in_parts(ORDERS, kept=kept.pk, merged=merged.pk)
        _take_over(kept, merged)
        Customer.objects.filter(pk=merged.pk).update(merged_into=kept)
        with connection.cursor() as cursor:
            cursor.execute(SUPPRESS, {"kept": kept.pk, "reasons": [str(one) for one in PERSONAL]})
            suppressed = [pk for (pk,) in cursor.fetchall()]
        trail.moved = {
            "fields": _changed(before, kept),
            "verified": verified,
            "suppressed": suppressed,
            **merged_consent.bring_together(kept.pk, merged.pk, actor),
        }
        trail.save(update_fields=["moved"])
        MergeProposal.objects.filter(one__in=(kept, merged), other__in=(kept, merged), state="open").update(
            state=MergeProposal.State.MERGED, decided_by=actor, decided_at=timezone.now(), reason=reason[:300]
        )
        audit(
            actor,
            "customer.merged",
            kept,
            before={"records": [kept.external_id, merged.external_id]},
            after={"kept": kept.external_id, "rule": rule, "trail": trail.pk},
            reason=reason or RULE_WORDS.get(rule, rule),
        )
    return trail


def undo(trail_id: int, *, actor, reason: str) -> None:
    """Takes a merge back: both records are what they were, and what came in for the shell since goes to it.

    Merges into the same record are taken back newest first. What the person said in the meantime holds for both. The
    pair counts as kept apart: no rule merges it again. Raises Refused without a reason, MergeRefused with what to do.
    """
    if not reason.strip():
        raise Refused("reason_missing", "Say why these are two people.")
    with transaction.atomic():
        trail = MergeTrail.objects.filter(pk=trail_id).first()
        if trail is None or trail.merged_id is None:
            raise MergeRefused("There is no such merge, or one of the two was removed.")
        kept, merged = _locked(trail.kept_id, trail.merged_id)
        newer = MergeTrail.objects.filter(kept=kept, undone_at=None, pk__gt=trail.pk).order_by("-pk").first()
        if newer is not None:
            raise MergeRefused(f"{newer.merged_external_id} was merged into it later: take that merge back first.")
        if kept.merged_into_id is not None:
            raise MergeRefused(f"{kept.external_id} was itself merged since: take that merge back first.")
        # The second of two clicks finds it undone.
        now = timezone.now()
        if not MergeTrail.objects.filter(pk=trail.pk, undone_at=None).update(
            undone_at=now, undone_by=actor, undone_reason=reason[:300]
        ):
            raise MergeRefused("This merge was taken back already.")
        came = records_of(merged.pk)
        _in_parts(EVENTS_BACK, kept=kept.pk, merged=merged.pk, came=came)
        _in_parts(ORDERS_BACK, kept=kept.pk, merged=merged.pk, came=came)
        Customer.objects.filter(pk=merged.pk).update(merged_into=None)
        _return_contacts(kept, merged, came, trail.moved)
        _give_back(kept, trail.moved["fields"])
        merged_consent.take_apart(kept.pk, merged.pk, came, trail.moved, actor)
        _keep_apart(kept, merged, trail.rule, actor, reason)
        audit(
            actor,
            "customer.merge_undone",
            kept,
            before={"kept": kept.external_id, "trail": trail.pk},
            after={"records": [kept.external_id, merged.external_id]},
            reason=reason,
        )


def propose(kept_id: int, merged_id: int, *, rule: str, conflict: str) -> bool:
    """Leaves the question to a person; False when the pair was asked about before, also when it was kept apart."""
    try:
        with transaction.atomic():
            MergeProposal.objects.create(one_id=kept_id, other_id=merged_id, rule=rule, conflict=conflict)
    except IntegrityError:  # the pair stands there, in this order or the other
        return False
    return True


def decide(proposal_id: int, *, accept: bool, actor, reason: str) -> MergeTrail | None:
    """A person's word on a proposal: merged, or kept apart for good. Raises Refused without a reason, MergeRefused."""
    if not reason.strip():
        raise Refused("reason_missing", "Say why you decide so.")
    state = MergeProposal.State.MERGED if accept else MergeProposal.State.DECLINED
    with transaction.atomic():
        proposal = MergeProposal.objects.filter(pk=proposal_id).first()
        decided = MergeProposal.objects.filter(pk=proposal_id, state=MergeProposal.State.OPEN).update(
            state=state, decided_by=actor, decided_at=timezone.now(), reason=reason[:300]
        )
        if not decided:
            raise MergeRefused("Somebody has decided this already.")
        if not accept:
            audit(actor, "customer.merge_declined", proposal, after={"state": str(state)}, reason=reason)
            return None
        now = standing([proposal.one_id, proposal.other_id])
        kept, merged = (now.get(pk, pk) for pk in (proposal.one_id, proposal.other_id))
        if kept == merged:
            return None  # by way of a third record they became one meanwhile
        return merge(kept, merged, rule=proposal.rule, actor=actor, reason=reason)


def sweep_strays(since) -> int:
    """Re-points what came in for a record in the very moment it was merged; returns how many rows."""
    trails = MergeTrail.objects.filter(at__gte=since, undone_at=None, merged__isnull=False)
    moved = 0
    for merged_id in trails.values_list("merged_id", flat=True):
        kept_id = standing([merged_id]).get(merged_id)
        if kept_id is not None:
            moved += _in_parts(EVENTS, kept=kept_id, merged=merged_id)
            moved += _in_parts(ORDERS, kept=kept_id, merged=merged_id)
    return moved


def _locked(kept_id: int, merged_id: int) -> tuple[Customer, Customer]:
    """Both rows, locked in the order of ids. NO KEY: whoever inserts a row that points at them need not wait."""
    if kept_id == merged_id:
        raise MergeRefused("These are one record already.")
    rows = Customer.objects.filter(pk__in=[kept_id, merged_id]).order_by("pk").select_for_update(no_key=True)
    found = {row.pk: row for row in rows}
    if len(found) < 2 or any(row.erased_at is not None for row in found.values()):
        raise MergeRefused("One of the two is not there, or was erased.")
    return found[kept_id], found[merged_id]


def _in_parts(statement: str, **parameters) -> int:
    total = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(statement, {**parameters, "part": PART})
            total += cursor.rowcount
            if cursor.rowcount < PART:
                return total


def _move_contacts(kept: Customer, merged: Customer) -> list[int]:
    """Hands the merged record's points over; returns the kept one's own that are verified by it from now on.

    A point that both have stays with each: the address stands once on the person, and once in the shell.
    """
    own = {(point.kind, bytes(point.lookup)): point for point in ContactPoint.objects.filter(customer=kept)}
    moving, verified = [], []
    for point in ContactPoint.objects.filter(customer=merged).order_by("pk"):
        twin = own.get((point.kind, bytes(point.lookup)))
        if twin is None:
            moving.append(point)
        elif twin.verified_at is None and point.verified_at is not None:
            twin.verified_at = point.verified_at
            verified.append(twin)
    reseal(moving, merged, kept)
    for point in moving:
        point.came_as = point.came_as or merged.pk
    ContactPoint.objects.bulk_update(moving, ["customer", "sealed", "came_as"], batch_size=1000)
    ContactPoint.objects.bulk_update(verified, ["verified_at"], batch_size=1000)
    return [point.pk for point in verified]


def _return_contacts(kept: Customer, merged: Customer, came: list[int], moved: dict) -> None:
    points = list(ContactPoint.objects.filter(customer=kept, came_as__in=came))
    reseal(points, kept, merged)
    for point in points:
        point.came_as = None if point.came_as == merged.pk else point.came_as
    ContactPoint.objects.bulk_update(points, ["customer", "sealed", "came_as"], batch_size=1000)
    ContactPoint.objects.filter(pk__in=moved["verified"], customer=kept).update(verified_at=None)
    if not merged_consent.said_no_since(kept.pk, moved["said_until"]):
        Suppression.objects.filter(pk__in=moved["suppressed"], lifted_at=None).update(lifted_at=timezone.now())


def _take_over(kept: Customer, merged: Customer) -> None:
    """The kept record's own facts first; of two switches and two flags the stricter."""
    kept.attributes = merged.attributes | kept.attributes
    kept.personalise = kept.personalise and merged.personalise
    kept.first_seen_at = min(filter(None, (kept.first_seen_at, merged.first_seen_at)), default=None)
    if kept.excluded_at is None:
        kept.excluded_at, kept.excluded_reason = merged.excluded_at, merged.excluded_reason
    for name in FILLED:
        setattr(kept, name, getattr(kept, name) or getattr(merged, name))
    kept.save(update_fields=KEPT_FIELDS)


def _changed(before: dict, kept: Customer) -> dict:
    """{field: [before, after]} of what the merge changed, as JSON can hold it."""
    pairs = {name: [before[name], getattr(kept, name)] for name in KEPT_FIELDS}
    return {name: [_json(value) for value in pair] for name, pair in pairs.items() if pair[0] != pair[1]}


def _json(value):
    return value.isoformat() if hasattr(value, "isoformat") else value


def _give_back(kept: Customer, fields: dict) -> None:
    """Sets back what the merge changed, where nobody has changed it again since."""
    for name, (before, after) in fields.items():
        value = getattr(kept, name)
        if name == "attributes":
            brought = {key for key in after if key not in before}
            kept.attributes = {k: v for k, v in value.items() if k not in brought or v != after[k]}
        elif _json(value) == after:
            setattr(kept, name, before)
    kept.save(update_fields=list(fields))


def _keep_apart(kept: Customer, merged: Customer, rule: str, actor, reason: str) -> None:
    decided = {
        "state": MergeProposal.State.DECLINED,
        "decided_by": actor,
        "decided_at": timezone.now(),
        "reason": reason[:300],
    }
    pair = MergeProposal.objects.filter(one__in=(kept, merged), other__in=(kept, merged))
    if not pair.update(**decided):
        MergeProposal.objects.create(one=kept, other=merged, rule=rule, conflict="They were merged once.", **decided)
