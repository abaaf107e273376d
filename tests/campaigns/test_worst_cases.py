"""The worst cases of a campaign's words: rendered as they would be sent, for people who do not exist."""

import pytest
from django.urls import reverse

from campaigns.models import Campaign, Message, MessageVariant
from campaigns.services import worst
from catalog.models import Product
from customers.models import Customer
from tests.campaigns.pages import again, shop_in_review, signed_in, words_of

pytestmark = pytest.mark.django_db
GREETING = 'Hello {{ customer.first_name | default: "you" }}, {{ product.title }} at {{ product.price }}.'


def shop_with(body: str = GREETING, channels=("email", "sms", "push")):
    shop = shop_in_review(people=3)
    MessageVariant.objects.filter(pk=words_of(shop).pk).update(body=body)
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=list(channels))
    return again(shop)


def faces(shop, key: str) -> dict[str, worst.Face]:
    words = words_of(shop)
    own = worst.products_of(shop.campaign, words.segment_id)
    return {
        one.channel: one for one in worst.faces(shop.campaign, words, worst.BY_KEY[key], own, shop.campaign.channels)
    }


def said(face: worst.Face) -> list[str]:
    return [str(hit.words) for hit in face.hits]


def test_without_a_name_the_fall_back_stands_and_is_named():
    found = faces(shop_with(), "no_name")

    assert "Hello you, " in found["sms"].text
    assert "The words' own fall-back stands for the first name." in said(found["email"])


def test_the_longest_name_makes_more_parts_and_overflows_a_notification():
    shop = shop_with(body=GREETING + " " + "Fresh from the oven. " * 4)

    short, long = faces(shop, "no_name"), faces(shop, "long_name")

    assert "Wolfeschlegelsteinhausenbergerdorff" in long["push"].text
    assert any("more than the 150 that fit" in words for words in said(long["push"]))
    assert not any("150" in words for words in said(short["push"]))


def test_a_name_in_another_script_makes_the_text_message_ucs2_and_too_many_parts_are_refused():
    shop = shop_with(body=GREETING + " " + "Fresh from the oven. " * 10)

    plain, arabic = faces(shop, "long_name")["sms"], faces(shop, "right_to_left")["sms"]

    assert any("units of GSM-7" in words for words in said(plain))
    assert any("units of UCS-2" in words for words in said(arabic))
    assert [str(hit.words) for hit in arabic.hits if hit.is_bad] == ["It would be refused: more than 3 parts."]
    assert not any(hit.is_bad for hit in plain.hits)


def test_a_chinese_reader_gets_the_words_that_their_law_asks_for():
    found = faces(shop_with(), "chinese")

    assert "拒收请回复R" in found["sms"].text
    assert "欧阳子轩" in found["push"].text


def test_with_everything_sold_out_nothing_is_sent_and_the_page_says_so():
    found = faces(shop_with(), "sold_out")

    assert {one.channel: one.refused for one in found.values()} == dict.fromkeys(
        ("email", "sms", "push"), "Left out: everything that was chosen for them is sold out."
    )


def test_the_longest_product_of_the_audience_at_its_highest_price_is_shown():
    shop = shop_with()
    Product.objects.filter(title="Rye rolls").update(
        title="Rye rolls of the whole grain, sliced by hand", price="1234.50"
    )

    found = faces(shop, "long_product")["email"]

    assert "Rye rolls of the whole grain, sliced by hand at $1,234.50." in found.text


def test_words_that_fail_without_a_name_are_refused_here_before_anybody_is_left_out():
    found = faces(shop_with(body="Hello {{ customer.first_name }}."), "no_name")

    assert "first_name" in found["email"].refused


def test_the_page_shows_every_case_on_every_channel_and_keeps_nobody():
    shop = shop_with()
    people, messages = Customer.objects.count(), Message.objects.count()
    client = signed_in(shop.approver)

    page = client.get(reverse("campaigns:worst", args=[shop.campaign.pk]))
    text = page.content.decode()

    assert page.status_code == 200
    assert [sheet.case.key for sheet in page.context["sheets"]] == [case.key for case in worst.CASES]
    assert text.count('class="face-bubble"') == text.count('class="face-card"') == len(worst.CASES) - 1
    # Sold out is told in the line that opens it: nobody has to open six parts to find the one that says something.
    assert [sheet.case.key for sheet in page.context["sheets"] if sheet.refused] == ["sold_out"]
    assert text.count("badge-warn") == 1
    assert (Customer.objects.count(), Message.objects.count()) == (people, messages)


def test_the_frame_of_a_case_may_do_nothing_and_of_an_unknown_case_there_is_none():
    shop = shop_with()
    client, words = signed_in(shop.approver), words_of(shop)

    frame = client.get(reverse("campaigns:worst-mail", args=[shop.campaign.pk, words.pk, "long_name"]))
    unknown = client.get(reverse("campaigns:worst-mail", args=[shop.campaign.pk, words.pk, "nobody"]))
    nothing = client.get(reverse("campaigns:worst-mail", args=[shop.campaign.pk, words.pk, "sold_out"]))

    assert "Wolfeschlegelsteinhausenbergerdorff" in frame.content.decode()
    assert "default-src 'none'" in frame["Content-Security-Policy"]
    assert (unknown.status_code, nothing.status_code) == (404, 404)
