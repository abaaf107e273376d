"""The test database is built by the owner; every test asserts as the application role, as the web and the workers run."""

import pytest
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from hypothesis import settings

from tests import canary

BOTH = ["default", "owner"]
# A machine that does something else meanwhile is no defect: no example has to be quick.
settings.register_profile("attune", deadline=None)
settings.load_profile("attune")


def pytest_collection_modifyitems(items):
    """A test that commits names both roles: only the owner may flush what it left."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker and marker.kwargs.get("transaction") and sorted(marker.kwargs.get("databases", [])) != BOTH:
            raise pytest.UsageError(f"{item.nodeid}: django_db(transaction=True) needs databases={BOTH}")


# Tests that lay out in the clear what the canary looks for, each with its reason.
IN_THE_CLEAR: dict[str, str] = {
    "tests/test_canary.py": "its own trial shows that a canary in the clear is found",
}


@pytest.fixture(autouse=True)
def _nobody_in_the_clear(request):
    """What a test leaves in columns, cache, log and error pages is searched for its people before it is rolled back."""
    marker = request.node.get_closest_marker("django_db")
    if not marker or any(request.node.nodeid.startswith(one) for one in IN_THE_CLEAR):
        yield
        return
    request.getfixturevalue("_django_db_helper")
    with canary.watching() as watch:
        yield
        found = watch.found()
    assert found == [], "people in the clear"


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


# Every guard that refuses TRUNCATE: 32 is that bit of tgtype (pg_trigger.h).
GUARDS = "SELECT tgrelid::regclass, quote_ident(tgname) FROM pg_trigger WHERE tgtype & 32 <> 0 AND NOT tgisinternal"


@pytest.fixture(autouse=True)
def _flush_may_empty_what_only_grows(request):
    """Between tests that commit, and only there, the owner lifts the guards that refuse TRUNCATE."""
    marker = request.node.get_closest_marker("django_db")
    if not (marker and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("_django_db_helper")
    _switch_guards("ENABLE ALWAYS")
    yield
    _switch_guards("DISABLE")


def _switch_guards(how: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(GUARDS)
        for table, guard in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} {how} TRIGGER {guard}")
