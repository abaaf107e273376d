"""What was not sent, by the cause that an operator can act on; trying at once what a provider put off, exact to the row."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from campaigns.models import Message
from campaigns.queries.causes import causes
from campaigns.services import again
from tests.campaigns.pages import shop_sending, signed_in

pytestmark = pytest.mark.django_db

WORDS = [
    ("failed", "email", "address_refused", "550 5.1.1 (address): user unknown", "550 5.1.1"),
    ("failed", "email", "address_refused", "550 no such user", "550"),
    ("failed", "email", "message_refused", "554 5.7.1 refused by policy", "554 5.7.1"),
    ("failed", "sms", "opted_out", "The provider answered 400, 21610.", "400, 21610"),
    ("failed", "push", "gone", "The push service answered 410: the subscription has ended.", "410"),
    ("skipped", "email", "no_consent", "", ""),
    ("queued", "email", "try_later", "451 4.7.1 greylisted", "451 4.7.1"),
]


def rows_of(shop, hours=1):
    later = timezone.now() + timedelta(hours=hours)
    for pk, (state, channel, reason, error, _) in zip(Message.objects.values_list("pk", flat=True), WORDS, strict=True):
        kept = "" if state == "queued" else reason
        Message.objects.filter(pk=pk).update(state=state, channel=channel, reason=kept, error=error, not_before=later)


def test_each_cause_stands_apart_with_its_code_and_no_address():
    shop = shop_sending(people=7)
    rows_of(shop)
    found = causes(shop.campaign.pk, put_off=True)
    assert {(one.state, one.channel, one.reason, one.code) for one in found} == {(*w[:3], w[4]) for w in WORDS}
    assert [one.count for one in found] == [1] * 7
    assert [one.next_at is not None for one in found if one.state == "queued"] == [True]
    assert len(causes(shop.campaign.pk, put_off=False)) == 6


def test_the_page_says_what_to_do_about_each():
    shop = shop_sending(people=7)
    rows_of(shop)
    page = signed_in(shop.marketer).get(reverse("campaigns:monitor", args=[shop.campaign.pk]))
    words = page.content.decode()
    for said in (
        "550 5.1.1",
        "ask the person for another address",
        "check SPF, DKIM and DMARC",
        "400, 21610",
        "Try at once",
    ):
        assert said in words


def test_only_what_was_put_off_with_this_code_is_tried_at_once():
    shop = shop_sending(people=7)
    rows_of(shop)
    before = {m.pk: (m.state, m.not_before) for m in Message.objects.all()}
    assert again.try_now(shop.campaign.pk, actor=shop.marketer, channel="email", code="451 4.7.0") == 0
    url = reverse("campaigns:try-now", args=[shop.campaign.pk])
    signed_in(shop.marketer).post(url, {"channel": "email", "code": "451 4.7.1"})
    after = {m.pk: (m.state, m.not_before) for m in Message.objects.all()}
    moved = [pk for pk in after if after[pk] != before[pk]]
    assert moved == list(Message.objects.filter(state="queued").values_list("pk", flat=True))
    assert after[moved[0]][1] <= timezone.now()
    entry = AuditEntry.objects.filter(action="campaign.try_now").latest("pk")
    assert entry.after == {"channel": "email", "code": "451 4.7.1", "messages": 1}
