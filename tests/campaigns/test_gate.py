"""The gate over several channels: who is open on which, why not, and one arm a person and whoever they hang together with."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.assignment import Units, arm
from campaigns.contracts import Step
from campaigns.models import Assignment, AudienceMember, Campaign, Exclusion, Message
from campaigns.queries.audience import rehearse, units, waterfall
from campaigns.queries.wording import channels_of
from campaigns.services import approval, audience, delivery
from campaigns.services.messages import build_emails
from catalog.models import Product
from customers.contracts import NewConsent, NewContact
from customers.services.consent import record_many
from customers.services.people import add_contact_points
from tests import factories
from tests.flows.shop import Shop, open_shop

pytestmark = pytest.mark.django_db


def consent(customer, channel: str, action: str = "given") -> NewConsent:
    return NewConsent(
        customer_id=customer.pk, purpose="marketing", channel=channel, action=action, lawful_basis="consent",
        method="sign_up_form", actor="subject", notice_version="newsletter-1",
    )  # fmt: skip


def on_channels(shop: Shop, *channels: str, **fields) -> None:
    """The same campaign on these channels, approved anew as if it had been composed so."""
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=list(channels), **fields)
    shop.campaign.refresh_from_db()
    shop.campaign.variants.update(channel=channels_of(shop.campaign)[0])
    digest, content, size = approval.digest_of(shop.campaign)
    shop.campaign.approvals.create(approver=shop.approver, digest=digest, content=content, audience_size=size)


def phone(customer, number: str) -> None:
    add_contact_points([NewContact(customer.pk, "phone", number)])


def messages(shop: Shop) -> set[tuple[int, str]]:
    found = Message.objects.filter(campaign=shop.campaign).values_list("customer_id", "channel")
    return {(shop.people.index(next(p for p in shop.people if p.pk == pk)), channel) for pk, channel in found}


def closed(shop: Shop) -> set[tuple[int, str, str]]:
    at = {person.pk: place for place, person in enumerate(shop.people)}
    rows = Exclusion.objects.filter(campaign=shop.campaign).values_list("customer_id", "channel", "reason")
    return {(at[pk], channel, reason) for pk, channel, reason in rows}


def test_each_person_gets_a_message_on_every_channel_that_is_open_to_them():
    shop = open_shop(people=4, consenting=3)
    for place in (0, 3):
        phone(shop.people[place], f"+4179555010{place}")
    record_many(consent(shop.people[place], "sms") for place in (0, 1, 3))
    on_channels(shop, "email", "sms")

    result = delivery.start(shop.campaign.pk)

    # 0: both; 1: e-mail, for there is no phone; 2: e-mail, no consent for texts; 3: a text alone.
    assert messages(shop) == {(0, "email"), (0, "sms"), (1, "email"), (2, "email"), (3, "sms")}
    assert closed(shop) == {(1, "sms", "no_contact"), (2, "sms", "no_consent"), (3, "email", "no_consent")}
    assert (result.treated, result.holdout, result.steps) == (4, 0, ())
    by_channel = {one.channel: (one.treated, one.steps) for one in result.channels}
    assert by_channel == {
        "email": (3, (Step("no_consent", 1),)),
        "sms": (2, (Step("no_consent", 1), Step("no_contact", 1))),
    }


def test_who_is_open_on_no_channel_is_excluded_for_the_reason_of_the_channel_that_came_furthest():
    shop = open_shop(people=2, consenting=1)
    record_many([consent(shop.people[1], "sms")])
    on_channels(shop, "email", "sms")

    result = delivery.start(shop.campaign.pk)

    assert result.steps == (Step("no_contact", 1),)
    row = Assignment.objects.get(customer=shop.people[1])
    assert (row.arm, row.reason) == ("excluded", "no_contact")
    assert {(1, "email", "no_consent"), (1, "sms", "no_contact")} <= closed(shop)


def test_the_rehearsal_says_what_the_start_then_does():
    shop = open_shop(people=6, consenting=4, holdout_share=0.5)
    record_many(consent(person, "sms") for person in shop.people[2:])
    phone(shop.people[5], "+41795550199")
    on_channels(shop, "email", "sms")

    said = rehearse(shop.campaign)
    done = delivery.start(shop.campaign.pk)

    assert said == done == waterfall(shop.campaign.pk)
    assert said.audience == 6
    assert all(one.audience == 6 for one in said.channels)


def test_one_arm_a_person_over_all_channels():
    shop = open_shop(people=24, holdout_share=0.5)
    for place, person in enumerate(shop.people):
        phone(person, f"+417955502{place:02}")
    record_many(consent(person, "sms") for person in shop.people)
    on_channels(shop, "email", "sms")

    delivery.start(shop.campaign.pk)

    treated = set(Assignment.objects.filter(arm="treated").values_list("customer_id", flat=True))
    assert 0 < len(treated) < 24
    for channel in ("email", "sms"):
        assert set(Message.objects.filter(channel=channel).values_list("customer_id", flat=True)) == treated


def test_people_who_hang_together_by_any_address_of_the_channels_share_the_arm():
    """a shares a mail address with b, b a phone with somebody outside, who shares a phone with another, who does so with c."""
    shop = open_shop(people=12, holdout_share=0.5)
    a, b, c = shop.people[2], shop.people[5], shop.people[9]
    outside, further = factories.customer(), factories.customer()
    add_contact_points(
        [
            NewContact(a.pk, "email", "both@example.invalid"), NewContact(b.pk, "email", "both@example.invalid"),
            NewContact(b.pk, "phone", "+41795550111"), NewContact(outside.pk, "phone", "+41795550111"),
            NewContact(outside.pk, "phone", "+41795550112"), NewContact(further.pk, "phone", "+41795550112"),
            NewContact(further.pk, "email", "last@example.invalid"), NewContact(c.pk, "email", "last@example.invalid"),
        ]
    )  # fmt: skip
    on_channels(shop, "email", "sms")

    delivery.start(shop.campaign.pk)

    rows = {row.customer_id: row for row in Assignment.objects.all()}
    assert {rows[one.pk].unit for one in (a, b, c)} == {f"customer:{a.pk}"}
    assert rows[shop.people[0].pk].unit == f"customer:{shop.people[0].pk}"
    drawn = {row.arm for row in (rows[a.pk], rows[b.pk], rows[c.pk]) if row.arm != "excluded"}
    assert drawn == {arm(shop.campaign.salt, f"customer:{a.pk}", 0.5).value}


def test_a_phone_does_not_make_a_unit_of_a_campaign_that_is_mailed_alone():
    shop = open_shop(people=2)
    for person in shop.people:
        phone(person, "+41795550111")

    assert units(shop.campaign) == {}
    on_channels(shop, "email", "sms")
    assert units(shop.campaign) == {person.pk: shop.people[0].pk for person in shop.people}


def test_units_of_a_long_chain_and_of_a_junk_address_take_linear_time():
    joined = Units()
    joined.join((("link", place // 2), (place + 1) // 2) for place in range(1, 200_000))  # 1-2, 2-3, 3-4 ...
    joined.join(("junk", customer) for customer in range(500_000, 600_000))

    assert {unit for customer, unit in joined if customer < 100_000} == {1}
    assert {unit for customer, unit in joined if customer >= 500_000} == {500_000}


def test_an_address_gets_one_message_a_channel_however_many_share_it():
    shop = open_shop(people=3)
    phone(shop.people[0], "+41795550111")
    phone(shop.people[2], "+41795550111")
    record_many(consent(person, "sms") for person in shop.people)
    on_channels(shop, "sms")

    delivery.start(shop.campaign.pk)

    assert messages(shop) == {(0, "sms")}
    assert closed(shop) == {(1, "sms", "no_contact"), (2, "sms", "shared_contact")}


def heard(person, channel: str, days_ago: float, campaign: Campaign, **fields) -> None:
    at = timezone.now() - timedelta(days=days_ago)
    Message.objects.create(
        campaign=campaign, customer=person, channel=channel, variant_id=fields.pop("variant"), state="sent", sent_at=at,
        attempted_at=at, **fields,
    )  # fmt: skip


def other(shop: Shop, number: int) -> Campaign:
    return Campaign.objects.create(name=f"Earlier {number}", created_by=shop.marketer)


def test_caps_count_rolling_windows_per_channel_and_over_all():
    shop = open_shop(people=4)
    for place, person in enumerate(shop.people):
        phone(person, f"+4179555030{place}")
    record_many(consent(person, "sms") for person in shop.people)
    caps = [{"channel": "sms", "messages": 2, "days": 7}, {"channel": "any", "messages": 3, "days": 10}]
    on_channels(shop, "email", "sms", cap_days=0, caps=caps)
    variant = shop.campaign.variants.get().pk
    for place, told in enumerate(
        [[("sms", 1), ("sms", 6.9)], [("sms", 1), ("sms", 7.1)], [("email", 1)] * 2 + [("sms", 9.9)]]
    ):
        for number, (channel, days) in enumerate(told):
            heard(shop.people[place], channel, days, other(shop, number), variant=variant)

    delivery.start(shop.campaign.pk)

    # 0: two texts within seven days; 1: one of them is older; 2: three in ten days over all channels; 3: none.
    assert closed(shop) == {(0, "sms", "frequency_cap"), (2, "email", "frequency_cap"), (2, "sms", "frequency_cap")}


def test_the_cap_of_the_whole_platform_holds_for_a_campaign_that_has_none(settings):
    shop = open_shop(people=2)
    settings.FREQUENCY_CAPS = [("email", 1, 30)]
    on_channels(shop, "email", cap_days=0)
    heard(shop.people[0], "email", 29, other(shop, 1), variant=shop.campaign.variants.get().pk)

    assert delivery.start(shop.campaign.pk).steps == (Step("frequency_cap", 1),)


def test_who_would_see_only_what_is_sold_out_is_left_out_and_the_others_see_the_rest():
    shop = open_shop(people=2)
    rye, oat = Product.objects.get(title="Rye rolls"), Product.objects.get(title="Oat biscuits")
    AudienceMember.objects.filter(customer=shop.people[0]).update(items=[rye.pk])
    on_channels(shop, "email")
    Product.objects.filter(pk=rye.pk).update(stock=0)

    result = delivery.start(shop.campaign.pk)

    assert closed(shop) == {(0, "email", "stock")}
    assert result.treated == 1
    (message,) = Message.objects.filter(campaign=shop.campaign)
    mail = build_emails(shop.campaign, [message])[message.pk]
    assert mail.subject == f"{oat.title} again?"
    assert rye.title not in mail.text


def test_three_channels_take_as_many_statements_as_one():
    shop, taken = open_shop(people=3), []
    for channels in (["email"], ["email", "sms", "push"]):
        on_channels(shop, *channels)
        with CaptureQueriesContext(connection) as captured:
            audience.draw(shop.campaign, [])
        taken.append(len(captured))
        for rows in (Assignment, Exclusion, Message):
            rows.objects.all().delete()
    assert taken[0] == taken[1]


def test_the_planner_is_told_how_many_the_gate_asks_about():
    """Of an audience that was frozen a moment ago it would guess one row, and compare a million people with each other."""
    shop = open_shop(people=40)
    for wanted in (40, 3):
        AudienceMember.objects.filter(campaign=shop.campaign).exclude(
            customer__in=[one.pk for one in shop.people[:wanted]]
        ).delete()
        rehearse(shop.campaign)
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'pg_temp.frozen_audience'::regclass")
            assert cursor.fetchone() == (wanted,)
