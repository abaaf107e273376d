"""Every page by axe-core: nothing of level serious or worse, in the light and in the dark; on a phone nothing sticks out."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse

from campaigns.models import Message, WebhookAttempt, WebhookDelivery
from campaigns.services import endpoints
from campaigns.services.endpoints import NewEndpoint
from campaigns.services.messages import CLICK, PREFERENCES, SURVEY, UNSUBSCRIBE, sign
from campaigns.services.segments import count
from customers.models import ConsentRecord
from risk import scoring
from risk.models import Flag
from tests import factories
from tests.accounts.test_access import ROLES, SAMPLES, routes, table
from tests.browser.conftest import PHONE, WIDE
from tests.campaigns.pages import shop_in_review, shop_sent
from tests.risk import shop as orders

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Pages that end a session, hand out a file, are framed inside another one, or are Swagger UI's own.
NOT_LOOKED_AT = {"accounts:logout", "mfa_download_recovery_codes", "campaigns:mail", "schema", "api-docs"}
PURPOSES = {
    "campaigns:click": CLICK, "campaigns:unsubscribe": UNSUBSCRIBE, "campaigns:preferences": PREFERENCES,
    "campaigns:receipts": PREFERENCES, "campaigns:survey": SURVEY, "campaigns:why": PREFERENCES,
}  # fmt: skip


@pytest.fixture
def everyone():
    """A user with every role, and a shop with something on every page."""
    user = factories.staff("marketer")
    for role in ROLES:
        user.roles.add(*factories.staff(role).roles.all())
    return factories.enrol(user)


def things() -> dict[str, int]:
    """The argument of an address by its name, of things that exist."""
    sent = shop_sent(people=6, holdout_share=0.3)

    orders.burst(sent.people[0], orders.products())
    scoring.sweep()
    flag = Flag.objects.first()
    segment = sent.campaign.segments.get()
    count(segment)
    variant = sent.campaign.variants.filter(is_current=True).get()
    record = ConsentRecord.objects.order_by("pk").first()
    new = NewEndpoint("Shop", "https://shop.example/hook", ("message.sent",))
    endpoint, _ = endpoints.register(new, actor=sent.marketer)
    told = WebhookDelivery.objects.create(
        endpoint=endpoint, kind="message.sent", customer=sent.people[0], state="failed", words={"channel": "email"}
    )
    WebhookAttempt.objects.create(delivery=told, is_taken=False, words="The server answered 500.", took_ms=12)
    return {
        "endpoint_id": endpoint.pk, "flag_id": flag.pk, "record_id": record.pk,
        "campaign_id": sent.campaign.pk, "segment_id": segment.pk, "customer_id": sent.people[0].pk,
        "variant_id": variant.pk, "offer_id": sent.campaign.offer_id, "version_id": sent.campaign.recommender_id,
        "product_id": Message.objects.filter(state="sent").first().customer.recommendations.first().product_id,
    }  # fmt: skip


def addresses(known: dict[str, int]) -> dict[str, str]:
    """Every page that a GET opens, by its route."""
    message = Message.objects.filter(state="sent").first()
    found = {}
    for name, pattern in routes():
        if (name, "") not in table() or name in NOT_LOOKED_AT:
            continue
        converters = pattern.pattern.converters
        kwargs = {key: known.get(key, SAMPLES[type(kind).__name__]) for key, kind in converters.items()}
        if name in PURPOSES:
            kwargs["token"] = sign(message.pk, PURPOSES[name], 0 if name == "campaigns:click" else None)
        found[name] = reverse(name, kwargs=kwargs)
    return found


def pages(client: Client, found: dict[str, str]) -> dict[str, str]:
    """Those that answer a whole HTML page: fragments, files and addresses that only take a post are left out."""
    shown = {}
    for name, path in found.items():
        answer = client.get(path)
        is_page = answer.headers.get("Content-Type", "").startswith("text/html") and b"</html>" in answer.content
        if answer.status_code == 200 and is_page:
            shown[name] = path
    return shown


def violations(page, **options) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def test_no_page_has_a_serious_violation_in_the_light_the_dark_or_on_a_phone(everyone, visitor):
    client = Client()
    client.force_login(everyone)
    shown = pages(client, addresses(things()))
    assert len(shown) > 40, sorted(shown)
    known = visitor()
    known.log_in(everyone)

    wrong = {}
    for name, path in shown.items():
        page = known.open(path)
        found = violations(page, runOnly=RULES)
        page.emulate_media(color_scheme="dark")
        found += [f"dark: {one}" for one in violations(page, runOnly=["color-contrast"])]
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)
        width = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size(WIDE)
        if width > PHONE["width"]:
            found.append(f"{width} pixels wide on a phone of {PHONE['width']}")
        if found:
            wrong[name] = found
    known.complaints.clear()  # axe's own words on the console
    assert wrong == {}


def test_the_pages_of_a_review_have_no_serious_violation_either(visitor):
    shop = shop_in_review(people=4)
    known = visitor()
    known.log_in(shop.approver)

    page = known.open(reverse("campaigns:review", args=[shop.campaign.pk]))

    assert violations(page, runOnly=RULES) == []
    known.complaints.clear()
