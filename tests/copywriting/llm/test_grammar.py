"""The written template: always there, and held to the same checks as the model."""

from itertools import islice
from itertools import product as every

import pytest

from copywriting.contracts import CHANNELS, CHINESE_ONLY, TEMPLATE, DraftCopy
from copywriting.llm import checks, classes, grammar, slots
from copywriting.llm.writer import template
from tests.copywriting.llm.briefs import brief

SEGMENTS = ["regular", "lapsing", "new", "high_value", "explorer", "a-segment-of-the-shops-own"]
LOCALES = {
    "en": ("White Milk", "15% off", [channel for channel in CHANNELS if channel not in CHINESE_ONLY]),
    "zh-Hans": ("鲜牛奶", "8.5折", list(CHANNELS)),
}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_template_passes_every_check_with_any_facts(segment, locale):
    product, offer_words, channels = LOCALES[locale]
    for channel, offer, greeted in every(channels, ("", offer_words), (False, True)):
        code = "SAVE20" if offer and channel == "email" else ""
        said = ("{first_name}",) if greeted and not CHANNELS[channel].advertisement else ()
        asked = brief(
            product=product, locale=locale, segment=segment, channel=channel, offer=offer, code=code, must_say=said
        )

        draft = template(asked)

        assert (draft.writer, draft.findings) == (TEMPLATE, ()), (channel, offer, said, draft)
        assert slots.to_liquid(draft.body)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_every_template_passes_for_every_class(segment):
    for key in classes.CLASSES:
        asked = brief(segment=segment, product_class=key)
        for name, subject, body in islice(grammar.drafts(asked), 8):
            draft = DraftCopy(subject=subject, body=body, writer=TEMPLATE)
            left = {finding.rule for finding in checks.check(draft, asked)}
            assert left <= {"repetition"}, (key, name, left)  # a subject may echo a hook: another pair is taken then


def test_the_seed_picks_and_picks_the_same_again():
    subjects = [template(brief(seed=seed)).subject for seed in range(12)]

    assert len(set(subjects)) >= 6
    assert subjects == [template(brief(seed=seed)).subject for seed in range(12)]


def test_a_used_template_is_the_last_choice():
    used = [template(brief())]
    for _ in range(3):
        used.append(template(brief(), used))

    assert len({draft.subject for draft in used}) == 4


def test_it_says_exactly_the_facts_there_are():
    assert grammar.call(brief(offer="", ends_on=None)) == "Pick up {product}."
    assert grammar.call(brief()) == "Pick up {product} with {offer} until {end}."
    assert grammar.call(brief(code="A", price="$2", must_say=("{price}", "as ever"))) == (
        "Pick up {product} for {price} with {offer} and code {code} until {end}. As ever."
    )
    assert grammar.call(brief(locale="zh-Hans", offer="8折")) == "把{product}带回家，享{offer}，{end}前有效。"


def test_a_short_channel_has_no_subject_and_a_short_opening():
    draft = template(brief(channel="sms"))

    assert draft.subject == ""
    assert len(slots.fill(draft.body, brief())) <= CHANNELS["sms"].body


def test_what_must_be_said_and_breaks_a_rule_is_shown_and_not_hidden():
    draft = template(brief(must_say=("Everything is free",)))

    assert "Everything is free." in draft.body
    assert not draft.usable
    assert draft.broken == {"free"}
