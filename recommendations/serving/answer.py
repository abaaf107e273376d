"""The live answer for a person, a session, a product or a segment: candidates by a chain of steps, rules, reasons, a record.

No learning library: lists that workers scored, and arrays that workers published (`shelf`). What somebody did a moment ago
is read with the request, so the next answer knows it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
from django.utils import timezone

from recommendations.contracts import Filters, Person, ServedAnswer, ServedItem, ServedProduct
from recommendations.ml.policy import EPSILON, Candidate, Caps, Chosen, Dropped, choose
from recommendations.queries import live
from recommendations.services import exposures
from recommendations.serving.reasons import Reasons
from recommendations.serving.steps import Pool, Subject, gather

REPEAT_DAYS = 7
READ_AT_ONCE = 30
PERSONAL = frozenset({"own_list", "history", "session"})


@dataclass(frozen=True)
class Question:
    """What is asked. merchant_id: the caller's whole reach (None: the platform); filters may narrow it further.

    pins stand first, whatever else holds. explain names what was dropped. explore leaves the last place to chance.
    """

    subject: Subject
    filters: Filters = field(default_factory=Filters)
    k: int = 10
    merchant_id: int | None = None
    pins: tuple[ServedProduct, ...] = ()
    explain: bool = False
    explore: bool = True
    surface: str = "api"


def answer(question: Question) -> ServedAnswer:
    """The list, recorded as an exposure; its request id comes back with clicks, orders and ratings that it led to."""
    now = timezone.now()
    request_id = uuid4()
    dropped: dict[int, Dropped] = {}
    # Filters that leave little ask the catalogue first what may be shown at all. So does a list that came out short: what
    # stands first may be sold out or barred. Who wants to know what was dropped sees the unfiltered order first.
    for narrow in (True,) if question.filters.is_narrow and not question.explain else (False, True):
        pool = gather(
            question.subject, question.filters, k=question.k, reach=question.merchant_id, now=now, narrow=narrow
        )
        chosen, facts = _choose(question, pool, request_id, now)
        dropped = {one.product_id: one for one in chosen.dropped} | dropped
        if len(chosen.items) == question.k:
            break
    reasons = Reasons(pool, facts, reach=question.merchant_id)
    items = tuple(_served(one, facts, reasons, pool) for one in chosen.items)
    counts = {step: sum(item.source == step for item in items) for step in ("pinned", *pool.steps)}
    personal = any(counts.get(step) for step in PERSONAL)
    for_person = question.subject.person
    given = ServedAnswer(
        request_id=request_id,
        items=items,
        propensities=chosen.propensities,
        chain=tuple((step, brought) for step, brought in counts.items() if step != "pinned" or brought),
        is_fallback=not any(counts.get(step) for step in pool.wanted),
        note=question.subject.note,
        model_version_id=pool.model_version_id,
        dropped=_told(dropped, chosen) if question.explain else (),
    )
    exposures.keep(
        exposures.Shown(
            request_id=request_id,
            surface=question.surface,
            items=[item.product.id for item in items],
            propensities=chosen.propensities,
            customer_id=for_person.id if for_person and personal else None,
            model_version_id=pool.model_version_id,
            strategy=next((step for step, brought in given.chain if brought), ""),
            slot=chosen.slot,
            odds=chosen.odds,
        )
    )
    return given


def _choose(question: Question, pool: Pool, request_id: UUID, now: datetime) -> tuple[Chosen, dict[int, ServedProduct]]:
    facts = pool.facts | {pin.id: pin for pin in question.pins}
    pinned = [Candidate(pin.id, np.inf, "pinned", pin.title.casefold(), pin.category) for pin in question.pins]
    caps = Caps(question.k, question.filters.per_category, EPSILON if question.explore else 0.0)
    rules = _rules(question, pool, facts, now)
    chosen = choose(pinned, _candidates(pool, facts), rules, caps, np.random.default_rng(request_id.int))
    facts |= live.facts(pool.explains.difference(facts))
    return chosen, facts


def _candidates(pool: Pool, facts: dict[int, ServedProduct]) -> Iterator[Candidate]:
    """Best first. What is true of them is read as far as the list gets, which is rarely beyond the list of the night."""
    ids = pool.ids
    for start in range(0, len(ids), READ_AT_ONCE):
        block = ids[start : start + READ_AT_ONCE]
        facts |= live.facts(pk for pk in block if pk not in facts)
        for pk in block:
            if pk in facts:
                product = facts[pk]
                yield Candidate(pk, pool.found[pk], pool.source[pk], product.title.casefold(), product.category)


def _rules(question: Question, pool: Pool, facts: dict[int, ServedProduct], now: datetime) -> list:
    """In the order in which they are named: what the catalogue says, what was asked for, what the person did."""
    filters, person = question.filters, question.subject.person
    tests: list[tuple[str, str, Callable[[ServedProduct], bool]]] = [
        ("not_on_sale", "It is not on sale, or has no price.", lambda p: not p.is_active or p.price is None),
        ("other_merchant", "Another merchant sells it.", lambda p: p.merchant_id != filters.merchant_id)
        if filters.merchant_id is not None
        else ("", "", lambda p: False),
    ]
    if filters.in_stock:
        tests.append(
            ("out_of_stock", "The feed says that none is left.", lambda p: p.stock is not None and p.stock <= 0)
        )
    if filters.category:
        wanted = filters.category.casefold()
        tests.append(("category", f"It is not in “{filters.category}”.", lambda p: wanted not in _classes(p)))
    if filters.price_min is not None:
        tests.append(("price", f"It costs less than {filters.price_min}.", lambda p: p.price < filters.price_min))
    if filters.price_max is not None:
        tests.append(("price", f"It costs more than {filters.price_max}.", lambda p: p.price > filters.price_max))
    if pool.in_cart:
        tests.append(("in_cart", "It is in the cart already.", lambda p: p.id in pool.in_cart))
    if question.subject.product is not None:
        asked = question.subject.product
        tests.append(("itself", "It is the product that was asked for.", lambda p: p.id == asked.id))
    if person and filters.bought_within_days:
        days = filters.bought_within_days
        bought = live.bought_since(person.id, now - timedelta(days=days))
        tests.append(("bought_recently", f"Bought within {days} days.", lambda p: p.id in bought))
    if person and filters.repeat_cap:
        often = live.shown_often(person.id, now - timedelta(days=REPEAT_DAYS), filters.repeat_cap)
        said = f"Shown {filters.repeat_cap} times or more in {REPEAT_DAYS} days."
        tests.append(("shown_often", said, lambda p: p.id in often))

    def ask(one: Candidate) -> Dropped | None:
        product = facts[one.product_id]
        return next((Dropped(one.product_id, rule, said) for rule, said, broken in tests if broken(product)), None)

    return [ask]


def _classes(product: ServedProduct) -> set[str]:
    return {product.department.casefold(), product.category.casefold(), product.product_type.casefold()}


def _served(one: Candidate, facts: dict[int, ServedProduct], reasons: Reasons, pool: Pool) -> ServedItem:
    code, text = reasons.of(one)
    score = one.score if np.isfinite(one.score) else 0.0
    return ServedItem(facts[one.product_id], float(score), one.source, pool.is_novel(one.product_id), code, text)


def _told(dropped: dict[int, Dropped], chosen: Chosen) -> tuple[tuple[ServedProduct, str, str], ...]:
    """What was dropped and stands nowhere, but for what the caller may not even know of."""
    shown = {one.product_id for one in chosen.items}
    kept = [one for one in dropped.values() if one.rule != "other_merchant" and one.product_id not in shown]
    facts = live.facts(one.product_id for one in kept)
    return tuple((facts[one.product_id], one.rule, one.detail) for one in kept if one.product_id in facts)


def may_be_personal(person: Person | None, personalise: bool) -> str:
    """Why this answer must not be personal, as a sentence; "" when it may."""
    if not personalise:
        return "The request asked for a list that is not personal."
    if person is not None and not person.personalise:
        return "This person asked not to be personalised."
    if person is not None and person.refuses_profiling:
        return "This person refused profiling."
    return ""
