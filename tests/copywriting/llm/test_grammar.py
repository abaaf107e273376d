"""The written template: always there, and held to the same checks as the model."""

from datetime import date
from itertools import product

import pytest

from copywriting.contracts import CHANNELS, TEMPLATE, CopyBrief
from copywriting.llm import checks, grammar
from copywriting.llm.writer import write


def brief(segment="regular", channel="email", offer="15% off", seed=0, **more) -> CopyBrief:
    return CopyBrief(
        product="White Milk",
        product_class="FLUID MILK PRODUCTS",
        store="Attune demo store",
        segment=segment,
        audience="people who come in every week",
        seed=seed,
        offer=offer,
        ends_on=date(2026, 12, 5) if offer else None,
        channel=channel,
        **more,
    )


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("segment", [*grammar.OPENINGS, "a-segment-of-the-shops-own"])
def test_every_template_passes_every_check(segment, channel):
    for seed, offer in product(range(3), ("", "15% off")):
        asked = brief(segment, channel, offer, seed)
        assert checks.check(grammar.write(asked), asked) == ()


def test_the_seed_picks_among_the_segments_own_lines():
    subjects = {grammar.write(brief(seed=seed)).subject for seed in range(6)}
    assert subjects == {subject for subject, _ in grammar.OPENINGS["regular"]}


def test_after_so_many_tries_the_template_steps_in_and_says_so():
    asked = []

    def babble(_, n, seed):
        asked.append((n, seed))
        return ["Subject: SAVE 80% NOW!!!\nBody: Best milk ever, only $1."] * n

    draft, stats = write(brief(seed=7), babble, n=4, max_tries=3)

    assert draft.writer == TEMPLATE
    assert asked == [(4, 7), (4, 8), (4, 9)]
    assert (stats.drafted, stats.passed, stats.tries) == (12, 0, 3)
    assert stats.refused["number"] == 12


def test_the_first_round_with_a_usable_draft_ends_the_tries():
    good = (
        "Subject: Something for the fridge\nBody: Your breakfast is waiting. Enjoy {product} with {offer} until {end}."
    )
    draft, stats = write(brief(), lambda _, n, seed: ["nonsense", good], n=2, max_tries=3)

    assert draft.writer == "model"
    assert draft.body == "Your breakfast is waiting. Enjoy {product} with {offer} until {end}."
    assert (stats.drafted, stats.passed, stats.tries) == (2, 1, 1)
    assert draft.provenance["candidate"] == 1


def test_a_draft_like_one_that_is_used_is_the_last_choice():
    milk = (
        "Subject: Something for the fridge\nBody: Your breakfast is waiting. Enjoy {product} with {offer} until {end}."
    )
    other = "Subject: A quiet evening in\nBody: Put your feet up for once. Enjoy {product} with {offer} until {end}."
    first, _ = write(brief(), lambda *_: [milk], n=1, max_tries=1)

    second, _ = write(brief(), lambda *_: [milk, other], n=2, max_tries=1, used=[first])

    assert second.subject == "A quiet evening in"
