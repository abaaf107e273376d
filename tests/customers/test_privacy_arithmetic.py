"""Addresses cut to a network, tables without small groups, and a budget that adds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.privacy import Loss, compose, fits, suppress_small, truncate_ip


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        (" 203.0.113.255 ", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("", ""),
        ("unknown", ""),
        ("192.0.2.77:443", ""),
    ],
)
def test_an_address_is_cut_to_its_network(address, network):
    assert truncate_ip(address) == network


@given(st.ip_addresses(v=4))
def test_every_address_of_a_network_looks_alike(address):
    assert truncate_ip(str(address)) == truncate_ip(str(address).rpartition(".")[0] + ".0")


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ({"a": 10, "b": 0, "c": 25}, {"a": 10, "b": 0, "c": 25}),
        ({"a": 9, "b": 40, "c": 25, "d": 30}, {"a": None, "b": 40, "c": None, "d": 30}),  # c hides a
        ({"a": 1, "b": 2, "c": 25, "d": 30}, {"a": None, "b": None, "c": None, "d": 30}),  # 3 people are too few
        ({"a": 5, "b": 5, "c": 25}, {"a": None, "b": None, "c": 25}),
        ({"a": 3}, {"a": None}),
        ({}, {}),
    ],
)
def test_small_groups_are_hidden_and_cannot_be_subtracted(cells, shown):
    assert suppress_small(cells) == shown


@given(st.lists(st.integers(0, 30), max_size=12))
def test_no_small_group_is_ever_left_alone(counts):
    shown = suppress_small(dict(enumerate(counts)))
    hidden = [counts[cell] for cell, count in shown.items() if count is None]
    assert all(count is None or count == 0 or count >= 10 for count in shown.values())
    assert all(count in (None, counts[cell]) for cell, count in shown.items())
    positive = [count for count in counts if count]
    assert not hidden or hidden == positive or len(hidden) == len(positive) or (len(hidden) > 1 and sum(hidden) >= 10)


def test_a_budget_takes_exactly_what_fits():
    cap, answer, other = Loss(3, 1e-6), Loss(0.1, 1e-8), Loss(0.2)
    assert fits(cap, [*[answer] * 28], other)  # unlike prices add up: 2.8 + 0.2
    assert not fits(cap, [*[answer] * 29], other)
    assert fits(cap, [answer] * 43, answer)  # alike ones compose: 44 cost 2.99
    assert not fits(cap, [answer] * 44, answer)  # and 45 cost 3.06
    assert not fits(cap, [], Loss(0.1, 2e-6))
    assert compose([answer] * 30) == Loss(3.0, 3e-7)
    assert compose([]) == Loss(0, 0)


@pytest.mark.parametrize(("epsilon", "delta"), [(-0.1, 0), (float("inf"), 0), (float("nan"), 0), (1, -1e-9), (1, 1)])
def test_a_loss_is_never_negative_or_boundless(epsilon, delta):
    with pytest.raises(ValueError, match="finite epsilon"):
        Loss(epsilon, delta)
