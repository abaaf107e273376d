"""The same product for other readers: the same offer, and nothing to guess beyond the phrase that a person approved.

Readers of two sensitive segments get texts with one phrase; a classifier that learned on half of the products guesses the
segment of the other half no better than by chance (exact binomial test). The same classifier on segments that may differ
finds them out, so it could have.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from scipy.stats import binomtest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from campaigns.models import AudienceMember, MessageVariant, Segment
from campaigns.services.briefs import briefs_of
from copywriting.contracts import OfferFact, ProductFact
from copywriting.llm import prompts
from copywriting.llm.endpoint import messages
from copywriting.llm.writer import template
from copywriting.services.briefs import compose_brief, readers, realise
from tests.campaigns.pages import again, shop_in_review
from tests.flows.shop import EVERYBODY

SHELVES = ("FLUID MILK PRODUCTS", "BREAD", "CHEESE", "FROZEN PIZZA", "SOFT DRINKS", "COFFEE", "DOG FOODS", "APPLES")
OFFER = OfferFact(id=5, version=2, kind="percent", value=Decimal(15), ends_on=date(2026, 12, 5), code="SPRING")
SENSITIVE = ("pregnant", "in_debt")
PHRASE = "our customers"
PRODUCTS = 64


def brief(number: int, segment: str, audience: str, seed: int, **more):
    shelf = SHELVES[number % len(SHELVES)]
    product = ProductFact(
        id=number, version=1, title=f"Thing of shelf {shelf.title()}", category=shelf, price=Decimal("2.49")
    )
    return compose_brief(product, OFFER, store="Attune", segment=segment, audience=audience, seed=seed, **more)


def texts(segments: tuple[str, str], phrases: tuple[str, str]) -> tuple[list[str], list[int]]:
    """A text of each product for either segment, each on a seed of its own, as campaigns draw them."""
    said, labels = [], []
    for number in range(PRODUCTS):
        for place, (segment, phrase) in enumerate(zip(segments, phrases, strict=True)):
            draft = template(brief(number, segment, phrase, seed=2 * number + place))
            said.append(f"{draft.subject} {draft.body}")
            labels.append(place)
    return said, labels


def guessed(said: list[str], labels: list[int]) -> tuple[int, int]:
    """(right guesses, guesses) on the second half of the products, learned on the first."""
    half = len(said) // 2
    count = CountVectorizer(ngram_range=(1, 2))
    model = MultinomialNB().fit(count.fit_transform(said[:half]), labels[:half])
    answers = model.predict(count.transform(said[half:]))
    return sum(int(a == b) for a, b in zip(answers, labels[half:], strict=True)), len(said) - half


def test_a_sensitive_segment_cannot_be_guessed_beyond_the_approved_phrase():
    right, asked = guessed(*texts(SENSITIVE, (PHRASE, PHRASE)))

    assert binomtest(right, asked, 0.5, alternative="greater").pvalue > 0.01, f"{right} of {asked}"


def test_the_classifier_would_have_found_a_segment_that_shows():
    known = readers()
    right, asked = guessed(*texts(("lapsing", "high_value"), (known["lapsing"], known["high_value"])))

    assert binomtest(right, asked, 0.5, alternative="greater").pvalue < 1e-6, f"{right} of {asked}"


@pytest.mark.parametrize("writer", [messages, prompts.short_request], ids=["endpoint", "local model"])
def test_a_writer_is_told_the_same_for_two_sensitive_segments(writer):
    one, other = (brief(1, segment, PHRASE, seed=1) for segment in SENSITIVE)

    assert writer(one) == writer(other)
    assert all(name not in str(writer(one)) for name in SENSITIVE)


def test_the_same_seed_gives_two_sensitive_segments_the_same_words():
    one, other = (template(brief(1, segment, PHRASE, seed=1)) for segment in SENSITIVE)

    assert (one.subject, one.body) == (other.subject, other.body)


@pytest.mark.parametrize("channel", ["email", "push", "sms", "meta_ads"])
def test_other_readers_of_one_product_are_promised_the_same(channel):
    promised = set()
    for segment, phrase in [*readers().items(), *((one, PHRASE) for one in SENSITIVE)]:
        asked = brief(1, segment, phrase, seed=3, channel=channel)
        draft = template(asked)
        real = realise(asked, draft.subject, draft.body)
        facts = {(one.slot, getattr(real, one.part)[one.start : one.end], one.source) for one in real.spans}
        promised.add(frozenset(fact for fact in facts if fact[0] in {"offer", "code", "end", "price"}))

    assert promised == {
        frozenset(
            {
                ("offer", "15% off", "catalog.offer:5@2"),
                ("code", "SPRING", "catalog.offer:5@2"),
                ("end", "December 5", "catalog.offer:5@2"),
            }
        )
    }


@pytest.mark.django_db
def test_a_campaign_promises_every_segment_its_one_offer():
    shop = shop_in_review(people=4)
    other = Segment.objects.create(slug="pregnant", name="Pregnant", rule=EVERYBODY, audience_phrase=PHRASE)
    shop.campaign.campaign_segments.create(segment=other, priority=1)
    moved = AudienceMember.objects.order_by("pk").first()
    AudienceMember.objects.filter(pk=moved.pk).update(segment=other)
    MessageVariant.objects.filter(campaign=shop.campaign).update(writer="model")

    found = briefs_of(again(shop).campaign)

    assert len(found) == 2
    assert {(one.offer, one.code, one.ends_on, one.price) for one in found.values()} == {
        ("15% off", "", (timezone.now() + timedelta(days=10)).date(), "$2.50")
    }
    assert "pregnant" not in str([messages(one) for one in found.values()]).lower()
