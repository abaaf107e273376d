"""Briefs out of typed facts, and what was written with everything that is needed to write it again. No torch here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from copywriting.contracts import PERSON, CopyBrief, DraftCopy, Fact, OfferFact, ProductFact
from copywriting.contracts import Finding as Found
from copywriting.exceptions import BriefInvalid
from copywriting.llm import checks, classes, festivals, slots, wording
from copywriting.llm.facts import tidy
from copywriting.llm.realise import Legal, Realised
from copywriting.llm.realise import realise as fill
from copywriting.models import Draft, Example, Finding, Generation

SENTENCE = 300  # the width of a finding in the table


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


def learn(generation_id: int, *, subject: str, body: str) -> Example | None:
    """Keeps an approved text for the next tuning; None when it holds more template code than our slots.

    `subject` and `body` are the message template as it was approved. Called twice for one text, it keeps it once.
    """
    slotted = tuple(slots.from_liquid(text) for text in (subject, body))
    if None in slotted:
        return None
    same = {"generation_id": generation_id, "subject": slotted[0], "body": slotted[1]}
    written = Draft.objects.filter(generation_id=generation_id).values_list("subject", "body")
    kept = Example.objects.filter(**same).first()
    return kept or Example.objects.create(**same, is_edited=slotted not in set(written))


PAST = 40  # texts that a new one should be unlike: a quarter's campaigns of a middling shop


def past() -> list[DraftCopy]:
    """The newest chosen texts, newest first: what readers may still remember."""
    rows = Draft.objects.filter(is_chosen=True).order_by("-pk").values_list("subject", "body", "writer")[:PAST]
    return [DraftCopy(subject=subject, body=body, writer=writer) for subject, body, writer in rows]


@dataclass(frozen=True)
class Kept:
    """A generation as it was kept: the brief, its best draft, and the conditions under which it was written."""

    brief: CopyBrief
    writer: str
    subject: str
    body: str
    recorded: Mapping[str, Any]


def generation(generation_id: int) -> Kept:
    """Raises Generation.DoesNotExist for an unknown id."""
    row = Generation.objects.get(pk=generation_id)
    draft = row.drafts.order_by("-is_chosen", "pk").first()
    return Kept(CopyBrief.of(row.brief), row.writer, draft.subject, draft.body, row.environment)


def keep(
    brief: CopyBrief, drafts: Sequence[DraftCopy], *, drafted: int, passed: int, seconds: float, error: str = ""
) -> Draft:
    """One generation with its distinct drafts, their findings and provenance, in one transaction. The first is chosen."""
    best = drafts[0]
    provenance = dict(best.provenance)
    with transaction.atomic():
        generation = Generation.objects.create(
            state=Generation.State.DONE,
            brief=_plain(asdict(brief)),
            writer=best.writer,
            model_digest=str(provenance.get("digest", "")),
            prompt=str(provenance.get("prompt", "")),
            seed=int(provenance.get("seed", brief.seed)),
            drafted=drafted,
            passed=passed,
            tries=best.tries,
            seconds=seconds,
            environment=_plain(provenance),
            error=error,
        )
        kept = [_kept(generation, draft, is_chosen=place == 0 and draft.usable) for place, draft in enumerate(drafts)]
    return kept[0]


def _kept(generation: Generation, draft: DraftCopy, *, is_chosen: bool) -> Draft:
    kept = Draft.objects.create(
        generation=generation,
        subject=draft.subject,
        body=draft.body,
        writer=draft.writer,
        is_usable=draft.usable,
        is_chosen=is_chosen,
    )
    Finding.objects.bulk_create(
        Finding(
            draft=kept,
            rule=finding.rule,
            severity=finding.severity,
            start=finding.span[0],
            end=finding.span[1],
            message=f"{finding.part}: {finding.message}"[:SENTENCE],
            remedy=finding.remedy[:SENTENCE],
        )
        for finding in draft.findings
    )
    return kept


def _plain(value: Any) -> Any:
    """JSON's own types alone: dates and unknown objects as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


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
