"""The numbers of segments as pictures: templates only place what stands here."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.models import Segment
from campaigns.queries.membership import CHANNELS, Night, Part
from campaigns.views.figures import Bar

STALE = timedelta(minutes=10)  # members are kept every minute: what is older is said
LETTERS = "ABCDE"


def is_stale(segment: Segment) -> bool:
    """Whether the people shown may not be those of now."""
    return segment.fresh_at is None or segment.fresh_at < timezone.now() - STALE


def channel_bars(segment: Segment) -> list[Bar]:
    return bars(segment.reach, segment.size) if segment.size is not None else []


def bars(reach: dict[str, int], size: int) -> list[Bar]:
    """Everybody, then whom each channel may write to."""
    whole = [Bar(_("In the segment"), size, 1.0 if size else 0.0, kind="all", strong=True)]
    words = {channel: _("by %(channel)s") % {"channel": label} for channel, label in CHANNELS.items()}
    return whole + [
        Bar(label, reach[channel], reach[channel] / size if size else 0.0, kind="treated")
        for channel, label in words.items()
        if channel in reach
    ]


@dataclass(frozen=True)
class Row:
    """One row of the table behind a line."""

    label: str
    value: str


def history(nights: list[Night]) -> dict | None:
    """What _line.html takes; None for fewer than two nights of the same rule."""
    same = [night for night in nights if night.is_comparable]
    if len(same) < 2:
        return None
    top = max(night.size for night in same) or 1
    points = " ".join(
        f"{100 * place / (len(same) - 1):.1f},{100 - 100 * night.size / top:.1f}" for place, night in enumerate(same)
    )
    first, last = same[0], same[-1]
    summary = _("From %(first)s people on %(from)s to %(last)s on %(to)s.") % {
        "first": f"{first.size:,}", "from": first.day, "last": f"{last.size:,}", "to": last.day,
    }  # fmt: skip
    return {
        "points": points, "summary": summary, "top": f"{top:,}", "first": f"{first.day}", "last": f"{last.day}",
        "rows": [Row(f"{night.day}", f"{night.size:,}") for night in reversed(same)],
    }  # fmt: skip


@dataclass(frozen=True)
class PartRow:
    """People in exactly these segments: which dots are full, and a bar."""

    full: tuple[bool, ...]
    words: str
    people: int
    share: float


@dataclass(frozen=True)
class PairRow:
    """Of the people of one segment, the share that is in each of the others; None for itself."""

    letter: str
    name: str
    shares: tuple[str, ...]


@dataclass(frozen=True)
class Slice:
    """A piece of the one bar that shows two segments: where it begins and how long it is, 0 to 1."""

    words: str
    people: int
    start: float
    share: float
    kind: str


def overlap(segments: list[Segment], parts: list[Part]) -> dict:
    whole = sum(part.people for part in parts) or 1
    most = max((part.people for part in parts), default=1) or 1
    rows = [
        PartRow(
            tuple(place in part.places for place in range(len(segments))),
            _("only ") + segments[part.places[0]].name
            if len(part.places) == 1
            else _(" and ").join(segments[place].name for place in part.places),
            part.people,
            part.people / most,
        )
        for part in parts
    ]
    sizes = [sum(part.people for part in parts if place in part.places) for place in range(len(segments))]
    pairs = [
        PairRow(
            LETTERS[one], segments[one].name, tuple(_share(parts, one, other, sizes) for other in range(len(segments)))
        )
        for one in range(len(segments))
    ]
    found = {"parts": rows, "pairs": pairs, "whole": whole if parts else 0}
    if len(segments) == 2:
        found["slices"] = _slices(segments, {part.places: part.people for part in parts}, whole)
    return found


def _share(parts: list[Part], one: int, other: int, sizes: list[int]) -> str:
    if one == other or not sizes[one]:
        return "–"
    both = sum(part.people for part in parts if one in part.places and other in part.places)
    return f"{100 * both / sizes[one]:.0f} %"


def _slices(segments: list[Segment], people: dict[tuple[int, ...], int], whole: int) -> list[Slice]:
    """One segment's own, both, the other's own: two bars that lie over each other."""
    found, start = [], 0.0
    for places, words, kind in (
        ((0,), _("only %(name)s") % {"name": segments[0].name}, "treated"),
        ((0, 1), _("in both"), "good"),
        ((1,), _("only %(name)s") % {"name": segments[1].name}, "holdout"),
    ):
        number = people.get(places, 0)
        found.append(Slice(words, number, start, number / whole, kind))
        start += number / whole
    return found
