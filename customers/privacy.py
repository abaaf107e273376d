"""Arithmetic that keeps a person out of what is shown or stored about many."""

import ipaddress
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Cell = TypeVar("Cell")

# A table shows no group below ten people. The law names no number; ten is the usual one of statistical offices.
SMALLEST_CELL = 10


def truncate_ip(text: str) -> str:
    """The network that an address belongs to: /24 of IPv4, /48 of IPv6, which is a block of customers, not a household.

    "192.0.2.77" gives "192.0.2.0/24". An IPv4 address in IPv6 clothes counts as IPv4. What is no address gives "".
    """
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((int(address), 48), strict=False))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else address
    return str(ipaddress.IPv4Network((int(mapped), 24), strict=False))


def suppress_small(cells: Mapping[Cell, int], smallest: int = SMALLEST_CELL) -> dict[Cell, int | None]:
    """Counts of people with every cell from 1 to `smallest` - 1 hidden as None; nobody stands behind a zero.

    Totals stand beside such tables, so one hidden cell could be had by subtraction. Then the next smallest ones are
    hidden with it, until those hidden count `smallest` together, which takes at least two, or nothing is left to hide.
    """
    by_size = sorted((count, index) for index, count in enumerate(cells.values()) if count > 0)
    hidden: set[int] = set()
    hidden_sum = 0
    for count, index in by_size:
        if count >= smallest and (not hidden or hidden_sum >= smallest):
            break
        hidden.add(index)
        hidden_sum += count
    return {name: None if index in hidden else count for index, (name, count) in enumerate(cells.items())}


@dataclass(frozen=True, slots=True)
class Loss:
    """(epsilon, delta) of differential privacy: of one answer, of many, or the cap on them."""

    epsilon: float
    delta: float = 0.0

    def __post_init__(self):
        if not (0 <= self.epsilon < math.inf and 0 <= self.delta < 1):
            raise ValueError("A privacy loss has a finite epsilon of 0 or more and a delta from 0 to below 1.")


def compose(losses: Iterable[Loss]) -> Loss:
    """What several answers cost together: the sums, which hold for any mechanisms in any order (Dwork et al. 2006)."""
    losses = list(losses)
    return Loss(math.fsum(loss.epsilon for loss in losses), math.fsum(loss.delta for loss in losses))


def fits(cap: Loss, spent: Iterable[Loss], cost: Loss) -> bool:
    """Whether one more answer keeps the sum within the cap. The caller holds the lock under which `spent` was read."""
    total = compose([*spent, cost])
    return total.epsilon <= cap.epsilon and total.delta <= cap.delta
