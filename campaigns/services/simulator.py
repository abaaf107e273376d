"""The click simulator: follows links of mails that the local sink kept, by HTTP, under its own name.

It stands in for people only so that the pages have something to show; what it does is marked simulated everywhere, and
never enters training or a figure of quality. Which mails it follows is a fixed hash: the same on every run.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from django.conf import settings

from campaigns.channels.sink import kept
from campaigns.services.tracking import SIMULATOR

log = logging.getLogger(__name__)


def click_some(folder: Path, *, share: float, tick: Callable[[], object] = lambda: None) -> int:
    """Follows the first product link of this share of the kept mails; returns how many links answered.

    Only links that lead to this install are followed.
    """
    own = urlsplit(settings.PUBLIC_URL).hostname
    followed = 0
    for mail in kept(folder):
        draw = int.from_bytes(hashlib.sha256(f"clicks:{mail.header_id}".encode()).digest()[:4], "big") / 2**32
        link = next((url for url in mail.links if "/c/" in urlsplit(url).path), None)
        if draw >= share or link is None or urlsplit(link).hostname != own:
            continue
        followed += _follow(link)
        tick()
    return followed


def _follow(link: str) -> int:
    try:
        # A link of our own mail to our own host: http or https alone, checked by the caller's host comparison.
        with urlopen(Request(link, headers={"User-Agent": SIMULATOR}), timeout=10):  # noqa: S310
            return 1
    except URLError as error:
        log.warning("a link of a kept mail did not answer: %s", error.reason)
        return 0
