"""Writes about doubt: rules as data, flags with their reasons, and what people decide about them.

A flag keeps its order out of learning and reports until somebody dismisses it. A person is kept out of audiences only by
what a person confirmed, or while many or grave doubts wait (rule C-HOLD): nobody is barred for good without a human.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import transaction
from django.db.models import Count, Max, Q, Value
from django.utils import timezone

from accounts.services import audit
from customers.queries.people import records_of, standing
from customers.services.learning import exclude_from_learning, include_again
from risk import queries
from risk.contracts import NewFlag, Raised, SweepReport
from risk.exceptions import DecisionRefused
from risk.ml.rules import DEFAULT_RULES
from risk.models import Case, Flag, Rule, Signal, Sweep, Verdict

HOLD = "C-HOLD"
# Ten doubtful orders, or one at two and a half times a limit. Among the 2,469 households of Complete Journey, where no fraud
# is known, this holds 12 (0.5 %) until somebody looks; five orders would hold 22.
HOLD_PARAMS = {"flagged_orders": 10, "score": 0.8}
HOLD_DESCRIPTION = "Many or grave open flags, or a confirmed one, keep a customer out of audiences"


def ensure_rules() -> None:
    """Brings the rules of this release into the database. A default that changed becomes a new version; a version that was
    there before is left as it is, active or not, so that staff may prefer another."""
    wanted = [(rule.code, rule.description, rule.params) for rule in DEFAULT_RULES]
    wanted.append((HOLD, HOLD_DESCRIPTION, HOLD_PARAMS))
    known = defaultdict(list)
    for row in Rule.objects.all():
        known[row.code].append(row)
    for code, description, params in wanted:
        if any(row.params == params for row in known[code]):
            continue
        version = max((row.version for row in known[code]), default=0) + 1
        with transaction.atomic():
            Rule.objects.filter(code=code, is_active=True, version__lt=version).update(is_active=False)
            # The unique keys decide when two processes start at once.
            row = Rule(code=code, version=version, description=description, params=params)
            Rule.objects.bulk_create([row], ignore_conflicts=True)


def raise_flags(doubts: Sequence[NewFlag]) -> Raised:
    """Raises what is new: one case a customer, one flag per customer, order and code, its signal, and the exclusions.

    What a person dismissed is raised again only by another version of the rule. Safe to repeat and to run twice at once.
    """
    if not _news(doubts):
        return Raised({}, 0, 0)
    with transaction.atomic():
        queries.lock(doubt.customer_id for doubt in doubts)
        news = _news(doubts)
        cases = _open_cases({doubt.customer_id for doubt, _ in news})
        flags = [_reopened(doubt, flag_id, cases) if flag_id else _flag(doubt, cases) for doubt, flag_id in news]
        Flag.objects.bulk_create([flag for flag in flags if flag.pk is None])
        Signal.objects.bulk_create(
            Signal(
                flag=flag, rule_id=doubt.rule_id, value=doubt.reason.value, usual_low=doubt.reason.usual_low,
                usual_high=doubt.reason.usual_high, evidence={"score": doubt.reason.score, "facts": dict(doubt.facts)},
            )
            for (doubt, _), flag in zip(news, flags, strict=True)
        )  # fmt: skip
        orders = _exclude_orders(flags)
        held = _settle_holds({flag.customer_id for flag in flags})
    return Raised(Counter(flag.code for flag in flags), orders, held)


def _news(doubts: Iterable[NewFlag]) -> list[tuple[NewFlag, int | None]]:
    """Doubts that nobody raised before, and (with the flag's id) those that another version of the rule dismissed."""
    known, seen_by = {}, defaultdict(set)
    rows = Signal.objects.filter(flag__customer_id__in={doubt.customer_id for doubt in doubts})
    for flag_id, order_id, code, state, rule_id in rows.values_list(
        "flag_id", "flag__order_id", "flag__code", "flag__state", "rule_id"
    ):
        known[order_id, code] = flag_id, state
        seen_by[flag_id].add(rule_id)
    news = {}
    for doubt in doubts:
        key = doubt.order_id, doubt.reason.code
        flag_id, state = known.get(key, (None, None))
        if flag_id is None or (state == Flag.State.DISMISSED and doubt.rule_id not in seen_by[flag_id]):
            news.setdefault(key, (doubt, flag_id))
    return list(news.values())


def _open_cases(customer_ids: Iterable[int]) -> dict[int, Case]:
    """The open case of each of these customers, who are locked: nobody else opens or closes one meanwhile."""
    cases = {
        case.customer_id: case for case in Case.objects.filter(customer_id__in=customer_ids, state=Case.State.OPEN)
    }
    for case in Case.objects.bulk_create(Case(customer_id=pk) for pk in sorted(set(customer_ids) - set(cases))):
        cases[case.customer_id] = case
    return cases


def _flag(doubt: NewFlag, cases: dict[int, Case]) -> Flag:
    return Flag(
        case=cases[doubt.customer_id], customer_id=doubt.customer_id, order_id=doubt.order_id,
        score=doubt.reason.score, code=doubt.reason.code, sentence=doubt.reason.sentence,
    )  # fmt: skip


def _reopened(doubt: NewFlag, flag_id: int, cases: dict[int, Case]) -> Flag:
    flag = Flag.objects.get(pk=flag_id)
    flag.case, flag.state = cases[doubt.customer_id], Flag.State.OPEN
    flag.score, flag.sentence = doubt.reason.score, doubt.reason.sentence
    flag.save(update_fields=["case", "state", "score", "sentence"])
    before, after = {"state": Flag.State.DISMISSED}, {"state": Flag.State.OPEN}
    audit(None, "flag.reopened", flag, before=before, after=after, reason="A new version of the rule fired.")
    return flag


def record_sweep(report: SweepReport, *, read_until: datetime, recent: int) -> None:
    """Moves on to `read_until`. A sweep that judged nothing leaves no row: the next begins where it began."""
    if report.orders:
        Sweep.objects.create(
            read_until=read_until, recent=recent, orders=report.orders, flags=sum(report.flags.values()),
            customers_held=report.customers_held, seconds=report.seconds,
        )  # fmt: skip


def decide(flag_id: int, *, decision: str, reason: str, by, seen: str = Flag.State.OPEN) -> None:
    """Confirms or dismisses one flag. `seen` is the state that whoever decides has before them: an appeal changes a verdict
    by saying which one it changes.

    Raises DecisionRefused without a reason, and when somebody else was faster; Flag.DoesNotExist for an unknown id.
    """
    decision, reason = _checked(decision, reason)
    flag = Flag.objects.get(pk=flag_id)
    with transaction.atomic():
        queries.lock([flag.customer_id])
        changed = Flag.objects.filter(pk=flag_id, state=seen).exclude(state=decision).update(state=decision)
        if changed != 1:
            raise DecisionRefused("This flag was decided meanwhile; look at its history.")
        _carry_out([flag], decision, reason, by)
        audit(by, f"flag.{decision}", flag, before={"state": seen}, after={"state": decision}, reason=reason)


def decide_case(case_id: int, *, decision: str, reason: str, by, newest_flag_id: int) -> int:
    """Confirms or dismisses every open flag of a case up to the newest that the person saw; returns how many.

    Raises DecisionRefused without a reason, and when none is left open; Case.DoesNotExist for an unknown id.
    """
    decision, reason = _checked(decision, reason)
    case = Case.objects.get(pk=case_id)
    with transaction.atomic():
        queries.lock([case.customer_id])
        flags = list(Flag.objects.filter(case=case, state=Flag.State.OPEN, pk__lte=newest_flag_id).order_by("pk"))
        ids = [flag.pk for flag in flags]
        if not ids or Flag.objects.filter(pk__in=ids, state=Flag.State.OPEN).update(state=decision) != len(ids):
            raise DecisionRefused("These flags were decided meanwhile; the queue shows what is left.")
        _carry_out(flags, decision, reason, by)
        audit(by, f"case.{decision}", case, before={"open": len(ids)}, after={"flags": ids}, reason=reason)
    return len(ids)


def _checked(decision: str, reason: str) -> tuple[str, str]:
    if decision not in {Flag.State.CONFIRMED, Flag.State.DISMISSED}:
        raise DecisionRefused("A flag is confirmed or dismissed.")
    if not reason.strip():
        raise DecisionRefused("Say why: the reason stands in the history of the flag.")
    return decision, reason.strip()


def _carry_out(flags: Sequence[Flag], decision: str, reason: str, by) -> None:
    """Verdicts, and what follows from them for the orders, the customer and the case."""
    Verdict.objects.bulk_create(Verdict(flag=flag, decision=decision, reason=reason, by=by) for flag in flags)
    if decision == Flag.State.CONFIRMED:
        _exclude_orders(flags)
    else:
        order_ids = {flag.order_id for flag in flags if flag.order_id}
        doubted = Flag.objects.filter(order_id__in=order_ids).exclude(state=Flag.State.DISMISSED)
        freed = order_ids - set(doubted.values_list("order_id", flat=True))
        include_again(order_ids=queries.excluded_by_risk(order_ids=freed)[0])
    customers = {flag.customer_id for flag in flags}
    _settle_holds(customers)
    cases = Case.objects.filter(customer_id__in=customers, state=Case.State.OPEN)
    cases.exclude(flags__state=Flag.State.OPEN).update(state=Case.State.CLOSED, closed_at=timezone.now())


def _exclude_orders(flags: Iterable[Flag]) -> int:
    by_code = defaultdict(set)
    for flag in flags:
        if flag.order_id:
            by_code[flag.code].add(flag.order_id)
    return sum(
        exclude_from_learning(order_ids=ids, reason=f"{queries.MARK}{code}") for code, ids in sorted(by_code.items())
    )


def _settle_holds(customer_ids: set[int]) -> int:
    """Holds back those whom rule C-HOLD names, frees those whom it names no more; returns how many it holds anew.

    A person is one over all records that were merged into theirs: a doubt that stands on one of them holds them.
    """
    limits = Rule.objects.filter(code=HOLD, is_active=True).values_list("params", flat=True).first() or HOLD_PARAMS
    records = records_of(*customer_ids, *standing(customer_ids).values())
    person_of = {pk: pk for pk in records} | standing(records)
    is_open = Q(state=Flag.State.OPEN)
    found = Flag.objects.filter(customer_id__in=person_of).values("customer_id").annotate(
        orders=ArrayAgg("order_id", distinct=True, filter=is_open & Q(order_id__isnull=False), default=Value([])),
        top=Max("score", filter=is_open),
        confirmed=Count("pk", filter=Q(state=Flag.State.CONFIRMED)),
    )  # fmt: skip
    orders, top, confirmed = defaultdict(set), defaultdict(float), set()
    for row in found:
        person = person_of[row["customer_id"]]
        orders[person].update(row["orders"])
        top[person] = max(top[person], row["top"] or 0)
        if row["confirmed"]:
            confirmed.add(person)
    to_hold = {
        person
        for person in set(person_of.values())
        if person in confirmed or len(orders[person]) >= limits["flagged_orders"] or top[person] >= limits["score"]
    }
    to_free = {pk for pk, person in person_of.items() if person not in to_hold}
    include_again(customer_ids=queries.excluded_by_risk(customer_ids=to_free)[1])
    # And the record that was asked about, so that it stays held should its merge be taken back.
    named = {pk for pk in customer_ids if person_of.get(pk, pk) in to_hold}
    return exclude_from_learning(customer_ids=to_hold | named, reason=f"{queries.MARK}{HOLD}")


def forget(customer_id: int) -> int:
    """Erasure in this room: what rules saw of a person goes, that there was a doubt stays with nobody's name on it."""
    return Signal.objects.filter(flag__customer_id=customer_id).exclude(evidence={}).update(evidence={})
