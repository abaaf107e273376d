"""Product classes: found from a catalogue's own words, and what a text may name under each."""

import pytest

from copywriting.llm import classes


@pytest.mark.parametrize(
    ("category", "department", "key"),
    [
        ("FLUID MILK PRODUCTS", "GROCERY", "dairy"),
        ("BAKED BREAD/BUNS/ROLLS", "GROCERY", "bread"),
        ("FRZN MEAT/MEAT DINNERS", "GROCERY", "frozen"),
        ("ICE CREAM/MILK/SHERBTS", "GROCERY", "ice_cream"),
        ("VEGETABLES - SHELF STABLE", "GROCERY", "pantry"),
        ("TOMATOES", "PRODUCE", "produce"),
        ("BATH TISSUES", "GROCERY", "household"),
        ("DOG FOODS", "GROCERY", "pets"),
        ("RICE CAKES", "NUTRITION", "snacks"),
        ("INFANT FORMULA", "DRUG GM", "health"),
        ("BEERS/ALES", "GROCERY", "alcohol"),
        ("MISCELLANEOUS", "MEAT", "meat"),
        (None, "PRODUCE", "produce"),
        ("J-HOOKS", "DRUG GM", "general"),
        (None, None, "general"),
    ],
)
def test_a_category_has_a_class(category, department, key):
    assert classes.classify(category, department) == key


def test_what_a_personal_message_must_not_push_is_marked():
    assert {key for key, entry in classes.CLASSES.items() if entry.regulated} == {"alcohol", "tobacco", "health"}


def test_a_brief_may_say_its_class_in_the_words_of_the_catalogue():
    assert classes.find("dairy") == "dairy"
    assert classes.find("FLUID MILK WHITE ONLY") == "dairy"
    assert classes.phrase("FLUID MILK WHITE ONLY") == "dairy"
    assert classes.find("Rain jackets") is None
    assert classes.phrase("RAIN JACKETS") == "rain jackets"


def test_a_class_names_only_what_holds_for_all_of_it():
    said = ["fridge", "milk", "coffee", "you"]

    assert classes.misfits(said, "dairy") == ["milk", "coffee"]  # the reader may get cheese
    assert classes.misfits(said, "Rain jackets") == []
    assert classes.names(said, "dairy")
    assert not classes.names(["you", "coffee"], "dairy")
