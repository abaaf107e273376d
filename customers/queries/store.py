"""The demo store behind this install."""

from customers.contracts import (
    DemoStoreRef,
)
from customers.models import (
    DemoStore,
)


def demo_store() -> DemoStoreRef | None:
    """The demo store of this install, or None."""
    row = DemoStore.objects.values_list("name", "shift", "cutoff_at", "replayed_until").first()
    return None if row is None else DemoStoreRef(*row)
