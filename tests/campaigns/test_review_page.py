"""The review: what is decided is what was shown, never one's own work; words are checked before they are kept."""

import pytest
from django.urls import reverse

from campaigns.models import Approval, Campaign, MessageVariant, Segment
from campaigns.services import approval, words
from campaigns.services.audience import freeze
from copywriting.models import Draft, Finding, Generation
from tests import factories
from tests.campaigns.pages import again, shop_in_review, shop_sending, signed_in, words_of
from tests.flows.shop import open_shop, read

pytestmark = pytest.mark.django_db


def address(shop, name: str = "review", *more) -> str:
    return reverse(f"campaigns:{name}", args=[shop.campaign.pk, *more])


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def digest_of(shop) -> str:
    return approval.digest_of(again(shop).campaign)[0]


# --- the decision


def test_the_page_carries_the_digest_of_what_it_shows_and_approves_exactly_that():
    shop = shop_in_review(people=3)
    client = signed_in(shop.approver)
    assert read(again(shop).campaign) == digest_of(shop)
    shown = client.get(address(shop)).context["approve_form"]["digest"].value()
    assert shown == digest_of(shop)

    answer = client.post(address(shop, "approve"), {"digest": shown, "comment": "Facts hold."})

    assert (answer.status_code, again(shop).campaign.state) == (303, "approved")
    newest = Approval.objects.order_by("-pk").first()
    assert (newest.approver, newest.digest, newest.comment, newest.audience_size) == (
        shop.approver, shown, "Facts hold.", 3,
    )  # fmt: skip


def test_a_campaign_that_changed_since_the_page_was_opened_is_not_approved_and_the_comment_stays():
    shop = shop_in_review(people=3)
    client, seen = signed_in(shop.approver), digest_of(shop)
    words.edit(words_of(shop).pk, subject="Another subject", body="Hello.", actor=shop.marketer)
    read(again(shop).campaign)

    page = client.post(address(shop, "approve"), {"digest": seen, "comment": "I read it all."})

    assert page.status_code == 409
    assert "The campaign changed since you opened this page; read it again." in text_of(page)
    assert "I read it all." in text_of(page)
    assert page.context["approve_form"]["digest"].value() == digest_of(shop) != seen
    assert again(shop).campaign.state == "in_review"


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 64, "x' OR 1=1"])
def test_an_approval_without_the_right_digest_changes_nothing(digest):
    shop = shop_in_review(people=2)
    before = Approval.objects.count()

    page = signed_in(shop.approver).post(address(shop, "approve"), {"digest": digest, "comment": "Kept."})

    assert page.status_code in (400, 409)
    assert "Kept." in text_of(page)
    assert (again(shop).campaign.state, Approval.objects.count()) == ("in_review", before)


def test_an_approver_who_worked_on_it_sees_why_they_cannot_approve_and_cannot():
    shop = shop_in_review(people=2)
    shop.campaign.authors.add(shop.approver)
    client = signed_in(shop.approver)

    page = client.get(address(shop))
    refused = client.post(address(shop, "approve"), {"digest": digest_of(shop), "comment": ""})

    assert "You worked on this campaign, so you cannot approve it" in text_of(page)
    assert "Approve exactly this" not in text_of(page)
    assert refused.status_code == 409
    assert "You worked on this campaign; somebody else has to approve it." in text_of(refused)
    assert again(shop).campaign.state == "in_review"


def test_a_marketer_has_no_way_to_approve():
    shop = shop_in_review(people=2)
    client = signed_in(factories.staff("marketer"))

    assert "Waits for an approver" in text_of(client.get(address(shop)))
    assert client.post(address(shop, "approve"), {"digest": digest_of(shop)}).status_code == 403
    assert again(shop).campaign.state == "in_review"


def test_sending_back_needs_a_reason_which_reaches_the_author():
    shop = shop_in_review(people=2)
    client = signed_in(shop.approver)

    without = client.post(address(shop, "send-back"), {"back-reason": ""})
    assert without.status_code == 400
    assert "This field is required." in text_of(without)
    assert again(shop).campaign.state == "in_review"

    client.post(address(shop, "send-back"), {"back-reason": "The offer ends on Sunday."})
    assert (again(shop).campaign.state, shop.campaign.note) == ("draft", "The offer ends on Sunday.")


