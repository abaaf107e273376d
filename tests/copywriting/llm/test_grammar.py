"""The written template: always there, and held to the same checks as the model."""

from itertools import product as every

import pytest

from copywriting.contracts import CHANNELS, TEMPLATE, DraftCopy
from copywriting.llm import checks, classes, grammar, slots
from copywriting.llm.writer import template
from tests.copywriting.llm.briefs import brief

SEGMENTS = [*grammar.OPENINGS, "a-segment-of-the-shops-own"]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_template_passes_every_check_with_any_facts(segment, channel):
    for offer, code, said in every(("", "15% off"), ("", "SAVE20"), ((), ("{store}",), ("{first_name}",))):
        asked = brief(segment=segment, channel=channel, offer=offer, code=code, must_say=said)

        draft = template(asked)

        assert (draft.writer, draft.findings) == (TEMPLATE, ())
        assert slots.to_liquid(draft.body)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_every_template_passes_for_every_class(segment):
    for key in classes.CLASSES:
        asked = brief(segment=segment, product_class=key)
        for name, subject, body in grammar.drafts(asked):
            if name.endswith("sentence/enjoy"):
                draft = DraftCopy(subject=subject, body=body, writer=TEMPLATE)
                assert checks.check(draft, asked) == (), (key, name)


def test_the_seed_picks_and_picks_the_same_again():
    subjects = [template(brief(seed=seed)).subject for seed in range(12)]

    assert set(subjects) == {opening.subject for opening in grammar.OPENINGS["regular"]}
    assert subjects == [template(brief(seed=seed)).subject for seed in range(12)]


def test_a_used_template_is_the_last_choice():
    used = [template(brief())]
    for _ in range(3):
        used.append(template(brief(), used))

    assert len({draft.subject for draft in used}) == 4


def test_it_says_exactly_the_facts_there_are():
    assert grammar.call(brief(offer="", ends_on=None)) == "Enjoy {product}."
    assert grammar.call(brief(), "Pick up") == "Pick up {product} with {offer} until {end}."
    assert grammar.call(brief(code="A", price="$2", must_say=("{price}", "as always"))) == (
        "Enjoy {product} for {price} with {offer} and code {code} until {end}. As always."
    )


def test_a_short_channel_has_no_subject_and_a_short_opening():
    draft = template(brief(channel="sms"))

    assert draft.subject == ""
    assert len(slots.fill(draft.body, brief())) <= CHANNELS["sms"].body


def test_what_must_be_said_and_breaks_a_rule_is_shown_and_not_hidden():
    draft = template(brief(must_say=("Everything is free",)))

    assert "Everything is free." in draft.body
    assert not draft.usable
    assert draft.broken == {"free"}
