"""A product feed with broken lines: the good ones load, each bad one is kept with line, field, reason and remedy."""

import json
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from catalog import queries
from catalog.exceptions import FeedUnreadable
from catalog.models import FeedImport, FeedReject, Product
from catalog.services import feed
from catalog.services.feed import import_items, import_products
from tests import factories

pytestmark = pytest.mark.django_db

FEED = b"""\xef\xbb\xbf{"external_id": "1", "title": "Oat biscuits", "price": 2.49, "category": "Biscuits"}
{"external_id": "2", "title": "Tea", "price": "free"}

{"external_id": "3", "title": "Caf\xe9"}
{"external_id": "4", "title": "Coffee", "price": 3.999, "colour": "black"}
{"external_id": "5", "title": "Cocoa"
[1, 2]
{"external_id": "6", "title": "Sugar", "stock": 12, "is_active": false}
"""


def lines(*items: dict) -> list[str]:
    return [json.dumps(item) for item in items]


def mine(name="Mill & Co"):
    return queries.merchant(factories.merchant(name).external_id)


def test_good_lines_load_and_bad_ones_are_kept_with_what_is_wrong():
    merchant = mine()

    report = import_products(FEED.splitlines(keepends=True), merchant=merchant, name="feed.jsonl")

    assert (report.accepted, report.rejected, report.changed) == (2, 5, 2)
    assert list(Product.objects.order_by("external_id").values_list("external_id", "title", "price", "stock")) == [
        ("1", "Oat biscuits", Decimal("2.49"), None),
        ("6", "Sugar", None, 12),
    ]
    assert set(Product.objects.values_list("merchant_id", "origin", "version")) == {(merchant.id, "observed", 1)}
    assert [(r.line, r.field, r.reason) for r in queries.rejects(report.feed_id)] == [
        (2, "price", "This is not a number."),
        (4, "line", "Byte 35 is not UTF-8."),
        (5, "colour", "This field is not known."),
        (5, "price", "It has more than two decimals."),
        (6, "line", "No JSON at column 38: Expecting ',' delimiter."),
        (7, "line", "This is JSON, but no object."),
    ]
    assert FeedReject.objects.get(line=2).raw == '{"external_id": "2", "title": "Tea", "price": "free"}'
    assert FeedReject.objects.get(line=2).remedy == "Send the amount alone, such as 2.49."
    assert r"Caf\xe9" in FeedReject.objects.get(line=4).raw
    kept = FeedImport.objects.get(pk=report.feed_id)
    assert (kept.name, kept.accepted, kept.rejected, kept.merchant_id) == ("feed.jsonl", 2, 5, merchant.id)


def test_a_feed_sent_twice_changes_nothing_the_second_time():
    merchant, feed_lines = mine(), lines({"external_id": "1", "title": "Tea", "price": 2.5})
    import_products(feed_lines, merchant=merchant, name="a")
    before = Product.objects.values().get()

    report = import_products(feed_lines, merchant=merchant, name="a")

    assert (report.accepted, report.changed) == (1, 0)
    assert Product.objects.values().get() == before


def test_the_version_counts_up_when_a_product_changes():
    merchant = mine()
    import_products(lines({"external_id": "1", "title": "Tea", "description": "Green"}), merchant=merchant, name="a")

    import_products(lines({"external_id": "1", "title": "Tea", "price": 3}), merchant=merchant, name="b")

    product = Product.objects.get()
    assert (product.version, product.price, product.description) == (2, Decimal("3.00"), "")


def test_the_last_of_two_lines_for_one_product_wins():
    report = import_products(
        lines({"external_id": "1", "title": "Old"}, {"external_id": "1", "title": "New"}), merchant=None, name="a"
    )

    assert (report.accepted, report.changed) == (2, 1)
    assert Product.objects.get().title == "New"


def test_two_merchants_and_the_platform_may_use_the_same_id():
    for merchant in (mine("A"), mine("B"), None):
        import_products(lines({"external_id": "1", "title": "Tea"}), merchant=merchant, name="a")

    assert Product.objects.filter(external_id="1").count() == 3
    assert Product.objects.filter(external_id="1", version=1).count() == 3


