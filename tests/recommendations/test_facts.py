"""What the database tells a ranker beside who bought what: the store, prices and reductions, and what people told."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from customers.models import Order, OrderLine
from recommendations.dataset import day_of, facts, purchases
from recommendations.ml.splits import time_split
from tests import factories

pytestmark = pytest.mark.django_db
END = datetime(2026, 5, 1, tzinfo=UTC)


def test_stores_prices_reductions_and_bands_come_from_orders_and_people():
    oats = factories.product(category="CEREAL", product_type="OATS")
    told = [factories.customer(attributes={"age": "35-44"}) for _ in range(5)]
    silent = factories.customer()
    # Everybody pays 4.00 for two, the silent one 1.50 each, in another store.
    for number, person in enumerate([*told, silent]):
        order = Order.objects.create(
            external_id=f"o{number}", customer=person, ordered_at=END - timedelta(days=3, hours=number), channel="store",
            source="store", store="north" if person in told else "south", total=4,
        )  # fmt: skip
        amount = 4 if person in told else 3
        OrderLine.objects.create(order=order, product=oats, quantity=2, amount=amount)

    data = purchases(since=END - timedelta(days=30), until=END)
    about = facts(data)

    cheap = about.price < 2
    assert sorted(about.price.tolist()) == [1.5, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert len(set(about.store[~cheap].tolist())) == 1
    assert set(about.store[cheap].tolist()).isdisjoint(about.store[~cheap].tolist())
    ages = about.person_values["age"][data.log.user]
    assert ages[~cheap].tolist() == [2.0] * 5
    assert np.isnan(ages[cheap]).all()
    # What cost clearly less than its median up to the cut was on offer.
    then = about.at(data.log, time_split(data.log, day_of(END), 0.0), day_of(END))
    assert then.reduced.tolist() == cheap.tolist()
