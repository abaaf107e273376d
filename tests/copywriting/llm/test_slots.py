"""Facts enter a text through slots, once, and a text brings no template code of its own."""

from datetime import date

import pytest
from liquid import Environment

from copywriting.exceptions import UnknownSlot
from copywriting.llm import slots
from tests.copywriting.llm.briefs import brief

CALL = "Enjoy {product} with {offer} until {end}."


def test_fill_puts_the_facts_in():
    assert slots.fill(CALL, brief()) == "Enjoy White Milk with 15% off until December 5."


def test_a_product_named_like_a_slot_stays_that_name():
    asked = brief(product="100% off {price}", price="$2.49")

    assert slots.fill(CALL, asked) == "Enjoy 100% off {price} with 15% off until December 5."


def test_a_slot_without_a_fact_is_refused():
    with pytest.raises(UnknownSlot, match=r"no fact for \{code\}"):
        slots.fill("Use {code}.", brief())


def test_to_liquid_knows_every_slot():
    text = "Hi {first_name}, {product} {price} {size} {offer} {code} {end} {store}"

    assert slots.to_liquid(text) == (
        'Hi {{ customer.first_name | default: "there" }}, {{ product.title }} {{ product.price }} {{ product.size }}'
        " {{ offer }} {{ code }} {{ ends_on }} {{ store }}"
    )


def test_a_product_named_like_template_code_is_rendered_as_its_name():
    template = Environment().from_string(slots.to_liquid(CALL))
    name = "{{ offer }} {% include 'x' %} {price}"

    rendered = template.render(product={"title": name}, offer="15% off", ends_on="December 5")

    assert rendered == f"Enjoy {name} with 15% off until December 5."


@pytest.mark.parametrize(
    "text", ["{{ product }}", "{prod{offer}uct}", "{% if %}", "{Product}", "{nobody}", "a } b", "{"]
)
def test_any_other_brace_is_refused(text):
    with pytest.raises(UnknownSlot):
        slots.to_liquid(text)


def test_what_a_brief_requires():
    assert slots.required(brief()) == ("product", "offer", "end")
    assert slots.required(brief(offer="", ends_on=None)) == ("product",)
    assert slots.required(brief(code="SAVE20", must_say=("{store}", "as always"))) == (
        "product",
        "offer",
        "code",
        "end",
        "store",
    )


def test_an_end_is_said_with_its_month():
    assert slots.values(brief(ends_on=date(2027, 1, 1)))["end"] == "January 1"
