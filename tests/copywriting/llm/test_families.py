"""Defects are found by what they are made of, in words that no rule names whole; everyday senses of the same words pass."""

import pytest

from copywriting.contracts import ERROR, PERSON, WARNING, DraftCopy
from copywriting.llm import checks
from tests.copywriting.llm.briefs import brief

CALL = "Pick up {product} with {offer} until {end}."


def told(opening: str) -> dict[str, set[str]]:
    """What a person is told about an opening, by severity, the advice about small models left out."""
    draft = DraftCopy(subject="A line for you", body=f"{opening} {CALL}", writer=PERSON)
    found: dict[str, set[str]] = {ERROR: set(), WARNING: set()}
    for one in checks.check(draft, brief()):
        found[one.severity].add(one.rule)
    return found


@pytest.mark.parametrize(
    ("opening", "rule"),
    [
        ("Lifts every stain from your floor this week.", "claim"),
        ("Picked by a small grower for your week.", "claim"),
        ("No nasty additives in your week.", "claim"),
        ("Endorsed by plumbers each week.", "claim"),
        ("It soothes a sore throat this week.", "health"),
        ("Gentle on the stomach, week after week.", "health"),
        ("Easy on the pocketbook this week.", "money"),
        ("Stretch your grocery dollar this week.", "money"),
        ("Shelves are emptying fast this week.", "urgency"),
        ("Dash over before someone else takes your week.", "urgency"),
        ("The juiciest bite in the county is here for your week.", "absolute"),
        ("A treat friendly to the oceans for your week.", "green"),
        ("Brought in from Portugal for your week.", "made_in"),
        ("Fellow cooks swear by it each week.", "testimonial"),
        ("Your reservation needs your attention this week.", "deceptive"),
    ],
)
def test_a_defect_is_found_by_what_it_is_made_of(opening, rule):
    assert rule in told(opening)[ERROR]


@pytest.mark.parametrize(
    "opening",
    [
        "Turn up the radio and top it with cream this week.",
        "The best part of the week is the walk home.",
        "Put the books back where you left them this week.",
        "Grab a broom and sweep the porch this week.",
        "Half the fun of the week is the list.",
    ],
)
def test_an_everyday_sense_of_the_same_words_is_at_most_advice(opening):
    assert told(opening)[ERROR] == set()


def test_a_finding_is_told_once_where_two_rules_see_the_same_words():
    draft = DraftCopy(subject="A line for you", body=f"Our rebate is here for your week. {CALL}", writer=PERSON)

    assert [one.rule for one in checks.check(draft, brief())].count("money") == 1
