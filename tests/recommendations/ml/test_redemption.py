"""What is known of a household when a campaign begins, counted by hand; nothing later changes it."""

import polars as pl
import pytest

from recommendations.ml.factors import factor
from recommendations.ml.redemption import Past, feature_names, matrix, rows_of

LINE = {"product_type": "MILK", "department": "GROCERY", "brand": "National", "store_id": 1, "amount": 2.0,
        "retail_discount": 0.0, "coupon_discount": 0.0, "match_discount": 0.0}  # fmt: skip


def line(household, basket, product, day, **other):
    return {"household_id": household, "basket_id": basket, "product_id": product, "day": float(day), **LINE, **other}


LINES = [
    line(1, 10, 100, 1), line(1, 11, 100, 50, coupon_discount=0.5), line(1, 11, 300, 50, product_type="SOAP"),
    line(2, 20, 300, 40, product_type="SOAP"), line(1, 12, 100, 120), line(2, 21, 100, 130),
]  # fmt: skip


def past(lines=LINES, redemptions=()) -> Past:
    columns = ("household_id", "campaign_id", "coupon", "day")
    return Past(
        lines=pl.DataFrame(lines),
        campaigns=pl.DataFrame(
            {"campaign_id": [1, 2], "campaign_type": ["Type A", "Type B"], "starts": [60.0, 100.0], "ends": [140.0, 130.0]}
        ),
        receivers=pl.DataFrame({"campaign_id": [1, 2, 2], "household_id": [1, 1, 2]}),
        coupons=pl.DataFrame(
            {"campaign_id": [1, 2, 2], "coupon": [7, 8, 9], "product_id": [100, 100, 200],
             "product_type": ["MILK", "MILK", "MILK"]}
        ),
        redemptions=pl.DataFrame(
            [dict(zip(columns, row, strict=True)) for row in redemptions],
            schema=dict.fromkeys(columns[:3], pl.Int64) | {"day": pl.Float64},
        ),
        people=pl.DataFrame(
            {"household_id": [1], "age": ["35-44"], "income": ["50-74K"], "household_size": ["2"], "kids_count": ["0"],
             "home_ownership": ["Homeowner"]}
        ),
    )  # fmt: skip


def of(table: pl.DataFrame, household: int) -> dict:
    return table.row(by_predicate=pl.col("household_id") == household, named=True)


def test_counts_stop_at_the_first_moment_of_the_campaign():
    one, two = (of(rows_of(past(), 2), household) for household in (1, 2))
    assert (one["trips"], one["days_since_trip"], one["coupon_trips"], one["days_since_coupon"]) == (2, 50, 1, 50)
    assert (two["trips"], two["days_since_trip"], two["days_since_coupon"]) == (1, 60, 400)
    # Household 1 bought a product of coupon 8 in two baskets, household 2 none that a coupon names, nor its type.
    assert (one["overlap_trips"], one["overlap_coupons"], one["overlap_share"], one["type_lines"]) == (2, 1, 0.5, 2)
    assert (two["overlap_trips"], two["overlap_coupons"], two["days_since_overlap"]) == (0, 0, 400)


def test_a_running_campaign_counts_with_the_time_that_has_passed_and_what_was_used_by_then():
    """Campaign 1 runs from 60 to 140: half over on day 100. The second redemption comes after that."""
    rows = rows_of(past(redemptions=[(1, 1, 7, 90.0), (1, 1, 7, 110.0), (2, 2, 9, 105.0)]), 2)
    one, two = of(rows, 1), of(rows, 2)
    assert (one["received"], one["running"], one["time_received"]) == (1, 1, 0.5)
    assert (one["redeemed_campaigns"], one["redeemed_coupons"], one["days_since_redemption"]) == (1, 1, 10)
    assert one["redeemed_same_types"] == 1
    assert (one["redeemed"], two["redeemed"]) == (0, 1)


def test_nothing_that_happens_later_moves_a_feature():
    early = past([row for row in LINES if row["day"] < 100], [(1, 1, 7, 90.0)])
    late = past(LINES, [(1, 1, 7, 90.0), (1, 1, 7, 101.0), (1, 2, 8, 102.0)])
    names = feature_names(rows_of(late, 2))
    assert matrix(rows_of(early, 2), names).tolist() == matrix(rows_of(late, 2), names).tolist()
    assert "redeemed" not in names and "household_id" not in names


def test_who_was_not_asked_stands_in_the_middle_and_says_so():
    one, two = (of(rows_of(past(), 2), household) for household in (1, 2))
    assert (one["age"], one["income"], one["is_described"]) == (2, 4, 1)
    assert (two["age"], two["income"], two["is_described"]) == (2.5, 4, 0)
    assert one["redeemed_rate"] == pytest.approx(0.15 / 2.0)  # half a campaign received, none redeemed


def test_every_figure_is_said_in_words_and_never_by_its_name():
    for name in feature_names(rows_of(past(), 2)):
        said = factor(name, 3.0, 0.1)
        assert not said.startswith(f"{name.replace('_', ' ').capitalize()}: "), name
    assert factor("history_days", 337.21, -0.2) == "Orders are known for 337 days before it: lowers it"
