"""Who may call what: every route of the address book, as everybody, against the table in access.csv.

The table is the promise and this is its proof: a view without a row, or a row without a view, fails. In the table `y` lets
in and `.` refuses; `scope` is what an API key must carry. Whoever is let in may still meet a 404 or a 400.
"""

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.contrib.admin.sites import site
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.contracts import Scope
from accounts.models import User
from campaigns.models import Campaign, WebhookDelivery, WebhookEndpoint
from copywriting.models import Job
from tests import factories

pytestmark = pytest.mark.django_db

TABLE = Path(__file__).with_name("access.csv")
ROLES = ("marketer", "approver", "analyst", "officer", "administrator")
CALLERS = ("anonymous", "unenrolled", "none", *ROLES, "merchant")
API = "api:"
# A value for each kind of argument; what it names need not exist, for the door is asked before the room.
SAMPLES = {"IntConverter": 1, "StringConverter": "x", "PathConverter": "x", "SlugConverter": "x",
           "UUIDConverter": "00000000-0000-4000-8000-000000000000"}  # fmt: skip


@cache
def table() -> dict[tuple[str, str], dict[str, str]]:
    """The rows by (route, method); pages have no method, for their door does not look at it."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["route"], row["method"]): row for row in rows}
    assert len(found) == len(rows), "a route stands in the table twice"
    return found


def routes(patterns=None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every named route with its namespace; the admin's are one, for they share one door."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            if inner != "admin:":
                yield from routes(pattern.url_patterns, inner)
        else:
            yield f"{space}{pattern.name}", pattern


def methods(pattern: URLPattern) -> set[str]:
    """What an API view answers: its own handlers."""
    return {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(pattern.callback.cls, name)}


def expected_rows() -> Iterator[tuple[str, str]]:
    for name, pattern in routes():
        if name.startswith(API):
            yield from ((name, method) for method in methods(pattern))
        else:
            yield name, ""


def address(name: str) -> str:
    pattern = dict(routes())[name]
    kwargs = {key: SAMPLES[type(converter).__name__] for key, converter in pattern.pattern.converters.items()}
    return reverse(name, kwargs=kwargs)


def caller(name: str) -> Client:
    client = Client()
    if name == "anonymous":
        return client
    if name in ROLES:
        user = factories.staff(name)
    elif name == "unenrolled":  # every role, and no second factor
        user = factories.staff("approver", enrolled=False)
        for role in ROLES:
            user.roles.add(*factories.staff(role).roles.all())
    elif name == "merchant":
        user = factories.member(factories.merchant())
    else:
        user = User.objects.create_user(f"user-{name}", password="correct horse battery")
    client.force_login(user)
    return client


def is_let_in(answer) -> bool:
    """Led to the login, or to enrol a second factor, is not let in; led to confirm who one is, is."""
    led = answer.status_code == 302 and answer.url.split("?")[0]
    return answer.status_code not in {401, 403} and led not in {reverse("accounts:login"), reverse("mfa_activate_totp")}


def key_client(merchant, *scopes: str) -> Client:
    return Client(headers={"authorization": f"Bearer {factories.api_key(merchant, *scopes)}"})


def call(client: Client, method: str, path: str):
    return client.generic(method, path, data=b"{}" if method != "GET" else b"", content_type="application/json")


def test_every_route_stands_in_the_table_and_nothing_else_does():
    assert sorted(expected_rows()) == sorted(table())


@pytest.mark.parametrize("who", CALLERS)
def test_each_caller_is_let_in_where_the_table_says_so_and_nowhere_else(who):
    client = caller(who)
    let_in = {row for row in table() if is_let_in(call(client, row[1] or "GET", address(row[0])))}

    assert let_in == {row for row, cells in table().items() if cells[who] == "y"}


def test_an_api_key_opens_what_its_scope_names_and_no_page():
    platform = {str(scope): key_client(None, scope) for scope in Scope}
    all_but = {str(scope): key_client(None, *(set(Scope) - {scope})) for scope in Scope}
    for (name, method), cells in table().items():
        path, scope = address(name), cells["scope"]
        if scope:
            assert is_let_in(call(platform[scope], method, path)), (name, method)
            assert call(all_but[scope], method, path).status_code == 403, (name, method)
        elif cells["anonymous"] != "y":
            assert not is_let_in(call(platform[Scope.PRODUCTS_READ], method or "GET", path)), name


def test_an_unknown_key_is_401_on_every_endpoint():
    client = Client(headers={"authorization": "Bearer att_deadbeef_nothing"})
    for name, method in table():
        if name.startswith(API):
            assert call(client, method, address(name)).status_code == 401, (name, method)


# --- another merchant's things do not exist


def _product(merchant) -> dict:
    return {"external_id": factories.product(merchant=merchant).external_id}


def _campaign(merchant) -> dict:
    return {"campaign_id": Campaign.objects.create(name="Rolls again", merchant=merchant).pk}


def _job(merchant) -> dict:
    job, _ = Job.objects.get_or_create(merchant=merchant, kind=Job.Kind.DESCRIPTIONS, name="Winter")
    return {"job_id": job.pk}


def _endpoint(merchant) -> dict:
    endpoint, _ = WebhookEndpoint.objects.get_or_create(
        merchant=merchant, name="Shop", url="https://shop.example/hook", kinds=["message.sent"]
    )
    return {"endpoint_id": endpoint.pk}


def _delivery(merchant) -> dict:
    endpoint = _endpoint(merchant)
    delivery, _ = WebhookDelivery.objects.get_or_create(endpoint_id=endpoint["endpoint_id"], kind="message.sent")
    return {**endpoint, "delivery_id": delivery.pk}


# For each route that a merchant may call and that names a thing: how to make one of a merchant's.
OWN = {"mfa_remove_webauthn"}  # looks among the caller's own passkeys alone
# Pages, which no key opens: tests/campaigns/test_webhook_pages.py.
OWN |= {f"campaigns:webhooks:{name}" for name in ("one", "rotate", "test", "remove", "redeliver")}
THINGS = {"api:product": _product, "api:campaign-results": _campaign, "api:description": _job,
          "api:descriptions-accept": _job, "api:webhook": _endpoint, "api:webhook-deliveries": _endpoint,
          "api:webhook-redeliver": _delivery, "api:webhook-rotate": _endpoint, "api:webhook-test": _endpoint}  # fmt: skip


def test_another_merchants_thing_is_404_on_every_route_that_a_merchant_may_call():
    ours, theirs = factories.merchant("Ours"), factories.merchant("Theirs")
    owner, stranger = key_client(ours, *Scope), key_client(theirs, *Scope)
    named = {
        name
        for (name, _), cells in table().items()
        if (cells["scope"] or cells["merchant"] == "y") and cells["anonymous"] != "y"
        and dict(routes())[name].pattern.converters
    }  # fmt: skip
    assert named - OWN == THINGS.keys()
    for name, make in THINGS.items():
        path = reverse(name, kwargs=make(ours))
        method = "GET" if (name, "GET") in table() else "POST"
        # 400: an empty body says nothing.
        assert call(owner, method, path).status_code in {200, 201, 202, 400}, name
        assert call(stranger, method, path).status_code == 404, name


def test_another_merchants_things_are_in_no_list():
    ours, theirs = factories.merchant("Ours"), factories.merchant("Theirs")
    for make in THINGS.values():
        make(ours)
    call(key_client(ours, *Scope), "POST", reverse("api:events"))  # set aside: it names nothing that it needs
    owner, stranger = key_client(ours, *Scope), key_client(theirs, *Scope)
    lists = [
        name
        for (name, method), cells in table().items()
        if cells["scope"] and method == "GET" and not dict(routes())[name].pattern.converters
    ]
    seen = {name: (owner.get(reverse(name)).json(), stranger.get(reverse(name)).json()) for name in lists}
    counts = {name: [len(answer.get("results", ())) for answer in pair] for name, pair in seen.items()}

    assert {name: pair for name, pair in counts.items() if pair != [1, 0]} == {"api:recommendations": [0, 0]}


def test_the_admin_is_closed_to_every_role_without_the_right_to_it():
    paths = {reverse("admin:index"), reverse("admin:app_list", args=["accounts"])}
    for model in site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths |= {reverse(f"{name}_{page}") for page in ("changelist", "add")}
        paths |= {reverse(f"{name}_{page}", args=[1]) for page in ("change", "delete", "history")}
    assert len(paths) > 20
    for who in CALLERS:
        client = caller(who)
        assert [path for path in paths if client.get(path).status_code not in {302, 403}] == [], who
