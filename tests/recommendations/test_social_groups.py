"""Groups from follows, likes, shares and comments: found, named, kept from run to run, and left out with a reason."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from customers.models import Customer, Event
from customers.services import consent
from recommendations.contracts import SOCIAL_GROUPS
from recommendations.queries.people import profile
from recommendations.queries.trends import overview
from registry import queries as registry
from registry.models import Alarm
from tests import factories
from tests.customers.rows import act
from tests.recommendations import households

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(settings, tmp_path) -> list[Customer]:
    settings.ARTIFACTS_DIR = tmp_path
    return households.fill()


def deeds(people: list[Customer], *, since: int = 0) -> None:
    """Of the first 60, even numbers do four things about bread on instagram, odd ones four about beef on tiktok."""
    factories.product(external_id="loaf", department="BAKERY", category="BREAD", product_type="BREAD")
    factories.product(external_id="steak", department="MEAT", category="BEEF", product_type="BEEF")
    names = ("Social Account Followed", "Social Post Liked", "Social Post Shared", "Social Post Commented")
    Event.objects.bulk_create(
        Event(
            occurred_at=households.END - timedelta(days=20 - step, minutes=number), message_id=f"s-{number}-{step}",
            name=name, source="api", channel="social", customer=person,
            properties={"network": "tiktok", "product_id": "steak"} if number % 2 else
                       {"network": "instagram", "product_id": "loaf"},
        )
        for number, person in enumerate(people[since:60])
        for step, name in enumerate(names)
    )  # fmt: skip


def train() -> None:
    call_command("train_recommenders", "--here", "--only", "clusters", SOCIAL_GROUPS, until=households.END.isoformat())


def page(name: str, *args) -> str:
    client = Client()
    client.force_login(User.objects.filter(username="looks").first() or factories.staff("marketer", "looks"))
    return re.sub(r"\s+", " ", client.get(reverse(f"recommendations:{name}", args=args)).content.decode())


def test_people_who_do_the_like_are_one_group_with_a_readable_name(people):
    deeds(people)
    train()
    version = registry.live(SOCIAL_GROUPS)
    assert sorted(version.params["names"]) == ["bakery, bread", "beef, meat"]
    assert version.metrics["nearness to the own group"]["value"] > 0.2
    bread, beef, none = (profile(people[number].pk).social for number in (0, 1, 100))
    assert (bread.name, beef.name, none) == ("bakery, bread", "beef, meat", None)
    assert bread.deeds == 4
    assert [pk for pk, _ in bread.alike] and all(pk in {p.pk for p in people[0:60:2]} for pk, _ in bread.alike)
    text = page("customer", people[0].pk)
    assert "In the group “bakery, bread”, by 4 follows, likes, shares and comments in the last year." in text
    assert Customer.objects.get(pk=bread.alike[0][0]).external_id in text
    assert "Too little to tell" in page("customer", people[100].pk)
    assert [(name, count) for _, name, count in sorted(overview().social)] and {c for *_, c in overview().social} == {
        30
    }
    assert "Groups by what people follow, like, share and comment on" in page("behaviour")


def test_groups_keep_their_numbers_from_run_to_run(people):
    deeds(people)
    train()
    before = {person.pk: profile(person.pk).social.group for person in people[:60]}
    train()
    assert registry.versions(SOCIAL_GROUPS).first().params["people who keep their group"] == 1.0
    assert before == {person.pk: profile(person.pk).social.group for person in people[:60]}


def test_too_few_are_no_group_no_alarm_and_a_reason(people, capsys):
    deeds(people, since=41)  # 19 people
    train()
    assert "social_groups is left out: nothing came in" in capsys.readouterr().out
    assert registry.live(SOCIAL_GROUPS) is None and not Alarm.objects.filter(kind=SOCIAL_GROUPS).exists()
    assert "19 people with 3 or more of them; 20 are needed." in page("behaviour")


def test_who_refused_is_in_no_group(people):
    deeds(people)
    consent.record(act(people[0].pk, "refused", purpose="model_training"))
    train()
    assert sum(count for *_, count in overview().social) == 59
    assert people[0].pk not in {pk for person in people[2:60:2] for pk, _ in profile(person.pk).social.alike}
