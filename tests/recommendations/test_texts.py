"""From a posted review to what the person's page quotes; their words rest nowhere but sealed in the event."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from customers.services import consent
from customers.services.events import record_events
from recommendations.models import TextFinding
from recommendations.services.texts import read_texts
from tests import factories
from tests.customers.rows import act, event

pytestmark = pytest.mark.django_db
TASTY = "Great taste, but the delivery was terribly late."


def review(text: str, user: str = "ann") -> None:
    factories.product(external_id=f"oats-{len(text)}")
    record_events(
        [event("Product Reviewed", user=user, properties={"product_id": "oats", "review_body": text})],
        source="api",
        merchant_id=None,
    )


def read() -> int:
    return read_texts(since=timezone.now() - timedelta(days=1))


def page(customer: Customer) -> str:
    client = Client()
    client.force_login(factories.staff("marketer"))
    answer = client.get(reverse("recommendations:customer", args=[customer.pk]))
    return re.sub(r"\s+", " ", answer.content.decode())


def test_opinions_are_kept_without_words_and_quoted_on_the_page():
    review(TASTY)
    assert (read(), read()) == (1, 0)
    ann = Customer.objects.get(external_id="ann")
    kept = list(TextFinding.objects.order_by("start").values_list("customer_id", "product", "language", "aspect"))
    assert kept == [(ann.pk, "oats", "en", "taste"), (ann.pk, "oats", "en", "delivery")]
    assert "Great taste" not in str(list(TextFinding.objects.values()))
    text = page(ann)
    assert "<strong>Taste</strong> liked: “Great taste”" in text
    assert "<strong>Delivery</strong> disliked: “but the delivery was terribly late.”" in text


def test_another_language_is_said_to_be_not_covered():
    review("质量很好")
    read()
    row = TextFinding.objects.get()
    assert (row.language, row.aspect, row.polarity) == ("zh", "", None)
    assert "Also wrote in a language that is not covered: zh." in page(row.customer)


def test_who_refused_to_be_learnt_from_is_not_read():
    review(TASTY)
    consent.record(act(Customer.objects.get(external_id="ann").pk, "refused", purpose="model_training"))
    assert read() == 0
    assert not TextFinding.objects.exists()
