"""A shop's page with the snippet, on an origin of its own, in a real browser: the switch on and off, and what a push shows.

The one part that is not real is the browser's own push service, which lies on the internet: `PushManager.subscribe` gives a
subscription of ours, and Chromium's devtools hand the worker what the service would.
"""

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from campaigns.services import push
from customers.models import ConsentState, ContactPoint
from customers.services.seal import open_contacts
from tests import factories
from tests.campaigns.channels.test_push import KEY, given

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc:def"
PAGE = """<!doctype html><title>Shop</title><p id="notice"></p><button id="on">On</button><button id="off">Off</button>
<output id="said"></output><script src="ATTUNE/static/attune/push/shop.js"></script><script>
const answer = ANSWER, said = document.getElementById("said");
document.getElementById("notice").textContent = answer.notice.text;
const tell = (words) => () => attunePush.isOn().then((on) => { said.value = words + (on ? " (on)" : " (off)"); });
const fault = (error) => { said.value = "fault: " + error.message; };
document.getElementById("on").onclick = () => attunePush.subscribe(answer).then(tell("subscribed")).catch(fault);
document.getElementById("off").onclick = () => attunePush.unsubscribe(answer).then(tell("unsubscribed")).catch(fault);
</script>"""
# What Chromium would get of its push service.
SERVICE = """
const given = GIVEN; let kept = null;
PushManager.prototype.getSubscription = async () => kept;
PushManager.prototype.subscribe = async (asked) => {
  window.asked = asked;
  kept = { ...given, options: { applicationServerKey: asked.applicationServerKey.buffer }, toJSON: () => given,
           unsubscribe: async () => { kept = null; return true; } };
  return kept;
};
"""


class Shop(BaseHTTPRequestHandler):
    """Serves the page, and the one line that its worker is."""

    def __init__(self, attune: str, answer: dict, *args):
        self.attune, self.answer = attune, answer
        super().__init__(*args)

    def do_GET(self):
        if self.path == "/attune-worker.js":
            kind, text = "text/javascript", f'importScripts("{self.attune}/static/attune/push/worker.js");'
        else:
            kind, text = "text/html", PAGE.replace("ATTUNE", self.attune).replace("ANSWER", json.dumps(self.answer))
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def shop(live_server, settings):
    """(the customer, the shop's address): the page of somebody who is signed in there."""
    settings.PUSH_KEY = KEY
    cache.clear()
    ann = factories.customer()
    token = push.token_for(ann.external_id, "en")
    notice = {"version": token.wording.version, "text": token.wording.text, "language": "en"}
    answer = {"token": token.text, "public_key": token.public_key, "notice": notice}
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Shop, live_server.url, answer))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield ann, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def state(person) -> tuple[bool | None, list[str]]:
    points = ContactPoint.objects.filter(customer=person, kind="push")
    kept = [json.loads(one)["endpoint"] for one in open_contacts(points.values_list("pk", flat=True)).values()]
    return ConsentState.objects.filter(customer=person, channel="push").values_list("is_given", flat=True).first(), kept


def test_somebody_switches_push_on_sees_one_and_switches_it_off(visitor, shop):
    ann, address = shop
    browser = visitor()
    browser.context.grant_permissions(["notifications"], origin=address)
    browser.context.add_init_script(SERVICE.replace("GIVEN", json.dumps(given(ENDPOINT))))
    devtools = browser.context.new_cdp_session(browser.page)
    registrations = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda told: registrations.extend(told["registrations"]))
    devtools.send("ServiceWorker.enable")
    page = browser.page
    page.goto(f"{address}/")
    assert page.locator("#notice").inner_text().startswith("Yes, send me offers as notifications")

    page.get_by_role("button", name="On").click()
    expect(page.locator("#said")).to_have_text("subscribed (on)")
    assert state(ann) == (True, [ENDPOINT])
    assert page.evaluate("asked.userVisibleOnly && asked.applicationServerKey.length") == 65

    message = {"title": "Oat biscuits", "body": "$2.50", "url": f"{address}/x", "unsubscribe": f"{address}/u"}
    for data in ("not one of ours", json.dumps(message)):
        devtools.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": address, "registrationId": registrations[-1]["registrationId"], "data": data},
        )
    page.wait_for_function("navigator.serviceWorker.ready.then(r => r.getNotifications()).then(all => all.length > 0)")
    shown = page.evaluate(
        "navigator.serviceWorker.ready.then(r => r.getNotifications())"
        ".then(all => all.map(one => [one.title, one.body, one.data, one.actions.map(a => a.action)]))"
    )
    assert shown == [["Oat biscuits", "$2.50", {"url": f"{address}/x", "unsubscribe": f"{address}/u"}, ["unsubscribe"]]]

    page.get_by_role("button", name="Off").click()
    expect(page.locator("#said")).to_have_text("unsubscribed (off)")
    assert state(ann) == (False, [])


def test_a_page_that_shows_old_words_is_told_so_and_nothing_is_kept(visitor, shop, monkeypatch):
    ann, address = shop
    browser = visitor()
    browser.context.grant_permissions(["notifications"], origin=address)
    browser.context.add_init_script(SERVICE.replace("GIVEN", json.dumps(given(ENDPOINT))))
    browser.page.goto(f"{address}/")
    browser.page.evaluate("answer.notice.version = 'eu-push-en-0'")
    browser.page.get_by_role("button", name="On").click()
    expect(browser.page.locator("#said")).to_contain_text("fault:")
    assert state(ann) == (None, [])
