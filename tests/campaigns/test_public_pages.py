"""What a customer opens from a message: no login, no cookie, a page for a broken link, and no GET that changes consent."""

from datetime import timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import AudienceMember, Campaign, Click, Message, SurveyAnswer
from campaigns.services.messages import CLICK, PREFERENCES, SURVEY, UNSUBSCRIBE, sign
from campaigns.services.tracking import SIMULATOR
from catalog.models import Product
from customers.models import ConsentRecord, ConsentState, ContactPoint, Customer, Event, Suppression
from customers.services.seal import open_for
from tests.campaigns.pages import shop_sending, shop_sent

pytestmark = pytest.mark.django_db

PURPOSES = {
    "click": CLICK, "unsubscribe": UNSUBSCRIBE, "preferences": PREFERENCES, "survey": SURVEY, "why": PREFERENCES,
}  # fmt: skip


@pytest.fixture
def shop():
    """Sent a minute ago: whoever clicks at once is a machine."""
    shop = shop_sent(people=3)
    Message.objects.update(sent_at=timezone.now() - timedelta(minutes=1))
    return shop


@pytest.fixture
def client():
    """A customer's browser: no session, and forgery checks as in production."""
    return Client(enforce_csrf_checks=True, headers={"user-agent": "Mozilla/5.0"})


def message_to(person) -> Message:
    return Message.objects.get(customer=person)


def link(name: str, person, item: int | None = None) -> str:
    return reverse(f"campaigns:{name}", args=[sign(message_to(person).pk, PURPOSES[name], item)])


def consent_of(person) -> tuple:
    state = ConsentState.objects.get(customer=person, purpose="marketing", channel="email")
    return state.is_given, state.action


def everything_that_was_allowed() -> tuple:
    return (
        ConsentRecord.objects.count(),
        Suppression.objects.count(),
        list(ConsentState.objects.order_by("pk").values_list("is_given", "action")),
        list(Customer.objects.order_by("pk").values_list("personalise", flat=True)),
        list(Message.objects.order_by("pk").values_list("state", flat=True)),
    )


# --- tampering


def broken(token: str) -> dict[str, str]:
    number, _, signature = token.partition(":")
    return {
        "truncated": token[:-3],
        "without a signature": number,
        "another message": f"{int(number.split('.')[0]) + 1}:{signature}",
        "double-encoded": quote(quote(token, safe=""), safe=""),
        "a letter more": token + "x",
        "lower case": token.lower() + "q",
        "nothing but colons": ":::",
        "not ASCII": "ünïcode:" + signature,
        "a null byte": token + "%00",
        "very long": "9" * 3000 + ":" + signature,
        "SQL": "1' OR '1'='1",
        "a line break": token + "%0A",
    }


@pytest.mark.parametrize("name", PURPOSES)
def test_a_tampered_token_gets_a_page_that_helps_and_changes_nothing(name, shop, client):
    before = everything_that_was_allowed()
    for what, token in broken(sign(message_to(shop.people[0]).pk, PURPOSES[name])).items():
        path = reverse(f"campaigns:{name}", args=["TOKEN"]).replace("TOKEN", token)
        for answer in (client.get(path), client.post(path, {"List-Unsubscribe": "One-Click", "score": "5"})):
            assert answer.status_code in (400, 404, 405), (what, answer.status_code)
            if answer.status_code == 400:
                assert "This link is not complete" in answer.content.decode()
    assert everything_that_was_allowed() == before


@pytest.mark.parametrize("name", PURPOSES)
def test_a_token_of_another_purpose_opens_nothing(name, shop, client):
    for other in set(PURPOSES.values()) - {PURPOSES[name]}:
        path = reverse(f"campaigns:{name}", args=[sign(message_to(shop.people[0]).pk, other)])
        assert client.get(path).status_code == 400
        assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code in (400, 405)
    assert consent_of(shop.people[0]) == (True, "given")


@pytest.mark.parametrize("name", PURPOSES)
def test_a_link_of_a_message_that_was_erased_says_so(name, shop, client):
    path = link(name, shop.people[0])
    shop.people[0].delete()

    answer = client.get(path)

    assert (answer.status_code, "This message no longer exists" in answer.content.decode()) == (410, True)


