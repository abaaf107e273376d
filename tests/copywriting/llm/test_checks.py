"""The gate: labelled texts with the exact names of the rules that they break."""

import pytest

from copywriting.contracts import ERROR, WARNING, DraftCopy
from copywriting.llm import checks
from tests.copywriting.llm.briefs import brief

CALL = "Enjoy {product} with {offer} until {end}."
SUBJECT = "One for the week ahead"


def broken(subject=SUBJECT, body=f"You open the fridge, and there it is. {CALL}", **changed) -> set[str]:
    asked = brief(**changed)
    return {finding.rule for finding in checks.check(DraftCopy(subject=subject, body=body, writer="model"), asked)}


GOOD = [
    (SUBJECT, f"You open the fridge, and there it is. {CALL}"),
    ("A little something for your week", "Pick up {product} and enjoy {offer} until {end}. See you soon."),
    ("Breakfast is on its way", f"Hi {{first_name}}, your week starts here. {CALL}"),
    ("Your favorites are waiting", "Come by {store} for {product}. You get {offer} until {end}."),
]


@pytest.mark.parametrize(("subject", "body"), GOOD)
def test_a_good_text_has_no_finding(subject, body):
    assert broken(subject, body) == set()


# What a writer says before the call, and exactly the rules it breaks.
OPENINGS = [
    ("Save 80 on your week.", {"number", "money", "claim"}),
    ("Your week needs twelve of them, you know.", {"number", "voice"}),
    ("Your week is worth a dollar.", {"money"}),
    ("Your week comes with a discount.", {"money"}),
    ("Come by this Friday for your week.", {"date"}),
    ("Your weekend starts here.", {"date", "aimless"}),
    ("There is a free one for your week.", {"free"}),
    ("Your week will be healthy.", {"claim"}),
    ("Experts love your usual.", {"claim"}),
    ("This is the best of the week.", {"absolute"}),
    ("Your week will be perfect.", {"absolute"}),
    ("Hurry, your week has begun.", {"urgency"}),
    ("Your usual is selling out this week.", {"urgency"}),
    ("You can click for your usual.", {"service"}),
    ("We will ship your usual to you.", {"service"}),
    ("I love your usual.", {"voice"}),
    ("A loyal customer is in for the week.", {"voice", "segment"}),
    ("Your week was bad.", {"mood"}),
    ("You cannot start your week like this.", {"negation"}),
    ("Don't start your week like this.", {"negation"}),
    ("Your WEEK STARTS here.", {"shouting"}),
    ("Sure, here is a line for your week.", {"residue"}),
    ("Subject: your week is here.", {"residue"}),
    ("Your *week* is here.", {"residue"}),
    ('The "usual" is here for your week.', {"residue"}),
    ("We have missed you this week.", {"segment"}),
    ("Welcome to your first order of the week.", {"segment"}),
    ("Your slice of bread is here for the week.", {"misfit"}),
    ("Baby wipes are for the morning cup of your week.", {"misfit"}),
    ("It is a day like the others.", {"aimless"}),
    ("Your week, a new routine.", {"sentence"}),
    ("your week has begun.", {"form"}),
    ("Your week has begun,.", {"form"}),
    ("Your week has begun. It is here. You know it.", {"form"}),
    ("You week week it is here.", {"repetition"}),
    ("The shelf is a shelf is a shelf, and it is your week.", {"repetition"}),
    ("The week is here and the week is yours.", {"repetition"}),
    ("One for the week ahead is here.", {"repetition"}),
    ("Your week is here until you go until noon.", {"repetition", "date"}),
    ("You know your way to a quick supper this week.", {"copied"}),
    ("People who come in every week are here.", {"disclosure"}),
    ("Votre semaine is arrivée week.", {"language"}),
    ("你的一周从这里开始。 Your week is here.", {"language"}),
]  # fmt: skip


@pytest.mark.parametrize(("opening", "rules"), OPENINGS)
def test_an_opening_breaks_exactly_its_rules(opening, rules):
    assert broken(SUBJECT if SUBJECT in opening else "A line for you", f"{opening} {CALL}") == rules


BODIES = [
    ("Your week starts here. Enjoy {product} until {end}.", {"slot_missing"}),
    ("Your week starts here. Enjoy {product} with {offer}.", {"slot_missing"}),
    ("Your week starts here and now.", {"slot_missing"}),
    ("Your week is here. Enjoy {product} with {offer} and {code} until {end}.", {"slot_unknown"}),
    ("Your week is here. Enjoy {Product} with {offer} until {end}.", {"slot_unknown", "slot_missing"}),
    ("Your week is here. Enjoy {{product}} with {offer} until {end}.", {"slot_unknown"}),
    ("Your week is here. Enjoy a {product} with {offer} until {end}.", {"slot_use"}),
    ("Your week is here. {product} is yours with {offer} until {end}.", {"slot_use"}),
    ("Your week is here. Enjoy {product} with a {offer} until {end}.", {"slot_use"}),
    ("Your week is here. Enjoy {product} with {offer} on {end}.", {"slot_use"}),
    ("Your week is here. Enjoy {product} {offer} until {end}.", {"slot_use"}),
    ("Your week is here. Enjoy {product} with {offer} until {end} until you drop.", {"slot_use", "repetition"}),
    ("Your week is here. Enjoy {product} and {product} with {offer} until {end}.", {"slot_use"}),
    ("Your week is here. Enjoy {product} with {offer} until {end}", {"form"}),
    ("Your week {% raw %} is here. Enjoy {product} with {offer} until {end}.", {"slot_unknown", "money"}),
    ("", {"form", "slot_missing", "aimless"}),
]


