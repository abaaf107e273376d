"""What a writer may know of a campaign: a brief for each segment and channel, out of the rows as they are now."""

from django.conf import settings

from campaigns.models import Campaign
from campaigns.queries.wording import channels_of
from campaigns.services import audience
from campaigns.services.messages import sample_code
from catalog.queries import by_ids
from copywriting.contracts import CopyBrief
from copywriting.services.briefs import as_slots, compose_brief, offer_fact, product_fact, readable

# Further channels of a segment are sampled far from the first: the same seed would begin the same sentence.
APART = 1_000_000


def briefs_of(campaign: Campaign, segment_ids=None) -> dict[tuple[int, str], CopyBrief]:
    """By segment and channel, in the order of both, of segments with people only; `segment_ids` narrows them.

    The product of a brief stands for the segment's most frequent first product; each person's own takes its place when the
    message is rendered, so the brief names the types of the others too, and words for one shelf alone are written only where
    everybody gets goods of it.
    """
    parts = list(campaign.campaign_segments.select_related("segment"))
    if segment_ids is not None:
        parts = [part for part in parts if part.segment_id in segment_ids]
    tops, shelves = audience.most_frequent_first_items(campaign.pk), audience.first_item_categories(campaign.pk)
    products = by_ids(tops.values())
    offer = offer_fact(campaign.offer, code=sample_code(campaign))
    found = {}
    for part in parts:
        product = products.get(tops.get(part.segment_id, 0))
        if product is None:
            continue  # nobody is in this segment alone
        for place, channel in enumerate(channels_of(campaign)):
            found[part.segment_id, channel] = compose_brief(
                product_fact(product),
                offer,
                store=campaign.merchant.name if campaign.merchant else settings.BRAND,
                segment=part.segment.slug,
                audience=part.segment.audience_phrase,
                seed=campaign.pk * 1000 + part.priority + APART * place,
                channel=channel,
                tone=campaign.tone,
                festival=campaign.festival,
                sent_with=shelves.get(part.segment_id, ()),
            )
    return found


def slotted(template: str) -> str:
    """A message template as the rules read it; template code beyond slots is left out."""
    text = as_slots(template)
    return readable(template) if text is None else text