@pytest.mark.parametrize("name", PURPOSES)
def test_a_get_changes_nothing_that_was_allowed_and_sets_no_cookie(name, shop, client):
    before = everything_that_was_allowed()
    for method in (client.get, client.head):
        answer = method(link(name, shop.people[0], 0 if name == "click" else None))
        assert answer.status_code in (200, 302)
        assert not answer.cookies
        assert "no-store" in answer["Cache-Control"]
    assert everything_that_was_allowed() == before


@pytest.mark.parametrize("name", sorted(PURPOSES.keys() - {"click"}))
def test_public_pages_bring_no_script_and_no_forgery_token(name, shop, client):
    page = client.get(link(name, shop.people[0])).content.decode()
    assert "<script" not in page
    assert "csrfmiddlewaretoken" not in page
    assert "noindex" in page


# --- unsubscribe


def test_one_click_takes_effect_at_once_without_login_cookie_or_redirect(client):
    shop = shop_sending(people=3)
    person = shop.people[0]

    answer = client.post(link("unsubscribe", person), {"List-Unsubscribe": "One-Click"})

    assert (answer.status_code, bool(answer.cookies)) == (200, False)
    assert consent_of(person) == (False, "withdrawn")
    assert (message_to(person).state, message_to(person).reason) == ("skipped", "withdrawn")
    assert ConsentRecord.objects.order_by("-pk").first().method == "one_click"
    assert consent_of(shop.people[1]) == (True, "given")


def test_one_click_comes_as_a_multipart_form_too(shop, client):
    client.post(link("unsubscribe", shop.people[0]), {"List-Unsubscribe": "One-Click"}, format="multipart")
    assert consent_of(shop.people[0]) == (False, "withdrawn")


def test_the_button_of_the_page_does_the_same_and_again_changes_nothing_more(shop, client):
    address = link("unsubscribe", shop.people[0])
    assert "Stop these messages?" in client.get(address).content.decode()

    first, second = client.post(address), client.post(address)

    assert "You are unsubscribed" in first.content.decode()
    assert "You are unsubscribed" in second.content.decode()
    assert consent_of(shop.people[0]) == (False, "withdrawn")
    assert Suppression.objects.filter(lifted_at=None).count() == 1


def test_a_message_that_is_leaving_at_this_moment_is_named(client):
    shop = shop_sending(people=2)
    now = timezone.now()
    Message.objects.filter(customer=shop.people[0]).update(state="sending", lease_until=now, attempted_at=now)

    page = client.post(link("unsubscribe", shop.people[0])).content.decode()

    assert "Recorded; one message may be under way" in page
    assert f"Message {message_to(shop.people[0]).pk}, handed over since {now:%H:%M:%S} UTC" in page
    assert consent_of(shop.people[0]) == (False, "withdrawn")


def test_a_message_that_a_worker_claimed_and_did_not_attempt_is_cancelled(client):
    shop = shop_sending(people=2)
    Message.objects.filter(customer=shop.people[0]).update(
        state="sending", lease_until=timezone.now(), lease_token=uuid4()
    )

    page = client.post(link("unsubscribe", shop.people[0])).content.decode()

    assert "You are unsubscribed" in page
    assert (message_to(shop.people[0]).state, message_to(shop.people[0]).reason) == ("skipped", "withdrawn")


def test_a_message_to_somebody_who_shares_the_address_is_cancelled_too(client):
    shop = shop_sending(people=2)
    own, other = (ContactPoint.objects.get(customer=person) for person in shop.people)
    ContactPoint.objects.filter(pk=other.pk).update(lookup=own.lookup)

    client.post(link("unsubscribe", shop.people[0]))

    assert message_to(shop.people[1]).state == "skipped"
    assert consent_of(shop.people[1]) == (True, "given")  # their own word stands; the address is stopped


def test_what_the_simulator_withdraws_is_marked_simulated(shop):
    Client().post(link("unsubscribe", shop.people[0]), headers={"user-agent": SIMULATOR})
    assert ConsentState.objects.get(customer=shop.people[0]).origin == "simulated"


