"""The blocks of a mail: compiled once, filled with escaped values, and the same in the preview and in what is sent."""

import re

import mjml
import pytest
from django.urls import reverse

from campaigns.exceptions import RenderRefused
from campaigns.models import Campaign, Message
from campaigns.services import approval, compose, delivery, layout
from campaigns.services.messages import build_emails
from catalog.models import Product
from tests.campaigns.pages import shop_in_review, shop_sending, signed_in, words_of
from tests.flows.shop import read

FACTS = {
    "store": "Mill & Co", "body": "Rye rolls\nfor you.", "offer": "15% off.", "first": "https://a.example/c/1?x=1&y=2",
    "products": [{"title": 'Rye "rolls"', "price": "$2.50", "url": "https://a.example/c/1"},
                 {"title": "Tea", "price": "", "url": "https://a.example/c/2"}],
    "call": "See it in the shop", "sender": "Advertisement from Mill, 1 Street", "foot": [{"name": "Unsubscribe", "url": "https://a.example/u/1"}],
}  # fmt: skip


def test_a_mail_is_whole_and_escapes_what_anybody_wrote():
    evil = "</div><script>alert(1)</script>{{ store }}<mj-raw>"
    html = layout.html_of(FACTS | {"body": evil, "store": "<b>"})
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "{{ store }}" in html and "&lt;mj-raw&gt;" in html  # a value is printed, never read as a template or block
    assert '<a href="https://a.example/c/1?x=1&amp;y=2"' in html
    assert html.startswith('<!doctype html><html lang="en"') and html.endswith("</html>")
    assert "{%" not in html and "<mj" not in html
    assert "<link" not in html and "@import" not in html  # a font from elsewhere would tell who opened it
    assert 'name="viewport"' in html and "prefers-color-scheme: dark" in html


def test_what_is_missing_leaves_no_hole_and_what_must_be_there_refuses():
    html = layout.html_of(FACTS | {"offer": ""})
    assert "15% off" not in html and html.count('class="line"') == 4
    with pytest.raises(RenderRefused):
        layout.html_of(FACTS | {"sender": ""})


def test_it_is_compiled_once_whoever_gets_it(monkeypatch):
    asked = []
    real = mjml.mjml2html
    monkeypatch.setattr(layout.mjml, "mjml2html", lambda source: asked.append(source) or real(source))
    layout.layout.cache_clear()
    for number in range(50):
        layout.html_of(FACTS | {"body": f"Text {number}"})
    assert len(asked) == 1 and "Text" not in asked[0]


@pytest.mark.django_db
def test_the_sent_mail_has_both_parts_with_the_same_links():
    shop = shop_sending(people=1)
    Product.objects.filter(title="Rye rolls").update(title="Rye & <rolls>")
    (mail,) = build_emails(Campaign.objects.get(), Message.objects.all()).values()
    assert "Rye &amp; &lt;rolls&gt; is waiting for you. 15% off until" in mail.html
    assert "Rye & <rolls> is waiting for you. 15% off until" in mail.text
    links = [word for word in mail.text.split() if word.startswith("http")]
    assert len(links) == 6 and all(one in mail.html for one in links)
    assert mail.html.count('href="http') == 7  # and the button, to the first product
    assert shop.campaign.name not in mail.html


@pytest.mark.django_db
def test_the_preview_is_the_mail_that_is_sent_but_for_its_links():
    shop = shop_in_review(people=1)
    ann = shop.people[0]
    where = [shop.campaign.pk, words_of(shop).pk, ann.pk]
    seen = signed_in(shop.approver).get(reverse("campaigns:mail", args=where)).content.decode()
    (mail,) = started(shop).values()
    assert _bare(seen.replace('<base target="_blank">', "")) == _bare(mail.html)


def started(shop):
    """The same campaign, approved and started: its real mails."""
    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=read(shop.campaign))
    compose.schedule(shop.campaign.pk, actor=shop.marketer)
    delivery.start(shop.campaign.pk)
    return build_emails(Campaign.objects.get(), Message.objects.all())


def _bare(html: str) -> str:
    """Without what is signed for one message."""
    return re.sub(r'href="[^"]*"', "href", html)
