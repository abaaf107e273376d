"""Briefs out of typed facts, each worded for its locale, and the gate that every text passes. No torch here."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings

from copywriting.contracts import PERSON, WARNING, CopyBrief, DraftCopy, Fact, OfferFact, ProductFact
from copywriting.contracts import Finding as Found
from copywriting.exceptions import BriefInvalid
from copywriting.llm import checks, classes, corpus, festivals, lexicon, slots, wording
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


def description_brief(product, **asked: Any) -> CopyBrief:
    """A text about a product that promises nothing: no offer, and readers of no segment."""
    return compose_brief(product_fact(product), segment="", **asked)


def product_fact(product) -> ProductFact:
    """Of the catalogue's facts of a product, what a brief may say."""
    return ProductFact(
        id=product.id,
        version=product.version,
        title=product.title,
        product_type=product.product_type,
        category=product.category,
        price=product.price,
        currency=product.currency,
        size=product.size,
    )


def offer_fact(offer, code: str = "") -> OfferFact | None:
    """The offer as a writer's brief takes it. Its version goes along, so that a text can name what it was true of."""
    if offer is None:
        return None
    return OfferFact(
        id=offer.pk,
        version=offer.version,
        kind="percent" if offer.kind == "percent" else "amount",
        value=offer.value,
        currency=offer.currency,
        code=code,
        ends_on=offer.ends_at.date(),
    )


def money(amount: Decimal | None, currency: str, locale: str = "en") -> str:
    """A price as the locale says it: see copywriting.llm.wording."""
    return wording.money(amount, currency, locale)


def day(when: date | None, locale: str = "en") -> str:
    return wording.day(when, locale)


# What a person may decide: how a sentence is built and how it sounds. What is true, lawful and in limit nobody may.
STYLE = frozenset(["form", "slot_use", "repetition", "copied", "residue", "service"])
FRAMED = "email"  # code states the offer, its end and its code under the words


def lint(brief: CopyBrief, subject: str, body: str, stated: Sequence[Fact] = ()) -> tuple[Found, ...]:
    """What the rules have against a slotted text of a person: the gate that a model's drafts pass, with its matters of style
    as warnings.

    `stated` are facts that the person wrote in with their source: a number, date or amount that one of them holds is backed.
    """
    draft = DraftCopy(subject=subject, body=body, writer=PERSON)
    found = (_for_people(one, brief) for one in checks.check(draft, brief))
    return tuple(one for one in found if not _is_backed(one, draft, stated))


def judge(
    brief: CopyBrief, subject: str, body: str, *, writer: str = PERSON, stated: Sequence[Fact] = ()
) -> tuple[Found, ...]:
    """What the rules of today have against a kept text, whoever wrote it."""
    if writer == PERSON:
        return lint(brief, subject, body, stated)
    return checks.check(DraftCopy(subject=subject, body=body, writer=writer), brief)


def unbacked(brief: CopyBrief, subject: str, body: str, stated: Sequence[Fact] = ()) -> tuple[str, ...]:
    """The numbers, dates and amounts of a text that wait for a source, as they stand there, each once."""
    draft = DraftCopy(subject=subject, body=body, writer=PERSON)
    values: list[str] = []
    for part, text in checks.parts(draft):
        spans = [
            one.span for one in lint(brief, subject, body, stated) if one.part == part and _needs_source(one, text)
        ]
        start = end = -1
        for first, last in sorted(spans):
            if start >= 0 and first <= end + 1:  # "$5" and "20 %" are one value each
                end = max(end, last)
                continue
            values += [text[start:end]] if start >= 0 else []
            start, end = first, last
        values += [text[start:end]] if start >= 0 else []
    return tuple(dict.fromkeys(values))


def _needs_source(finding: Found, text: str) -> bool:
    said = text[slice(*finding.span)]
    return finding.rule in {"number", "date"} or (finding.rule == "money" and bool(_AMOUNT.search(said)))


_AMOUNT = re.compile(r"[\d$€£¥₹%‰]")


def _is_backed(finding: Found, draft: DraftCopy, stated: Sequence[Fact]) -> bool:
    text = getattr(draft, finding.part)
    if not stated or not _needs_source(finding, text):
        return False
    start, end = finding.span
    return any(first <= start and end <= last for fact in stated for first, last in places(text, fact.value))


def places(text: str, value: str) -> list[tuple[int, int]]:
    """Where a value stands in a text, as a word of its own: "2" does not stand in "20"."""
    pattern = rf"(?<!\w){re.escape(value)}(?!\w)" if value.strip() else r"(?!)"
    return [found.span() for found in re.finditer(pattern, text, re.IGNORECASE)]


def _for_people(finding: Found, brief: CopyBrief) -> Found:
    """A person's own segment may say what the rules know as the hook of another: they know whom they write to."""
    own = finding.rule == "segment" and brief.segment not in lexicon.SEGMENT_PHRASES
    framed = finding.rule == "slot_missing" and brief.channel == FRAMED
    return replace(finding, severity=WARNING) if finding.rule in STYLE or own or framed else finding


def realise(brief: CopyBrief, subject: str, body: str, *, ai: bool = False) -> Realised:
    """A slotted text as a reader of its channel would see it, with the lines that the law asks for and every fact's source.

    Raises UnknownSlot for a slot that the brief has no fact for.
    """
    legal = Legal(settings.BRAND, settings.POSTAL_ADDRESS, ai=ai)
    return fill(DraftCopy(subject=subject, body=body, writer=PERSON), brief, legal)


def as_template(text: str) -> str:
    """Slots as the message template has them: `{product}` as `{{ product.title }}`. Everything else stays as it was typed."""
    return _SINGLE.sub(lambda found: slots.LIQUID.get(found[1], found[0]), text)


_SINGLE = re.compile(r"(?<!\{)\{([a-z_]+)\}(?!\})")


def as_slots(template: str) -> str | None:
    """The slotted text of a message template; None when it holds more template code than our slots."""
    return slots.from_liquid(template)


def readable(template: str) -> str:
    """A template of any kind as the rules can read it: tags left out, other facts as a word that says nothing."""
    plain = re.sub(r"\{%.*?%\}", "", template, flags=re.DOTALL)
    return as_slots(plain) or re.sub(r"\{\{.*?\}\}", "something", plain, flags=re.DOTALL)


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


def readers() -> dict[str, str]:
    """The kinds of readers whom the rules know, each with a phrase that a writer may have."""
    return {key: phrases[0] for key, phrases in corpus.AUDIENCES.items()}
