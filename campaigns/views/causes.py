"""What was not sent, in words: the cause, how often, what the provider said, and what to do about it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.contracts import Capability, requires
from campaigns.contracts import ROUTES
from campaigns.queries.causes import Cause, causes
from campaigns.services import again
from campaigns.tasks import sweep
from campaigns.views import figures
from campaigns.views.answers import SeeOther, campaign_or_404, nudge

LATER = lazy("It is tried again by itself, five times in all. Once you have mended the cause, try at once.")
# By the middle of an enhanced status code (RFC 3463), which says more than the reason.
BY_CODE = {
    ".1.": lazy("The mailbox does not exist. It is not tried again; ask the person for another address."),
    ".2.2": lazy("The mailbox is full. It is the person's to empty it."),
    ".7.": lazy(
        "The server refuses by policy: check SPF, DKIM and DMARC of the sender's domain, and block lists for its address."
    ),
}
BY_REASON = {
    "try_later": LATER,
    "slow": LATER,
    "dropped": LATER,
    "no_connection": lazy("Check the provider's host, port and firewall."),
    "no_login": lazy("Check the user, the password or the key that the provider knows."),
    "sender_refused": lazy("Have the provider confirm the address or the number that writes."),
    "address_refused": lazy("It is not tried again; ask the person for another address."),
    "bad_address": lazy("It is not tried again; ask the person for another address."),
    "message_refused": lazy("Read the provider's words: it takes the address, and not this message."),
    "too_long": lazy("Write shorter words, and approve them again."),
    "gone": lazy("Nothing: the person or the browser is not there any more."),
    "opted_out": lazy("Nothing: the person told the provider to stop, and was taken off."),
    "render": lazy("A fact is missing for these people: give it a default in the words."),
    "stock": lazy("All of their products sold out: choose a fall-back product."),
    "no_contact": lazy("Their address was removed after the start."),
    "no_answer": lazy("Look the message up in the provider's log. It is never sent again by itself."),
    "worker_lost": lazy("Look the message up in the provider's log. It is never sent again by itself."),
    "no_consent": lazy("Nothing: they said no after the start, and are left alone."),
    "withdrawn": lazy("Nothing: they said no after the start, and are left alone."),
    "suppressed": lazy("Nothing: the address was stopped after the start."),
    "risk": lazy("See the risk queue, if they should be written to."),
}


def advice(cause: Cause) -> str:
    """What to do; "" where nothing is known."""
    enhanced = cause.code.partition(" ")[2]
    if cause.channel == "email" and enhanced:
        for part, words in BY_CODE.items():
            if part in enhanced:
                return str(words) + (f" {LATER}" if enhanced.startswith("4") and cause.next_at else "")
    return str(BY_REASON.get(cause.reason, ""))


def told(campaign_id: int, *, put_off: bool) -> list[dict]:
    """Rows of the monitor's table: state, channel, reason, code, count, example, advice, next_at."""
    return [
        {
            "state": one.state, "channel": one.channel, "reason": figures.reason_words(one.reason), "code": one.code,
            "count": one.count, "example": one.example, "advice": advice(one), "next_at": one.next_at,
        }
        for one in causes(campaign_id, put_off=put_off)
    ]  # fmt: skip


@requires(Capability.CAMPAIGN_SEND)
@require_POST
def try_now(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = campaign_or_404(campaign_id)
    channel, code = request.POST.get("channel", ""), request.POST.get("code", "")
    if channel not in ROUTES:
        messages.error(request, _("Choose the channel in the table."))
    elif count := again.try_now(campaign.pk, actor=request.user, channel=channel, code=code[:40]):
        nudge(sweep)
        words = ngettext("%(count)s message is tried at once.", "%(count)s messages are tried at once.", count)
        messages.success(request, words % {"count": f"{count:,}"})
    else:
        messages.info(request, _("None of these waits any more."))
    return SeeOther(reverse("campaigns:monitor", args=[campaign_id]))
