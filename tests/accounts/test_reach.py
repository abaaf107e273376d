"""Row-level security: a connection sees the rows of whom it speaks for, and without a word no merchant's at all.

Every query here is without a WHERE: what is hidden is hidden by Postgres, as from the application's own role.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, connections, transaction
from django.test import Client
from django.urls import reverse
from psycopg_pool import ConnectionPool

from accounts.contracts import NOBODY, PLATFORM, Scope
from accounts.models import User
from accounts.queries import see_as, seen_as
from campaigns.models import Campaign, WebhookEndpoint
from catalog.models import FeedImport, Membership, Offer, Product
from config.settings import environment
from copywriting.models import Job
from customers.models import Event, EventKey, Quarantine
from customers.services.events import record_events
from tests import factories
from tests.accounts.test_access import key_client
from tests.customers.rows import event

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
GUARDED = (Product, Offer, FeedImport, Event, EventKey, Quarantine, Campaign, Job, WebhookEndpoint)
TWO_YEARS = {"starts_at": "2026-01-01T00:00Z", "ends_at": "2027-01-01T00:00Z"}


def stock(merchant) -> None:
    """One row of each guarded kind."""
    factories.product(merchant=merchant)
    Offer.objects.create(merchant=merchant, external_id="o", title="15% off", kind="percent", value=15, **TWO_YEARS)
    FeedImport.objects.create(merchant=merchant, name="feed")
    Campaign.objects.create(merchant=merchant, name="Rolls again")
    Job.objects.create(merchant=merchant, kind="descriptions", name="Winter")
    WebhookEndpoint.objects.create(merchant=merchant, name="Shop", url="https://shop.example/", kinds=["message.sent"])
    good, bad = event("Product Viewed", message_id=f"e-{merchant and merchant.pk}"), {"event": "Nothing"}
    receipt = record_events([good, bad], merchant_id=merchant and merchant.pk, source="api")
    assert (receipt.accepted, len(receipt.quarantined)) == (1, 1)


@pytest.fixture
def merchants():
    """Two merchants and the platform, each with a row of every kind."""
    ours, theirs = factories.merchant("Ours"), factories.merchant("Theirs")
    for one in (ours, theirs, None):
        stock(one)
    return ours, theirs


def owners(model) -> list[int | None]:
    return sorted(model.objects.values_list("merchant_id", flat=True), key=lambda value: (value is None, value))


@pytest.mark.parametrize("model", GUARDED, ids=lambda model: model.__name__)
def test_a_connection_sees_the_rows_of_whom_it_speaks_for(model, merchants):
    ours, theirs = merchants

    assert owners(model) == [ours.pk, theirs.pk, None]  # as tasks and commands open their connections
    with seen_as(str(ours.pk)):
        assert owners(model) == [ours.pk]
    with seen_as(NOBODY):
        assert owners(model) == []
    with seen_as("0 OR true"):
        assert owners(model) == []
    with seen_as(PLATFORM):
        assert owners(model) == [ours.pk, theirs.pk, None]


@pytest.mark.parametrize("model", GUARDED, ids=lambda model: model.__name__)
def test_another_merchants_rows_are_neither_changed_nor_deleted_nor_made(model, merchants):
    ours, theirs = merchants
    column = "message_id" if model in (Event, EventKey, Quarantine) else "name"
    column = "title" if model in (Product, Offer) else column
    table = connection.ops.quote_name(model._meta.db_table)
    with seen_as(str(ours.pk)), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = {column} || '!'")
        assert cursor.rowcount == 1
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            cursor.execute(f"UPDATE {table} SET merchant_id = %s", [theirs.pk])
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            cursor.execute(f"UPDATE {table} SET merchant_id = NULL")
    with seen_as(str(ours.pk)), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        stock(theirs)
    assert owners(model) == [ours.pk, theirs.pk, None]


def test_every_table_that_a_merchants_key_reads_is_guarded_and_forced():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relforcerowsecurity FROM pg_class WHERE relrowsecurity AND relkind IN ('r', 'p')"
        )
        assert dict(cursor.fetchall()) == {model._meta.db_table: True for model in GUARDED}
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user")
        assert cursor.fetchone() == (False,)  # else all of this would pass for show


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_the_owner_is_held_to_it_too():
    factories.product(merchant=factories.merchant())
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalog_product")
        assert cursor.fetchone() == (1,)
        cursor.execute("SET attune.merchant = ''")
        cursor.execute("SELECT count(*) FROM catalog_product")
        assert cursor.fetchone() == (0,)
        cursor.execute("RESET attune.merchant")


# --- who says it


def test_a_membership_and_its_end_are_followed_by_the_users_reach():
    ours, theirs = factories.merchant(), factories.merchant()
    user = User.objects.create_user("mill")
    member = Membership.objects.create(user=user, merchant=ours)
    assert User.objects.get(pk=user.pk).reach == str(ours.pk)
    Membership.objects.filter(pk=member.pk).update(merchant=theirs)
    assert User.objects.get(pk=user.pk).reach == str(theirs.pk)
    member.delete()
    assert User.objects.get(pk=user.pk).reach == PLATFORM


def test_a_merchants_role_without_a_membership_reaches_nothing(merchants):
    user = factories.member(None)
    assert user.reach == NOBODY
    client = Client()
    client.force_login(user)
    page = client.get(reverse("customers:events"))
    assert (page.status_code, list(page.context["rows"])) == (200, [])


def test_a_member_sees_their_merchants_events_on_the_page_also_when_the_page_forgets_to_ask(merchants, monkeypatch):
    ours, _ = merchants
    user = factories.member(ours)
    monkeypatch.setattr("customers.views.events.merchant_of", lambda user: None)
    client = Client()
    client.force_login(user)

    rows = client.get(reverse("customers:events")).context["rows"]

    assert [row.merchant_id for row in rows] == [ours.pk]


def test_an_api_key_reaches_its_merchants_rows_also_when_the_view_forgets_to_ask(merchants, monkeypatch):
    ours, _ = merchants
    client = key_client(ours, *Scope)
    monkeypatch.setattr("catalog.api.queries.merchant_of", lambda user: None)
    monkeypatch.setattr("campaigns.api.results.merchant_of", lambda user: None)

    assert [row["merchant"] for row in client.get(reverse("api:products")).json()["results"]] == [ours.external_id]
    assert [row["merchant"] for row in client.get(reverse("api:campaigns")).json()["results"]] == [ours.external_id]


def test_nothing_of_a_request_stays_on_the_connection(merchants):
    ours, theirs = merchants
    key_client(ours, *Scope).get(reverse("api:products"))
    assert owners(Product) == [ours.pk, theirs.pk, None]
    Client().get("/campaigns/")  # led to the login; it saw as nobody
    assert owners(Product) == [ours.pk, theirs.pk, None]
    raising = key_client(ours, *Scope)
    raising.raise_request_exception = False
    raising.get("/api/v1/campaigns/999999/results/")
    assert owners(Product) == [ours.pk, theirs.pk, None]


def test_a_feed_on_the_command_line_touches_its_merchants_products_alone(merchants, tmp_path):
    ours, theirs = merchants
    feed = tmp_path / "feed.jsonl"
    feed.write_text('{"external_id": "new-1", "title": "Rye rolls"}\n')
    call_command("import_products", str(feed), merchant=ours.external_id, verbosity=0)
    assert Product.objects.filter(merchant=ours).count() == 2
    assert Product.objects.filter(merchant=theirs).count() == 1
    assert owners(FeedImport) == [ours.pk, ours.pk, theirs.pk, None]


# --- connections


def test_the_pool_hands_on_no_ones_view():
    """One connection, two users of it, as two requests in a row."""
    given = connection.settings_dict
    entry = environment.database("DATABASE_URL", "postgresql:///x", pool=True, reach=NOBODY)
    where = {"dbname": given["NAME"], "user": given["USER"], "host": given["HOST"], "port": given["PORT"] or 5432}
    reset = entry["OPTIONS"]["pool"]["reset"]
    where["options"] = entry["OPTIONS"]["options"]
    with ConnectionPool(kwargs={**where, "autocommit": True}, min_size=1, max_size=1, reset=reset, open=True) as pool:
        with pool.connection() as first:
            first.execute("SELECT set_config('attune.merchant', '7', false)")
            pid = first.info.backend_pid
        with pool.connection() as second:
            assert second.info.backend_pid == pid
            assert second.execute("SELECT current_setting('attune.merchant', true)").fetchone() == ("",)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_thread_that_sees_as_one_merchant_changes_nothing_for_another():
    ours, theirs = factories.merchant(), factories.merchant()
    factories.product(merchant=ours), factories.product(merchant=theirs)
    seen = {}

    def look():
        try:
            see_as(str(theirs.pk))
            seen["there"] = owners(Product)
        finally:
            connection.close()

    with seen_as(str(ours.pk)):
        other = threading.Thread(target=look)
        other.start()
        other.join()
        seen["here"] = owners(Product)
    assert seen == {"here": [ours.pk], "there": [theirs.pk]}


def test_a_rolled_back_transaction_brings_back_what_it_saw_before(merchants):
    ours, theirs = merchants
    with pytest.raises(ZeroDivisionError), transaction.atomic(), seen_as(str(ours.pk)):
        assert owners(Product) == [ours.pk]
        raise ZeroDivisionError
    assert owners(Product) == [ours.pk, theirs.pk, None]
    with pytest.raises(ProgrammingError), transaction.atomic(), seen_as(str(ours.pk)), connection.cursor() as cursor:
        cursor.execute("SELECT nothing")
    assert owners(Product) == [ours.pk, theirs.pk, None]


@pytest.mark.parametrize(("module", "reach"), [("config.wsgi", ""), ("config.celery", "platform")])
def test_the_web_process_opens_blind_and_a_worker_for_the_platform(module, reach):
    code = (
        f"import {module}, django; django.setup()\n"
        "from django.db import connection\n"
        "with connection.cursor() as cursor:\n"
        "    cursor.execute(\"SELECT current_setting('attune.merchant', true)\")\n"
        "    print('reach', repr(cursor.fetchone()[0]))\n"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == f"reach {reach!r}", done.stderr[-2000:]


def test_the_plan_asks_the_setting_once_a_statement_and_calls_no_function_a_row(merchants):
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM catalog_product WHERE price > 1")
        plan = [line for (line,) in cursor.fetchall()]
    (row_filter,) = (line for line in plan if "Filter:" in line)
    assert "current_setting" not in row_filter
    assert sum(line.strip().startswith("InitPlan") for line in plan) == 2
