"""Arithmetic that keeps a person out of what is shown or stored about many."""

import ipaddress
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from dp_accounting.pld import common, privacy_loss_distribution
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_laplace
from opendp.metrics import l1_distance
from opendp.mod import enable_features

enable_features("contrib")  # OpenDP's word for what its own vetting has not closed: its constructors ask for it

Cell = TypeVar("Cell")

# A table shows no group below ten people. The law names no number; ten is the usual one of statistical offices.
SMALLEST_CELL = 10
# A noisy figure that is expected to be off by more than a fifth is refused: people would read noise as news.
LARGEST_ERROR = 0.20


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


def composed(losses: Iterable[Loss], delta: float) -> Loss:
    """The least epsilon at this delta that several answers are known to cost together.

    Where all cost the same, by privacy loss distributions: each answer counts as the worst mechanism that has its
    (epsilon, delta), so whatever it was is covered, and since nobody chose a cost after seeing an answer the bound holds
    for questions that were (Kairouz et al. 2015). Where costs differ it is the sum: a tighter bound for costs chosen on
    the way needs a filter (Rogers et al. 2016). The sum also stands where it is the lower one.
    """
    losses = list(losses)
    total = compose(losses)
    if len(set(losses)) == 1 and delta > total.delta and losses[0].epsilon > 0:
        tight = _composed_alike(losses[0], len(losses), delta)
        return Loss(min(total.epsilon, tight), delta) if tight < total.epsilon else total
    return total


@lru_cache(maxsize=512)
def _composed_alike(loss: Loss, times: int, delta: float) -> float:
    worst = privacy_loss_distribution.from_privacy_parameters(
        common.DifferentialPrivacyParameters(loss.epsilon, loss.delta)
    )
    # Discretised upwards (pessimistic estimate), so this never says less than the truth.
    return float(worst.self_compose(times).get_epsilon_for_delta(delta))


def fits(cap: Loss, spent: Iterable[Loss], cost: Loss) -> bool:
    """Whether one more answer keeps the whole within the cap. The caller holds the lock under which `spent` was read."""
    total = composed([*spent, cost], cap.delta)
    return total.epsilon <= cap.epsilon and total.delta <= cap.delta


def with_noise(values: Sequence[int], *, cap: int, epsilon: float) -> list[int]:
    """The values with discrete Laplace noise, drawn by OpenDP from the operating system's randomness; costs `epsilon`.

    `cap` is the most that one person can change all values by together (their L1 sensitivity): a public constant, held
    by the query that made the values, never read off the data.
    """
    # A billionth wider than cap / epsilon, so that OpenDP's own arithmetic, which rounds up, stays below epsilon.
    scale = cap / epsilon * (1 + 1e-9)
    measurement = make_laplace(vector_domain(atom_domain(T="i64")), l1_distance(T="i64"), scale=scale)
    if measurement.map(cap) > epsilon:
        raise ValueError(f"OpenDP puts the price of this noise at {measurement.map(cap)}, above {epsilon}.")
    return list(measurement(list(values)))


def expected_error(cap: int, epsilon: float) -> float:
    """The mean absolute error of one value of `with_noise`: that of a Laplace variable is its scale."""
    return cap / epsilon


def is_shown(value: int, error: float, largest_share: float = LARGEST_ERROR) -> bool:
    """Whether noise of this expected size leaves the value readable. Judged on the noisy value: it costs nothing more."""
    return value > 0 and error <= largest_share * value


def quarter(at: datetime) -> str:
    """The window of a budget: the quarter of the year in UTC, such as "2026-Q4"."""
    at = at.astimezone(UTC)
    return f"{at.year}-Q{(at.month + 2) // 3}"


def quarter_ends(at: datetime) -> datetime:
    """The first moment of the quarter after this one: budgets are whole again."""
    at = at.astimezone(UTC)
    first = (at.month - 1) // 3 * 3 + 4
    return datetime(at.year + (first > 12), 1 if first > 12 else first, 1, tzinfo=UTC)
