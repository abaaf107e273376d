"""Products over HTTP: batches in, cursor pages out, and nobody else's products."""

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from catalog.api import MAX_BATCH, MAX_BODY
from catalog.models import FeedReject, Product
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/products/"


def client(merchant, *scopes) -> APIClient:
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.api_key(merchant, *scopes)}")
    return api


@pytest.fixture
def merchant():
    return factories.merchant()


@pytest.fixture
def writer(merchant):
    return client(merchant, "products.write", "products.read")


def test_good_products_load_and_bad_ones_are_named_by_index_and_field(writer, merchant):
    answer = writer.post(
        URL,
        {"products": [{"external_id": "1", "title": "Tea", "price": 2.5}, {"external_id": "2", "price": "x"}]},
        format="json",
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 1,
        "changed": 1,
        "rejected": 1,
        "rejects": [
            {"index": 1, "field": "title", "reason": "It is missing or empty.", "remedy": "Every product needs one."},
            {
                "index": 1, "field": "price", "reason": "This is not a number.",
                "remedy": "Send the amount alone, such as 2.49.",
            },
        ],
    }  # fmt: skip
    assert Product.objects.get().merchant == merchant
    assert FeedReject.objects.count() == 2


def test_a_repeated_request_gets_the_first_answer_and_changes_nothing(writer):
    body = {"products": [{"external_id": "1", "title": "Tea"}]}
    first = writer.post(URL, body, format="json", headers={"Idempotency-Key": "k"})
    Product.objects.update(title="Changed since")

    again = writer.post(URL, body, format="json", headers={"Idempotency-Key": "k"})

    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Product.objects.get().title == "Changed since"


def test_a_key_that_comes_with_another_body_is_refused(writer):
    writer.post(URL, [{"external_id": "1", "title": "Tea"}], format="json", headers={"Idempotency-Key": "k"})

    answer = writer.post(URL, [{"external_id": "2", "title": "Jam"}], format="json", headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Product.objects.count() == 1


@pytest.mark.parametrize("body", [{}, {"products": []}, {"products": "x"}, [], [{}] * (MAX_BATCH + 1)])
def test_a_batch_holds_1_to_1000(writer, body):
    answer = writer.post(URL, body, format="json")

    assert answer.status_code == 400
    assert answer.json()["fields"] == [{"field": "products", "reason": "Send a list of 1 to 1000 products."}]


def test_a_body_that_is_too_large_is_never_parsed(writer):
    answer = writer.generic("POST", URL, b"{" + b" " * MAX_BODY, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_the_list_holds_the_merchants_own_products_page_by_page(writer, merchant):
    own = [factories.product(merchant=merchant).external_id for _ in range(3)]
    factories.product(merchant=factories.merchant("Other"))
    factories.product(merchant=None)

    first = writer.get(URL, {"limit": 2}).json()
    second = writer.get(first["next"]).json()

    assert [row["external_id"] for row in first["results"]] == [own[2], own[1]]
    assert [row["external_id"] for row in second["results"]] == [own[0]]
    assert second["next"] is None
    assert {row["merchant"] for row in first["results"]} == {merchant.external_id}


def test_a_list_costs_the_same_queries_however_long_it_is(writer, merchant, django_assert_max_num_queries):
    for _ in range(20):
        factories.product(merchant=merchant)

    with django_assert_max_num_queries(5):
        assert len(writer.get(URL).json()["results"]) == 20


def test_a_product_says_where_it_comes_from(writer, merchant):
    product = factories.product("Oat biscuits", merchant=merchant, origin="simulated")

    row = writer.get(f"{URL}{product.external_id}/").json()

    assert (row["title"], row["price"], row["origin"], row["version"]) == ("Oat biscuits", "2.50", "simulated", 1)


def test_another_merchants_product_is_not_found(writer):
    other = factories.product(merchant=factories.merchant("Other"))
    platform = factories.product(merchant=None)

    assert writer.get(f"{URL}{other.external_id}/").status_code == 404
    assert writer.get(f"{URL}{platform.external_id}/").status_code == 404


def test_the_platforms_key_names_whose_product_it_means(merchant):
    factories.product("Theirs", external_id="1", merchant=merchant)
    factories.product("Ours", external_id="1", merchant=None)
    api = client(None, "products.read")

    assert api.get(f"{URL}1/").json()["title"] == "Ours"
    assert api.get(f"{URL}1/", {"merchant": merchant.external_id}).json()["title"] == "Theirs"
    assert len(api.get(URL).json()["results"]) == 2


def test_an_id_may_hold_a_slash(writer, merchant):
    factories.product("Tea", external_id="a/b", merchant=merchant)

    assert writer.get(reverse("api:product", args=["a/b"])).json()["title"] == "Tea"


def test_a_key_without_the_scope_is_refused(merchant):
    reader, writer = client(merchant, "products.read"), client(merchant, "products.write")

    assert reader.post(URL, [{"external_id": "1", "title": "Tea"}], format="json").status_code == 403
    assert writer.get(URL).status_code == 403
    assert not Product.objects.exists()


def test_nobody_without_a_key(client):
    assert client.get(URL).status_code == 401
