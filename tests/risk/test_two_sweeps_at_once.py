"""Two workers that sweep at the same moment raise each flag once, in one case."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from customers.models import Customer
from risk import queries, scoring
from risk.models import Case, Flag, Rule, Signal
from tests import factories
from tests.risk import shop


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_two_sweeps_at_once_raise_each_flag_once(monkeypatch):
    basket = shop.products()
    shop.ordinary(basket)
    hasty = [factories.customer(), factories.customer()]
    for customer in hasty:
        shop.burst(customer, basket)
    # Both have scored and found nothing known before either may write.
    both, lock = threading.Barrier(2, timeout=30), queries.lock

    def lock_together(customer_ids):
        both.wait()
        lock(customer_ids)

    monkeypatch.setattr(queries, "lock", lock_together)

    def sweep(_):
        try:
            return scoring.sweep()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        reports = list(workers.map(sweep, range(2)))

    assert [report.orders for report in reports] == [124, 124]
    assert sorted(sum(report.flags.values()) for report in reports) == [0, 48]
    assert sorted(report.customers_held for report in reports) == [0, 2]
    assert (Flag.objects.count(), Signal.objects.count()) == (48, 48)
    assert sorted(Case.objects.values_list("customer_id", flat=True)) == sorted(one.pk for one in hasty)
    assert Rule.objects.count() == 8
    assert Customer.objects.filter(excluded_at__isnull=False).count() == 2
