"""Beside tests/accounts/test_access.py, which asks every route: a newcomer's home, and the admin as a window."""

import pytest
from django.contrib.admin.sites import site
from django.test import Client
from django.urls import reverse

from campaigns.services.lifecycle import move
from campaigns.services.messages import CLICK, PREFERENCES, SURVEY, UNSUBSCRIBE, sign
from tests import factories
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    shop = open_shop(people=4, holdout_share=0.1)
    move(shop.campaign.pk, "unschedule")
    move(shop.campaign.pk, "expire")
    return shop


def test_somebody_without_a_role_sees_an_empty_home(shop):
    client = Client()
    client.force_login(factories.User.objects.create_user("new-here", password="x"))
    assert client.get("/").status_code == 200
    assert shop.campaign.name not in client.get("/").content.decode()


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
