"""What people say of a campaign stands on its review page, whoever says it, and says of which version it was said."""

import pytest
from django.db import ProgrammingError, transaction
from django.urls import reverse

from campaigns.exceptions import ApprovalRefused
from campaigns.models import Comment, Settlement
from campaigns.services import approval, evidence, words
from tests.campaigns.pages import shop_in_review, signed_in, words_of

pytestmark = pytest.mark.django_db


def address(shop, name: str = "review") -> str:
    return reverse(f"campaigns:{name}", args=[shop.campaign.pk])


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_a_remark_and_its_reply_stand_on_the_page_with_their_authors():
    shop = shop_in_review(people=2)
    client = signed_in(shop.approver)

    said = client.post(address(shop, "comment"), {"text": "Do the tills know this offer?"})
    first = Comment.objects.get()
    replied = signed_in(shop.marketer).post(address(shop, "comment"), {"text": "Since Monday.", "reply_to": first.pk})

    assert (said.status_code, replied.status_code) == (303, 303)
    assert said.headers["Location"] == replied.headers["Location"] == f"{address(shop)}#said-{first.pk}"
    (one,) = client.get(address(shop)).context["conversation"]
    assert (one.text, one.is_current, [reply.text for reply in one.replies]) == (
        "Do the tills know this offer?", True, ["Since Monday."],
    )  # fmt: skip


def test_a_remark_on_words_that_changed_says_so():
    shop = shop_in_review(people=2)
    approval.comment(shop.campaign.pk, author=shop.approver, text="The subject is long.")
    words.edit(words_of(shop).pk, subject="Rolls", body="{{ product.title }}, {{ offer }} until {{ ends_on }}.",
               actor=shop.marketer)  # fmt: skip

    page = signed_in(shop.approver).get(address(shop))

    assert [one.is_current for one in page.context["conversation"]] == [False]
    assert "of an earlier version" in text_of(page)


def test_a_decision_with_its_reason_stands_in_the_same_thread():
    shop = shop_in_review(people=2)
    approval.comment(shop.campaign.pk, author=shop.approver, text="Please shorten.")
    approval.send_back(shop.campaign.pk, actor=shop.approver, reason="The offer ends on Sunday.")

    said = signed_in(shop.marketer).get(address(shop)).context["conversation"]

    assert [(one.step, one.text) for one in said] == [
        ("", "Please shorten."),
        ("send_back", "The offer ends on Sunday."),
    ]


def test_a_remark_is_resolved_and_opened_again_by_name_and_counted_while_it_is_open():
    shop = shop_in_review(people=2)
    row = approval.comment(shop.campaign.pk, author=shop.approver, text="Please shorten.")
    approval.comment(shop.campaign.pk, author=shop.marketer, text="Done.", reply_to=row.pk)
    client, settle = signed_in(shop.marketer), reverse("campaigns:settle", args=[shop.campaign.pk, row.pk])
    assert "1 remark is still open." in text_of(signed_in(shop.approver).get(address(shop)))
    assert [one.open_remarks for one in client.get(reverse("campaigns:list")).context["campaigns"]] == [1]

    answer = client.post(settle, {"is_resolved": "yes"})

    page = client.get(address(shop))
    assert answer.headers["Location"] == f"{address(shop)}#said-{row.pk}"
    assert f"by {shop.marketer.username}," in text_of(page)
    assert ([one.is_open for one in page.context["conversation"]], page.context["open_remarks"]) == ([False], 0)
    assert [one.open_remarks for one in client.get(reverse("campaigns:list")).context["campaigns"]] == [0]

    signed_in(shop.approver).post(settle)
    page = client.get(address(shop))
    assert (page.context["open_remarks"], page.context["conversation"][0].is_open) == (1, True)
    assert f"opened again by {shop.approver.username}" in text_of(page)


def test_who_resolves_what_is_resolved_hears_that_somebody_was_faster():
    shop = shop_in_review(people=2)
    row = approval.comment(shop.campaign.pk, author=shop.approver, text="Please shorten.")
    approval.settle(shop.campaign.pk, row.pk, actor=shop.marketer, is_resolved=True)

    page = signed_in(shop.approver).post(
        reverse("campaigns:settle", args=[shop.campaign.pk, row.pk]), {"is_resolved": "yes"}
    )

    assert page.status_code == 409
    assert "somebody else was faster" in text_of(page)
    assert Settlement.objects.count() == 1


def test_a_reply_and_a_remark_of_another_campaign_are_not_resolved_here():
    shop = shop_in_review(people=2)
    row = approval.comment(shop.campaign.pk, author=shop.approver, text="Here.")
    reply = approval.comment(shop.campaign.pk, author=shop.approver, text="Yes.", reply_to=row.pk)

    for pk in (reply.pk, row.pk + 1000):
        with pytest.raises(ApprovalRefused, match="does not belong to this campaign"):
            approval.settle(shop.campaign.pk, pk, actor=shop.marketer, is_resolved=True)


def test_an_empty_remark_keeps_the_page_and_names_the_field():
    shop = shop_in_review(people=2)

    page = signed_in(shop.approver).post(address(shop, "comment"), {"text": "  "})

    assert page.status_code == 400
    assert "text" in page.context["comment_form"].errors
    assert not Comment.objects.exists()


def test_a_reply_belongs_to_the_campaign_of_what_it_answers():
    shop = shop_in_review(people=2)
    row = approval.comment(shop.campaign.pk, author=shop.approver, text="Here.")

    with pytest.raises(ApprovalRefused, match="does not belong to this campaign"):
        approval.comment(shop.campaign.pk, author=shop.approver, text="Yes.", reply_to=row.pk + 1)


def test_markup_in_a_remark_is_text():
    shop = shop_in_review(people=2)
    approval.comment(shop.campaign.pk, author=shop.approver, text="<script>alert(1)</script>")

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text_of(signed_in(shop.approver).get(address(shop)))


def test_what_was_said_is_never_changed():
    shop = shop_in_review(people=2)
    row = approval.comment(shop.campaign.pk, author=shop.approver, text="Facts hold.")

    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Comment.objects.filter(pk=row.pk).update(text="Nothing.")
    settled = approval.settle(shop.campaign.pk, row.pk, actor=shop.marketer, is_resolved=True)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Settlement.objects.filter(pk=settled.pk).delete()


def test_the_evidence_pack_holds_the_conversation():
    shop = shop_in_review(people=2)
    row = approval.comment(shop.campaign.pk, author=shop.approver, text="Facts hold.")
    approval.settle(shop.campaign.pk, row.pk, actor=shop.marketer, is_resolved=True)

    facts = evidence._campaign_facts(shop.campaign)

    assert [(one["author"], one["text"]) for one in facts["conversation"]] == [(shop.approver.username, "Facts hold.")]
    assert [(one["remark"], one["is_resolved"], one["actor"]) for one in facts["settlements"]] == [
        (row.pk, True, shop.marketer.username)
    ]
