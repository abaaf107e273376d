"""Which label of a segment goes to whom, and so which words on each channel: drawn by a fixed hash, with the probability kept
on the message.

The shares follow the responses of those who had time to respond (Thompson sampling, see copywriting.llm.bandit), unless the
campaign asks for an even split. What is drawn at the start rests on the prior alone; whatever is still queued, in later waves
or at night, is drawn again as responses come in. The logged probability is what off-policy estimates divide by.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from campaigns.models import Campaign, MessageVariant, Split
from campaigns.queries.wording import carried, current
from campaigns.state import CampaignState
from copywriting.services.choice import Prior, shares

RIPE = timedelta(hours=4)  # most clicks on a mail come within hours; a reader of a minute ago is no no
# What earlier campaigns had, as firmly as 200 sends would say it; without any the middle of published click rates.
WEIGHT, CLICK_RATE = 200.0, 0.02
PAST = 20_000  # messages: enough for a rate to a tenth of a per cent

# The draw of a unit, in [0, 1): 48 bits of SHA-256, exact in a float, on another salt than the arms.
UNIFORM = (
    "('x' || left(encode(sha256(convert_to(%(variant_salt)s || E'\\n' || {unit}, 'UTF8')), 'hex'), 12))::bit(48)::bigint "
    "/ 281474976710656.0"
)
SLICES = """unnest(%(variants)s::bigint[], %(variant_segments)s::bigint[], %(variant_channels)s::text[], %(lows)s::float8[],
    %(highs)s::float8[], %(shares)s::float8[]) AS v(id, segment_id, channel, low, high, share)"""
# Which words each person of the gate draws on each channel: the start's way, and that of whoever foretells it.
DRAWN = f"""{SLICES} ON v.segment_id = gate.segment_id AND v.channel = gate.channel
         AND {UNIFORM.format(unit="gate.unit")} >= v.low AND {UNIFORM.format(unit="gate.unit")} < v.high"""
# A person's click on an observed link counts once; scanners and the demo's simulated clicks never do.
RESPONDED = """EXISTS (SELECT FROM campaigns_click k WHERE k.message_id = m.id AND NOT k.is_machine AND k.origin = 'observed')"""
SO_FAR = f"""
SELECT m.variant_id, count(*), count(*) FILTER (WHERE {RESPONDED}) FROM campaigns_message m
WHERE m.campaign_id = %(campaign)s AND m.sent_at < %(ripe)s GROUP BY 1
"""  # noqa: S608 - a constant
BEFORE = f"""
SELECT count(*), count(*) FILTER (WHERE {RESPONDED}) FROM (
    SELECT id FROM campaigns_message WHERE campaign_id < %(campaign)s AND sent_at < %(ripe)s ORDER BY id DESC LIMIT %(past)s
) m
"""  # noqa: S608 - a constant
# Who has read a label on one channel reads it on all: nobody is drawn anew once one of their messages was tried.
REDRAW = f"""
UPDATE campaigns_message m SET variant_id = v.id, propensity = v.share FROM campaigns_assignment a, {SLICES}
WHERE m.campaign_id = %(campaign)s AND m.state = 'queued' AND m.tries = 0
  AND a.campaign_id = m.campaign_id AND a.customer_id = m.customer_id AND v.segment_id = a.segment_id
  AND v.channel = m.channel AND NOT EXISTS (
    SELECT FROM campaigns_message o WHERE o.campaign_id = m.campaign_id AND o.customer_id = m.customer_id
      AND o.entry = m.entry AND (o.state <> 'queued' OR o.tries > 0))
  AND {UNIFORM.format(unit="a.unit")} >= v.low AND {UNIFORM.format(unit="a.unit")} < v.high
