"""Names of catalogues as a shopper would say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copywriting.llm.facts import NAMELESS, readable_name

NAMES = [
    ("FLUID MILK WHITE ONLY", None, "White Milk"),
    ("FRZN ICE", None, "Ice"),
    ("MAINSTREAM WHITE BREAD", None, "White Bread"),
    ("SFT DRNK 2 LITER BTL CARB INCL", None, "Soft Drinks"),
    ("CANDY BARS (SINGLES)(INCLUDING", None, "Candy Bars"),
    ("BREAD:ITALIAN/FRENCH", None, "Italian and French Bread"),
    ("MEAT:HAM BULK", None, "Ham"),
    ("PEPPERS GREEN BELL", None, "Green Bell Peppers"),
    ("POTATOES RUSSET (BULK&BAG)", None, "Russet Potatoes"),
    ("WAFFLES/PANCAKES/FRENCH TOAST", None, "Waffles, Pancakes and French Toast"),
    ("PREPARED BEANS - BAKED W/PORK", None, "Prepared Beans Baked with Pork"),
    ("PREMIUM", "ICE CREAM/MILK/SHERBTS", "Premium Ice Cream"),
    ("LEAN", "BEEF", "Lean Beef"),
    ("RIBS", "PORK", "Pork Ribs"),
    ("BETTER FOR YOU", "HOT DOGS", "Hot Dogs"),
    ("FRZN BREAKFAST ENTREES/SANDWIC", None, "Frozen Breakfast Entrees"),
    ("Oat biscuits", None, "Oat biscuits"),
    ("iPhone 15 case", None, "iPhone 15 case"),
    ("100% off {price}", None, "100% off {price}"),
    ("{{ settings.SECRET_KEY }}", None, "{{ settings.SECRET_KEY }}"),
    ("  two\n lines\t", None, "two lines"),
    ("חלב טרי", None, "חלב טרי"),
    ("\u202eevil\u202c milk", None, "evil milk"),
    ("🍓 jam", None, "🍓 jam"),
    ("鲜牛奶", None, "鲜牛奶"),
    ("", "SOUP", "Soup"),
    ("", None, NAMELESS),
    (None, None, NAMELESS),
    ("12/18", None, "12/18"),
    ("MISC ALL", None, NAMELESS),
]  # fmt: skip


@pytest.mark.parametrize(("name", "category", "readable"), NAMES)
def test_a_name_is_readable(name, category, readable):
    assert readable_name(name, category) == readable


def test_a_long_name_ends_with_a_whole_word():
    name = "Grandmother's slow cooked tomato sauce with basil and " + "more " * 50

    assert len(name) > 300
    assert readable_name(name) == "Grandmother's slow cooked tomato sauce"


def test_one_endless_word_is_cut_and_says_so():
    assert readable_name("x" * 300) == "x" * 39 + "…"


@given(
    st.one_of(st.none(), st.text(max_size=400), st.text(alphabet="ABFRZN /&-:()%012", max_size=60)),
    st.text(max_size=40),
)
def test_any_string_gives_one_line_that_fits(name, category):
    readable = readable_name(name, category)

    assert 0 < len(readable) <= 40
    assert readable == " ".join(readable.split())
