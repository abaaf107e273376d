"""From a posted review to what the person's page quotes; their words rest nowhere but sealed in the event."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from customers.services import consent
from customers.services.events import record_events
from recommendations.models import Profile, TextFinding
from recommendations.queries.people import profile
from recommendations.services.texts import read_texts
from tests import factories
from tests.customers.rows import act, event
from tests.recommendations import households

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


def test_what_they_said_of_products_stands_with_their_affinities_and_is_quoted(settings, tmp_path):
    """Two opinions on dairy: the affinity holds aspect, score and where the words stand; the words only the sealed event."""
    settings.ARTIFACTS_DIR = tmp_path
    people = households.fill()
    factories.product(external_id="milk", department="DAIRY", product_type="MILK")
    for number, text in enumerate(("Great taste.", "Wonderful flavour, but the box leaked terribly.")):
        written = event(
            "Product Reviewed", user=people[2].external_id, messageId=f"r{number}",
            timestamp=(households.END - timedelta(days=9 - number)).isoformat(),
            properties={"product_id": "milk", "review_body": text},
        )  # fmt: skip
        record_events([written], source="api", merchant_id=None)
    call_command("train_recommenders", "--here", "--only", "clusters", until=households.END.isoformat())
    kept = {(department, aspect): (score, count) for department, aspect, score, count, _ in profile(people[2].pk).said}
    assert set(kept) == {("DAIRY", "taste"), ("DAIRY", "packaging")}
    score, count = kept["DAIRY", "taste"]
    assert count == 2 and 0.3 < score < 0.7
    assert kept["DAIRY", "packaging"][0] < 0
    assert "flavour" not in str(list(Profile.objects.values()))
    text = page(people[2])
    assert "By what they said" in text
    assert "<td>taste: liked × 2</td><td>“Wonderful flavour”</td>" in text
    assert "<td>packaging: disliked</td><td>“but the box leaked terribly.”</td>" in text
    assert profile(people[1].pk).said == ()
