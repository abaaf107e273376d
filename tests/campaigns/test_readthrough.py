"""A campaign is read through by a worker for exactly what it is: the page shows it, and nobody approves without it."""

import hashlib
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.exceptions import ApprovalRefused
from campaigns.models import AudienceMember, Campaign, MessageVariant, Segment, Tally
from campaigns.services import approval, evidence, readthrough, tallies, trial, words
from campaigns.services.audience import freeze
from customers.models import Customer
from recommendations.models import Profile
from tests.campaigns.pages import again, shop_in_review, shop_sending, signed_in, words_of
from tests.flows.shop import open_shop, read

pytestmark = pytest.mark.django_db


def address(shop, name: str = "review") -> str:
    return reverse(f"campaigns:{name}", args=[shop.campaign.pk])


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def refused(shop, digest: str) -> str:
    with pytest.raises(ApprovalRefused) as refusal:
        approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=digest)
    assert again(shop).campaign.state == "in_review"
    return refusal.value.code


# --- bound to what the campaign is


def test_the_page_asks_a_worker_and_offers_no_approval_until_it_has_read_what_stands_there():
    shop = shop_in_review(people=3)
    client = signed_in(shop.approver)

    page = client.get(address(shop))
    assert (page.context["read"].is_waiting, page.context.get("gate")) == (True, None)
    assert "Approve exactly this" not in text_of(page)
    assert 'hx-trigger="every 1s"' in text_of(page)

    (row,) = Tally.objects.filter(kind="review", state="asked")
    assert tallies.answer(row.pk)
    page = client.get(address(shop))
    assert (page.context["read"].size, page.context["read"].tried, page.context["gate"].treated) == (3, 3, 3)
    assert "Approve exactly this" in text_of(page)


def test_what_was_typed_stays_while_a_worker_reads_what_changed_meanwhile():
    shop = shop_in_review(people=2)
    seen = read(again(shop).campaign)
    words.edit(words_of(shop).pk, subject="Rolls", body="{{ product.title }} at {{ store }}.", actor=shop.marketer)
    client = signed_in(shop.approver)

    page = client.post(address(shop, "approve"), {"digest": seen, "comment": "I read it all."})
    assert (page.status_code, page.context["read"].is_waiting) == (409, True)
    assert "I read it all." in text_of(page)

    for pk in tallies.waiting():
        tallies.answer(pk)
    page = client.post(address(shop, "approve"), {"digest": "", "comment": "I read it all."})
    digest = page.context["approve_form"]["digest"].value()
    assert (page.status_code, digest) == (400, approval.digest_of(again(shop).campaign)[0])
    assert "I read it all." in text_of(page)
    assert client.post(address(shop, "approve"), {"digest": digest, "comment": "I read it all."}).status_code == 303


def test_the_digest_alone_is_not_enough_without_a_reading_of_it():
    shop = shop_in_review(people=2)
    Tally.objects.all().delete()

    assert refused(shop, approval.digest_of(again(shop).campaign)[0]) == "unread"


def test_a_reading_of_yesterday_does_not_count_and_the_page_asks_for_another():
    shop = shop_in_review(people=2)
    digest = read(again(shop).campaign)
    Tally.objects.update(answered_at=timezone.now() - approval.READ_FOR - timedelta(minutes=1))

    assert refused(shop, digest) == "unread"
    page = signed_in(shop.approver).get(address(shop))
    assert (page.context["read"].is_waiting, page.context["read"].digest) == (True, "")
    assert "Until it is done the numbers are those of" in text_of(page)


def test_a_reading_does_not_count_for_people_who_were_frozen_anew():
    shop = shop_in_review(people=3)
    digest = read(again(shop).campaign)
    AudienceMember.objects.filter(customer=shop.people[0]).delete()

    assert refused(shop, digest) == "moved"


def test_what_changes_while_it_is_read_leaves_no_answer(monkeypatch):
    shop = shop_in_review(people=2)
    row = tallies.ask_review(again(shop).campaign)

    def edited(campaign, told):
        words.edit(words_of(shop).pk, subject="Rolls", body="{{ product.title }} again.", actor=shop.marketer)
        return trial.failures(campaign, told)

    monkeypatch.setattr(readthrough, "failures", edited)
    tallies.answer(row.pk)
    row.refresh_from_db()

    assert (row.state, row.answer) == ("failed", None)
    assert "changed while it was read" in row.message


def test_the_digest_is_over_the_content_and_a_line_of_each_person():
    shop = shop_in_review(people=3)
    digest, content, size = approval.digest_of(again(shop).campaign)

    rows = AudienceMember.objects.filter(campaign=shop.campaign).order_by("customer_id")
    lines = [f"\n{row.customer_id}:{row.segment_id}:{','.join(map(str, row.items))}" for row in rows]
    assert size == len(lines) == 3
    assert digest == hashlib.sha256(approval._canonical(content) + "".join(lines).encode()).hexdigest()


def test_no_request_counts_people_or_asks_the_gate(django_assert_max_num_queries):
    shop = shop_in_review(people=3)
    read(again(shop).campaign)

    with django_assert_max_num_queries(40) as asked:
        signed_in(shop.approver).get(address(shop))

    texts = [one["sql"] for one in asked.captured_queries]
    assert not [text for text in texts if "frozen_audience" in text or "string_agg" in text]
    assert not [text for text in texts if "campaigns_audiencemember" in text and "count(" in text.lower()]


def test_after_the_start_it_says_what_the_gate_said_then():
    shop = shop_sending(people=4, consenting=3)
    read(shop.campaign)

    page = signed_in(shop.marketer).get(address(shop))

    assert [(step.reason, step.count) for step in page.context["gate"].steps] == [("no_consent", 1)]
    assert "Counted by a worker" in text_of(page)


