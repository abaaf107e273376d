"""What a writer may know of a campaign: one brief a segment, out of the rows as they are now."""

from django.conf import settings

from campaigns.models import Campaign
from campaigns.services import audience
from catalog.queries import by_ids
from copywriting.contracts import CopyBrief
from copywriting.services.briefs import compose_brief, offer_fact, product_fact


def briefs_of(campaign: Campaign, segment_ids=None) -> dict[int, CopyBrief]:
    """By segment id, in the order of the segments, those with people only; `segment_ids` narrows them.

    The product of a brief stands for the segment's most frequent first product; each person's own takes its place when the
    message is rendered, so the brief names the types of the others too, and words for one shelf alone are written only where
    everybody gets goods of it.
    """
    parts = list(campaign.campaign_segments.select_related("segment"))
    if segment_ids is not None:
        parts = [part for part in parts if part.segment_id in segment_ids]
    tops = {part.segment_id: audience.most_frequent_first_item(campaign.pk, part.segment_id) for part in parts}
    products = by_ids(pk for pk in tops.values() if pk is not None)
    offer = offer_fact(campaign.offer)
    found = {}
    for part in parts:
        product = products.get(tops[part.segment_id])
        if product is None:
            continue  # nobody is in this segment alone
        found[part.segment_id] = compose_brief(
            product_fact(product),
            offer,
            store=campaign.merchant.name if campaign.merchant else settings.BRAND,
            segment=part.segment.slug,
            audience=part.segment.audience_phrase,
            seed=campaign.pk * 1000 + part.priority,
            channel=campaign.channel,
            tone=campaign.tone,
            festival=campaign.festival,
            sent_with=audience.first_item_categories(campaign.pk, part.segment_id),
        )
    return found
