"""Titles for people from the shelf language of the catalogue."""

import pytest

from catalog.services.titles import LONGEST, readable_size, title


@pytest.mark.parametrize(
    ("product_type", "category", "size", "expected"),
    [
        ("FLUID MILK WHITE ONLY", "FLUID MILK PRODUCTS", "1 GA", "White Milk, 1 gal"),
        ("PEPPERS GREEN BELL", "PEPPERS-ALL", None, "Green Bell Peppers"),
        ("PREMIUM", "ICE CREAM/MILK/SHERBTS", "56 OZ", "Premium Ice Cream, 56 oz"),
        ("PATTIES", "BEEF", None, "Beef Patties"),
        ("PRIMAL", "BEEF", None, "Beef"),
        ("BREAD:ITALIAN/FRENCH", "BREAD", None, "Italian and French Bread"),
        ("MEAT:HAM BULK", "DELI MEATS", None, "Ham"),
        ("WAFFLES/PANCAKES/FRENCH TOAST", "FRZN BREAKFAST FOODS", None, "Waffles, Pancakes and French Toast"),
        ("CANDY BARS (SINGLES)(INCLUDING", "CANDY - CHECKLANE", None, "Candy Bars"),
        (None, "SOUP", None, "Soup"),
    ],
)
def test_a_title_reads_like_a_name(product_type, category, size, expected):
    assert title(product_type, category, "GROCERY", size) == expected


def test_the_case_that_a_store_gets_is_no_size_for_a_shopper():
    assert title("BANANAS", "TROPICAL FRUIT", "PRODUCE", "40 LB") == "Bananas"
    assert title("TOMATOES GRAPE", "TOMATOES", "PRODUCE", "1 PT") == "Grape Tomatoes, 1 pt"


def test_without_a_type_and_a_category_the_department_must_do():
    assert title(None, None, "FLORAL") == "Floral"
    assert title(None, None, "MISCELLANEOUS", "6 OZ") == ""


def test_a_word_that_was_cut_off_goes():
    assert title("MANDARIN ORANGES CITRUS SECTIO", None, None) == "Mandarin Oranges Citrus"


def test_a_long_title_ends_with_a_whole_word():
    assert (
        len(title("WORDS " + "LENGTHY " * 5 + "EXTRAORDINARILY UNUSUALLY SURPRISINGLY LONGWINDED NAMES", None, None))
        <= LONGEST
    )


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("16 OZ", "16 oz"),
        (".5 L", "0.5 L"),
        ("9.0 OZ", "9 oz"),
        ("12 CT", "12 count"),
        ("HALF GAL", "1/2 gal"),
        ("12/12 OZ", "12 × 12 oz"),
        ("6 PK/8 OZ", "6 × 8 oz"),
        ("3/4 OZ", ""),  # twelve small ones or three quarters: nobody knows
        ("151498 1 OZ", ""),
        ("N   15 CT", ""),
        (None, ""),
    ],
)
def test_a_size_is_written_out_or_left_out(size, expected):
    assert readable_size(size) == expected
