"""Whose words a message carries: those that were written for its channel, under the label that its reader drew.

A label (A, B, ...) is one treatment over all channels: who is in B reads B everywhere, so that an order can be laid to it.
Where B has no words of its own on a channel, its readers get the first label's there; a channel that no words are written
for, such as a webhook, carries those of the campaign's first channel that has any.
"""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from campaigns.models import AudienceMember, Campaign, MessageVariant, Segment
from copywriting.contracts import CHANNELS

FIRST = "email"  # for a campaign on none of the channels that words are written for, such as a webhook alone


def channels_of(campaign: Campaign) -> list[str]:
    """The campaign's channels that words are written for, the first one first."""
    return [channel for channel in campaign.channels if channel in CHANNELS] or [FIRST]


def current(campaign: Campaign) -> QuerySet[MessageVariant]:
    """The words that may go out: those of a channel that the plan has left lie where they are."""
    rows = MessageVariant.objects.filter(campaign=campaign, is_current=True, channel__in=channels_of(campaign))
    return rows.order_by("segment_id", "label", "channel")


def carried(campaign: Campaign, variants: Iterable[MessageVariant]) -> dict[tuple[int, str], dict[str, MessageVariant]]:
    """By segment and channel of the campaign: by label, in their order, the words that a message there carries. A segment
    without any words is left out.
    """
    own: dict[int, dict[str, dict[str, MessageVariant]]] = {}
    for one in variants:
        own.setdefault(one.segment_id, {}).setdefault(one.channel, {})[one.label] = one
    written, found = channels_of(campaign), {}
    for segment_id, by_channel in own.items():
        labels = sorted({label for words in by_channel.values() for label in words})
        first = next(by_channel[channel] for channel in written if channel in by_channel)
        for channel in campaign.channels:
            words = by_channel.get(channel, first)
            found[segment_id, channel] = {label: words.get(label, words[min(words)]) for label in labels}
    return found


def missing(campaign: Campaign) -> list[tuple[Segment, str]]:
    """(segment, channel) that have no words of their own, of the segments that somebody of the audience is in."""
    own = set(current(campaign).values_list("segment_id", "channel"))
    people = AudienceMember.objects.filter(campaign=campaign, segment=OuterRef("segment"))
    parts = campaign.campaign_segments.filter(Exists(people)).select_related("segment")
    return [
        (part.segment, channel)
        for part in parts
        for channel in channels_of(campaign)
        if (part.segment_id, channel) not in own
    ]


def carrying(campaign: Campaign, variants: Iterable[MessageVariant]) -> dict[MessageVariant, list[str]]:
    """The channels of the campaign whose messages carry each of these."""
    variants = list(variants)
    found: dict[MessageVariant, list[str]] = {one: [] for one in variants}
    for (_, channel), by_label in carried(campaign, variants).items():
        for one in dict.fromkeys(by_label.values()):
            found[one].append(channel)
    return found
