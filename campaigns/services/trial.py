"""The words of a campaign tried on everybody before they are approved: filled by the code that sends, sent to nobody.

What a message says depends on its words, the first product that can be bought, and the language and law of the person's place.
So everybody who has these in common is filled once, and counted: each person's message is tried, and a million cost no more than
the combinations there are.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_noop

from campaigns.channels.push import MOST as MOST_PUSH_BYTES
from campaigns.contracts import PushMessage, SmsMessage
from campaigns.exceptions import RenderRefused, TemplateRefused
from campaigns.models import Campaign, Message, MessageVariant
from campaigns.queries.audience import sold_out
from campaigns.queries.recipients import Person, language_of
from campaigns.queries.wording import carried, current
from campaigns.services.messages import Filled, Words, compile_words, render_words, sample_code
from campaigns.services.senders import SENDERS
from catalog.contracts import ProductFacts
from catalog.queries import by_ids
from copywriting.services.texts import sms_size
from customers.queries.packs import pack

# The first product that can be bought, as the message shows it, and what of the person's place stands in the message.
FACTS = """
SELECT m.segment_id, m.first, c.language, c.jurisdiction, count(*), min(m.customer_id)
FROM (SELECT customer_id, segment_id,
             (SELECT item FROM unnest(items) WITH ORDINALITY AS i(item, place)
              WHERE item <> ALL(%(sold_out)s::bigint[]) ORDER BY place LIMIT 1) AS first
      FROM campaigns_audiencemember WHERE campaign_id = %(campaign)s) m
JOIN customers_customer c ON c.id = m.customer_id
WHERE m.first IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
TOLD_EVERY = 200  # combinations between two words on how far it is
FARTHEST = 9_999_999_999  # the id of a message is part of its links: no text is tried shorter than it may become


@dataclass(frozen=True, slots=True)
class Facts:
    """What these people's messages are made of, how many they are, and one of them."""

    segment: int
    product: int
    language: str
    law: str
    people: int
    example: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message cannot leave as it is, and what to do about it."""

    cause: str
    remedy: str


TOO_MANY_PARTS = Fault(
    gettext_noop("The text message would be refused: it takes more parts than this install allows."),
    gettext_noop("Shorten the words, or leave out a long fact."),
)
TOO_LARGE = Fault(
    gettext_noop("The notification would be refused: a browser takes less in one."), gettext_noop("Shorten the words.")
)
UNKNOWN_PRODUCT = Fault(
    gettext_noop("The catalogue no longer knows the product."), gettext_noop("Make the drafts again.")
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One cause among the words of one variant on one channel: for how many people, and one of them."""

    channel: str
    segment: int
    variant: int
    label: str
    cause: str
    remedy: str
    people: int
    example: int


def facts_of(campaign: Campaign) -> list[Facts]:
    """Of the whole frozen audience but those who have no product to show, whom the gate leaves out."""
    with connection.cursor() as cursor:
        cursor.execute(FACTS, {"campaign": campaign.pk, "sold_out": sold_out(campaign.pk)})
        return [Facts(*row) for row in cursor.fetchall()]


def failures(campaign: Campaign, told: Callable[[float], None] = lambda share: None) -> tuple[int, list[Failure]]:
    """(messages tried, causes, those of most people first). `told` hears the share that is done."""
    facts = facts_of(campaign)
    trial = Trial(campaign, {one.product for one in facts})
    tried, found = 0, {}
    for number, one in enumerate(facts):
        if number % TOLD_EVERY == 0:
            told(number / len(facts))
        for channel in trial.channels:
            for variant in trial.variants(one.segment, channel):
                tried += one.people
                fault = trial.fault(channel, variant, one)
                if fault is not None:
                    key = (channel, one.segment, variant.pk, variant.label, fault.cause, fault.remedy)
                    people, example = found.get(key, (0, one.example))
                    found[key] = (people + one.people, min(example, one.example))
    rows = [Failure(*key, people, example) for key, (people, example) in found.items()]
    return tried, sorted(rows, key=lambda row: (-row.people, row.segment, row.channel, row.label))


class Trial:
    """Messages of one campaign, each combination of facts built once."""

    def __init__(self, campaign: Campaign, products: set[int]):
        self._campaign = campaign
        self._products = by_ids(products)
        self._words: dict[int, Words] = {}
        self._filled: dict[tuple, tuple[str, str] | Fault] = {}
        self._faults: dict[tuple, Fault | None] = {}
        self._variants = carried(campaign, current(campaign))
        self.channels = [channel for channel in campaign.channels if channel in SENDERS]

    def variants(self, segment: int, channel: str) -> list[MessageVariant]:
        """Of every label: nobody knows yet which one a person gets."""
        return list(dict.fromkeys(self._variants.get((segment, channel), {}).values()))

    def fault(self, channel: str, variant: MessageVariant, facts: Facts) -> Fault | None:
        key = (channel, variant.pk, facts.product, language_of(facts.language), pack(facts.law).code)
        if key not in self._faults:
            self._faults[key] = self._fault(channel, variant, facts)
        return self._faults[key]

    def _fault(self, channel: str, variant: MessageVariant, facts: Facts) -> Fault | None:
        built = self.built(channel, variant, facts, message_id=FARTHEST)
        if isinstance(built, Fault):
            return built
        if isinstance(built, SmsMessage) and sms_size(built.text).parts > settings.SMS_MOST_PARTS:
            return TOO_MANY_PARTS
        if isinstance(built, PushMessage) and is_too_large(built):
            return TOO_LARGE
        return None

    def built(
        self,
        channel: str,
        variant: MessageVariant,
        facts: Facts,
        *,
        message_id: int,
        products: list[tuple[int, ProductFacts]] | None = None,
    ) -> object:
        """What the channel would be handed, by the code that sends; or the fault that keeps it from being built. Without
        `products` about the first alone.
        """
        filled = self._fill(variant, facts.product)
        if isinstance(filled, Fault):
            return filled
        person = Person("", language_of(facts.language), "", pack(facts.law))
        products = products or [(0, self._products[facts.product])]
        message = Message(pk=message_id, campaign=self._campaign, channel=channel)
        return SENDERS[channel].build(
            self._campaign, Filled(message, "", *filled, products, sample_code(self._campaign), person)
        )

    def _fill(self, variant: MessageVariant, product: int) -> tuple[str, str] | Fault:
        key = (variant.pk, product)
        if key not in self._filled:
            self._filled[key] = self._render(variant, self._products.get(product))
        return self._filled[key]

    def _render(self, variant: MessageVariant, product: ProductFacts | None) -> tuple[str, str] | Fault:
        if product is None:
            return UNKNOWN_PRODUCT
        try:
            if variant.pk not in self._words:
                self._words[variant.pk] = compile_words(variant)
            return render_words(self._campaign, self._words[variant.pk], product)
        except (RenderRefused, TemplateRefused) as refusal:
            return Fault(refusal.reason, refusal.remedy)


def is_too_large(push: PushMessage) -> bool:
    """Whether a browser would refuse the notification."""
    return len((push.title + push.body + push.url + push.unsubscribe_url).encode()) > MOST_PUSH_BYTES
