"""The draw: fixed for ever, fair, and independent from one campaign to the next."""

import time

import numpy as np
import pytest
from django.db import connection
from scipy import stats

from campaigns.assignment import arm, arms, threshold
from campaigns.contracts import Arm

UNITS = [f"contact:{i}" for i in range(100_000)]


def is_holdout(salt, share, units=UNITS):
    return arms(salt, units, share) == "holdout"


def test_the_draw_never_changes():
    # Frozen when written. If this fails, running campaigns would move people between the arms: do not correct the test.
    drawn = "".join("h" if arm("campaign:1", f"contact:{i}", 0.3) == Arm.HOLDOUT else "t" for i in range(40))
    assert drawn == "tttththhthhtththtthhttttthttthtththhttht"


def test_the_draw_is_the_one_that_sql_makes():
    # printf 'campaign:7\ncontact:42' | sha256sum starts with these twelve digits.
    digits = "52a6d6a92c9f"
    assert arm("campaign:7", "contact:42", int(digits, 16) / 2**48) == Arm.TREATED
    assert arm("campaign:7", "contact:42", (int(digits, 16) + 1) / 2**48) == Arm.HOLDOUT


def test_many_at_once_are_drawn_as_one_by_one():
    units = [*UNITS[:2_000], "", "Grüße", "联系人:1"]
    assert arms("campaign:9", units, 0.25).tolist() == [arm("campaign:9", unit, 0.25) for unit in units]
    assert arms("campaign:9", [], 0.25).tolist() == []


@pytest.mark.django_db
def test_the_database_draws_the_same():
    units = [*UNITS[:500], "customer:1", "Grüße", "联系人:1"]
    with connection.cursor() as cursor:
        # The expression of the module's docstring.
        cursor.execute(
            """SELECT ('x' || left(encode(sha256(convert_to(%s || E'\\n' || unit, 'UTF8')), 'hex'), 12))::bit(48)::bigint
                      < %s FROM unnest(%s::text[]) WITH ORDINALITY AS u(unit, n) ORDER BY n""",
            ["campaign:7", threshold(0.3), units],
        )
        drawn = [row[0] for row in cursor.fetchall()]
    assert drawn == is_holdout("campaign:7", 0.3, units).tolist()
    assert 0 < sum(drawn) < len(units)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_is_kept_within_chance(share):
    held = int(is_holdout("campaign:1", share).sum())
    # A two-sided binomial test that fails once in a million salts.
    assert stats.binomtest(held, len(UNITS), share).pvalue > 1e-6


def test_nobody_and_everybody():
    assert not is_holdout("campaign:1", 0).any()
    assert is_holdout("campaign:1", 1).all()
    assert (threshold(0), threshold(0.5), threshold(1)) == (0, 2**47, 2**48)


def test_salts_draw_independently():
    held = [is_holdout(f"campaign:{i}", 0.2) for i in range(1, 7)]
    for i, first in enumerate(held):
        for second in held[i + 1 :]:
            together = np.array(
                [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]]
            )
            assert stats.chi2_contingency(together, correction=False).pvalue > 1e-6


def test_draws_spread_evenly_over_many_salts():
    # One person over 2,000 campaigns is held out as often as the share says.
    held = sum(arm(f"campaign:{i}", "contact:1", 0.1) == Arm.HOLDOUT for i in range(2_000))
    assert stats.binomtest(held, 2_000, 0.1).pvalue > 1e-6


def test_a_larger_share_only_adds_to_the_holdout():
    small, large = is_holdout("campaign:1", 0.1), is_holdout("campaign:1", 0.2)
    assert not (small & ~large).any()
    assert (large & ~small).any()


def test_people_of_one_contact_group_share_the_arm():
    # Given 500 households of three customers with one unit each
    units = [f"contact:{i // 3}" for i in range(1_500)]
    drawn = arms("campaign:3", units, 0.5).reshape(-1, 3)
    assert (drawn == drawn[:, :1]).all()
    assert 0 < (drawn[:, 0] == "holdout").sum() < 500


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_of_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match="from 0 to 1"):
        arm("campaign:1", "contact:1", share)


@pytest.mark.parametrize("salt", ["", "campaign:1\ncontact"])
def test_a_salt_that_could_run_into_the_unit_is_refused(salt):
    with pytest.raises(ValueError, match="one line"):
        arm(salt, "1", 0.5)
    with pytest.raises(ValueError, match="one line"):
        arms(salt, ["1"], 0.5)


def test_two_hundred_thousand_people_are_drawn_in_no_time():
    began = time.process_time()
    arms("campaign:1", UNITS * 2, 0.1)
    assert time.process_time() - began < 2  # 0.2 s on the machine it was written on
