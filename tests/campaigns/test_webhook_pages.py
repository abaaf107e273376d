"""The pages of endpoints: a secret is shown once, tries are listed, and a merchant's people see their own alone."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import ProviderTally, WebhookDelivery, WebhookEndpoint
from campaigns.services import endpoints, telling
from tests import factories
from tests.campaigns.channels.provider import provider
from tests.campaigns.channels.test_push import KEY
from tests.campaigns.pages import signed_in
from tests.campaigns.test_webhooks import URL, endpoint

pytestmark = pytest.mark.django_db

FORM = {"name": "Till", "url": URL, "kinds": ["campaign.finished"]}


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch):
    monkeypatch.setattr("campaigns.tasks.tell.delay_on_commit", lambda: None)


def page(name: str, *args) -> str:
    return reverse(f"campaigns:webhooks:{name}", args=args)


def test_a_secret_is_shown_once():
    client = signed_in(factories.staff("administrator"))

    made = client.post(page("list"), FORM)

    kept = WebhookEndpoint.objects.get()
    (secret,) = endpoints.secrets_of(kept.pk)
    assert made.status_code == 200 and secret in made.content.decode()
    for address in (page("list"), page("one", kept.pk)):
        assert secret not in client.get(address).content.decode()
    rotated = client.post(page("rotate", kept.pk)).content.decode()
    newer, older = endpoints.secrets_of(kept.pk)
    assert older == secret and newer in rotated and older not in rotated
    assert "2 secrets sign now" in rotated


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://shop.example/"}, "Use https"),
        ({"url": "https://10.0.0.1/"}, "private network"),
        ({"kinds": []}, "Choose at least one."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(change, words, settings):
    settings.MAIL_SINK = False
    answer = signed_in(factories.staff("administrator")).post(page("list"), {**FORM, **change})
    text = answer.content.decode()
    assert answer.status_code == 400 and words in text
    assert (change.get("name", "Till") in text) and WebhookEndpoint.objects.count() == 0


def test_a_test_its_tries_and_the_same_again(settings):
    settings.MAIL_SINK = True
    client = signed_in(factories.staff("administrator"))
    with provider((500, b""), (200, b"")) as server:
        kept, _ = endpoint(server.url, "message.sent")
        client.post(page("test", kept.pk))
        telling.tell(kept.pk)
        WebhookDelivery.objects.update(not_before="2026-01-01T00:00Z")
        telling.tell(kept.pk)
        text = client.get(page("one", kept.pk)).content.decode()
        assert "The server answered 500." in text and "The server answered 200." in text and "endpoint.test" in text
        row = WebhookDelivery.objects.get()
        assert client.post(page("redeliver", kept.pk, row.pk)).status_code == 303
        assert telling.tell(kept.pk) == 1
    assert len({posted.headers["webhook-id"] for posted in server.got}) == 1


def test_saving_switches_it_on_and_deleting_takes_all_with_it():
    client = signed_in(factories.staff("administrator"))
    kept, _ = endpoint()
    endpoints.disable(kept.pk, "It answered 410: it wants no more of these.")
    assert "It answered 410" in client.get(page("one", kept.pk)).content.decode()
    assert client.post(page("one", kept.pk), {**FORM, "url": "https://other.example/"}).status_code == 303
    kept.refresh_from_db()
    assert (kept.disabled_at, kept.url, kept.kinds) == (None, "https://other.example/", ["campaign.finished"])
    WebhookDelivery.objects.create(endpoint=kept, kind="message.sent")
    client.post(page("remove", kept.pk))
    assert (WebhookEndpoint.objects.count(), WebhookDelivery.objects.count()) == (0, 0)


def test_a_merchants_people_see_and_change_their_own_alone():
    ours, theirs = factories.merchant("Ours"), factories.merchant("Theirs")
    client = signed_in(factories.member(ours))
    client.post(page("list"), FORM)
    mine = WebhookEndpoint.objects.get()
    assert mine.merchant == ours
    other, _ = endpoint("https://theirs.example/", merchant=theirs)
    platform, _ = endpoint("https://platform.example/")
    text = client.get(page("list")).content.decode()
    assert URL in text and "theirs.example" not in text and "platform.example" not in text
    assert "order.attributed" not in text
    row = WebhookDelivery.objects.create(endpoint=other, kind="message.sent")
    for one in (other, platform):
        assert client.get(page("one", one.pk)).status_code == 404
        assert [client.post(page(name, one.pk)).status_code for name in ("one", "rotate", "test", "remove")] == [
            404
        ] * 4
    assert client.post(page("redeliver", other.pk, row.pk)).status_code == 404
    assert client.post(page("redeliver", mine.pk, row.pk)).status_code == 404
    assert WebhookEndpoint.objects.count() == 3


def test_the_page_shows_what_providers_reported_and_how_a_shop_registers_browsers(settings):
    settings.PUSH_KEY = KEY
    for number, outcome in ((3, "heard"), (2, "unknown")):
        ProviderTally.objects.create(
            provider="postmark", day=timezone.now().date(), told="bounced", outcome=outcome, number=number
        )
    ProviderTally.objects.create(provider="postmark", day="2020-01-01", told="bounced", outcome="heard", number=50)
    text = signed_in(factories.staff("administrator")).get(page("list")).content.decode()
    assert ">3<" in text and ">2<" in text and "of no message of ours" in text
    assert "attunePush.subscribe(answer)" in text and "/static/attune/push/worker.js" in text
    merchants = signed_in(factories.member(factories.merchant())).get(page("list")).content.decode()
    assert "attunePush" in merchants and "postmark" not in merchants


def test_the_list_costs_the_same_for_one_endpoint_and_for_many():
    client = signed_in(factories.staff("administrator"))
    counts = []
    for _ in range(2):
        for _ in range(4):
            endpoint()
        with CaptureQueriesContext(connection) as asked:
            client.get(page("list"))
        counts.append(len(asked))
    assert counts[0] == counts[1]