def test_csv_with_a_header_one_record_a_line():
    text = [
        "external_id;title;price;is_active\r\n",
        '7;"Jam; ""extra""";3.10;no\r\n',
        '8;"Jam without an end;1.00;yes\r\n',
        "9;Honey;4.00\r\n",
        "10;Syrup;;\r\n",
    ]

    report = import_products(text, merchant=None, name="feed.csv")

    assert (report.accepted, report.rejected) == (2, 2)
    assert list(Product.objects.order_by("title").values_list("external_id", "title", "price", "is_active")) == [
        ("7", 'Jam; "extra"', Decimal("3.10"), False),
        ("10", "Syrup", None, True),
    ]
    assert [(r.place, r.field, r.reason) for r in report.rejects] == [
        (3, "line", "No CSV record: unexpected end of data."),
        (4, "line", "3 fields where the header has 4."),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ([], "The feed is empty."),
        (["\n", " \n"], "The feed is empty."),
        (['[{"external_id": "1"}]'], "The feed is one JSON array."),
        (["external_id,title,colour"], "The header of the CSV feed holds a column named “colour”."),
        (["external_id,price"], "The header of the CSV feed holds a column twice, or no external_id or title."),
    ],
)
def test_a_feed_that_cannot_be_read_says_so_and_leaves_no_trace(text, reason):
    with pytest.raises(FeedUnreadable) as refused:
        import_products(text, merchant=None, name="feed")

    assert refused.value.reason == reason
    assert not FeedImport.objects.exists()


@pytest.mark.parametrize(
    ("item", "field", "reason"),
    [
        ({"title": "Tea"}, "external_id", "It is missing or empty."),
        ({"external_id": "1", "title": "  "}, "title", "It is missing or empty."),
        ({"external_id": "1", "title": "x" * 301}, "title", "It is longer than 300 characters."),
        ({"external_id": "1", "title": "Tea\x00"}, "title", "It holds control characters."),
        ({"external_id": "1", "title": "\ud800"}, "title", "It holds control characters."),
        ({"external_id": "1", "title": ["Tea"]}, "title", "This is not a text."),
        ({"external_id": True, "title": "Tea"}, "external_id", "This is not a text."),
        ({"external_id": "1", "title": "Tea", "price": -1}, "price", "It is not between 0 and 9999999999.99."),
        ({"external_id": "1", "title": "Tea", "price": 10**10}, "price", "It is not between 0 and 9999999999.99."),
        ({"external_id": "1", "title": "Tea", "price": True}, "price", "This is not a number."),
        ({"external_id": "1", "title": "Tea", "price": "NaN"}, "price", "It is not between 0 and 9999999999.99."),
        ({"external_id": "1", "title": "Tea", "currency": "usd"}, "currency", "This is not a currency code."),
        ({"external_id": "1", "title": "Tea", "stock": 1.5}, "stock", "This is not a whole number."),
        ({"external_id": "1", "title": "Tea", "stock": 2**31}, "stock", "This is not a whole number."),
        ({"external_id": "1", "title": "Tea", "is_active": "maybe"}, "is_active", "This is neither true nor false."),
        ({"external_id": "1", "title": "Tea", "url": "javascript:1"}, "url", "This is not a web address."),
        ("Tea", "product", "This is not an object."),
    ],
)
def test_each_bad_field_is_named(item, field, reason):
    report = import_items([{"external_id": "0", "title": "Good"}, item], merchant=None)

    assert [(r.place, r.field, r.reason) for r in report.rejects] == [(1, field, reason)]
    assert Product.objects.get().title == "Good"
    assert FeedReject.objects.get().feed_id == report.feed_id


def test_a_title_stands_on_one_line():
    import_items([{"external_id": "1", "title": " Oat\r\nBcc: everyone  biscuits "}], merchant=None)

    assert Product.objects.get().title == "Oat Bcc: everyone biscuits"


def test_a_long_feed_goes_in_batches_and_keeps_every_reject(monkeypatch):
    monkeypatch.setattr(feed, "BATCH", 3)
    monkeypatch.setattr(feed, "SHOWN", 2)
    good = [{"external_id": str(n), "title": f"Tea {n}"} for n in range(7)]
    bad = [{"external_id": str(n)} for n in range(4)]

    report = import_items([*good, *bad], merchant=None)

    assert (report.accepted, report.rejected, len(report.rejects)) == (7, 4, 2)
    assert Product.objects.count() == 7
    assert list(FeedReject.objects.order_by("line").values_list("line", flat=True)) == [7, 8, 9, 10]
    assert FeedImport.objects.values_list("accepted", "rejected").get() == (7, 4)


def test_the_command_lists_each_bad_line(tmp_path, capsys):
    merchant = mine()
    path = tmp_path / "feed.jsonl"
    path.write_bytes(FEED)

    call_command("import_products", path, merchant=merchant.external_id, verbosity=0)

    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "line 2: price: This is not a number. Send the amount alone, such as 2.49."
    assert len(printed) == 7
    assert printed[-1].startswith("2 lines are in the catalogue (2 products new or changed), 5 are not")


def test_the_command_refuses_an_unknown_merchant_and_a_missing_file(tmp_path):
    with pytest.raises(CommandError, match="No merchant has the id “nobody”"):
        call_command("import_products", tmp_path / "feed.jsonl", merchant="nobody", verbosity=0)
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_products", tmp_path / "feed.jsonl", verbosity=0)
