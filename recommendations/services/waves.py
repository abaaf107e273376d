"""Takes what the sending room knows of coupons that went out: a wave, whom it reached, and who used it when."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from catalog.services.bulk import copy_rows
from recommendations.contracts import Wave
from recommendations.models import OfferWave, WaveReceiver


def take_wave(wave: Wave, receivers: Iterable[tuple[int, datetime | None]]) -> int:
    """Keeps the wave and its receivers (customer id, when they first used one of its coupons) whole, in place of what was
    known of it; returns how many it reached. Safe to repeat. Raises ValueError on a wave that ends before it starts.
    """
    if wave.ends_at <= wave.starts_at:
        raise ValueError(f"{wave.external_id}: ends_at must lie after starts_at")
    rows = list(receivers)  # read before COPY holds the connection
    with transaction.atomic():
        kept, _ = OfferWave.objects.update_or_create(
            external_id=wave.external_id,
            defaults={
                "kind": wave.kind,
                "starts_at": wave.starts_at,
                "ends_at": wave.ends_at,
                "offers": list(wave.offers),
            },
        )
        WaveReceiver.objects.filter(wave=kept)._raw_delete("default")
        table = WaveReceiver._meta.db_table
        return copy_rows(table, ("wave_id", "customer_id", "used_at"), ((kept.pk, *row) for row in rows))