# --- preferences


def test_one_post_saves_all_of_it(shop, client):
    address = link("preferences", shop.people[0])
    assert [one.subject for one in client.get(address).context["switches"] if one.is_on] == ["email"]

    page = client.post(address, {})

    assert "Saved. It holds from now on." in page.content.decode()
    assert consent_of(shop.people[0]) == (False, "withdrawn")
    assert Customer.objects.get(pk=shop.people[0].pk).personalise is False


def test_switching_off_personalisation_keeps_the_offers(shop, client):
    client.post(link("preferences", shop.people[0]), {"on": "email"})

    assert consent_of(shop.people[0]) == (True, "given")
    assert Customer.objects.get(pk=shop.people[0].pk).personalise is False


# --- survey


def test_an_answer_is_kept_with_its_comment_sealed_and_the_newest_counts(shop, client):
    address = link("survey", shop.people[0])
    client.post(address, {"score": "2", "comment": "Too many."})
    page = client.post(address, {"score": "4", "comment": "Better, says Ann"})

    answer = SurveyAnswer.objects.get()
    assert "Thank you" in page.content.decode()
    assert (answer.score, answer.origin) == (4, "observed")
    assert b"Ann" not in bytes(answer.sealed_comment)
    assert open_for(shop.people[0], answer.sealed_comment, "survey") == "Better, says Ann"


def test_one_press_of_a_number_is_the_answer_and_words_may_follow(shop, client):
    address = link("survey", shop.people[0])
    page = client.get(address).content.decode()
    assert [f'name="score" value="{score}"' in page for score in range(1, 6)] == [True] * 5
    assert not SurveyAnswer.objects.exists()  # a GET answers nothing, whoever follows the link

    page = client.post(address, {"score": "5"}).content.decode()
    answer = SurveyAnswer.objects.get()
    assert (answer.score, answer.sealed_comment) == (5, None)
    assert "Your answer is kept: 5 of 5." in page
    assert '<input type="hidden" name="score" value="5">' in page

    page = client.post(address, {"score": "5", "comment": "The rolls!"}).content.decode()
    answer.refresh_from_db()
    assert open_for(shop.people[0], answer.sealed_comment, "survey") == "The rolls!"
    assert "Send these words as well" not in page


@pytest.mark.parametrize("score", ["", "0", "6", "five", "1.5"])
def test_an_answer_outside_1_to_5_is_refused_and_the_comment_stays(score, shop, client):
    page = client.post(link("survey", shop.people[0]), {"score": score, "comment": "Kept as typed"})

    assert page.status_code == 400
    assert "Choose a number from 1 to 5." in page.content.decode()
    assert "Kept as typed" in page.content.decode()
    assert not SurveyAnswer.objects.exists()


# --- why


def test_why_names_the_group_the_permission_and_each_products_reason(shop, client):
    page = " ".join(client.get(link("why", shop.people[0])).content.decode().split())

    assert "written for our regulars" in page
    assert "under version newsletter-1 of our notice" in page
    assert "Bought 2 times, last 3 days ago." in page
    assert "Regular" not in page  # the segment's inner name


def test_who_is_not_personalised_reads_that_everybody_sees_these_products(shop, client):
    Customer.objects.filter(pk=shop.people[0].pk).update(personalise=False)
    page = client.get(link("why", shop.people[0])).content.decode()
    assert "You asked us not to choose products for you" in page
    assert "Popular with all customers." in page
    assert "Bought 2 times" not in page


# --- clicks


def product_of(person) -> Product:
    return Product.objects.get(pk=AudienceMember.objects.get(customer=person).items[0])


def test_a_click_is_recorded_and_leads_to_the_feeds_address(shop, client):
    person = shop.people[0]
    Product.objects.filter(pk=product_of(person).pk).update(url="https://shop.example/rolls?a=1")

    answer = client.get(link("click", person, 0))

    assert (answer.status_code, answer.url) == (302, "https://shop.example/rolls?a=1")
    click = Click.objects.get()
    assert (click.message.customer, click.product, click.is_machine, click.origin) == (
        person, product_of(person), False, "observed",
    )  # fmt: skip
    assert Event.objects.filter(customer=person, name="Email Link Clicked").count() == 1