"""  # noqa: S608 - constants

Responses = dict[int, tuple[int, int]]  # by variant: (ripe sends, responses)


@dataclass(frozen=True)
class Slice:
    """The part of [0, 1) that draws a label, and the words that carry it on a channel. `share` is what these words have in
    all, for one text may stand for several labels.
    """

    variant_id: int
    segment_id: int
    channel: str
    low: float
    high: float
    share: float


def slices(campaign: Campaign) -> list[Slice]:
    """For every segment the shares of its labels, side by side and the same on each channel; a single label has all."""
    words = carried(campaign, current(campaign))
    segments: dict[int, dict[str, dict[str, MessageVariant]]] = {}
    for (segment_id, channel), by_label in words.items():
        segments.setdefault(segment_id, {})[channel] = by_label
    learns = campaign.split == Split.LEARN and any(len(by_label) > 1 for by_label in words.values())
    sent = _responses(campaign) if learns else {}
    known = prior(campaign) if learns else None
    found = []
    for segment_id, by_channel in segments.items():
        labels = list(next(iter(by_channel.values())))
        odds = dict.fromkeys(labels, 1 / len(labels))
        if known is not None and len(labels) > 1:
            arms = [(label, *_heard(label, by_channel, sent)) for label in labels]
            odds = shares(arms, known, seed=campaign.pk)
        for channel, by_label in by_channel.items():
            found += _side_by_side(segment_id, channel, by_label, odds)
    return found


def _side_by_side(
    segment_id: int, channel: str, words: dict[str, MessageVariant], odds: dict[str, float]
) -> list[Slice]:
    found, low = [], 0.0
    for place, (label, variant) in enumerate(words.items(), start=1):
        high = 1.0 if place == len(words) else low + odds[label]
        share = 1.0 if len(set(words.values())) == 1 else sum(odds[one] for one in words if words[one] == variant)
        found.append(Slice(variant.pk, segment_id, channel, low, high, share))
        low = high
    return found


def _heard(label: str, by_channel: dict[str, dict[str, MessageVariant]], sent: Responses) -> tuple[int, int]:
    """(ripe sends, responses) of a label, where each has words of its own: a text that stands for two tells them not apart,
    and another channel has another rate.
    """
    telling = {words[label].pk for words in by_channel.values() if len(set(words.values())) == len(words)}
    rows = [sent.get(pk, (0, 0)) for pk in telling]
    return sum(sends for sends, _ in rows), sum(responses for _, responses in rows)


def _responses(campaign: Campaign) -> Responses:
    """{variant: (ripe sends, responses)}"""
    with connection.cursor() as cursor:
        cursor.execute(SO_FAR, {"campaign": campaign.pk, "ripe": timezone.now() - RIPE})
        return {variant: (sends, responses) for variant, sends, responses in cursor.fetchall()}


def prior(campaign: Campaign) -> Prior:
    """What is known of a response rate before this campaign: that of earlier ones. The results page judges by it too."""
    asked = {"campaign": campaign.pk, "ripe": timezone.now() - RIPE, "past": PAST}
    with connection.cursor() as cursor:
        cursor.execute(BEFORE, asked)
        sends, responses = cursor.fetchone()
    # As many readers of the field's rate stand before the first own ones, which also keeps the mean off 0 and 1.
    return Prior((responses + CLICK_RATE * WEIGHT) / (sends + WEIGHT), WEIGHT)


def parameters(campaign: Campaign, turn: int = 0) -> dict:
    """For a statement that draws by `SLICES` and `UNIFORM`. `turn` gives people another draw than before."""
    found = slices(campaign)
    return {
        "variants": [one.variant_id for one in found],
        "variant_segments": [one.segment_id for one in found],
        "variant_channels": [one.channel for one in found],
        "lows": [one.low for one in found],
        "highs": [one.high for one in found],
        "shares": [one.share for one in found],
        "variant_salt": f"variant:{campaign.pk}:{turn}",
    }


def learning() -> list[int]:
    """Campaigns under way that share their readers by response."""
    rows = Campaign.objects.filter(state__in=(CampaignState.SENDING, CampaignState.RUNNING), split=Split.LEARN)
    return list(rows.filter(variants__is_current=True, variants__label__gt="A").distinct().values_list("pk", flat=True))


def redraw(campaign_id: int) -> int:
    """Draws what is still queued and was never tried by the shares of now; returns how many rows that were."""
    campaign = Campaign.objects.get(pk=campaign_id)
    if campaign.split != Split.LEARN or campaign.state not in (CampaignState.SENDING, CampaignState.RUNNING):
        return 0
    turn = int(timezone.now().timestamp())
    with connection.cursor() as cursor:
        cursor.execute(REDRAW, parameters(campaign, turn) | {"campaign": campaign_id})
        return cursor.rowcount
