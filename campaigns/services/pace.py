"""One number for speed: how many messages a second a campaign hands over on one channel, and what keeps it below.

A provider that asks for some time without messages gets it, from all workers and all campaigns that go through it.
"""

import time
from collections.abc import Callable

from django.core.cache import cache

from campaigns.models import Campaign

MAIL = "email"  # the provider of mail: campaigns' and letters'
KEPT = 60  # seconds that a batch's word about itself is believed


class Pacer:
    """Lets one worker's batch through: one counter a second, shared by all workers, from which it takes a few at once."""

    def __init__(self, campaign: Campaign, channel: str):
        self._key, self._per_second = f"pace:{campaign.pk}:{channel}:", campaign.per_second
        # What a second leaves over is lost to all: a worker holds a fiftieth of it at the most, and one by one below 100.
        self._share = max(1, campaign.per_second // 50)
        self._second, self._left = 0, 0

    def keep(self, before_waiting: Callable[[], None]) -> None:
        """Returns when one more may be sent; calls `before_waiting` first when that is not now."""
        while True:
            now = time.time()
            if int(now) != self._second:
                self._second, self._left = int(now), 0
            if not self._left:
                key = f"{self._key}{self._second}"
                cache.add(key, 0, timeout=5)
                over = cache.incr(key, self._share) - self._per_second
                self._left = max(0, self._share - max(0, over))
            if self._left:
                self._left -= 1
                return
            before_waiting()
            time.sleep(1.001 - now % 1)


def note(campaign_id: int, channel: str, in_server: float, in_all: float) -> None:
    """What share of a batch's time the provider took."""
    cache.set(f"server:{campaign_id}:{channel}", in_server / in_all if in_all else 0.0, timeout=KEPT)


def server_share(campaign_id: int, channel: str) -> float | None:
    """Of the newest batch; None when none was sent of late."""
    return cache.get(f"server:{campaign_id}:{channel}")


def note_sweep() -> None:
    """The sweep was here, which rings whatever waits."""
    cache.set("swept", 1, timeout=KEPT)


def is_swept() -> bool:
    """Whether it was within the last minute, in which it comes four times."""
    return cache.get("swept") is not None


def provider_of(campaign: Campaign, channel: str) -> str:
    """Who takes this channel's messages: one for the whole install, but for merchants' own senders."""
    return f"{channel}:{campaign.merchant_id}" if channel == "webhook" else channel


def leave_alone(provider: str, seconds: float) -> None:
    """Nothing is posted there for so long. Longer than what was asked for before counts; shorter does not."""
    until = time.time() + seconds
    if until > cache.get(f"peace:{provider}", 0.0):
        cache.set(f"peace:{provider}", until, timeout=int(seconds) + 1)


def is_left_alone(provider: str) -> bool:
    return cache.get(f"peace:{provider}", 0.0) > time.time()