def test_a_campaign_that_moved_on_cannot_be_sent_back_and_the_reason_stays():
    shop = shop_in_review(people=2)
    client = signed_in(shop.approver)
    Campaign.objects.filter(pk=shop.campaign.pk).update(state="approved")

    page = client.post(address(shop, "send-back"), {"back-reason": "Too late, I fear."})

    assert page.status_code == 409
    assert "cannot take the step send back" in text_of(page)


def test_a_second_review_shows_what_differs_from_the_last_approval():
    shop = shop_in_review(people=2)
    words.edit(words_of(shop).pk, subject="New words", body="Hello.", actor=shop.marketer)

    page = signed_in(shop.approver).get(address(shop))

    changed = {change.what: (change.before, change.after) for change in page.context["since"].texts}
    assert set(changed) == {"Regular · A · subject", "Regular · A · text"}
    assert changed["Regular · A · subject"] == ("{{ product.title }} again?", "New words")
    assert "<del>{{ product.title }} again?</del>" in text_of(page)
    assert "<ins>New words</ins>" in text_of(page)


# --- what is read


def test_the_page_says_who_wrote_the_words_and_what_the_checks_found():
    shop = shop_in_review(people=2)
    generation = Generation.objects.create(brief={}, writer="SmolLM2", drafted=24, passed=0, tries=3)
    for _ in range(2):
        bad = Draft.objects.create(generation=generation, subject="a", body="b", writer="model", is_usable=False)
        Finding.objects.create(draft=bad, rule="number", severity="error", message="An invented number.")
    chosen = Draft.objects.create(generation=generation, subject="a", body="b", writer="template", is_usable=True)
    Finding.objects.create(draft=chosen, rule="length", severity="warning", message="Long for a phone.")
    MessageVariant.objects.update(generation=generation, draft=chosen, writer="template")

    page = text_of(signed_in(shop.approver).get(address(shop)))

    assert "a written template stepped in" in page
    assert "drafted 24 in 3 tries; 0 passed every check" in page
    assert "Stopped by: number (2)." in page
    assert "length: Long for a phone." in page
    assert "0 of 24 of the language model's drafts passed every check" in page


def test_the_gate_is_rehearsed_with_its_reasons_before_the_start():
    shop = shop_in_review(people=10, consenting=6, holdout_share=0.0)
    read(again(shop).campaign)

    page = signed_in(shop.approver).get(address(shop))

    bars = {bar.label: bar.count for bar in page.context["gate_bars"]}
    assert bars == {"In the audience": 10, "no consent for this channel": 4, "held out": 0, "to be written to": 6}


def test_the_review_costs_the_same_for_one_segment_and_for_many(django_assert_max_num_queries):
    shop = shop_in_review(people=4)
    client = signed_in(shop.approver)
    read(again(shop).campaign)
    with django_assert_max_num_queries(40) as one:
        client.get(address(shop))
    for number in range(5):
        more = Segment.objects.create(
            slug=f"m{number}", name=f"M {number}", rule=Segment.objects.first().rule, audience_phrase="friends"
        )
        shop.campaign.campaign_segments.create(segment=more, priority=number + 1)
        MessageVariant.objects.create(
            campaign=shop.campaign, segment=more, subject="Hello", body="Hello.", writer="person"
        )
    freeze(shop.campaign)
    read(again(shop).campaign)

    with django_assert_max_num_queries(len(one.captured_queries)):
        page = client.get(address(shop))
    assert len(page.context["words"]) == 6


# --- previews


