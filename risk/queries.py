"""Reads about doubt: the queue, a flag with what stands around it, the rules with what became of their flags. What the
pages show of a person is the platform's own id, never a name; what the sweep judges comes under pseudonyms (dataset)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Max, Prefetch, Q, QuerySet

from customers.models import Customer, Order
from risk.contracts import FlaggedOrder, FlagLine, QueuedCase, ReasonLine, RuleLine
from risk.models import Flag, Rule, Signal, Sweep, Verdict

AROUND = timedelta(hours=24)  # the longest window of a rule
AROUND_SHOWN = 60  # a burst of more is seen as one from the first sixty
ORDERS_SHOWN = 6  # a case in the queue is recognised by a few; its flag's page has them all
MARK = "fraud: "  # begins the reason of every exclusion that risk asked for; another room's exclusion is left alone


def database_now() -> datetime:
    """The clock that dates `received_at`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def last_sweep() -> Sweep | None:
    """The one that read furthest, or None before the first."""
    return Sweep.objects.order_by("-read_until").first()


def received(since: datetime, until: datetime) -> int:
    """How many orders came in from `since` up to but not including `until`, as far as can be seen now."""
    return Order.objects.filter(received_at__gte=since, received_at__lt=until).count()


def currencies(since: datetime) -> list[str]:
    """Those of the orders that came in since: amounts are compared within one."""
    return list(
        Order.objects.filter(received_at__gte=since).order_by("currency").values_list("currency", flat=True).distinct()
    )


def lock(customer_ids: Iterable[int]) -> None:
    """Whoever raises or decides flags takes this first, in one order of customers, so that they queue up by customer."""
    rows = Customer.objects.select_for_update(no_key=True).filter(pk__in=set(customer_ids)).order_by("pk")
    list(rows.values_list("pk"))


def excluded_by_risk(*, order_ids: Iterable[int] = (), customer_ids: Iterable[int] = ()) -> tuple[list[int], list[int]]:
    """Which of these orders and people are left out because risk asked for it."""
    marked = {"excluded_at__isnull": False, "excluded_reason__startswith": MARK}
    orders = Order.objects.filter(pk__in=list(order_ids), **marked).values_list("pk", flat=True)
    people = Customer.objects.filter(pk__in=list(customer_ids), **marked).values_list("pk", flat=True)
    return list(orders), list(people)


def rules_in_force() -> dict[str, Rule]:
    return {rule.code: rule for rule in Rule.objects.filter(is_active=True).order_by("code")}


def rules() -> list[RuleLine]:
    """Every version, the active one of a code first, with the flags it raised by what became of them."""
    counts = defaultdict(dict)
    for rule_id, state, flags in Signal.objects.values_list("rule_id", "flag__state").annotate(
        flags=Count("flag_id", distinct=True)
    ):
        counts[rule_id][state] = flags
    return [
        RuleLine(
            rule.code, rule.version, rule.description, rule.params, rule.is_active, rule.created_at,
            *(counts[rule.pk].get(state, 0) for state in Flag.State.values),
        )
        for rule in Rule.objects.order_by("code", "-is_active", "-version")
    ]  # fmt: skip


def waiting() -> int:
    """Cases with an open flag."""
    return Flag.objects.filter(state=Flag.State.OPEN).aggregate(cases=Count("case_id", distinct=True))["cases"]


