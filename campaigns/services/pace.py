"""One number for speed: how many messages a second a campaign hands over on one channel, and what keeps it below."""

import time

from django.core.cache import cache

from campaigns.models import Campaign

KEPT = 60  # seconds that a batch's word about itself is believed


def keep(campaign: Campaign, channel: str) -> None:
    """Waits until the campaign may send one more on this channel: one counter a second, shared by all workers."""
    while True:
        now = time.time()
        key = f"pace:{campaign.pk}:{channel}:{int(now)}"
        cache.add(key, 0, timeout=5)
        if cache.incr(key) <= campaign.per_second:
            return
        time.sleep(1.001 - now % 1)


def note(campaign_id: int, channel: str, in_server: float, in_all: float) -> None:
    """What share of a batch's time the provider took."""
    cache.set(f"server:{campaign_id}:{channel}", in_server / in_all if in_all else 0.0, timeout=KEPT)


def server_share(campaign_id: int, channel: str) -> float | None:
    """Of the newest batch; None when none was sent of late."""
    return cache.get(f"server:{campaign_id}:{channel}")
