"""Words for each channel: written for its room, bound by the approval, drawn with one label for a person on all channels."""

from collections import Counter

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.exceptions import ApprovalRefused, WordsRefused
from campaigns.models import Campaign, Message, MessageVariant, Rewrite, Segment
from campaigns.queries import wording
from campaigns.services import approval, audience, delivery, generation, variants, words
from campaigns.services.messages import unrenderable
from customers.contracts import NewContact
from customers.services.consent import record_many
from customers.services.people import add_contact_points
from tests.campaigns.pages import again, shop_in_review, signed_in, words_of
from tests.campaigns.test_gate import consent
from tests.flows.shop import read

pytestmark = pytest.mark.django_db

SMS = "{{ product.title }} again: {{ offer }} until {{ ends_on }}."


def shop_on_two(people: int = 3, *, with_sms: bool = True):
    """In review on e-mail and SMS, everybody reachable on both; with words of its own for SMS or without."""
    shop = shop_in_review(people=people)
    for place, person in enumerate(shop.people):
        add_contact_points([NewContact(person.pk, "phone", f"+4179555{place:04d}")])
    record_many(consent(person, "sms") for person in shop.people)
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["email", "sms"])
    if with_sms:
        add(shop, "sms", "A", SMS)
    return again(shop)


def add(shop, channel: str, label: str, body: str) -> MessageVariant:
    return MessageVariant.objects.create(
        campaign=shop.campaign, segment=Segment.objects.get(), channel=channel, label=label, body=body, writer="person",
        subject="{{ product.title }} again?" if channel == "email" else "",
    )  # fmt: skip


def digest(shop) -> str:
    return approval.digest_of(again(shop).campaign)[0]


def start(shop) -> None:
    campaign = again(shop).campaign
    approval.approve(campaign.pk, approver=shop.approver, seen_digest=read(campaign))
    Campaign.objects.filter(pk=campaign.pk).update(state="scheduled")
    delivery.start(campaign.pk)


def test_a_message_carries_the_words_of_its_channel():
    shop = shop_on_two()
    start(shop)

    sent = Counter(Message.objects.values_list("channel", "variant__channel"))

    assert sent == {("email", "email"): 3, ("sms", "sms"): 3}


def test_what_has_no_words_of_its_own_is_not_approved_and_the_page_says_where():
    shop = shop_on_two(with_sms=False)

    seen = read(again(shop).campaign)
    with pytest.raises(ApprovalRefused, match="no words for Regular on SMS"):
        approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=seen)

    page = signed_in(shop.approver).get(reverse("campaigns:review", args=[shop.campaign.pk])).content.decode()
    assert "There are no words for Regular on SMS" in page


def test_people_without_any_words_keep_a_campaign_from_being_approved():
    shop = shop_in_review(people=2)
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["push"])  # as after a change of the plan

    seen = read(again(shop).campaign)
    with pytest.raises(ApprovalRefused, match="no words for Regular on push"):
        approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=seen)


def test_a_change_to_the_words_of_one_channel_is_another_campaign():
    shop = shop_on_two()
    before, mail = digest(shop), words_of_channel(shop, "email")

    words.edit(words_of_channel(shop, "sms").pk, subject="", body=SMS + " Now.", actor=shop.marketer)

    assert digest(shop) != before
    assert words_of_channel(shop, "email") == mail


def words_of_channel(shop, channel: str) -> MessageVariant:
    return MessageVariant.objects.get(campaign=shop.campaign, channel=channel, is_current=True)


def test_on_one_channel_the_digest_is_what_it_was_before_words_had_a_channel():
    content = approval.content_of(shop_in_review(people=1).campaign)

    assert [set(one) for one in content["variants"]] == [{"id", "segment", "label", "subject", "body"}]


def test_words_of_a_channel_that_the_plan_left_lie_still():
    shop = shop_on_two()
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["email"])

    assert [one.channel for one in wording.current(again(shop).campaign)] == ["email"]
    start(shop)
    assert set(Message.objects.values_list("channel", "variant__channel")) == {("email", "email")}


def test_a_text_message_that_cannot_be_filled_leaves_the_mail():
    shop = shop_on_two()
    MessageVariant.objects.filter(channel="sms").update(body="{{ product.size }} of it.")

    assert unrenderable(again(shop).campaign) == [(person.pk, "sms") for person in shop.people]
    audience.draw(shop.campaign, unrenderable(shop.campaign))
    assert Counter(Message.objects.values_list("channel", flat=True)) == {"email": 3}


def test_a_person_reads_one_label_on_all_channels():
    shop = shop_on_two(people=40)
    Campaign.objects.filter(pk=shop.campaign.pk).update(split="even")
    add(shop, "email", "B", "{{ product.title }} once more. {{ offer }} until {{ ends_on }}.")
    add(shop, "sms", "B", "{{ product.title }} once more: {{ offer }} until {{ ends_on }}.")
    start(shop)

    labels: dict[int, set[str]] = {}
    for customer, label in Message.objects.values_list("customer_id", "variant__label"):
        labels.setdefault(customer, set()).add(label)

    assert {len(own) for own in labels.values()} == {1}
    assert {label for own in labels.values() for label in own} == {"A", "B"}


