"""What mail providers report, in the forms that they document: states, stopped addresses and withdrawals, each once."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.channels import reports
from campaigns.models import Message, ProviderReport, ProviderTally
from campaigns.services import waves
from customers.contracts import NewContact
from customers.models import ConsentRecord, ConsentState, Suppression
from customers.services.people import add_contact_points
from tests import factories
from tests.campaigns.pages import shop_sending

pytestmark = pytest.mark.django_db

SECRET, SIGNING = "hook:secret", "mailgun-signing-key"


@pytest.fixture
def shop(settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "hook:secret", "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING}
    shop = shop_sending(people=3)
    now = timezone.now()
    Message.objects.update(state="sent", sent_at=now, attempted_at=now)
    return shop


def sent_to(person) -> tuple[Message, str]:
    return Message.objects.get(customer=person), f"{person.external_id}@example.invalid"


def post(provider: str, said, secret: str = SECRET, **headers):
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    login = {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()} if secret else {}
    return Client(enforce_csrf_checks=True).post(
        reverse("campaigns:mail-hook", args=[provider]),
        raw,
        content_type="application/json",
        headers={**login, **headers},
    )


# Postmark: postmarkapp.com/developer/webhooks/bounce-webhook and its neighbours.
def postmark(message, address, kind="Bounce", **fields):
    return {
        "RecordType": kind, "MessageStream": "broadcast", "ID": 4323372036854775807, "Type": "HardBounce", "TypeCode": 1,
        "Name": "Hard bounce", "Tag": "Test", "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"attune_message": str(message.pk)}, "ServerID": 23,
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "Test bounce details", "Email": address, "From": "sender@example.com",
        "BouncedAt": "2026-11-05T16:33:54.9070259Z", "DumpAvailable": True, "Inactive": True, "CanActivate": True,
        "Subject": "Test subject", "Content": "", **fields,
    }  # fmt: skip


# SendGrid: docs.sendgrid.com/for-developers/tracking-events/event; metadata stands among the fields.
def sendgrid(message, address, event, **fields):
    return {
        "email": address, "timestamp": 1513299569, "smtp-id": f"<attune.{message.pk}@example.com>", "event": event,
        "sg_event_id": f"{event}-ZyjAM5rnQmuI1KFInHQ3Nw", "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515",
        "attune_message": str(message.pk), "anymail_id": "5c24ffba-3a23-4d83-bb0b-5a4b1f3c1c2d", **fields,
    }  # fmt: skip


# Mailgun: documentation.mailgun.com, webhooks; signed over timestamp and token.
def mailgun(message, address, event, **fields):
    token = "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    stamp = "1529006854"
    digest = hmac.new(SIGNING.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": stamp, "token": token, "signature": digest},
        "event-data": {
            "event": event, "timestamp": 1529006854.329574, "id": "G9Bn5sl1TC6nu79C8C0bwg", "recipient": address,
            "message": {"headers": {"message-id": f"attune.{message.pk}@example.com", "to": "x", "subject": "s"}},
            "user-variables": {}, "tags": [], "delivery-status": {"code": 605, "message": "", "description": "Not delivering"},
            **fields,
        },
    }  # fmt: skip


# Amazon SES through SNS: docs.aws.amazon.com/ses/latest/dg/notification-contents.html, with the original headers.
def ses(message, address, kind, detail, number="da41e39f-ea4d-435a-b922-c6aae3915ebe"):
    inner = {
        "notificationType": kind,
        "mail": {
            "timestamp": "2026-01-27T14:59:38.237Z", "source": "hello@example.com", "messageId": "000001378603177f-SES",
            "destination": [address], "headersTruncated": False,
            "headers": [{"name": "X-Attune-Message", "value": str(message.pk)}, {"name": "Subject", "value": "Hello"}],
        },
        kind.lower(): detail,
    }  # fmt: skip
    outer = {
        "Type": "Notification", "MessageId": number, "TopicArn": "arn:aws:sns:us-east-1:123456789012:MyTopic",
        "Message": json.dumps(inner), "Timestamp": "2026-04-25T21:17:31.658Z", "SignatureVersion": "1",
        "Signature": "EXAMPLE", "SigningCertURL": "https://sns.us-east-1.amazonaws.com/x.pem",
    }  # fmt: skip
    return outer, {"x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": number}


def state(person) -> tuple[str, str]:
    return Message.objects.values_list("state", "reason").get(customer=person)


def allowed(person) -> bool:
    return ConsentState.objects.get(customer=person, purpose="marketing", channel="email").is_given


def stopped() -> list[str]:
    return list(
        Suppression.objects.filter(lifted_at=None, channel="email").order_by("id").values_list("reason", flat=True)
    )


def counted() -> dict[tuple[str, str], int]:
    return {(one.told, one.outcome): one.number for one in ProviderTally.objects.all()}


BOUNCED, SOFT = ("bounced", "hard_bounce"), ("bounced", "soft_bounce")


def bounce_detail(address, kind):
    return {
        "bounceType": kind, "bounceSubType": "General", "feedbackId": "00000137860315fd",
        "bouncedRecipients": [{"emailAddress": address, "status": "5.1.1", "action": "failed",
                               "diagnosticCode": "smtp; 550 5.1.1 ... User"}],
    }  # fmt: skip


def _sparkpost(message, address, kind, bounce_class):
    event = {
        "type": kind, "event_id": "92356927693813856", "timestamp": "1454442600", "bounce_class": bounce_class,
        "raw_rcpt_to": address, "transmission_id": "65832150921904138",
        "rcpt_meta": {"attune_message": str(message.pk)}, "raw_reason": "550",
    }  # fmt: skip
    return [{"msys": {"message_event": event}}]


FORMS = {
    "postmark": lambda m, a: (postmark(m, a), {}),
    "sendgrid": lambda m, a: ([sendgrid(m, a, "bounce", type="bounce", reason="550", status="5.1.1")], {}),
    "mailgun": lambda m, a: (mailgun(m, a, "failed", severity="permanent", reason="suppress-bounce"), {}),
    "amazon_ses": lambda m, a: ses(m, a, "Bounce", bounce_detail(a, "Permanent")),
    "brevo": lambda m, a: (
        {"event": "hard_bounce", "email": a, "id": 1, "date": "2026-10-09 00:00:00", "ts_epoch": 1604933623000,
         "message-id": f"<attune.{m.pk}@example.com>", "reason": "server is down"}, {},
    ),
    "mailjet": lambda m, a: (
        [{"event": "bounce", "time": 1430812195, "MessageID": 13792286917004336, "email": a, "blocked": False,
          "hard_bounce": True, "error_related_to": "recipient", "error": "user unknown",
          "Payload": json.dumps({"attune_message": str(m.pk)})}], {},
    ),
    "sparkpost": lambda m, a: (_sparkpost(m, a, "bounce", "10"), {}),
}  # fmt: skip
SOFTLY = {
    "postmark": lambda m, a: (postmark(m, a, Type="SoftBounce"), {}),
    "sendgrid": lambda m, a: ([sendgrid(m, a, "bounce", type="blocked", reason="451")], {}),
    "amazon_ses": lambda m, a: ses(m, a, "Bounce", bounce_detail(a, "Transient")),
    "brevo": lambda m, a: (
        {"event": "soft_bounce", "email": a, "ts_epoch": 1604933623000, "message-id": f"<attune.{m.pk}@example.com>"}, {},
    ),
    "sparkpost": lambda m, a: (_sparkpost(m, a, "bounce", "22"), {}),
}  # fmt: skip


@pytest.mark.parametrize("provider", sorted(FORMS))
def test_a_bounce_for_good_stops_the_address_once_and_leaves_the_consent(provider, shop):
    ann = shop.people[0]
    said, headers = FORMS[provider](*sent_to(ann))

    for _ in range(2):  # providers send again what they are not sure of
        assert post(provider, said, **headers).status_code == 204

    assert (state(ann), stopped(), allowed(ann)) == (BOUNCED, ["bounced"], True)
    assert state(shop.people[1]) == ("sent", "")
    assert counted() == {("bounced", "heard"): 1, ("bounced", "repeated"): 1}


@pytest.mark.parametrize("provider", sorted(SOFTLY))
def test_a_bounce_for_now_is_kept_and_stops_nothing(provider, shop):
    ann = shop.people[0]
    said, headers = SOFTLY[provider](*sent_to(ann))
    assert post(provider, said, **headers).status_code == 204
    assert (state(ann), stopped()) == (SOFT, [])


def test_what_is_tried_again_is_no_bounce(shop):
    ann = shop.people[0]
    assert post("mailgun", mailgun(*sent_to(ann), "failed", severity="temporary")).status_code == 204
    assert (state(ann), counted()) == (("sent", ""), {})


def complaint(provider, m, a):
    return {
        "postmark": (postmark(m, a, "SpamComplaint", Type="SpamComplaint", TypeCode=512), {}),
        "sendgrid": ([sendgrid(m, a, "spamreport")], {}),
        "mailgun": (mailgun(m, a, "complained"), {}),
        "amazon_ses": ses(m, a, "Complaint", {"complainedRecipients": [{"emailAddress": a}], "feedbackId": "1",
                                              "complaintFeedbackType": "abuse", "userAgent": "AnyCompany"}),
    }[provider]  # fmt: skip


@pytest.mark.parametrize("provider", ["postmark", "sendgrid", "mailgun", "amazon_ses"])
def test_a_complaint_withdraws_stops_and_cancels_what_waits(provider, shop):
    ann = shop.people[0]
    message, address = sent_to(ann)
    said, headers = complaint(provider, message, address)
    before = ConsentRecord.objects.count()

    for _ in range(2):
        assert post(provider, said, **headers).status_code == 204

    assert (state(ann), stopped(), allowed(ann)) == (("complained", ""), ["complained"], False)
    assert ConsentRecord.objects.count() == before + 1  # the same word again is no new act
    assert allowed(shop.people[1])


def test_a_way_out_at_the_mailbox_provider_is_a_withdrawal_that_cancels_what_waits(shop):
    ann = shop.people[0]
    message, address = sent_to(ann)
    said = postmark(
        message, address, "SubscriptionChange", Recipient=address, SuppressSending=True, Origin="Recipient",
        SuppressionReason="ManualSuppression", ChangedAt="2026-02-01T10:53:34.416071Z",
    )  # fmt: skip
    other = Message.objects.create(
        campaign=message.campaign, customer=ann, channel="webhook", variant=message.variant, state="queued"
    )
    assert post("postmark", said).status_code == 204
    other.refresh_from_db()
    assert (other.state, other.reason) == ("skipped", "withdrawn")
    assert (allowed(ann), stopped()) == (False, ["unsubscribed"])
    assert Message.objects.get(pk=message.pk).state == "sent"


def test_a_delivery_may_come_late_or_again_and_takes_back_no_bounce(shop):
    ann, ben, _ = shop.people
    Message.objects.filter(customer=ann).update(state="unknown")
    assert post("sendgrid", [sendgrid(*sent_to(ann), "delivered", response="250 OK")]).status_code == 204
    assert state(ann) == ("delivered", "")
    post("sendgrid", [sendgrid(*sent_to(ben), "bounce", type="bounce"), sendgrid(*sent_to(ben), "delivered")])
    assert state(ben) == BOUNCED


def test_opens_and_clicks_are_not_acted_on(shop):
    ann = shop.people[0]
    post("sendgrid", [sendgrid(*sent_to(ann), "open"), sendgrid(*sent_to(ann), "click", url="https://x.example/")])
    assert (state(ann), counted(), ProviderReport.objects.count()) == (("sent", ""), {}, 0)


def test_an_entry_that_cannot_be_read_loses_no_other(shop):
    ann, ben, _ = shop.people
    batch = [sendgrid(*sent_to(ann), "delivered"), {"no": "event"}, 7, sendgrid(*sent_to(ben), "spamreport")]
    assert post("sendgrid", batch).status_code == 204
    assert (state(ann)[0], state(ben)[0]) == ("delivered", "complained")
    assert counted() == {("delivered", "heard"): 1, ("", "broken"): 2, ("complained", "heard"): 1}


def test_what_could_not_be_taken_in_is_asked_for_again_and_the_rest_stands(shop, monkeypatch):
    ann, ben, _ = shop.people
    batch = [sendgrid(*sent_to(ann), "spamreport"), sendgrid(*sent_to(ben), "delivered")]
    monkeypatch.setattr("campaigns.services.reports.withdraw_many", lambda acts: 1 / 0)
    assert post("sendgrid", batch).status_code == 500
    assert (state(ann)[0], state(ben)[0], ProviderReport.objects.count()) == ("sent", "delivered", 0)
    monkeypatch.undo()
    assert post("sendgrid", batch).status_code == 204
    assert (state(ann)[0], allowed(ann)) == ("complained", False)


def test_a_report_of_another_install_with_the_same_provider_is_counted_and_changes_nothing(shop):
    ann = shop.people[0]
    message, _ = sent_to(ann)
    stranger = factories.customer()
    add_contact_points([NewContact(stranger.pk, "email", "someone@example.invalid")])
    for said in (
        postmark(message, "someone@example.invalid"),  # our number, their address
        {**postmark(message, "a@example.invalid"), "Metadata": {}},
        {**postmark(message, "a@example.invalid"), "Metadata": {"attune_message": "999999999999"}},
        {**postmark(message, "no address"), "ID": 7},
    ):
        assert post("postmark", said).status_code == 204
    assert (state(ann), stopped()) == (("sent", ""), [])
    assert counted() == {("bounced", "unknown"): 4}


@pytest.mark.parametrize(("secret", "status"), [("", 401), ("hook:other", 403), ("", 401)])
def test_without_the_secret_nothing_is_heard(secret, status, shop):
    ann = shop.people[0]
    answer = post("postmark", postmark(*sent_to(ann)), secret=secret)
    assert (answer.status_code, state(ann)) == (status, ("sent", ""))
    assert ("WWW-Authenticate" in answer) is (status == 401)


def test_an_install_without_a_secret_hears_nothing(shop, settings):
    settings.ANYMAIL = {}
    ann = shop.people[0]
    assert post("postmark", postmark(*sent_to(ann))).status_code == 403
    assert state(ann) == ("sent", "")


def test_mailguns_own_signature_is_asked_for_as_well(shop, settings):
    ann = shop.people[0]
    said = mailgun(*sent_to(ann), "complained")
    said["signature"]["signature"] = "0" * 64
    assert post("mailgun", said).status_code == 403
    settings.ANYMAIL = {"WEBHOOK_SECRET": "hook:secret"}  # its key is not set
    assert post("mailgun", mailgun(*sent_to(ann), "complained")).status_code == 403
    assert allowed(ann)


def test_what_is_no_post_of_a_provider_is_refused_in_words(shop):
    assert post("sendmail", {}).status_code == 404
    assert post("sendgrid", b"not json").status_code == 400
    assert post("postmark", b"not json").status_code == 204  # counted as broken: to ask again would not mend it
    assert post("sendgrid", b" " * (reports.MOST + 1)).status_code == 413
    assert counted() == {("", "broken"): 1}


def test_a_topic_of_amazon_is_confirmed_at_amazon_alone(shop, monkeypatch):
    asked = []

    class Answer:
        def raise_for_status(self):
            pass

    monkeypatch.setattr("campaigns.channels.reports.requests.get", lambda url, **_: asked.append(url) or Answer())
    number = "165545c9-2a5c-472c-8df2-7ff2be2b3b1b"
    headers = {"x-amz-sns-message-type": "SubscriptionConfirmation", "x-amz-sns-message-id": number}
    said = {"Type": "SubscriptionConfirmation", "MessageId": number, "Token": "t", "TopicArn": "arn:aws:sns:a:1:T",
            "Message": "You have chosen to subscribe", "Timestamp": "2026-04-26T20:45:04.751Z"}  # fmt: skip
    right = "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    assert post("amazon_ses", {**said, "SubscribeURL": right}, **headers).status_code == 204
    wrong = "https://sns.us-west-2.amazonaws.com.evil.example/?Action=ConfirmSubscription"
    assert post("amazon_ses", {**said, "SubscribeURL": wrong}, **headers).status_code == 400
    assert asked == [right]


def test_the_send_stops_by_itself_on_what_providers_report(settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "hook:secret"}
    shop = shop_sending(people=105)
    at = timezone.now() - timedelta(seconds=1)
    Message.objects.update(state="sent", sent_at=at, attempted_at=at)
    batch = [sendgrid(*sent_to(one), "bounce", type="bounce") for one in shop.people[:20]]

    assert post("sendgrid", batch).status_code == 204

    assert "20 of 105 messages by email came back" in waves.judge(shop.campaign.pk, at_once=True)
