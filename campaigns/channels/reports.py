"""What a mail provider reports of its own accord, read by django-anymail's tracking views, without their signals.

A secret is asked for always: anymail's WEBHOOK_SECRET as user:password, and the provider's own signature where it has
one. Providers that send lists are read one entry at a time, so that a broken one loses no other.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace

import requests
from anymail.exceptions import AnymailError
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.http import HttpRequest

from campaigns.channels.backend import METADATA
from campaigns.channels.mime import MESSAGE_HEADER
from campaigns.contracts import MailReport, Told
from campaigns.exceptions import ReportRefused

MOST = 2**20  # bytes of a post: SendGrid's largest batch is 768 kB
CONFIRM_TIMEOUT = 5  # seconds
SNS_HOST = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")
_ID = re.compile(r"[1-9][0-9]{0,17}")
_OUR_ID = re.compile(r"<?attune\.([1-9][0-9]{0,17})@")


class _Ses(AmazonSESTrackingWebhookView):
    """Anymail confirms a topic through boto3; the address that Amazon gives for it does the same without."""

    def __init__(self, **kwargs):
        # Past the parent's own, which builds boto3's parameters.
        AnymailBaseWebhookView.__init__(self, **kwargs)

    def auto_confirm_sns_subscription(self, sns_message):
        url = str(sns_message.get("SubscribeURL", ""))
        if not SNS_HOST.match(url):
            raise ReportRefused(400, "The address to confirm the topic is not one of Amazon SNS.")
        try:
            requests.get(url, timeout=CONFIRM_TIMEOUT, allow_redirects=False).raise_for_status()
        except requests.RequestException as fault:
            raise ReportRefused(502, f"Amazon did not confirm the topic: {type(fault).__name__}.") from None


VIEWS: Mapping[str, type[AnymailBaseWebhookView]] = {
    "postmark": PostmarkTrackingWebhookView,
    "sendgrid": SendGridTrackingWebhookView,
    "mailgun": MailgunTrackingWebhookView,
    "amazon_ses": _Ses,
    "brevo": BrevoTrackingWebhookView,
    "mailjet": MailjetTrackingWebhookView,
    "sparkpost": SparkPostTrackingWebhookView,
}
# Whether a bounce is for good, in each provider's own words: anymail's normal form does not tell. What is not said to be
# for good is not: an address is not stopped for a mailbox that was full one night.
FOR_GOOD: Mapping[str, Callable[[Mapping], bool]] = {
    "postmark": lambda said: said.get("Type") in ("HardBounce", "BadEmailAddress"),
    "sendgrid": lambda said: said.get("type") == "bounce" or said.get("event") == "dropped",
    "mailgun": lambda said: said.get("event-data", {}).get("severity") == "permanent",
    "amazon_ses": lambda said: said.get("bounce", {}).get("bounceType") == "Permanent",
    "brevo": lambda said: said.get("event") in ("hard_bounce", "invalid_email"),
    "mailjet": lambda said: said.get("hard_bounce") is True,
    # Classes 10 and 30: nobody has this address (sparkpost.com/docs/deliverability/bounce-classification-codes).
    "sparkpost": lambda said: _sparkpost(said).get("bounce_class") in ("10", "30"),
}
NOT_TOLD = frozenset({"queued", "sent", "deferred", "autoresponded", "opened", "clicked", "subscribed", "unknown"})


def read(provider: str, request: HttpRequest) -> Iterator[MailReport | Exception]:
    """Each thing that the post says, or the fault of an entry that cannot be read.

    Raises ReportRefused with the status to answer: 404 for an unknown provider, 401 and 403 without the secret.
    """
    if provider not in VIEWS:
        raise ReportRefused(404, "No provider of this name is known here.")
    if not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        raise ReportRefused(403, "No secret is set (ATTUNE_ANYMAIL_WEBHOOK_SECRET), so nothing is heard.")
    if "Authorization" not in request.headers:
        raise ReportRefused(401, "Send the secret as basic authentication.")  # SNS sends it only when it is asked
    try:
        view = VIEWS[provider]()
        view.run_validators(request)
    except (SuspiciousOperation, ImproperlyConfigured, AnymailError):
        raise ReportRefused(403, "The secret or the signature is not right.") from None
    return _events(provider, view, request)


def _events(provider: str, view: AnymailBaseWebhookView, request: HttpRequest) -> Iterator[MailReport | Exception]:
    for part in _parts(provider, request):
        try:
            events = view.parse_events(part)
        except ReportRefused:
            raise
        except Exception as fault:  # whatever it is, it is about this entry alone
            yield fault
            continue
        for event in events:
            report = _report(provider, event)
            if report is not None:
                yield report


def _parts(provider: str, request: HttpRequest) -> Iterator[HttpRequest | SimpleNamespace]:
    if provider in ("postmark", "mailgun", "amazon_ses", "brevo"):
        yield request
        return
    try:
        entries = json.loads(request.body)
    except ValueError:
        raise ReportRefused(400, "The body is not JSON.") from None
    for entry in entries if isinstance(entries, list) else [entries]:
        yield SimpleNamespace(body=json.dumps([entry]).encode())


def _report(provider: str, event) -> MailReport | None:
    """None for what changes nothing: an open is never acted on, and clicks come by our own links."""
    said = event.esp_event or {}
    told = {"delivered": Told.DELIVERED, "complained": Told.COMPLAINED, "unsubscribed": Told.UNSUBSCRIBED}.get(
        event.event_type
    )
    if event.event_type in NOT_TOLD:
        return None
    if told is None:  # bounced, rejected, failed
        told = {"spam": Told.COMPLAINED, "unsubscribed": Told.UNSUBSCRIBED}.get(
            event.reject_reason if event.event_type == "rejected" else "", Told.BOUNCED
        )
    is_for_good = told == Told.BOUNCED and _is_for_good(provider, event, said)
    row = _row(event, said)
    when = event.event_id or (event.timestamp.isoformat() if event.timestamp else "")
    key = hashlib.sha256("\0".join((provider, str(when), told, str(row))).encode()).digest()
    return MailReport(told, row, event.recipient or "", key, is_for_good)


def _is_for_good(provider: str, event, said: Mapping) -> bool:
    if event.event_type == "failed":
        return False
    if event.event_type == "rejected":  # not even tried: the provider knows the address from before
        return event.reject_reason in ("bounced", "invalid")
    return bool(FOR_GOOD[provider](said))


def _row(event, said: Mapping) -> int | None:
    """The id of our Message row: what was given along comes back, or our header or Message-ID is quoted."""
    given = str((event.metadata or {}).get(METADATA, ""))
    if _ID.fullmatch(given):
        return int(given)
    mail = said.get("mail")
    for header in mail.get("headers", []) if isinstance(mail, Mapping) else []:
        if header.get("name", "").lower() == MESSAGE_HEADER.lower() and _ID.fullmatch(header.get("value", "")):
            return int(header["value"])
    ours = _OUR_ID.match(str(event.message_id or "")) or _OUR_ID.match(str(said.get("smtp-id", "")))
    return int(ours[1]) if ours else None


def _sparkpost(said: Mapping) -> Mapping:
    return next(iter(said.get("msys", {}).values()), {})