def test_a_label_without_words_on_a_channel_reads_the_first_there_and_its_probability_says_so():
    shop = shop_on_two(people=40)
    Campaign.objects.filter(pk=shop.campaign.pk).update(split="even")
    add(shop, "email", "B", "{{ product.title }} once more. {{ offer }} until {{ ends_on }}.")
    start(shop)

    drawn = Message.objects.values_list("channel", "variant__label", "propensity")

    assert set(drawn) == {("email", "A", 0.5), ("email", "B", 0.5), ("sms", "A", 1.0)}


def test_labels_learn_only_where_each_has_words_of_its_own():
    shop = shop_on_two(people=2)
    mail, other = words_of_channel(shop, "email"), add(shop, "email", "B", "{{ product.title }} once more.")
    text = words_of_channel(shop, "sms")
    by_channel = {"email": {"A": mail, "B": other}, "sms": {"A": text, "B": text}}
    sent = {mail.pk: (100, 2), other.pk: (100, 9), text.pk: (200, 60)}

    assert variants._heard("A", by_channel, sent) == (100, 2)  # not the many clicks on text messages
    assert variants._heard("B", by_channel, sent) == (100, 9)


def test_drafts_are_written_for_the_room_of_each_channel():
    shop = shop_on_two(with_sms=False)
    MessageVariant.objects.filter(campaign=shop.campaign).update(writer="model")

    briefs = {channel: brief for _, channel, brief in generation._briefs(again(shop).campaign)}

    assert {channel: brief.channel for channel, brief in briefs.items()} == {"email": "email", "sms": "sms"}
    assert (briefs["sms"].limits.subject, briefs["sms"].limits.body) == (0, 130)
    assert briefs["email"].seed != briefs["sms"].seed


def test_the_copy_page_shows_each_channel_and_asks_for_drafts_of_one():
    shop = shop_on_two()
    client, segment = signed_in(shop.marketer), Segment.objects.get()
    page = client.get(reverse("campaigns:copy", args=[shop.campaign.pk]))

    assert [one.channel for one in page.context["segments"][0].channels] == ["email", "sms"]
    assert f'id="segment-{segment.pk}-sms"' in page.content.decode()
    asked = {f"s{segment.pk}-sms-tone": "calm", "channel": "sms"}
    assert client.post(reverse("campaigns:write-again", args=[shop.campaign.pk, segment.pk]), asked).status_code == 303
    assert Rewrite.objects.get().job.pieces.get().brief["channel"] == "sms"
    wrong = {f"s{segment.pk}-push-tone": "calm", "channel": "push"}
    refused = client.post(reverse("campaigns:write-again", args=[shop.campaign.pk, segment.pk]), wrong)
    assert (refused.status_code, "no words on" in refused.content.decode()) == (409, True)


def test_the_editor_of_a_text_message_has_no_subject_and_its_own_limit():
    shop = shop_on_two()
    client, text = signed_in(shop.marketer), words_of_channel(shop, "sms")
    address = reverse("campaigns:words", args=[shop.campaign.pk, text.pk])

    page = client.get(address)
    assert list(page.context["form"].fields) == ["body"]
    client.post(address, {"body": "{product} again: {offer} until {end}, at {store}."})

    new = words_of_channel(shop, "sms")
    assert (new.subject, new.body) == (
        "",
        "{{ product.title }} again: {{ offer }} until {{ ends_on }}, at {{ store }}.",
    )


def test_words_of_one_channel_are_not_taken_away_when_they_are_its_last():
    shop = shop_on_two()

    with pytest.raises(WordsRefused, match="on this channel"):
        words.retire(words_of_channel(shop, "sms").pk, actor=shop.marketer)


def test_the_review_shows_a_text_message_as_it_would_arrive():
    shop = shop_on_two()

    page = signed_in(shop.approver).get(reverse("campaigns:review", args=[shop.campaign.pk])).content.decode()

    assert page.count('class="face-bubble"') == 3
    assert "Rye rolls again: 15% off until" in page


def test_a_webhook_carries_the_words_of_the_first_channel():
    shop = shop_in_review(people=1)
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["webhook", "email"])
    campaign = again(shop).campaign

    found = wording.carried(campaign, wording.current(campaign))

    assert {channel: list(by_label.values()) for (_, channel), by_label in found.items()} == {
        "webhook": [words_of(shop)], "email": [words_of(shop)],
    }  # fmt: skip


def test_whose_mail_is_out_keeps_its_label_on_the_channels_that_still_wait():
    shop = shop_on_two(people=24)
    add(shop, "email", "B", f"{SMS} Really.")
    add(shop, "sms", "B", f"{SMS} Really.")
    start(shop)
    read_it = {person.pk for person in shop.people[:12]}
    Message.objects.filter(channel="email", customer_id__in=read_it).update(
        state="sent", sent_at=timezone.now(), tries=1
    )
    before = dict(Message.objects.filter(channel="sms").values_list("customer_id", "variant__label"))

    moved = variants.redraw(shop.campaign.pk)

    assert moved == 2 * 12  # both messages of those who have read nothing yet
    labels = {}
    for pk, label in Message.objects.values_list("customer_id", "variant__label"):
        labels.setdefault(pk, set()).add(label)
    assert {len(those) for those in labels.values()} == {1}
    assert all(labels[pk] == {before[pk]} for pk in read_it)
