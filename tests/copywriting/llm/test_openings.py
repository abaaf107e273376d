"""Candidates of one round do not all begin alike, and the same seed begins them alike again."""

from dataclasses import replace

import pytest

from copywriting.llm import bank, model, openings, prompts, slots
from copywriting.llm.decode import TUNED, Generator
from tests.copywriting import tiny
from tests.copywriting.llm.briefs import brief


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return Generator(
        model.load(tiny.folder(tmp_path_factory.mktemp("tiny-begun"))), prompts.TUNED, replace(TUNED, begun=True)
    )


def test_the_same_seed_draws_the_same_openings_and_another_seed_others():
    assert openings.draw(brief(), 16, 7) == openings.draw(brief(), 16, 7)
    assert openings.draw(brief(), 16, 7) != openings.draw(brief(), 16, 8)


def test_openings_are_first_words_of_phrases_that_are_true_here_and_hold_no_fact():
    known = [one for one in bank.phrases("en") if one.fits("dairy", "regular", "email")]
    for drawn in openings.draw(brief(), 16, 7):
        for part, words in ((bank.SUBJECT, drawn.subject), (bank.HOOK, drawn.hook)):
            assert any(one.part == part and one.text.startswith(words) for one in known)
        assert not slots.SLOT.search(f"{drawn.subject}{drawn.hook}{drawn.call}")
        assert len(drawn.hook.split()) in {1, 2}


def test_most_openings_of_a_round_differ():
    assert len({(one.subject, one.hook, one.call) for one in openings.draw(brief(), 16, 7)}) == 16


def test_a_channel_without_a_subject_begins_with_the_hook():
    assert {one.subject for one in openings.draw(brief(channel="sms"), 4, 7)} == {""}


def test_every_candidate_begins_as_it_was_drawn(generator):
    for text, drawn in zip(generator(brief(), 6, 7), openings.draw(brief(), 6, 7), strict=True):
        assert text.startswith(f"Subject: {drawn.subject}")
        if "\nBody:" in text:  # a model of random weights may never end its subject
            assert text.partition("\nBody:")[2].startswith(f" {drawn.hook}")
    for text, drawn in zip(
        generator(brief(channel="sms"), 6, 7), openings.draw(brief(channel="sms"), 6, 7), strict=True
    ):
        assert text.partition("\nBody:")[2].startswith(f" {drawn.hook}")


def test_a_draft_records_the_phrases_that_began_it(generator):
    assert generator.provenance["phrases"] == bank.digest()
    assert generator.provenance["sampling"]["begun"] is True
