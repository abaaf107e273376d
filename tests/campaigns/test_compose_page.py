"""The composer: a plan as typed, kept when something is wrong, with what the experiment could see."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Segment
from campaigns.services import segments
from catalog.services.offers import save_offer
from recommendations.models import Profile
from tests import factories
from tests.campaigns.pages import again, shop_in_review, shop_sending, signed_in
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db

RULE = {"all": [{"field": "frequency", "op": ">=", "value": 0}]}


@pytest.fixture(autouse=True)
def _no_kept_baseline():
    cache.clear()


def segment(slug: str = "regular", **fields) -> Segment:
    return segments.save_segment(slug=slug, name=slug.capitalize(), rule=RULE, audience_phrase="our regulars", **fields)


def offer(external_id: str = "spring", merchant_id=None, days: int = 10):
    now = timezone.now()
    return save_offer(
        external_id=external_id, title="15% off", kind="percent", value=Decimal(15), starts_at=now,
        ends_at=now + timedelta(days=days), merchant_id=merchant_id,
    )  # fmt: skip


def form(**fields) -> dict:
    return {
        "name": "Rolls again", "goal": "More orders", "merchant": "", "offer": "", "items_per_message": "3",
        "tone": "warm and plain", "holdout": "12.5", "cap_days": "3", "attribution_days": "28", "when": "release",
        "scheduled_at": "", "per_second": "50", "choice": "personal", "pins": "", "falls_back": "on",
        "channels": ["email"], "waves": "1, 10", "wave_minutes": "10", "stop_bounced": "5", "stop_complained": "0.3",
        "stop_unsubscribed": "2", **fields,
    }  # fmt: skip


def compose_as(role: str = "marketer"):
    return signed_in(factories.staff(role))


def test_a_plan_is_saved_as_typed_with_its_segments_in_the_order_of_the_fields():
    first, second, deal = segment("lapsing"), segment("loyal"), offer()

    answer = compose_as().post(
        reverse("campaigns:new"), form(segment_1=second.pk, segment_2="", segment_3=first.pk, offer=deal.pk)
    )

    campaign = Campaign.objects.get()
    assert (answer.status_code, answer.url) == (303, reverse("campaigns:detail", args=[campaign.pk]))
    assert (campaign.name, campaign.goal, campaign.state) == ("Rolls again", "More orders", "draft")
    assert (campaign.holdout_share, campaign.offer, campaign.late_after) == (0.125, deal, None)
    assert [part.segment for part in campaign.campaign_segments.order_by("priority")] == [second, first]
    assert campaign.authors.count() == 1


def test_a_set_time_is_utc_and_may_be_missed_by_six_hours():
    tomorrow = (timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)

    compose_as().post(reverse("campaigns:new"), form(when="time", scheduled_at=f"{tomorrow:%Y-%m-%dT%H:%M}"))

    campaign = Campaign.objects.get()
    assert (campaign.scheduled_at, campaign.late_after) == (tomorrow, timedelta(hours=6))


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"holdout": "60"}, "holdout", "less than or equal to 50"),
        ({"holdout": "ten"}, "holdout", "Enter a number."),
        ({"items_per_message": "13"}, "items_per_message", "less than or equal to 12"),
        ({"attribution_days": "0"}, "attribution_days", "greater than or equal to 1"),
        ({"when": "time"}, "scheduled_at", "Choose a day and a time"),
        ({"when": "time", "scheduled_at": "2020-01-01T10:00"}, "scheduled_at", "This time is over"),
        ({"when": "time", "scheduled_at": "soon"}, "scheduled_at", "Enter a valid date/time."),
        ({"segment_1": "999999"}, "segment_1", "not one of the available choices"),
        ({"offer": "999999"}, "offer", "not one of the available choices"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_everything_typed_stays(fields, field, words):
    page = compose_as().post(reverse("campaigns:new"), form(goal="Keep this goal", **fields))

    assert page.status_code == 400
    assert words in " ".join(page.context["form"].errors[field])
    assert 'value="Keep this goal"' in page.content.decode()
    assert f'href="#id_{field}"' in page.content.decode()
    assert not Campaign.objects.exists()


def test_the_same_segment_twice_is_refused_at_the_second():
    one = segment()
    page = compose_as().post(reverse("campaigns:new"), form(segment_1=one.pk, segment_2=one.pk))
    assert page.context["form"].errors == {"segment_2": ["This segment stands twice: clear one of the two."]}


def test_a_merchants_offer_and_segment_are_refused_in_a_campaign_of_the_platform():
    mill = factories.merchant("Mill & Co")
    deal, theirs = offer("mill", merchant_id=mill.pk), segment("theirs", merchant_id=mill.pk)

    page = compose_as().post(reverse("campaigns:new"), form(offer=deal.pk, segment_1=theirs.pk))
    assert "belongs to Mill &amp; Co" in page.content.decode()
    assert set(page.context["form"].errors) == {"offer", "segment_1"}

    saved = compose_as().post(reverse("campaigns:new"), form(offer=deal.pk, segment_1=theirs.pk, merchant=mill.pk))
    assert saved.status_code == 303
    assert Campaign.objects.get().merchant == mill


def test_one_more_line_for_a_segment_keeps_what_was_typed_and_checks_nothing():
    page = compose_as().post(
        reverse("campaigns:new"), form(name="", goal="Kept", segment_1="", segment_2="", do="segment")
    )

    assert page.status_code == 200
    assert len(page.context["form"].segment_fields) == 3
    assert 'value="Kept"' in page.content.decode()
    assert "Please check" not in page.content.decode()
    assert not Campaign.objects.exists()


def test_editing_a_plan_in_review_sends_it_back_to_draft_and_makes_the_editor_an_author():
    shop = shop_in_review(people=2)
    editor = factories.staff("marketer")
    client, address = signed_in(editor), reverse("campaigns:edit", args=[shop.campaign.pk])

    assert "Saving sends it back to draft" in client.get(address).content.decode()
    client.post(address, form(name="Better", segment_1=Segment.objects.get().pk))

    assert (again(shop).campaign.state, shop.campaign.name) == ("draft", "Better")
    assert shop.campaign.authors.filter(pk=editor.pk).exists()


def test_saving_an_unchanged_plan_keeps_the_moment_from_which_it_may_go():
    client = compose_as()
    client.post(reverse("campaigns:new"), form())
    before = Campaign.objects.get().scheduled_at

    client.post(reverse("campaigns:edit", args=[Campaign.objects.get().pk]), form())

    assert Campaign.objects.get().scheduled_at == before


def test_a_campaign_that_is_being_sent_is_not_edited():
    shop = shop_sending(people=2)
    client, address = signed_in(shop.marketer), reverse("campaigns:edit", args=[shop.campaign.pk])

    page = client.post(address, form(name="Too late"), follow=True)

    assert "cannot be edited any more" in page.content.decode()
    assert again(shop).campaign.name == "Rolls again"


def test_the_estimate_says_what_the_experiment_could_see():
    open_shop(people=400)
    one = Segment.objects.get()
    segments.count(one)
    half = list(Profile.objects.order_by("pk").values_list("pk", flat=True)[:200])
    Profile.objects.update(recency_days=100)
    Profile.objects.filter(pk__in=half).update(recency_days=5)
    client = compose_as()

    page = client.get(reverse("campaigns:power"), {"segment_1": one.pk, "holdout": "25", "attribution_days": "28"})

    power = page.context["power"]
    assert (power.people, power.holdout, power.from_words) == (400, 100, "50.0 %")
    assert 0.1 < power.effect < 0.2  # Fleiss: 0.16 at 300 against 100, 80 % power, from one half
    assert "would be seen 8 times in 10" in " ".join(page.content.decode().split())


@pytest.mark.parametrize("holdout", ["", "x", "nan", "inf", "-5", "99", "0"])
def test_without_a_usable_share_the_estimate_is_silent(holdout):
    open_shop(people=3)
    page = compose_as().get(
        reverse("campaigns:power"),
        {"segment_1": Segment.objects.get().pk, "holdout": holdout, "attribution_days": "28"},
    )
    assert (page.status_code, page.context["power"]) == (200, None)


def test_each_channel_says_how_few_people_it_reaches(settings):
    settings.SMS_URL = "https://texts.example/"
    segment("regular")
    page = compose_as().get(reverse("campaigns:new")).content.decode()
    assert "Text message\n" in page.replace("</label>", "\n")  # not counted yet: nothing is claimed
    Segment.objects.update(reach={"email": 1200, "sms": 3})
    page = compose_as().get(reverse("campaigns:new")).content.decode()
    assert "Text message, open to at most 3 people of one segment" in page
    assert "E-mail, open to at most 1,200 people of one segment" in page


def test_the_form_costs_the_same_for_one_segment_and_for_many(django_assert_num_queries):
    for number in range(15):
        segment(f"s{number}")
    client = compose_as()

    client.get(reverse("campaigns:new"))  # the catalogue's categories are kept for ten minutes
    # Session, user, roles twice, segments, offers, merchants, their senders, what was typed and kept.
    with django_assert_num_queries(9):
        client.get(reverse("campaigns:new"))


def test_what_is_typed_is_kept_and_shown_again_until_it_is_saved():
    client = compose_as()
    first = segment("lapsing")

    kept = client.post(
        reverse("campaigns:keep-new"), {**form(name="Half", holdout="99"), "segment_1": first.pk, "x": "y"}
    )
    assert kept.status_code == 200 and b"not saved yet" in kept.content

    page = client.get(reverse("campaigns:new"))
    assert (page.context["form"]["name"].value(), page.context["form"]["holdout"].value()) == ("Half", "99")
    assert page.context["form"]["segment_1"].value() == str(first.pk)
    assert "This is what you typed" in page.content.decode() and "error-summary" not in page.content.decode()
    assert "Half" not in compose_as().get(reverse("campaigns:new")).content.decode()  # nobody else's

    client.post(reverse("campaigns:new"), form(name="Whole", segment_1=first.pk))
    assert client.get(reverse("campaigns:new")).context["form"]["name"].value() == ""


def test_what_was_kept_is_discarded_on_request_and_each_campaign_has_its_own():
    client = compose_as()
    client.post(reverse("campaigns:new"), form(name="Saved", segment_1=segment().pk))
    campaign = Campaign.objects.get()
    client.post(reverse("campaigns:keep", args=[campaign.pk]), form(name="Edited"))

    edit = reverse("campaigns:edit", args=[campaign.pk])
    assert client.get(edit).context["form"]["name"].value() == "Edited"
    assert client.get(reverse("campaigns:new")).context["form"]["name"].value() == ""
    assert client.post(edit, {"do": "discard"}).status_code == 303
    assert client.get(edit).context["form"]["name"].value() == "Saved"


def test_codes_need_an_offer_and_a_shared_one_is_typed():
    client, deal = compose_as(), offer()

    errors = client.post(reverse("campaigns:new"), form(codes="unique")).context["form"].errors
    assert errors["codes"] == ["A code opens an offer: choose the offer, or no code."]
    errors = client.post(reverse("campaigns:new"), form(codes="shared", offer=deal.pk)).context["form"].errors
    assert errors["shared_code"] == ["Type the code that everybody gets."]
    client.post(
        reverse("campaigns:new"), form(codes="shared", shared_code="SPRING15", offer=deal.pk, utm_campaign="s15")
    )
    assert Campaign.objects.values_list("codes", "shared_code", "utm_campaign").get() == ("shared", "SPRING15", "s15")


def test_a_campaign_that_answers_an_event_is_composed_and_shown_as_one():
    client = compose_as()

    client.post(
        reverse("campaigns:new"), form(when="event", trigger="abandoned_cart", wait="4", segment_1=segment().pk)
    )

    campaign = Campaign.objects.get()
    assert (campaign.kind, campaign.trigger) == ("triggered", {"kind": "abandoned_cart", "wait": 4})
    page = client.get(reverse("campaigns:detail", args=[campaign.pk])).content.decode()
    assert "whenever a cart was left: 4 hours after the last change of the cart" in page
    edit = client.get(reverse("campaigns:edit", args=[campaign.pk])).context["form"]
    assert (edit["when"].value(), edit["trigger"].value(), edit["wait"].value()) == ("event", "abandoned_cart", 4)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"trigger": ""}, "trigger", "Choose the event that it answers."),
        ({"trigger": "win_back", "wait": "3"}, "wait", "From 14 to 720: days without an order."),
        ({"trigger": "birthday", "wait": ""}, "wait", "From 0 to 30: days before it."),
    ],
)
def test_an_event_without_its_number_is_refused_at_its_field(fields, field, words):
    answer = compose_as().post(reverse("campaigns:new"), form(when="event", **fields))

    assert answer.status_code == 400 and answer.context["form"].errors[field] == [words]


def test_how_carefully_it_goes_is_saved_as_typed_and_shown_again():
    typed = form(segment_1=segment().pk, waves="2.5 %, 20 %", wave_minutes="45", stop_bounced="", stop_complained="0.1")
    client = compose_as()

    client.post(reverse("campaigns:new"), typed | {"keeps_email_quiet": "on"})

    campaign = Campaign.objects.get()
    assert (campaign.waves, campaign.wave_wait) == ([0.025, 0.2], timedelta(minutes=45))
    assert campaign.stop_limits == {"complained": 0.001, "unsubscribed": 0.02}
    assert campaign.keeps_email_quiet
    page = client.get(reverse("campaigns:edit", args=[campaign.pk])).content.decode()
    assert 'value="2.5, 20"' in page
    assert 'value="45"' in page


def test_a_plan_that_is_left_as_it_is_keeps_what_is_usual():
    compose_as().post(reverse("campaigns:new"), form(segment_1=segment().pk))

    campaign = Campaign.objects.get()
    assert (campaign.waves, campaign.wave_wait) == ([0.01, 0.1], timedelta(minutes=10))
    assert campaign.stop_limits == {"bounced": 0.05, "complained": 0.003, "unsubscribed": 0.02}
    assert not campaign.keeps_email_quiet


@pytest.mark.parametrize(
    ("waves", "words"),
    [
        ("ten", "“ten” is no share"),
        ("0, 10", "“0” is no share"),
        ("10, 100", "“100” is no share"),
        ("10, 1", "Each wave is larger than the one before"),
        ("1, 2, 3, 4, 5, 6", "At most 5 waves before the rest."),
    ],
)
def test_waves_that_cannot_be_meant_are_refused_and_kept_as_typed(waves, words):
    answer = compose_as().post(reverse("campaigns:new"), form(segment_1=segment().pk, waves=waves))

    assert (answer.status_code, Campaign.objects.count()) == (400, 0)
    assert words in answer.content.decode()
    assert f'value="{waves}"' in answer.content.decode()