@pytest.mark.parametrize(("body", "rules"), BODIES)
def test_a_body_breaks_exactly_its_rules(body, rules):
    assert broken("A line for you", body) == rules


@pytest.mark.parametrize(
    ("subject", "rules"),
    [
        ("", {"form"}),
        ("Milk", {"form", "misfit"}),
        ("A thank you from us", {"copied"}),
        ("It is good to see you again", {"copied", "segment"}),
        ("Something for your week, and then a little more for the rest of it", {"length"}),
        ("15% off your week", {"number", "money"}),
    ],
)
def test_a_subject_breaks_exactly_its_rules(subject, rules):
    assert broken(subject, f"You open the fridge, and there it is. {CALL}") == rules


def test_length_is_that_of_the_realised_text():
    subject = "Your week with {product}, as you like it to be"

    assert broken(subject) == set()  # 46 characters with "White Milk"
    assert broken(subject, product="Frozen Breaded Prepared Chicken") == {"length"}  # 67


def test_a_body_too_long_for_its_channel():
    """A sentence that says no fact can be left out; what says the facts cannot."""
    idle = f"You open the fridge, so let us keep this as short as the way there and the way home. {CALL}"
    needed = "You open the fridge, so let us keep this as short as the way there and the way home: enjoy {product} with"
    offer = "15% off and a second one at half the price"

    assert broken(body=f"{needed} {{offer}} until {{end}}.") == set()
    assert broken(body=f"{needed} {{offer}} until {{end}}.", channel="push", offer=offer) == {"length"}
    assert broken(body=idle, channel="push", offer=offer) == set()


def test_numbers_in_facts_are_no_findings_of_the_text():
    assert broken(product="100% off {price}", offer="$2 off", code="SAVE20", body=(
        "You open the fridge, and there it is. Enjoy {product} with {offer} and code {code} until {end}."
    )) == set()  # fmt: skip


def test_talk_of_an_offer_without_one():
    body = "Your week comes with a deal. Enjoy {product}."

    assert broken(body=body, offer="", ends_on=None) == {"offer"}


def test_what_must_and_must_not_be_said():
    assert broken(must_say=("in every store", "{code}"), code="A") == {"must_say", "slot_missing"}
    assert broken(never_say=("fridge",)) == {"never_say"}


def test_a_segment_name_of_several_words_is_not_told():
    assert broken("For small households like yours", segment="small_households", audience="our neighbors") == {
        "disclosure"
    }


def test_a_hook_is_true_for_its_own_segment_only():
    body = f"We have missed you. {CALL}"

    assert broken("It has been a while", body, segment="lapsing", audience="people away") == set()
    assert broken("It has been a while, and hello", body, segment="new", audience="newcomers") == {"segment"}


def test_a_class_of_another_trade_is_not_judged_by_grocery_words():
    assert "misfit" not in broken(body=f"Your week has toast in it. {CALL}", product_class="garden tools")
    assert "misfit" in broken(body=f"Your week has toast in it. {CALL}", product_class="FLUID MILK PRODUCTS")


def test_a_finding_says_where_why_and_what_to_do():
    draft = DraftCopy(subject=SUBJECT, body=f"This is the best of the week. {CALL}", writer="model")

    (finding,) = checks.check(draft, brief())

    assert (finding.rule, finding.severity, finding.part) == ("absolute", ERROR, "body")
    assert draft.body[slice(*finding.span)] == "best"
    assert finding.message == "An absolute or a superlative."
    assert finding.remedy == "Say it plainly."


def test_a_warning_leaves_a_draft_usable():
    loud = DraftCopy(subject=SUBJECT, body=f"Your WEEK is here. {CALL}", writer="model")
    findings = checks.check(loud, brief())

    assert [(finding.rule, finding.severity) for finding in findings] == [("shouting", WARNING)]
    assert DraftCopy(subject=loud.subject, body=loud.body, writer="model", findings=findings).usable


def test_a_phrase_for_other_readers_is_named_even_when_it_is_shortened():
    text = "Your week is here. Enjoy {product} with {offer} until {end}."

    assert broken("A while is long", text) >= {"segment"}
    assert "segment" not in broken("A while is long enough", text, segment="lapsing")


def test_a_phrase_for_other_goods_is_named():
    said = "Breakfast is better with something from the bakery."

    assert "misfit" in broken(body=f"{said} {CALL}", product_class="snacks", subject="Your week has room for this")
    assert "misfit" not in broken(body=f"{said} {CALL}", product_class="bread", subject="Your week has room for this")


def test_a_person_is_warned_where_a_word_may_be_harmless_and_a_model_is_refused():
    text = {"subject": "Monday needs a plan", "body": f"Your week has never looked so calm. {CALL}"}

    machine = checks.check(DraftCopy(**text, writer="model"), brief())
    person = checks.check(DraftCopy(**text, writer="person"), brief())

    assert {(one.rule, one.severity) for one in machine} >= {("date", ERROR), ("absolute", ERROR)}
    assert {(one.rule, one.severity) for one in person} == {("date", WARNING), ("absolute", WARNING)}


def test_the_end_of_an_offer_is_no_former_price():
    assert broken(body="Your week has room for this. Take home {product} and get {offer} before {end}.") == set()
    assert "former_price" in broken(body="It was {price} all week. " + CALL, price="$2.00")
