"""A recommender learns under pseudonyms; its lists still come to the people they are of, also after the key has turned."""

import base64

import pytest

from customers.models import Customer
from recommendations.contracts import RECOMMENDER
from recommendations.models import Recommendation
from recommendations.scoring.everyone import score_everyone
from recommendations.training import run as training
from registry import queries as registry
from registry import services
from tests.recommendations import shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder", "nothing_waits")]
ONE, TWO = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def lists() -> dict[str, list[tuple[str, str]]]:
    rows = Recommendation.objects.order_by("customer", "rank")
    found: dict[str, list[tuple[str, str]]] = {}
    for person, product, reason in rows.values_list("customer__external_id", "product__external_id", "reason_code"):
        found.setdefault(person, []).append((product, reason))
    return found


def test_no_customer_number_is_in_the_artifact_and_each_list_is_its_persons_own(settings):
    settings.TRAINING_KEY = ONE
    shop.open_shop()
    shop.trade(people=16, weeks=16)
    run = services.ask(RECOMMENDER, {"promote": True})
    training.train(run.pk)
    arrays = services.load_arrays(registry.live(RECOMMENDER))
    ids = set(Customer.objects.values_list("pk", flat=True))
    assert len(arrays["customer_ids"]) == len(ids)
    assert ids.isdisjoint(arrays["customer_ids"].tolist())

    score_everyone()
    first = lists()
    assert first.keys() == set(Customer.objects.values_list("external_id", flat=True))
    bought = {
        person: {product for product, reason in rows if reason == "bought_again"} for person, rows in first.items()
    }
    assert any(bought.values())
    for person in Customer.objects.all():
        own = set(person.orders.values_list("lines__product__external_id", flat=True))
        assert bought[person.external_id] <= own, person.external_id

    settings.TRAINING_KEY = f"1:{ONE},2:{TWO}"
    score_everyone()
    assert lists() == first
