"""Everybody's profile: from the live clusters, with what the other live models expect, and what was counted."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommendations.contracts import COUPON, HISTORY, PURCHASE
from recommendations.dataset import Purchases, day_of, orders_of, people_features, purchases, spend_in
from recommendations.ml.affinity import Leaning, leanings, likings, reduced_share
from recommendations.ml.clusters import Clusters
from recommendations.ml.rfm import Rfm
from recommendations.queries import behaviour
from recommendations.queries.texts import opinions_by_department
from recommendations.scoring.expectations import Chance, Lifetime, chances, lifetime, moment, redemptions
from recommendations.scoring.social import Social
from registry.services import load_arrays

AFFINITIES = 8  # departments that are kept of a person
LEANINGS = 3
LIKINGS = 6


@dataclass(frozen=True, eq=False)
class Known:
    """All that a row is made of, read before COPY holds the connection."""

    data: Purchases
    rfm: Rfm
    clusters: np.ndarray
    shares: np.ndarray  # (n, departments of the model)
    leanings: tuple[Leaning, ...]
    lifetime: Lifetime | None
    chances: dict[str, Chance]
    redemptions: dict[str, Chance]
    discount_share: np.ndarray
    shop_discount_share: float
    channels: dict[int, dict[str, int]]
    sessions: dict[int, behaviour.Sessions]
    opinions: dict[int, list[tuple[str, str, float, int]]]
    social: Social


def profiles(version, social: Social) -> Iterator[tuple]:
    """Rows of Profile, as `services.people.PROFILE_COLUMNS`."""
    until = version.data_until
    since = until - HISTORY
    data = purchases(since=since, until=until)
    orders, _ = orders_of(data.customers, since=since, until=until)
    rfm, own_spend = people_features(data, day_of(until))
    spend = spend_in(version.params["departments"], data, own_spend)
    total = spend.sum(axis=1, keepdims=True)
    paid = np.bincount(orders.user, weights=orders.total, minlength=orders.n_users)
    off = np.bincount(orders.user, weights=orders.discount, minlength=orders.n_users)
    log = data.log
    known = Known(
        data=data,
        rfm=rfm,
        clusters=Clusters.from_state(load_arrays(version)).predict(rfm, spend),
        shares=np.divide(spend, total, out=np.zeros_like(spend), where=total > 0),
        leanings=leanings(
            log.user, data.department[log.item], day_of(until) - log.day, np.maximum(data.amount, 0),
            n_users=log.n_users, n_categories=len(data.departments),
        ),
        lifetime=lifetime(orders, until),
        chances=chances(data, orders, until),
        redemptions=redemptions(data, orders, until),
        discount_share=reduced_share(paid, off),
        shop_discount_share=float(reduced_share(paid.sum(keepdims=True), off.sum(keepdims=True))[0]),
        channels=behaviour.channels(since=since, until=until),
        sessions=behaviour.sessions(since=since, until=until),
        opinions=opinions_by_department(since=since, until=until),
        social=social,
    )  # fmt: skip
    return _rows(version, known)


def _rows(version, known: Known) -> Iterator[tuple]:
    names, departments = version.params["names"], version.params["departments"]
    rfm = known.rfm
    for row, customer_id in enumerate(known.data.customers.tolist()):
        top = np.argsort(-known.shares[row], kind="stable")[:AFFINITIES]
        affinities = {departments[i]: round(float(known.shares[row, i]), 4) for i in top if known.shares[row, i] > 0}
        cluster = int(known.clusters[row])
        yield (
            customer_id,
            float(rfm.recency_days[row]) if math.isfinite(rfm.recency_days[row]) else None,
            int(rfm.frequency[row]),
            f"{rfm.monetary[row]:.2f}",
            int(rfm.recency_score[row]),
            int(rfm.frequency_score[row]),
            int(rfm.monetary_score[row]),
            cluster if cluster >= 0 else None,
            names[cluster] if cluster >= 0 else "",
            departments[top[0]] if known.shares[row, top[0]] > 0 else "",
            json.dumps(affinities),
            *_expected(version.data_until, known, row),
            *(_chance(known.chances.get(kind), row) for kind in (PURCHASE, COUPON)),
            _number(known.discount_share[row]),
            json.dumps(_figures(known, row, customer_id)),
            version.data_until,
            version.pk,
        )


def _expected(until, known: Known, row: int) -> tuple:
    found = known.lifetime
    if found is None:
        return (None,) * 6
    soonest, half, latest = (moment(until, float(days)) for days in found.next_order[row])
    return (
        f"{found.value[row]:.2f}",
        float(found.expected_orders[row]),
        float(found.alive[row]),
        half,
        soonest,
        latest,
    )


def _chance(chance: Chance | None, row: int) -> float | None:
    return None if chance is None else float(chance.probability[row])


def _figures(known: Known, row: int, customer_id: int) -> dict:
    """What the page explains the figures with: `contracts.PersonProfile` says how it is read."""
    found: dict = {
        "leanings": {f"{leaning.days:.0f}": _leaning(known, leaning, row) for leaning in known.leanings},
        "channels": known.channels.get(customer_id, {}),
        "shop_discount_share": _number(known.shop_discount_share),
        "factors": {kind: each.factors[row] for kind, each in (known.chances | known.redemptions).items()},
        "redemption": {kind: round(_chance(each, row), 4) for kind, each in known.redemptions.items()},
    }
    if customer_id in known.opinions:
        # Where the words stand, never the words.
        found["said"] = [
            [each.category, each.aspect, each.score, each.opinions, each.newest]
            for each in likings(known.opinions[customer_id])[:LIKINGS]
        ]
    if customer_id in known.social.people:
        found["social"] = known.social.people[customer_id]
    visits = known.sessions.get(customer_id)
    if visits is not None:
        found["visits"] = [visits.visits, visits.searched, visits.viewed, visits.added, visits.ordered]
    if known.lifetime is not None:
        life = known.lifetime
        found["lifetime"] = {
            "repeats": int(life.repeats[row]),
            "seen_weeks": round(float(life.seen_weeks[row]), 1),
            "silent_weeks": round(float(life.silent_weeks[row]), 1),
            "order_worth": round(float(life.order_worth[row]), 2),
        }
    return found


def _leaning(known: Known, leaning: Leaning, row: int) -> list[list]:
    """[department, share of spend, times the shop's share], the strongest first."""
    mine = np.flatnonzero(leaning.share[row] > 0)
    best = mine[np.argsort(-leaning.lift[row, mine], kind="stable")][:LEANINGS]
    departments = known.data.departments
    return [
        [departments[i], round(float(leaning.share[row, i]), 4), round(float(leaning.lift[row, i]), 2)] for i in best
    ]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
