"""The policy layer: rules with names, caps, pins, and one place left to chance with true probabilities."""

import numpy as np
import pytest

from recommendations.ml.policy import AMONG, Candidate, Caps, Dropped, choose


def some(n: int, **fields) -> list[Candidate]:
    return [Candidate(pk, float(n - pk), "own_list", **{"title": f"t{pk}", **fields}) for pk in range(n)]


def rng(seed: int = 0):
    return np.random.default_rng(seed)


def ids(chosen) -> list[int]:
    return [one.product_id for one in chosen.items]


def test_the_probabilities_that_are_kept_are_the_ones_that_happen():
    caps = Caps(5, epsilon=0.5)
    odds = choose([], some(40), [], caps, rng()).odds
    drawn = [ids(choose([], some(40), [], caps, rng(seed)))[4] for seed in range(4000)]

    assert len(odds) == AMONG
    assert sum(odds.values()) == pytest.approx(1)
    assert odds[4] == pytest.approx(0.5 + 0.5 / AMONG)
    for pk, p in odds.items():
        # Five standard errors: one test in a million fails by chance.
        assert np.mean(np.array(drawn) == pk) == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 4000))


def test_only_the_last_place_is_drawn_and_a_short_list_has_none():
    chosen = choose([], some(40), [], Caps(6, epsilon=1.0), rng())
    assert ids(chosen)[:5] == [0, 1, 2, 3, 4]
    assert chosen.propensities[:5] == (1.0,) * 5
    assert chosen.slot == 5
    assert chosen.propensities[5] == chosen.odds[ids(chosen)[5]]

    short = choose([], some(40), [], Caps(3, epsilon=1.0), rng())
    assert (ids(short), short.slot, dict(short.odds)) == ([0, 1, 2], None, {})


def test_the_first_rule_that_objects_is_the_one_that_is_named():
    def even(one):
        return Dropped(one.product_id, "even", "") if one.product_id % 2 == 0 else None

    def small(one):
        return Dropped(one.product_id, "small", "") if one.product_id < 3 else None

    chosen = choose([], some(8), [even, small], Caps(2, epsilon=0), rng())

    assert ids(chosen) == [3, 5]
    assert [(one.product_id, one.rule) for one in chosen.dropped] == [
        (0, "even"),
        (1, "small"),
        (2, "even"),
        (4, "even"),
    ]


def test_titles_and_categories_are_counted_with_the_pinned_ones():
    pinned = [Candidate(99, 0, "pinned", "t1", "dairy")]

    chosen = choose(pinned, some(6, category="dairy"), [], Caps(4, per_category=2, epsilon=0), rng())

    assert ids(chosen) == [99, 0]
    assert {one.product_id: one.rule for one in chosen.dropped} == {
        1: "same_title", 2: "category_full", 3: "category_full", 4: "category_full", 5: "category_full",
    }  # fmt: skip


def test_a_candidate_that_comes_twice_stands_once_and_too_few_make_a_short_list():
    chosen = choose([], [*some(3), *some(3)], [], Caps(10, epsilon=0.1), rng())

    assert sorted(ids(chosen)) == [0, 1, 2]
    assert chosen.slot is None
