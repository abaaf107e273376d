"""Briefs out of typed facts, each worded for its locale, and the gate that every text passes. No torch here."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings

from copywriting.contracts import PERSON, CopyBrief, DraftCopy, Fact, OfferFact, ProductFact
from copywriting.contracts import Finding as Found
from copywriting.exceptions import BriefInvalid
from copywriting.llm import checks, classes, festivals, wording
from copywriting.llm.facts import tidy
from copywriting.llm.realise import Legal, Realised
from copywriting.llm.realise import realise as fill


def compose_brief(product: ProductFact, offer: OfferFact | None = None, **asked: Any) -> CopyBrief:
    """A brief whose every fact names the row and version that it comes from, worded for its locale.

    `asked` are the other fields of CopyBrief: store, segment, audience, seed, channel, locale, tone, festival, trends,
    must_say, never_say, sent_with. A product without a price has no {price}. Raises BriefInvalid, naming what to change.
    """
    locale = asked.get("locale", "en")
    title = tidy(product.title)
    price = wording.money(product.price, product.currency, locale)
    try:
        said = wording.offer(offer, locale)
    except ValueError as error:
        raise BriefInvalid(str(error)) from None
    ends_on = offer.ends_on if offer is not None and said else None
    of_product = f"catalog.product:{product.id}@{product.version}"
    facts = [Fact("product", title, of_product)]
    facts += [Fact("price", price, of_product)] if price else []
    facts += [Fact("size", product.size, of_product)] if product.size else []
    facts += [Fact("stock", str(product.stock), of_product)] if product.stock is not None else []
    if offer is not None and said:
        of_offer = f"catalog.offer:{offer.id}@{offer.version}"
        facts += [Fact("offer", said, of_offer)]
        facts += [Fact("code", offer.code, of_offer)] if offer.code else []
        facts += [Fact("end", wording.day(ends_on, locale), of_offer)] if ends_on else []
    facts += [Fact("trend", f"{t.name}: {t.count} after {t.before}, {t.since} to {t.until}", t.source)
              for t in asked.get("trends", ())]  # fmt: skip
    festivals.name(asked.get("festival", ""), locale)
    return CopyBrief(
        product=title,
        # A category says the shelf more often than a type does: "PREMIUM" is a type of ice cream.
        product_class=product.category if classes.find(product.category) else product.product_type or product.category,
        price=price,
        size=product.size,
        offer=said,
        code=offer.code if offer is not None and said else "",
        ends_on=ends_on,
        facts=tuple(facts),
        **asked,
    )


def money(amount: Decimal | None, currency: str, locale: str = "en") -> str:
    """A price as the locale says it: see copywriting.llm.wording."""
    return wording.money(amount, currency, locale)


def day(when: date | None, locale: str = "en") -> str:
    return wording.day(when, locale)


def lint(brief: CopyBrief, subject: str, body: str) -> tuple[Found, ...]:
    """What the rules have against a slotted text of a person: the gate that a model's drafts pass, with its matters of style
    as warnings.
    """
    return checks.check(DraftCopy(subject=subject, body=body, writer=PERSON), brief)


def realise(brief: CopyBrief, subject: str, body: str, *, ai: bool = False) -> Realised:
    """A slotted text as a reader of its channel would see it, with the lines that the law asks for and every fact's source.

    Raises UnknownSlot for a slot that the brief has no fact for.
    """
    legal = Legal(settings.BRAND, settings.POSTAL_ADDRESS, ai=ai)
    return fill(DraftCopy(subject=subject, body=body, writer=PERSON), brief, legal)


def festival_name(key: str, locale: str = "en") -> str:
    """The festival as readers of the locale call it; "" for none."""
    return festivals.name(key, locale)


def festivals_ahead(today: date, locale: str = "en") -> list[tuple[str, str, date]]:
    """(key, name, next main day) of every festival that copy may name, the nearest first."""
    found = []
    for key, festival in festivals.FESTIVALS.items():
        day_of = festival.on(today.year)
        found.append((key, festival.names[locale], day_of if day_of >= today else festival.on(today.year + 1)))
    return sorted(found, key=lambda one: (one[2], one[0]))
