"""The laptop's sink stands in for every provider: texts, push and webhooks arrive at a real server, and a page shows them."""

import socket
import threading

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.management import http_sink
from campaigns.models import Message
from campaigns.services import delivery, demo_ways, endpoints, sink
from campaigns.services.endpoints import NewEndpoint
from campaigns.services.senders import offered
from customers.contracts import NewContact, NewCustomer
from customers.models import ConsentState, ContactPoint, Customer
from customers.services.consent import publish_notice, record_many
from customers.services.demo_people import answer
from customers.services.people import add_contact_points, import_customers
from tests import factories
from tests.campaigns.pages import signed_in
from tests.campaigns.test_gate import on_channels
from tests.customers.rows import act
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def laptop(settings, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.SINK_PORT = probe.getsockname()[1]
    settings.MAIL_SINK, settings.MAIL_SINK_DIR = True, tmp_path
    server = http_sink.server("127.0.0.1", settings.SINK_PORT, tmp_path)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield tmp_path
    server.shutdown()
    server.server_close()


def test_without_a_sink_or_a_provider_only_mail_and_files_are_offered():
    assert offered() == ["email", "social", "store"]  # the last two are files, which need nothing to be set up


def test_texts_push_and_webhooks_are_offered_sent_and_shown(laptop):
    shop = open_shop(people=1)
    ann = shop.people[0]
    add_contact_points([NewContact(ann.pk, "phone", "+12025550123"), NewContact(ann.pk, "push", sink.subscription(7))])
    record_many(act(ann.pk, channel=channel) for channel in ("sms", "push"))
    endpoints.register(NewEndpoint("Shop", sink.address("hook/shop"), ("campaign.message",)), actor=None)
    assert offered() == ["email", "sms", "push", "webhook", "social", "store"]
    Customer.objects.update(timezone=f"Etc/GMT{timezone.now().hour - 12:+d}")  # noon: no quiet hours
    on_channels(shop, "sms", "push", "webhook")
    delivery.start(shop.campaign.pk)

    while delivery.send_batch(shop.campaign.pk):
        pass

    assert sorted(Message.objects.values_list("channel", "state")) == [
        ("push", "sent"), ("sms", "sent"), ("webhook", "sent"),
    ]  # fmt: skip
    kept = {one.channel: one for one in sink.newest(laptop)}
    assert kept["sms"].to == "+12025550123" and "Rye rolls is waiting for you." in kept["sms"].text
    assert kept["push"].title == "Rye rolls again?" and kept["push"].text.startswith("Rye rolls is waiting")
    assert kept["push"].links[0].startswith("http://testserver/c/")
    assert kept["webhook"].to == ann.external_id and "Rye rolls" in kept["webhook"].text

    page = signed_in(factories.staff("marketer")).get(reverse("campaigns:sink"))
    text = page.content.decode()
    assert (
        text.count("Rye rolls again?") == 2 and "+12025550123" in text and page["Cache-Control"].find("no-store") >= 0
    )


def test_where_messages_really_go_out_there_is_no_such_page(settings):
    settings.MAIL_SINK = False
    assert signed_in(factories.staff("marketer")).get(reverse("campaigns:sink")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"), [("/sms", b"[]"), ("/sms", b"x"), ("/push/1", b"not sealed"), ("/hook/", b"7")]
)
def test_what_the_sink_cannot_read_is_refused(path, body, tmp_path):
    with pytest.raises(ValueError):
        sink.take(tmp_path, path, body)
    assert sink.take(tmp_path, "/elsewhere", b"{}")[0] == 404
    assert list(tmp_path.iterdir()) == []


def test_some_of_the_demo_stores_people_get_simulated_ways_once(laptop, monkeypatch):
    monkeypatch.setattr(demo_ways, "PEOPLE", 3)
    import_customers(NewCustomer(str(name)) for name in range(1, 12))

    assert (demo_ways.give_ways(), demo_ways.give_ways()) == (3, 0)

    assert set(ContactPoint.objects.values_list("kind", "origin")) == {("phone", "simulated"), ("push", "simulated")}
    given = ConsentState.objects.filter(is_given=True, origin="simulated")
    assert sorted(given.values_list("channel", flat=True)) == ["push"] * 3 + ["sms"] * 3
    assert all(answer(name) == "imported" for name in given.values_list("customer__external_id", flat=True))
    publish_notice("demo-import-2", "en", demo_ways.WORDS)  # the words that the consent names are the published ones
