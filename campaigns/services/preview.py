"""A message as one person would get it, for a reviewer: rendered by the same code as the real one, sent to nobody."""

from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.contracts import PushMessage
from campaigns.exceptions import RenderRefused, TemplateRefused
from campaigns.models import AudienceMember, Campaign, Message, MessageVariant
from campaigns.queries.recipients import Person
from campaigns.services.messages import (
    Filled,
    Words,
    compile_words,
    compose_email,
    on_sale,
    render_words,
    sample_code,
    shown_of,
)
from campaigns.services.senders import SENDERS
from catalog.contracts import ProductFacts
from customers.queries.packs import STRICTEST, pack
from customers.queries.people import contacts

# The links of a preview are signed for this id, which no message ever has: they look right and open nothing.
NO_MESSAGE = 0
NO_PRODUCT = "Cannot be filled: no product."


@dataclass(frozen=True)
class Preview:
    """`to` is masked; "" when the person has no address on this channel."""

    to: str
    origin: str  # of the address
    sender: str
    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Seen:
    """What a reader sees first: a mail's subject, a notification's title, a text message. `text` is "" for a mail, whose page
    is shown in a frame; both say why where it cannot be filled.
    """

    title: str
    text: str = ""


def seen(campaign: Campaign, words: MessageVariant, products: Iterable[ProductFacts | None]) -> list[Seen]:
    """The words with each of these products in its place. No query."""
    found = []
    try:
        compiled = compile_words(words)
    except TemplateRefused as refusal:
        return [Seen(f"Cannot be filled: {refusal}") for _ in products]
    for product in products:
        try:
            found.append(_seen(campaign, words.channel, compiled, product) if product else Seen(NO_PRODUCT))
        except RenderRefused as refusal:
            found.append(Seen(f"Cannot be filled: {refusal.reason}"))
    return found


def _seen(campaign: Campaign, channel: str, compiled: Words, product: ProductFacts) -> Seen:
    subject, body = render_words(campaign, compiled, product)
    if channel == "email":
        return Seen(subject)
    nobody = Person("", "en", "", pack(STRICTEST))
    message = Message(pk=NO_MESSAGE, campaign=campaign, channel=channel)
    filled = Filled(message, "", subject, body, [(0, product)], sample_code(campaign), nobody)
    built = SENDERS[channel].build(campaign, filled)
    return Seen(built.title, built.body) if isinstance(built, PushMessage) else Seen("", built.text)


def preview(campaign: Campaign, variant: MessageVariant, member: AudienceMember) -> Preview:
    """Raises RenderRefused when this person's message cannot be filled."""
    own = shown_of(member.items, on_sale(set(member.items)))
    if not own:
        raise RenderRefused(
            1, "No product that can be bought now is chosen for this person.", "They would be left out."
        )
    subject, body = render_words(campaign, compile_words(variant), own[0][1])
    address = next((line for line in contacts(member.customer_id) if line.kind == "e-mail"), None)
    masked = address.masked if address else ""
    mail = compose_email(
        campaign, NO_MESSAGE, to=masked, subject=subject, body=body, products=own, code=sample_code(campaign)
    )
    return Preview(masked, address.origin if address else "", mail.sender, mail.subject, mail.html, mail.text)
