"""A message as one person would get it, for a reviewer: rendered by the same code as the real one, sent to nobody."""

from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.exceptions import RenderRefused, TemplateRefused
from campaigns.models import AudienceMember, Campaign, MessageVariant
from campaigns.services.messages import (
    compile_words,
    compose_email,
    on_sale,
    render_words,
    sample_code,
    shown_of,
)
from catalog.contracts import ProductFacts
from customers.queries.people import contacts

# The links of a preview are signed for this id, which no message ever has: they look right and open nothing.
NO_MESSAGE = 0


@dataclass(frozen=True)
class Preview:
    """`to` is masked; "" when the person has no address on this channel."""

    to: str
    origin: str  # of the address
    sender: str
    subject: str
    html: str
    text: str


def subjects(campaign: Campaign, words: MessageVariant, products: Iterable[ProductFacts | None]) -> list[str]:
    """The subject with each of these products in its place; where it cannot be filled, why not. No query."""
    found = []
    try:
        compiled = compile_words(words)
    except TemplateRefused as refusal:
        return [f"Cannot be filled: {refusal}" for _ in products]
    for product in products:
        try:
            found.append(render_words(campaign, compiled, product)[0] if product else "Cannot be filled: no product.")
        except RenderRefused as refusal:
            found.append(f"Cannot be filled: {refusal.reason}")
    return found


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