def test_the_worker_says_how_far_it_is():
    shop = shop_in_review(people=2)
    row = tallies.ask_review(again(shop).campaign)
    shares = []
    readthrough.read(row.question, shares.append)

    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.2, 0.9)


# --- the words tried on everybody


def test_words_that_cannot_be_filled_for_somebody_are_refused_with_cause_example_and_remedy():
    shop = shop_in_review(people=3)
    MessageVariant.objects.filter(campaign=shop.campaign).update(body="{{ product.colour }} rolls.")
    digest = approval.digest_of(again(shop).campaign)[0]
    row = tallies.read_through(again(shop).campaign)

    (one,) = row.answer["failures"]
    assert (one["people"], one["example"], one["channel"]) == (3, min(p.pk for p in shop.people), "email")
    assert "colour" in one["cause"]
    assert "default" in one["remedy"]
    assert refused(shop, digest) in ("words", "unfilled")
    page = text_of(signed_in(shop.approver).get(address(shop)))
    assert "3 of 3 messages cannot be filled, so it cannot be approved" in page
    assert "Approve exactly this" not in page


def test_a_text_message_that_is_too_long_for_some_is_told_before_it_is_approved(settings):
    settings.SMS_MOST_PARTS = 1
    shop = shop_in_review(people=4)
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["sms"])
    MessageVariant.objects.filter(campaign=shop.campaign).update(body="{{ product.title }}", channel="sms")
    Customer.objects.filter(pk=shop.people[0].pk).update(jurisdiction="CN", language="zh")  # makes it UCS-2

    tried, failed = trial.failures(again(shop).campaign)

    assert (tried, [(one.people, one.example) for one in failed]) == (4, [(1, shop.people[0].pk)])
    assert failed[0].cause == trial.TOO_MANY_PARTS.cause


def test_clean_words_are_tried_on_everybody_of_every_variant():
    shop = shop_in_review(people=5)
    MessageVariant.objects.create(campaign=shop.campaign, segment=Segment.objects.get(), label="B", subject="{{ offer }}",
                                  body="{{ product.title }}, {{ offer }} until {{ ends_on }}.", writer="person")  # fmt: skip

    assert trial.failures(again(shop).campaign) == (10, [])


# --- since the last approval


def test_who_came_and_who_left_since_the_last_approval_is_counted_beside_the_rule_in_words():
    shop = open_shop(people=6)
    segment = Segment.objects.get()
    words.edit(words_of(shop).pk, subject="Rolls", body="{{ product.title }} at {{ store }}.", actor=shop.marketer)
    Profile.objects.filter(customer__in=shop.people[:2]).update(f_score=1)
    late = Customer.objects.get(pk=shop.people[5].pk)
    AudienceMember.objects.filter(customer=late).delete()
    rule = {"field": "f_score", "op": ">=", "value": 2}
    Segment.objects.filter(pk=segment.pk).update(rule=rule, version=2, fresh_at=None)
    freeze(again(shop).campaign)
    campaign = again(shop).campaign

    row = tallies.read_through(campaign)

    whole, of_segment = row.answer["moved"]
    assert (whole["came"], whole["left"], whole["stayed"], whole["rechosen"]) == (0, 2, 4, 0)
    assert of_segment | {"segment": None} == whole
    Campaign.objects.filter(pk=campaign.pk).update(state="in_review")
    page = signed_in(shop.approver).get(address(shop))
    (change,) = page.context["since"].rules
    assert (change.what, change.before, change.after) == (
        "Regular",
        "people with frequency score (5 is most frequent) at least 1",
        "people with frequency score (5 is most frequent) at least 2",
    )  # fmt: skip
    assert [(bar.label, bar.count) for bar in page.context["since"].crowds[0].bars] == [
        ("approved last", 6), ("left since", 2), ("stayed", 4), ("came in since", 0), ("now", 4),
    ]  # fmt: skip


def test_people_who_would_see_other_products_are_counted():
    shop = shop_in_review(people=3)
    member = AudienceMember.objects.filter(customer=shop.people[0])
    member.update(items=list(reversed(member.get().items)))

    whole = tallies.read_through(again(shop).campaign).answer["moved"][0]

    assert (whole["came"], whole["left"], whole["stayed"], whole["rechosen"]) == (0, 0, 3, 1)


def test_the_plan_that_differs_is_named_in_words():
    shop = shop_in_review(people=2)
    Campaign.objects.filter(pk=shop.campaign.pk).update(holdout_share=0.25, waves=[0.05], cap_days=7)

    page = signed_in(shop.approver).get(address(shop))

    assert [(one.what, one.before, one.after) for one in page.context["since"].plan] == [
        ("Hold-out", "–", "25 %"), ("Days between two messages", "3", "7"), ("Waves", "–", "5 %"),
    ]  # fmt: skip


def test_what_was_worked_out_stands_in_the_evidence_of_the_approval():
    shop = shop_in_review(people=3)
    digest = read(again(shop).campaign)
    rehearsed = tallies.ask_rehearsal(again(shop).campaign)
    tallies.answer(rehearsed.pk)

    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=digest)

    checks = evidence._campaign_facts(again(shop).campaign)["approvals"][0]["checks"]
    assert (checks["reading"]["tried"], checks["rehearsal"]["digest"]) == (3, rehearsed.digest)
    assert checks["rehearsal"]["gate"] == {"steps": [], "treated": 3, "holdout": 0}
    rows = list(evidence._checked(checks))
    assert [row[2] for row in rows] == [
        "3 messages filled, none failed", "3 people: 3 to be written to, 0 held out, 0 left out",
    ]  # fmt: skip