def queue(
    *, state: str = Flag.State.OPEN, code: str = "", after: tuple[float, int] | None = None, limit: int = 25
) -> list[QueuedCase]:
    """Cases with a flag in this state, the highest score first; `after` is (score, id) of the last case of the page before.

    Four queries, whatever the number of cases.
    """
    flags = Flag.objects.filter(state=state, **({"code": code} if code else {}))
    page = flags.values("case_id", "customer_id").annotate(
        top=Max("score"), flags=Count("pk"), orders=Count("order_id", distinct=True), newest=Max("pk")
    )
    if after is not None:
        page = page.filter(Q(top__lt=after[0]) | Q(top=after[0], case_id__lt=after[1]))
    page = list(page.order_by("-top", "-case_id")[:limit])
    people = Customer.objects.in_bulk([row["customer_id"] for row in page])
    by_case = defaultdict(list)
    for flag in flags.filter(case_id__in=[row["case_id"] for row in page]).order_by("-score", "-pk"):
        by_case[flag.case_id].append(flag)
    shown = {case_id: _newest_orders(case_flags) for case_id, case_flags in by_case.items()}
    orders = Order.objects.in_bulk([pk for pks in shown.values() for pk in pks])
    return [
        QueuedCase(
            id=row["case_id"],
            customer_id=row["customer_id"],
            customer=people[row["customer_id"]].external_id,
            is_held=people[row["customer_id"]].excluded_at is not None,
            score=row["top"],
            flags=row["flags"],
            order_count=row["orders"],
            newest_flag_id=row["newest"],
            reasons=_reasons(by_case[row["case_id"]]),
            orders=tuple(_flagged(orders[pk], by_case[row["case_id"]]) for pk in shown[row["case_id"]]),
        )
        for row in page
    ]


def _newest_orders(flags: Sequence[Flag]) -> list[int]:
    return sorted({flag.order_id for flag in flags if flag.order_id}, reverse=True)[:ORDERS_SHOWN]


def _reasons(flags: Sequence[Flag]) -> tuple[ReasonLine, ...]:
    by_code = defaultdict(list)
    for flag in flags:
        by_code[flag.code].append(flag)
    return tuple(ReasonLine(code, same[0].sentence, same[0].pk, len(same)) for code, same in by_code.items())


def _flagged(order: Order, flags: Iterable[Flag]) -> FlaggedOrder:
    codes = sorted({flag.code for flag in flags if flag.order_id == order.pk})
    return FlaggedOrder(
        order.pk, order.external_id, order.ordered_at, order.channel, order.total, order.coupon_discount,
        order.currency, tuple(codes),
    )  # fmt: skip


def flags() -> QuerySet[Flag]:
    """Flags with what their page shows of them: signals and their rules, verdicts and who gave them."""
    signals = Prefetch("signals", Signal.objects.select_related("rule").order_by("pk"))
    verdicts = Prefetch("verdicts", Verdict.objects.select_related("by").order_by("-pk"))
    return Flag.objects.select_related("customer", "order", "case").prefetch_related(signals, verdicts)


def orders_around(flag: Flag) -> list[FlaggedOrder]:
    """The orders of this customer within a day of the flagged one, in their order of time."""
    if flag.order is None:
        return []
    window = (flag.order.ordered_at - AROUND, flag.order.ordered_at + AROUND)
    orders = Order.objects.filter(customer_id=flag.customer_id, ordered_at__range=window).order_by("ordered_at", "pk")
    orders = list(orders[:AROUND_SHOWN])
    standing = list(Flag.objects.filter(order__in=orders).exclude(state=Flag.State.DISMISSED))
    return [_flagged(order, standing) for order in orders]


def flags_of(customer_id: int) -> tuple[FlagLine, ...]:
    """All flags that ever stood against this person, the newest first."""
    return tuple(
        FlagLine(flag.pk, flag.order_id, flag.code, flag.sentence, flag.score, flag.state, flag.raised_at)
        for flag in Flag.objects.filter(customer_id=customer_id).order_by("-raised_at", "-pk")
    )


def personal(customer_id: int) -> dict:
    """What this room knows of a person, for their export: each doubt with its reason, and what people decided and why."""
    rows = Flag.objects.filter(customer_id=customer_id).select_related("order").order_by("pk")
    return {
        "flags": [
            {
                "raised_at": flag.raised_at.isoformat(),
                "order": flag.order and flag.order.external_id,
                "code": flag.code,
                "reason": flag.sentence,
                "score": flag.score,
                "state": flag.state,
                "verdicts": [
                    {"at": verdict.at.isoformat(), "decision": verdict.decision, "reason": verdict.reason}
                    for verdict in flag.verdicts.all()
                ],
            }
            for flag in rows.prefetch_related(Prefetch("verdicts", Verdict.objects.order_by("pk")))
        ]
    }