def test_utm_parameters_stand_behind_the_shops_own_and_replace_none(shop, client):
    person = shop.people[0]
    Campaign.objects.update(utm_campaign="spring sale")
    Product.objects.filter(pk=product_of(person).pk).update(url="https://shop.example/rolls?utm_source=feed&a=%20#top")

    answer = client.get(link("click", person, 0))

    query = "utm_source=feed&a=%20&utm_medium=email&utm_campaign=spring+sale"
    assert answer.url == f"https://shop.example/rolls?{query}#top"


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "ftp://x/y", "//elsewhere.example/", "data:text/html,x"])
def test_without_a_web_address_it_leads_to_our_own_page_of_the_product(url, shop, client):
    person = shop.people[0]
    Product.objects.filter(pk=product_of(person).pk).update(url=url)

    answer = client.get(link("click", person, 0))

    assert answer.url == reverse("campaigns:product", args=[product_of(person).pk])
    page = client.get(answer.url).content.decode()
    assert "Rye rolls" in page
    assert "$2.50" in page
    assert "stands in for the shop's own" in page


@pytest.mark.parametrize(("agent", "method"), [("GoogleImageProxy", "get"), ("", "get"), ("Mozilla/5.0", "head")])
def test_a_scanner_is_counted_apart_and_leaves_no_event(agent, method, shop):
    getattr(Client(headers={"user-agent": agent}), method)(link("click", shop.people[0], 0))

    assert Click.objects.get().is_machine
    assert not Event.objects.exists()


def test_a_scanner_that_calls_itself_a_browser_gives_itself_away_by_its_speed(shop, client):
    """It follows every link of the message at once: none of these clicks is a person's."""
    person = shop.people[0]
    Message.objects.filter(pk=message_to(person).pk).update(sent_at=timezone.now() - timedelta(hours=1))
    AudienceMember.objects.filter(customer=person).update(items=[p.pk for p in Product.objects.all()] * 2)

    client.get(link("click", person, 0))
    assert not Click.objects.get().is_machine  # one link, an hour later: a person
    client.get(link("click", person, 1))
    client.get(link("click", person, 2))

    assert list(Click.objects.values_list("is_machine", flat=True)) == [True] * 3


def test_nobody_reads_within_a_second_of_the_hand_over(shop, client):
    person = shop.people[0]
    Message.objects.filter(pk=message_to(person).pk).update(sent_at=timezone.now())

    client.get(link("click", person, 0))

    assert Click.objects.get().is_machine
    assert not Event.objects.filter(customer=person, name="Email Link Clicked").exists()


@pytest.mark.parametrize(
    "said",
    [
        {"sec-purpose": "prefetch"},
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"x-moz": "prefetch"},
    ],
)
def test_what_a_browser_fetches_ahead_is_no_click_and_is_asked_again_when_somebody_does(said, shop, client):
    address = link("click", shop.people[0], 0)
    assert client.get(address, headers=said).status_code == 503
    assert Click.objects.get().is_machine
    assert client.get(address).status_code == 302
    assert list(Click.objects.order_by("pk").values_list("is_machine", flat=True)) == [True, False]


def test_the_simulators_click_is_marked_simulated(shop):
    Client().get(link("click", shop.people[0], 0), headers={"user-agent": SIMULATOR})
    assert (Click.objects.get().origin, Event.objects.get().origin) == ("simulated", "simulated")


def test_a_place_that_the_message_does_not_have_says_that_the_product_is_gone(shop, client):
    answer = client.get(link("click", shop.people[0], 99))
    assert (answer.status_code, "no longer here" in answer.content.decode()) == (200, True)


def test_a_product_that_left_the_catalogue_is_not_shown(shop, client):
    product = product_of(shop.people[0])
    Product.objects.filter(pk=product.pk).update(is_active=False)
    page = client.get(reverse("campaigns:product", args=[product.pk]))
    assert (page.status_code, "Rye rolls" in page.content.decode()) == (404, False)
    assert client.get(reverse("campaigns:product", args=[2**62])).status_code == 404
