"""Who may open what: every route of campaigns against every role, and against nobody."""

import pytest
from django.contrib.admin.sites import site
from django.test import Client
from django.urls import reverse

from accounts.contracts import PUBLIC
from campaigns.models import MessageVariant, Segment
from campaigns.services.lifecycle import move
from campaigns.services.messages import CLICK, PREFERENCES, SURVEY, UNSUBSCRIBE, sign
from campaigns.urls import urlpatterns
from customers.models import PrivacyRequest
from customers.services import rights
from tests import factories
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db

ROLES = tuple(factories.ROLES)
READERS = set(ROLES)
COMPOSERS, APPROVERS, SENDERS = {"marketer"}, {"approver"}, {"marketer", "approver"}
HALTERS = {"marketer", "approver", "officer"}
ASKERS = {"marketer", "analyst", "officer"}
# Route: who gets in. A new route fails the first test below until somebody decides.
ALLOWED = {
    "home": READERS, "list": READERS, "detail": READERS, "writing": READERS, "review": READERS, "evidence": READERS,
    "monitor": READERS, "sending": READERS, "results": READERS, "segments": READERS, "segment": READERS,
    "recipients": READERS, "preview": READERS, "mail": READERS,
    "new": COMPOSERS, "power": COMPOSERS, "edit": COMPOSERS, "drafts": COMPOSERS, "words": COMPOSERS,
    "segment-new": COMPOSERS, "segment-edit": COMPOSERS, "segment-count": COMPOSERS,
    "approve": APPROVERS, "send-back": APPROVERS,
    "schedule": SENDERS, "unschedule": SENDERS, "resume": SENDERS,
    "pause": HALTERS, "cancel": HALTERS,
    "evidence-pack": {"officer"}, "person-evidence": {"officer"},
    "recipients-export": ASKERS, "recipients-download": ASKERS,
    "offers": READERS, "offer": COMPOSERS, "offer-new": COMPOSERS, "keep": COMPOSERS, "keep-new": COMPOSERS,
    "requests": {"officer"}, "request": {"officer"}, "request-new": {"officer"}, "request-verify": {"officer"},
    "request-refuse": {"officer"}, "request-erase": {"officer"}, "request-stop": {"officer"}, "request-export": {"officer"},
}  # fmt: skip
POSTED = {
    "drafts", "schedule", "unschedule", "cancel", "approve", "send-back", "pause", "resume", "segment-count",
    "evidence-pack", "person-evidence", "recipients-export", "recipients-download",
    "request-new", "request-verify", "request-refuse", "request-erase",
    "request-stop", "request-export", "keep", "keep-new",
}  # fmt: skip
OPEN = {
    "click", "unsubscribe", "preferences", "survey", "why", "product", "receipts", "opt-in", "privacy", "privacy-link",
}  # fmt: skip


@pytest.fixture
def shop():
    shop = open_shop(people=4, holdout_share=0.1)
    move(shop.campaign.pk, "unschedule")
    move(shop.campaign.pk, "expire")
    rights.receive("access", shop.people[0], via="staff")
    return shop


def address(name: str, shop) -> str:
    campaign, person = shop.campaign.pk, shop.people[0].pk
    variant = MessageVariant.objects.get().pk
    known = {
        "campaign_id": campaign,
        "variant_id": variant,
        "customer_id": person,
        "segment_id": Segment.objects.get().pk,
        "product_id": 1,
        "export_id": 1,
        "offer_id": shop.campaign.offer_id,
        "request_id": PrivacyRequest.objects.get().pk,
    }
    (pattern,) = (route for route in urlpatterns if route.name == name)
    return reverse(f"campaigns:{name}", kwargs={key: known[key] for key in pattern.pattern.converters})


def test_every_route_is_in_the_table_or_public_on_purpose():
    names = {route.name: getattr(route.callback, "capability", None) for route in urlpatterns}
    assert {name for name, needed in names.items() if needed == PUBLIC} == OPEN
    assert names.keys() - OPEN == ALLOWED.keys()
    assert all(names.values())


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_routes_and_no_other(role, shop):
    client = Client()
    client.force_login(factories.staff(role))

    refused = set()
    for name in ALLOWED:
        answer = client.get(address(name, shop))
        # A page of posts says 405 to whoever may call it, and 403 to everybody else, before it looks at the method.
        # One that takes rows about many people along asks for the password first, which is 302.
        opened = {302} if name.startswith("recipients-") else {405} if name in POSTED else {200}
        assert answer.status_code in opened | {403}, name
        if answer.status_code == 403:
            refused.add(name)

    assert refused == {name for name, roles in ALLOWED.items() if role not in roles}


def test_somebody_without_a_role_sees_an_empty_home_and_nothing_else(shop):
    client = Client()
    client.force_login(factories.User.objects.create_user("new-here", password="x"))
    assert client.get("/").status_code == 200
    assert shop.campaign.name not in client.get("/").content.decode()
    assert {client.get(address(name, shop)).status_code for name in ALLOWED if name != "home"} == {403}


def test_the_admin_is_a_window_that_changes_nothing(shop):
    client = Client()
    client.force_login(factories.enrol(factories.User.objects.create_superuser("root", password="x")))
    for model in (m for m in site._registry if m._meta.app_label == "campaigns"):
        name = f"admin:campaigns_{model._meta.model_name}"
        assert client.get(reverse(f"{name}_changelist")).status_code == 200, name
        assert client.get(reverse(f"{name}_add")).status_code == 403, name
        row = model._default_manager.first()
        if row is not None:
            assert client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200, name
            assert client.post(reverse(f"{name}_change", args=[row.pk]), {"state": "sent"}).status_code == 403, name
            assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403, name
    assert model_state(shop) == "in_review"


def model_state(shop) -> str:
    shop.campaign.refresh_from_db()
    return shop.campaign.state


def test_whoever_is_not_signed_in_is_led_to_the_login(shop):
    for name in ALLOWED:
        answer = Client().get(address(name, shop))
        assert answer.status_code == 302, name
        assert answer.url.startswith(reverse("accounts:login")), name


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("click", CLICK),
        ("unsubscribe", UNSUBSCRIBE),
        ("preferences", PREFERENCES),
        ("survey", SURVEY),
        ("why", PREFERENCES),
    ],
)
def test_a_public_page_asks_for_no_login(name, purpose):
    answer = Client().get(reverse(f"campaigns:{name}", args=[sign(1, purpose)]))
    assert answer.status_code == 410  # signed by us, of a message that does not exist
