"""The words that the database and pure code keep in English, shown in the reader's language: `{{ state|word }}`.

States, channels, purposes and reasons are stored as one word each, whoever reads them. The filter looks them up in the
catalogue when a page is drawn; a word that the catalogue does not know stands as it is.
"""

from collections.abc import Iterator
from enum import StrEnum

from django import template
from django.apps import apps
from django.utils.translation import gettext

from campaigns.queries.audience import REASONS
from config.middleware import PLACES
from customers import contracts as customers

register = template.Library()

ENUMS: tuple[type[StrEnum], ...] = (
    customers.Purpose, customers.Channel, customers.Action, customers.LawfulBasis,
)  # fmt: skip
OWN = ("accounts", "catalog", "customers", "registry", "recommendations", "copywriting", "risk", "campaigns")
# What migrations wrote into tables and trainings call their own.
SAID = (
    "Too few: the smaller arm expects fewer than 5 who buy, or who do not.", "Too few: an arm has fewer than 30 buyers.",
    "Every customer of an arm spent the same: there is no chance to measure.",
    "An arm is empty: there is nothing to compare with.",
    "The interval excludes zero.", "The interval includes zero: no difference is one of the answers that fit.",
    "Newcombe hybrid score; ratio by MOVER-R; repeated over daily looks by Lan-DeMets spending",
    "Welch with Hall's transformation; repeated over daily looks by Lan-DeMets spending",
    "spending in the 8 weeks before the start", "unknown", "bounced", "complained", "failed",
    "the same verified e-mail address", "the same verified phone number", "the same loyalty card",
    "the same verified social handle", "a login on a device that was known before",
    "Many orders of one customer within an hour", "Many orders of one customer within 24 hours",
    "The same basket again within 24 hours", "An amount far above the customer's habit",
    "Coupons paid most of the order", "One device used by many customers", "One address used by many customers",
    "popularity", "recency", "base rate", "own rate", "one group", "baseline", "recommender", "clusters", "lifetime",
    "propensities", "redemption", "copy", "purchase propensity", "coupon propensity", "social groups", "text analysis",
    "trends", "ranker", "web", "app", "product", "price", "size", "offer", "code", "end", "store", "name", "trend", "error",
    "warning", "treated", "holdout", "hold-out", "staff", "import", "api", "replay", "preference centre", "one click",
    "unsubscribe page", "double opt in", "access", "portability", "erasure", "objection", "rectification", "day", "days",
    "month", "months", "year", "years",
    "A shop repeats a request within minutes; a week is generous.",
    "Two seasons of a campaign can be compared; GDPR art. 5(1)(e): no longer than needed.",
    "Opens say little after a year; GDPR art. 5(1)(e).",
    "Three years of behaviour: what models read, twice over; GDPR art. 5(1)(e).",
    "Settled events: the accepted one stands elsewhere.",
    "A year of answers judges every policy; GDPR art. 5(1)(e).",
    "Many or grave open flags, or a confirmed one, keep a customer out of audiences",
)  # fmt: skip
ROLES = ("Marketer", "Approver", "Risk analyst", "Compliance officer", "Administrator", "Merchant")


@register.filter
def word(value: object) -> str:
    """`in_review` as "in review", in the language of the page; "" stays ""."""
    text = str(value if value is not None else "").replace("_", " ")
    return gettext(text) if text else ""


def vocabulary() -> Iterator[str]:
    """Every word that `word` may be asked for, for the catalogue."""
    for kind in ENUMS:
        yield from (str(member).replace("_", " ") for member in kind)
    for label in OWN:
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.concrete_fields:
                yield from (str(name) for _, name in field.flatchoices)
    yield from (label for label, _, _ in PLACES)
    yield from ROLES
    yield from REASONS.values()
    yield from SAID
