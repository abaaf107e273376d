"""Slots: the only way a fact enters a text. `{product}` in a draft, `{{ product.title }}` in the message template."""

import re
from collections.abc import Mapping

from copywriting.contracts import CopyBrief
from copywriting.exceptions import UnknownSlot
from copywriting.llm import wording

SLOT = re.compile(r"\{([a-z_]+)\}")

# One placeholder of the Liquid dialect per slot. Only a name may be missing at send time, so only it has a default.
LIQUID: Mapping[str, str] = {
    "product": "{{ product.title }}",
    "price": "{{ product.price }}",
    "size": "{{ product.size }}",
    "offer": "{{ offer }}",
    "code": "{{ code }}",
    "end": "{{ ends_on }}",
    "store": "{{ store }}",
    "first_name": '{{ customer.first_name | default: "there" }}',
}

# A stand-in for a name that differs per reader: longer than nine in ten English first names.
LONG_FIRST_NAME = "Christopher"


def values(brief: CopyBrief) -> dict[str, str]:
    """The realised text of every slot this brief can fill; a slot without a fact is absent."""
    facts = {
        "product": brief.product,
        "price": brief.price,
        "size": brief.size,
        "offer": brief.offer,
        "code": brief.code,
        "end": wording.day(brief.ends_on, brief.locale),
        "store": brief.store,
        # Strangers see an advertisement: it greets nobody.
        "first_name": "" if brief.limits.advertisement else LONG_FIRST_NAME,
    }
    return {slot: text for slot, text in facts.items() if text}


def required(brief: CopyBrief) -> tuple[str, ...]:
    """Slots without which the text would mislead: the product, the offer and its code and end, and what must be said."""
    known = values(brief)
    asked = [slot for phrase in brief.must_say for slot in SLOT.findall(phrase)]
    return tuple(dict.fromkeys(["product", *(s for s in ("offer", "code", "end") if s in known), *asked]))


def fill(text: str, brief: CopyBrief) -> str:
    """The text as a reader would see it. One pass: a product named "100% off {price}" stays that name.

    Raises UnknownSlot for a slot the brief has no fact for.
    """
    known = values(brief)

    def replace(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise UnknownSlot(f"The brief has no fact for {match[0]}.")
        return known[match[1]]

    return SLOT.sub(replace, text)


def to_liquid(text: str) -> str:
    """Slotted text as a Liquid template. Facts are not touched here: they enter as values when the message is rendered.

    Raises UnknownSlot for any brace that is not one of our slots, so text can never smuggle template code in.
    """
    rest = SLOT.sub(lambda match: "" if match[1] in LIQUID else match[0], text)
    if "{" in rest or "}" in rest:
        raise UnknownSlot(f"Not a slot: {rest[max(0, rest.find('{')) :][:40]!r}; use {', '.join(LIQUID)}.")
    return SLOT.sub(lambda match: LIQUID[match[1]], text)


_LIQUID_SLOT = re.compile(r"\{\{\s*([a-z_.]+)\s*(\|[^}]*)?\}\}")


def from_liquid(text: str) -> str | None:
    """The slotted text of a message template, or None when it holds more Liquid than our slots: a person wrote it in."""
    names = {re.match(r"\{\{ ([a-z_.]+)", liquid)[1]: slot for slot, liquid in LIQUID.items()}
    plain = _LIQUID_SLOT.sub(lambda match: f"{{{names[match[1]]}}}" if match[1] in names else match[0], text)
    rest = SLOT.sub("", plain)
    return None if "{" in rest or "}" in rest else plain
