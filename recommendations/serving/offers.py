"""Which live offer suits this person best. The value of an offer is the same for everybody; only the order is personal."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import numpy as np
from django.utils import timezone

from recommendations.contracts import LiveOffer
from recommendations.queries import live, offers
from recommendations.services import exposures
from recommendations.serving.shelf import shelf
from recommendations.serving.steps import ACTS, SESSION_HALF_LIFE, Subject

VALUE_NOTE = "The value is the same for everybody who may use the offer."


@dataclass(frozen=True)
class SuitingOffer:
    """score: the share, 0 to 1, of what the person buys and is near to that the offer covers. reason: a true sentence."""

    offer: LiveOffer
    score: float
    reason_code: str
    reason_text: str


@dataclass(frozen=True)
class OfferAnswer:
    request_id: UUID
    offers: tuple[SuitingOffer, ...]
    is_fallback: bool
    note: str


def suiting_offers(subject: Subject, *, k: int, merchant_id: int | None, surface: str = "api") -> OfferAnswer:
    """The k live offers that cover most of what this person buys, looks at, or would be shown; else the next to end.

    Recorded as an exposure of offers: clicks and orders that carry its request id count for it.
    """
    now = timezone.now()
    running = offers.live(merchant_id, now)
    interest, bought = _interest(subject, merchant_id, now)
    total = sum(interest.values())
    found = []
    for offer in running:
        if not total:
            found.append(SuitingOffer(offer, 0.0, "ends_first", f"Runs until {offer.ends_at:%Y-%m-%d}."))
            continue
        covered = [pk for pk in interest if offer.covers_all or pk in offer.product_ids]
        score = sum(interest[pk] for pk in covered) / total
        found.append(SuitingOffer(offer, score, *_reason(offer, covered, bought)))
    found.sort(key=lambda one: (-_suits(one), one.offer.covers_all, one.offer.ends_at, one.offer.id))
    given = OfferAnswer(uuid4(), tuple(found[:k]), is_fallback=not total, note=subject.note)
    published = shelf()
    exposures.keep(
        exposures.Shown(
            request_id=given.request_id,
            surface=surface,
            kind="offer",
            items=[one.offer.id for one in given.offers],
            propensities=[1.0] * len(given.offers),
            customer_id=subject.person.id if subject.person and total else None,
            model_version_id=published and published.model_version,
            strategy="interest" if total else "ends_first",
        )
    )
    return given


def _suits(one: SuitingOffer) -> float:
    """An offer for everything covers everything and says nothing about the person: it stands behind one for half of what
    they buy, and before one for less.
    """
    return min(one.score, 0.5) if one.offer.covers_all else one.score


def _reason(offer: LiveOffer, covered: list[int], bought: set[int]) -> tuple[str, str]:
    if offer.covers_all:
        return "covers_all", "Holds for every product."
    own = len(bought.intersection(covered))
    if own:
        return "covers_bought", f"Holds for {own} of the products that you bought in the last year."
    if covered:
        return "covers_near", f"Holds for {len(covered)} products that go with what you buy or look at."
    return "covers_none", "Holds for nothing that you bought or looked at so far."


def _interest(subject: Subject, merchant_id: int | None, now: datetime) -> tuple[dict[int, float], set[int]]:
    """(product -> interest, products bought): own decayed orders, the session's acts, and half as much for what is near."""
    interest: dict[int, float] = {}
    bought: set[int] = set()
    if subject.person is not None:
        own = live.own(subject.person.id, now)
        bought = set(own.products.tolist())
        interest |= dict(zip(own.products.tolist(), own.decayed.tolist(), strict=True))
    if subject.person is not None or subject.lookup is not None:
        customer_id = subject.person and subject.person.id
        for signal in live.signals(customer_id=customer_id, lookup=subject.lookup, merchant_id=merchant_id, now=now):
            amount = ACTS.get(signal.name, 0.0) * 2.0 ** (-signal.seconds_ago / SESSION_HALF_LIFE)
            interest[signal.product_id] = interest.get(signal.product_id, 0.0) + amount
    found = shelf()
    if interest and found is not None and found.items is not None:
        positions = found.items.positions(np.array(list(interest)))
        known = positions >= 0
        near, said = found.items.spread(positions[known], np.array(list(interest.values()))[known])
        if len(near):
            share = 0.5 * sum(interest.values()) / said.sum()
            for pk, amount in zip(found.items.products[near].tolist(), (share * said).tolist(), strict=True):
                interest[pk] = interest.get(pk, 0.0) + amount
    if merchant_id is not None:  # else a score would say how much of their shopping somebody does elsewhere
        interest = {pk: interest[pk] for pk, one in live.facts(interest).items() if one.merchant_id == merchant_id}
    return interest, bought
