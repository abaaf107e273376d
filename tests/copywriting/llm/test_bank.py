"""Every phrase of the bank is true where it says so, by the same gate that a model's texts pass."""

import re

import pytest

from copywriting.contracts import TEMPLATE, DraftCopy
from copywriting.llm import bank, checks, classes, lexicon
from tests.copywriting.llm.briefs import brief

FRAMES = {
    "en": ("Put {product} on your list with {offer} until {end}.", "Worth a look on your way", "A good shop is near. "),
    "zh-Hans": ("把{product}带回家，享{offer}，{end}前有效。", "路过看一眼吧", "慢慢逛就好。"),
}


@pytest.mark.parametrize("language", FRAMES)
def test_every_subject_and_hook_passes_the_gate_for_its_class_and_segment(language):
    call, subject, hook = FRAMES[language]
    for phrase in bank.phrases(language):
        if phrase.part not in {bank.SUBJECT, bank.HOOK}:
            continue
        asked = brief(
            locale=language,
            product_class=min(phrase.classes, default=classes.GENERAL),
            segment=min(phrase.segments, default="a-segment-of-the-shops-own"),
        )
        draft = DraftCopy(
            subject=phrase.text if phrase.part == bank.SUBJECT else subject,
            body=(phrase.text + " " * (language == "en") if phrase.part == bank.HOOK else hook) + call,
            writer=TEMPLATE,
        )
        found = {finding.rule for finding in checks.check(draft, asked)} - {"repetition", "aimless"}
        assert not found, (phrase.key, phrase.text, found)


def test_every_english_phrase_for_a_segment_carries_its_hook():
    for phrase in bank.phrases("en"):
        for segment in phrase.segments:
            assert re.search(lexicon.HOOKS[segment], phrase.text, re.IGNORECASE), phrase.key


def test_every_shelf_that_may_be_pushed_has_phrases_of_its_own():
    told = {key for phrase in bank.phrases("en") for key in phrase.classes}

    assert told == {key for key, entry in classes.CLASSES.items() if not entry.regulated}


def test_a_call_says_exactly_what_is_asked_or_nothing():
    phrase = bank.Phrase("k", bank.CALL, "Get {offer} on {product}[ with code {code}][ until {end}].")

    assert phrase.says(("product", "offer", "end")) == "Get {offer} on {product} until {end}."
    assert phrase.says(("product", "offer")) == "Get {offer} on {product}."
    assert phrase.says(("product",)) is None
    assert phrase.says(("product", "offer", "store")) is None
