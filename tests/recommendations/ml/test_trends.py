"""What rises beyond chance is found, what chance makes is not, and a growing shop alone makes nothing rise."""

import numpy as np

from recommendations.ml.trends import rising


def test_a_rise_is_found_with_its_counts_and_its_size():
    found = rising([("plums", 60, 20), ("milk", 500, 500), ("salt", 20, 60)], 1000, 1000)
    assert [(rise.name, rise.people, rise.before) for rise in found] == [("plums", 60, 20)]
    assert round(found[0].change, 2) == 2.95  # 60.5 / 20.5
    assert found[0].chance < 1e-4


def test_twice_the_shoppers_make_no_trend():
    assert rising([("milk", 400, 200), ("rice", 100, 50)], 2000, 1000) == []


def test_of_a_thousand_things_that_do_not_change_hardly_one_is_called_rising():
    rng = np.random.default_rng(6)
    false = 0
    for _ in range(20):
        counts = [(f"t{i}", int(n), int(m)) for i, (n, m) in enumerate(rng.poisson(40, (1000, 2)))]
        false += len(rising(counts, 1000, 1000))
    assert false <= 3  # uncorrected it would be about 900
    assert rising([*counts, ("new", 95, 30)], 1000, 1000)[0].name == "new"


def test_too_few_people_and_an_empty_window_say_nothing():
    assert rising([("rare", 12, 0)], 1000, 1000) == []
    assert rising([("any", 100, 0)], 1000, 0) == []
