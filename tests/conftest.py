"""The test database is built by the owner; every test asserts as the application role, as the web and the workers run."""

import pytest
from django.db import connections
from django.test.utils import setup_databases, teardown_databases

BOTH = ["default", "owner"]


def pytest_collection_modifyitems(items):
    """A test that commits names both roles: only the owner may flush what it left."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker and marker.kwargs.get("transaction") and sorted(marker.kwargs.get("databases", [])) != BOTH:
            raise pytest.UsageError(f"{item.nodeid}: django_db(transaction=True) needs databases={BOTH}")


@pytest.fixture(scope="session")
def django_db_setup(request, django_test_environment, django_db_blocker, django_db_modify_db_settings):
    """Both aliases at once: `default` mirrors the database that `owner` creates and migrates, with its own role."""
    keep = request.config.getvalue("reuse_db") and not request.config.getvalue("create_db")
    with django_db_blocker.unblock():
        old = setup_databases(verbosity=0, interactive=False, keepdb=keep, aliases=None, serialized_aliases=set())
    yield
    if keep:
        return
    with django_db_blocker.unblock():
        connections["default"].close()  # the mirror's own connection would keep the database busy
        teardown_databases(old, verbosity=0)


@pytest.fixture(autouse=True)
def _flush_may_empty_the_ledger(request):
    """Between tests that commit, and only there, the owner lifts the guard that refuses TRUNCATE on the ledger."""
    marker = request.node.get_closest_marker("django_db")
    if not (marker and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("_django_db_helper")
    owner = connections["owner"]
    table = "customers_consentrecord"
    with owner.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER ledger_no_truncate")
    yield
    with owner.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ledger_no_truncate")
