"""The worst cases of a campaign's words on each channel: the real renderer, with people made up for it and never kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from campaigns.contracts import PushMessage, SmsMessage
from campaigns.exceptions import RenderRefused, TemplateRefused
from campaigns.models import AudienceMember, Campaign, Message, MessageVariant
from campaigns.queries.audience import REASONS
from campaigns.queries.recipients import Person
from campaigns.services.messages import Filled, Words, compile_words, on_sale, render_words, sample_code
from campaigns.services.preview import NO_MESSAGE
from campaigns.services.senders import SENDERS
from campaigns.services.trial import is_too_large
from catalog.contracts import ProductFacts
from copywriting.contracts import CHANNELS
from copywriting.services.texts import sms_size
from customers.queries.packs import STRICTEST, pack

# People of the audience whose products are looked at for the longest and the dearest: what real people would see, and few
# enough for a page.
LOOKED_AT = 200
FIRST_NAME = "customer.first_name"


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody who does not exist. `title` takes the place of every product's, where it says something."""

    key: str
    words: str
    first_name: str = "Ada"
    language: str = "en"
    jurisdiction: str = STRICTEST
    title: str = ""
    has_products: bool = True
    is_longest: bool = False


CASES = (
    Case("no_name", lazy("Nobody knows their first name"), first_name=""),
    Case("long_name", lazy("The longest name"), first_name="Maximiliane-Wilhelmine Wolfeschlegelsteinhausenbergerdorff-Braun"),
    Case("sold_out", lazy("All their products are sold out"), has_products=False),
    Case("chinese", lazy("Chinese script"), first_name="欧阳子轩", language="zh", jurisdiction="CN", title="有机全麦切片面包"),
    Case("right_to_left", lazy("Written from right to left"), first_name="عبد الرحمن", title="خبز القمح الكامل العضوي"),
    Case("long_product", lazy("The longest product name at the highest price"), is_longest=True),
)  # fmt: skip
BY_KEY = {case.key: case for case in CASES}


@dataclass(frozen=True, slots=True)
class Hit:
    """What a message ran into. `is_bad`: it would not arrive, or not whole."""

    words: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Face:
    """A message on one channel in one case. `refused` says why there is none; `html` is a mail's."""

    channel: str
    title: str = ""
    text: str = ""
    html: str = ""
    hits: tuple[Hit, ...] = ()
    refused: str = ""


def products_of(campaign: Campaign, segment_id: int) -> list[ProductFacts]:
    """What the first people of a segment would see and can buy now, each product once, the longest title first."""
    rows = AudienceMember.objects.filter(campaign=campaign, segment_id=segment_id).order_by("customer_id")
    ids = {pk for items in rows.values_list("items", flat=True)[:LOOKED_AT] for pk in items}
    return sorted(on_sale(ids).values(), key=lambda one: (-len(one.title), one.id))


def faces(
    campaign: Campaign, variant: MessageVariant, case: Case, products: Sequence[ProductFacts], channels: Sequence[str]
) -> list[Face]:
    """The message of this case on each of these channels, by the code that sends."""
    shown = _shown(campaign, case, products)
    if not shown:
        return [Face(channel, refused=_("Left out: %s.") % _(REASONS["stock"])) for channel in channels]
    try:
        words = compile_words(variant)
        subject, body = render_words(campaign, words, shown[0], sample_code(campaign), case.first_name)
    except (RenderRefused, TemplateRefused) as refusal:
        return [Face(channel, refused=str(refusal)) for channel in channels]
    person = Person("", case.language, "", pack(case.jurisdiction))
    common = _fallbacks(words, case)
    found = []
    for channel in channels:
        if channel not in SENDERS:
            continue  # written as a file, not as a message
        message = Message(pk=NO_MESSAGE, campaign=campaign, channel=channel)
        filled = Filled(
            message, "", subject, body, list(enumerate(shown)), sample_code(campaign), person
        )  # fmt: skip
        found.append(_face(channel, SENDERS[channel].build(campaign, filled), filled, common))
    return found


def _shown(campaign: Campaign, case: Case, products: Sequence[ProductFacts]) -> list[ProductFacts]:
    if not case.has_products:
        return []
    shown = list(products[: campaign.items_per_message])
    if case.is_longest and shown:
        dearest = max((one.price for one in products if one.price is not None), default=None)
        return [replace(shown[0], price=dearest), *shown[1:]]
    return [replace(one, title=case.title) for one in shown] if case.title else shown


def _fallbacks(words: Words, case: Case) -> tuple[Hit, ...]:
    asks = any(use.name == FIRST_NAME for use in (*words.subject.uses, *words.body.uses))
    if not asks:
        return (Hit(_("The words name nobody.")),)
    return () if case.first_name else (Hit(_("The words' own fall-back stands for the first name.")),)


def _face(channel: str, built: object, filled: Filled, common: tuple[Hit, ...]) -> Face:
    hits = [*common, *_room(channel, filled)]
    if isinstance(built, SmsMessage):
        size = sms_size(built.text)
        parts = {"parts": size.parts, "units": size.units, "encoding": size.encoding}
        hits.append(Hit(_("A text message of %(units)s units of %(encoding)s; parts: %(parts)s.") % parts))
        if size.parts > settings.SMS_MOST_PARTS:
            most = {"most": settings.SMS_MOST_PARTS}
            hits.append(Hit(_("It would be refused: more than %(most)s parts.") % most, is_bad=True))
        return Face(channel, text=built.text, hits=tuple(hits))
    if isinstance(built, PushMessage):
        if is_too_large(built):
            hits.append(Hit(_("It would be refused: a browser takes less in one notification."), is_bad=True))
        return Face(channel, built.title, built.body, hits=tuple(hits))
    return Face(channel, built.subject, built.text, built.html, tuple(hits))


def _room(channel: str, filled: Filled) -> list[Hit]:
    """Where a phone or a mail list cuts: it still arrives, so it warns."""
    limits = CHANNELS.get(channel)
    found = []
    if limits and limits.subject and len(filled.subject) > limits.subject:
        numbers = {"long": len(filled.subject), "room": limits.subject}
        found.append(Hit(_("The subject has %(long)s signs and is cut at about %(room)s.") % numbers))
    if limits and len(filled.body) > limits.body:
        numbers = {"long": len(filled.body), "room": limits.body}
        found.append(Hit(_("The words have %(long)s signs, more than the %(room)s that fit.") % numbers))
    return found
