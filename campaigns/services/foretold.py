"""The messages that a start would make now, without making one: how long the texts are, how a few of them read, which codes.

By the same gate, draw and renderer as the start. People whose messages are made of the same facts are taken together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from campaigns.contracts import PushMessage, SmsMessage
from campaigns.models import Campaign, Codes, CouponCode, MessageVariant
from campaigns.queries.audience import GATE, HELD_OUT, Unrenderable, ask_gate, gate_parameters, newest_entries
from campaigns.queries.wording import current
from campaigns.services.messages import on_sale, shown_of
from campaigns.services.preview import NO_MESSAGE
from campaigns.services.trial import FARTHEST, Facts, Fault, Trial
from campaigns.services.variants import DRAWN, parameters
from copywriting.services.texts import sms_size

# Whom the start would write to on which channel, with which variant: as campaigns.services.audience draws it.
WOULD = f"""
WITH gate AS MATERIALIZED ({GATE}), drawn AS (
    SELECT gate.channel, gate.customer_id, gate.segment_id, v.id AS variant,
           (SELECT item FROM unnest(f.items) WITH ORDINALITY AS i(item, place)
            WHERE item <> ALL(%(sold_out)s::bigint[]) ORDER BY place LIMIT 1) AS first
    FROM gate JOIN frozen_audience f ON f.customer_id = gate.customer_id
    JOIN {DRAWN}
    WHERE gate.reason = '' AND NOT COALESCE(gate.arm = 'holdout', {HELD_OUT.format(unit="gate.unit")})
)
SELECT d.channel, d.variant, d.segment_id, d.first, c.language, c.jurisdiction, count(*), min(d.customer_id)
FROM drawn d JOIN customers_customer c ON c.id = d.customer_id
WHERE d.first IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 3, 7 DESC, 2, 4, 5, 6
"""  # noqa: S608 - constants of this package
MOST_SAMPLES = 12


@dataclass(frozen=True, slots=True)
class Length:
    """Text messages of so many parts, each of which an operator bills."""

    encoding: str
    parts: int
    messages: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A message as one person would see it. `people`: how many others' are made of the same facts, this one with them."""

    channel: str
    segment: int
    label: str
    customer: int
    people: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Foretold:
    lengths: list[Length]
    samples: list[Sample]
    codes: dict | None  # {"kind", "needed", "made"}; None for a campaign without codes


def foretell(campaign: Campaign, unrenderable: Unrenderable, treated: int) -> Foretold:
    """`treated`: how many people would be written to, each of whom needs a code where codes are one's own."""
    with transaction.atomic(), connection.cursor() as cursor:
        asked = gate_parameters(campaign, timezone.now(), unrenderable)
        ask_gate(cursor, WOULD, asked | parameters(campaign))
        rows = [(channel, variant, Facts(*facts)) for channel, variant, *facts in cursor.fetchall()]
    trial = Trial(campaign, {facts.product for _, _, facts in rows})
    variants = {one.pk: one for one in current(campaign)}
    texts = [(variants[variant], facts) for channel, variant, facts in rows if channel == "sms"]
    return Foretold(_lengths(trial, texts), list(_samples(campaign, trial, variants, rows)), _codes(campaign, treated))


def _lengths(trial: Trial, texts: list[tuple[MessageVariant, Facts]]) -> list[Length]:
    found: dict[tuple[str, int], int] = {}
    for variant, facts in texts:
        built = trial.built("sms", variant, facts, message_id=FARTHEST)
        if isinstance(built, SmsMessage):
            size = sms_size(built.text)
            key = (size.encoding, size.parts)
            found[key] = found.get(key, 0) + facts.people
    return [Length(*key, messages) for key, messages in sorted(found.items())]


def _samples(campaign: Campaign, trial: Trial, variants: dict[int, MessageVariant], rows) -> Iterator[Sample]:
    """The most frequent message of each channel, segment and variant, with the products of one person who gets it."""
    seen: set[tuple[str, int]] = set()
    for channel, variant_id, facts in rows:
        if channel not in trial.channels or (channel, variant_id) in seen or len(seen) == MOST_SAMPLES:
            continue
        seen.add((channel, variant_id))
        variant = variants[variant_id]
        items = newest_entries(campaign, [facts.example]).get().items
        built = trial.built(
            channel, variant, facts, message_id=NO_MESSAGE, products=shown_of(items, on_sale(set(items)))
        )
        if isinstance(built, Fault):
            continue
        if isinstance(built, SmsMessage):
            title, text = "", built.text
        elif isinstance(built, PushMessage):
            title, text = built.title, built.body
        else:
            title, text = built.subject, built.text
        yield Sample(channel, facts.segment, variant.label, facts.example, facts.people, title, text)


def _codes(campaign: Campaign, treated: int) -> dict | None:
    """Codes of one's own are made at the start, so that none can run out; `made` are there already."""
    if campaign.codes == Codes.NONE:
        return None
    made = CouponCode.objects.filter(campaign=campaign).count()
    return {"kind": campaign.codes, "needed": treated if campaign.codes == Codes.UNIQUE else 1, "made": made}
