"""A plan in plain words: whole sentences that say what will happen and when, for whoever composes it and whoever approves it."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.utils.formats import date_format
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, ngettext_lazy

from campaigns.contracts import BATCHES, Trigger, TriggerKind
from campaigns.forms.plan import CHANNEL_WORDS
from campaigns.models import Campaign
from campaigns.queries.audience import caps_of
from campaigns.state import Kind

RINGS = {"sms", "push"}  # always keep the quiet hours of the recipient's place: customers/packs
TRIGGERS = {
    TriggerKind.ABANDONED_CART: ngettext_lazy(
        "From its start until somebody ends it, it writes to whoever left a cart alone for %(n)s hour and ordered nothing.",
        "From its start until somebody ends it, it writes to whoever left a cart alone for %(n)s hours and ordered nothing.",
        "n",
    ),
    TriggerKind.POST_PURCHASE: ngettext_lazy(
        "From its start until somebody ends it, it writes to people %(n)s day after their last order.",
        "From its start until somebody ends it, it writes to people %(n)s days after their last order.",
        "n",
    ),
    TriggerKind.WIN_BACK: ngettext_lazy(
        "From its start until somebody ends it, it writes to people who have not ordered for %(n)s day.",
        "From its start until somebody ends it, it writes to people who have not ordered for %(n)s days.",
        "n",
    ),
    TriggerKind.BACK_IN_STOCK: ngettext_lazy(
        "From its start until somebody ends it, it writes about a product that can be bought again to whoever showed an "
        "interest in it within %(n)s day.",
        "From its start until somebody ends it, it writes about a product that can be bought again to whoever showed an "
        "interest in it within %(n)s days.",
        "n",
    ),
    TriggerKind.PRICE_DROP: ngettext_lazy(
        "From its start until somebody ends it, it writes about a product whose price fell to whoever showed an interest in "
        "it within %(n)s day.",
        "From its start until somebody ends it, it writes about a product whose price fell to whoever showed an interest in "
        "it within %(n)s days.",
        "n",
    ),
    TriggerKind.BIRTHDAY: ngettext_lazy(
        "From its start until somebody ends it, it writes to people %(n)s day before their birthday.",
        "From its start until somebody ends it, it writes to people %(n)s days before their birthday.",
        "n",
    ),
}
STOPS = {
    "bounced": lazy(
        "It stops by itself, until a person lets it go on, when more than %(share)s of its messages bounce."
    ),
    "complained": lazy(
        "It stops by itself, until a person lets it go on, when more than %(share)s of its messages are marked as spam."
    ),
    "unsubscribed": lazy(
        "It stops by itself, until a person lets it go on, when more than %(share)s of its messages are followed by a "
        "withdrawal."
    ),
}


def reading(campaign: Campaign) -> list[str]:
    """What a campaign, saved or not, will do: a sentence each of when, how fast, in which waves, what stops it, who sleeps,
    who is left out and who is held out. No query.
    """
    triggered = campaign.kind == Kind.TRIGGERED
    return [
        *(_on_event(campaign) if triggered else _once(campaign)),
        _channels(campaign),
        *([] if triggered else _waves(campaign)),
        *_stops(campaign),
        *_quiet(campaign),
        *_caps(campaign),
        _holdout(campaign),
    ]


def _once(campaign: Campaign) -> Iterator[str]:
    if campaign.late_after is None or campaign.scheduled_at is None:
        yield _("It goes out when somebody releases it after the approval, to everybody at one moment.")
        return
    if campaign.local_at:
        at = date_format(datetime.fromisoformat(campaign.local_at), "SHORT_DATETIME_FORMAT")
        yield _(
            "It goes out when the clock at each recipient's place shows %(at)s; of whom nobody knows the place, the clock of "
            "%(zone)s counts."
        ) % {"at": at, "zone": settings.PLATFORM_ZONE}
    else:
        at = date_format(campaign.scheduled_at, "SHORT_DATETIME_FORMAT")
        yield _("It goes out on %(at)s (UTC), to everybody at one moment.") % {"at": at}
    hours = round(campaign.late_after.total_seconds() / 3600)
    yield ngettext(
        "When that time is missed by more than %(n)s hour, it waits and asks a person again.",
        "When that time is missed by more than %(n)s hours, it waits and asks a person again.",
        hours,
    ) % {"n": hours}


def _on_event(campaign: Campaign) -> Iterator[str]:
    trigger = Trigger.of(campaign.trigger)
    yield TRIGGERS[trigger.kind] % {"n": trigger.wait}
    if trigger.again is None:
        yield _("It writes to each person once.")
        return
    yield ngettext(
        "It may write to the same person again when that happens once more, %(n)s day later at the earliest.",
        "It may write to the same person again when that happens once more, %(n)s days later at the earliest.",
        trigger.again,
    ) % {"n": trigger.again}


def _channels(campaign: Campaign) -> str:
    names = get_text_list([str(CHANNEL_WORDS.get(channel, channel)) for channel in campaign.channels], _("and"))
    return ngettext(
        "Everybody gets it on each of these that is open to them, with at most %(n)s message a second on each: %(channels)s.",
        "Everybody gets it on each of these that is open to them, with at most %(n)s messages a second on each: %(channels)s.",
        campaign.per_second,
    ) % {"n": campaign.per_second, "channels": names}


def _waves(campaign: Campaign) -> Iterator[str]:
    if not set(campaign.channels) - BATCHES:
        return
    if not campaign.waves:
        yield _("All messages of a channel leave one after another, without a first wave.")
        return
    minutes, shares = (
        int(campaign.wave_wait.total_seconds() // 60),
        get_text_list(list(map(_share, campaign.waves)), _("and then")),
    )
    words = ngettext(
        "A random %(shares)s of each channel's messages leave first; the next wave and then the rest follow %(n)s minute after "
        "the one before, unless something speaks against it.",
        "A random %(shares)s of each channel's messages leave first; the next wave and then the rest follow %(n)s minutes after "
        "the one before, unless something speaks against it.",
        minutes,
    )
    if not minutes:
        words = _(
            "A random %(shares)s of each channel's messages leave first; the next wave and then the rest follow at once, unless "
            "something speaks against it."
        )
    yield words % {"shares": shares, "n": minutes}
    if campaign.local_at:
        yield _("The waves begin anew at every place.")


def _stops(campaign: Campaign) -> Iterator[str]:
    limits = {outcome: _share(limit) for outcome in STOPS if (limit := campaign.stop_limits.get(outcome))}
    if not limits:
        yield _("Nothing stops it by itself.")
    elif len(limits) == len(STOPS):
        yield (
            _(
                "It stops by itself, until a person lets it go on, when more than %(bounced)s of its messages bounce, "
                "%(complained)s are marked as spam, or %(unsubscribed)s are followed by a withdrawal."
            )
            % limits
        )
    else:
        for outcome, share in limits.items():
            yield STOPS[outcome] % {"share": share}


def _quiet(campaign: Campaign) -> Iterator[str]:
    if RINGS & set(campaign.channels):
        yield _("Text messages and notifications wait for the morning when it is night at the recipient's place.")
    if "email" not in campaign.channels:
        return
    if campaign.keeps_email_quiet:
        yield _("E-mail waits for the morning when it is night at the recipient's place.")
    else:
        yield _("E-mail goes out by night as well.")


def _caps(campaign: Campaign) -> Iterator[str]:
    """Those of the plan, and those that hold for all campaigns of the platform."""
    for cap in caps_of(campaign):
        if cap.channel != "any" and cap.channel not in campaign.channels:
            continue
        if cap.channel == "any":
            words = ngettext(
                "Left out is who had %(messages)s message from us on any channel within %(days)s days.",
                "Left out is who had %(messages)s messages from us on any channel within %(days)s days.",
                cap.messages,
            )
        else:
            words = ngettext(
                "Left out on the channel “%(channel)s” is who had %(messages)s message there within %(days)s days.",
                "Left out on the channel “%(channel)s” is who had %(messages)s messages there within %(days)s days.",
                cap.messages,
            )
        channel = CHANNEL_WORDS.get(cap.channel, cap.channel)
        yield words % {"messages": cap.messages, "days": cap.days, "channel": channel}


def _holdout(campaign: Campaign) -> str:
    if not campaign.holdout_share:
        return _("Nobody is held out, so nobody will be able to say what it did.")
    words = ngettext(
        "Of who could be written to, %(share)s are drawn to hear nothing on any channel; the orders of %(n)s day are compared.",
        "Of who could be written to, %(share)s are drawn to hear nothing on any channel; the orders of %(n)s days are compared.",
        campaign.attribution_days,
    )
    return words % {"share": _share(campaign.holdout_share), "n": campaign.attribution_days}


def _share(share: float) -> str:
    return f"{round(100 * share, 2):g} %"