def test_a_preview_is_the_real_mail_with_a_masked_address():
    shop = shop_in_review(people=2)
    person = shop.people[0]

    page = signed_in(shop.approver).get(address(shop, "preview", words_of(shop).pk, person.pk))

    assert page.context["mail"].subject == "Rye rolls again?"
    assert f"{person.external_id[0]}…@example.invalid" in text_of(page)
    assert f"{person.external_id}@example.invalid" not in text_of(page)
    assert "simulated" in text_of(page)
    assert page["X-Frame-Options"] == "DENY"
    assert page["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_the_framed_mail_may_do_nothing_and_its_links_lead_to_no_message():
    shop = shop_in_review(people=2)

    mail = signed_in(shop.approver).get(address(shop, "mail", words_of(shop).pk, shop.people[0].pk))

    policy = mail["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert policy.endswith("frame-ancestors 'self'; sandbox")
    assert mail["X-Frame-Options"] == "SAMEORIGIN"
    assert "Rye rolls is waiting for you. 15% off until" in mail.content.decode()
    assert '<base target="_blank">' in mail.content.decode()
    token = mail.content.decode().split("/u/")[1].split("/")[0]
    assert signed_in(shop.approver).get(reverse("campaigns:unsubscribe", args=[token])).status_code == 410


def test_a_preview_of_somebody_outside_the_audience_is_not_found():
    shop = shop_in_review(people=2)
    stranger = factories.customer()
    client = signed_in(shop.approver)
    assert client.get(address(shop, "mail", words_of(shop).pk, stranger.pk)).status_code == 404
    assert client.get(address(shop, "preview", 999999, shop.people[0].pk)).status_code == 404


# --- words by hand


def test_edited_words_are_a_new_variant_and_their_editor_becomes_an_author():
    shop = shop_in_review(people=2)
    editor = factories.staff("marketer")
    old = words_of(shop)

    answer = signed_in(editor).post(
        address(shop, "words", old.pk), {"subject": "{{ product.title }}, {{ offer }}", "body": "From {{ store }}."}
    )

    new = words_of(shop)
    assert answer.status_code == 303
    assert (new.subject, new.writer) == ("{{ product.title }}, {{ offer }}", "person")
    assert new.pk != old.pk
    assert shop.campaign.authors.filter(pk=editor.pk).exists()
    assert again(shop).campaign.state == "in_review"


def test_editing_the_words_of_a_released_campaign_voids_its_approval():
    shop = open_shop(people=2)
    client = signed_in(shop.marketer)
    assert "Saving sends it back to draft" in text_of(client.get(address(shop, "words", words_of(shop).pk)))

    client.post(address(shop, "words", words_of(shop).pk), {"subject": "Hello", "body": "Hello."})

    assert again(shop).campaign.state == "draft"


@pytest.mark.parametrize(
    ("subject", "body", "field", "words"),
    [
        ("{{ product.titel }}", "Hello.", "subject", "product.titel is not a fact of this message. Use product.title"),
        ("Hello", "{{ customer.first_name }}", "body", "customer.first_name may be missing."),
        ("Hello", "one\n{% include 'x' %}", "body", "Line 2: The tag include is not allowed."),
        ("Hello", "{{ product.title", "body", "Close it with }}"),
        ("", "Hello.", "subject", "This field is required."),
    ],
)
def test_words_that_cannot_be_filled_are_refused_at_their_line_and_stay_in_the_form(subject, body, field, words):
    shop = shop_in_review(people=2)
    old = words_of(shop)

    page = signed_in(shop.marketer).post(address(shop, "words", old.pk), {"subject": subject, "body": body})

    assert page.status_code == 400
    assert words in " ".join(page.context["form"].errors[field])
    assert page.context["form"]["body"].value() == body
    assert words_of(shop) == old


def test_words_that_somebody_else_replaced_meanwhile_are_not_lost():
    shop = shop_in_review(people=2)
    old = words_of(shop)
    client = signed_in(shop.marketer)
    client.post(address(shop, "words", old.pk), {"subject": "Theirs", "body": "Hello."})

    assert client.get(address(shop, "words", old.pk)).status_code == 404
    assert words_of(shop).subject == "Theirs"


def test_the_words_of_a_campaign_on_its_way_are_not_edited():
    shop = shop_sending(people=2)

    page = signed_in(shop.marketer).post(
        address(shop, "words", words_of(shop).pk), {"subject": "New", "body": "Hello."}
    )

    assert page.status_code == 409
    assert "cannot take the step edit" in text_of(page)
    assert words_of(shop).subject == "{{ product.title }} again?"
