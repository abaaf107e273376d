"""What a worker found when it read a campaign for its reviewer, and whether that is of what the campaign is now."""

from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import tasks
from campaigns.contracts import Waterfall
from campaigns.models import Campaign, Tally
from campaigns.services import tallies
from campaigns.services.approval import READ_FOR
from campaigns.views.answers import nudge

State = Tally.State


@dataclass(frozen=True)
class Failure:
    """Messages that cannot be filled for one cause; context of campaigns/_read_through.html."""

    channel: str
    segment: int
    variant: int
    label: str
    cause: str
    remedy: str
    people: int
    example: int


@dataclass(frozen=True)
class Read:
    """`digest` is "" while nothing that counts is there: until then nobody can approve."""

    state: str = ""  # "" before an audience is frozen; else a state of Tally
    share: float = 0.0
    message: str = ""
    at: datetime | None = None
    digest: str = ""
    size: int = 0
    tried: int = 0
    failing: int = 0
    people: dict[int, int] = field(default_factory=dict)
    gate: Waterfall | None = None
    faults: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    moved: list[dict] = field(default_factory=list)

    @property
    def is_waiting(self) -> bool:
        return self.state in (State.ASKED, State.WORKING)

    @property
    def is_clean(self) -> bool:
        return bool(self.digest) and not self.failures and not self.faults


def read_of(campaign: Campaign) -> Read:
    """Of the campaign as it stands; asks a worker where there is none, or one that is too old to be approved by."""
    if campaign.frozen_at is None:
        return Read()
    row = tallies.review_of(campaign)
    if row is None or (row.state == State.DONE and row.answered_at < timezone.now() - READ_FOR):
        row = tallies.ask_review(campaign)
        nudge(tasks.answer_tallies)
    counts = row.answer is not None and row.state != State.FAILED and row.answered_at >= timezone.now() - READ_FOR
    said = row.answer or {}
    gate = said.get("gate")
    return Read(
        state=row.state,
        share=row.done,
        message=row.message,
        at=row.answered_at,
        digest=said["digest"] if counts else "",
        size=said.get("size", 0),
        tried=said.get("tried", 0),
        failing=said.get("failing", 0),
        people={int(pk): n for pk, n in said.get("people", {}).items()},
        gate=gate and Waterfall.of_plain(gate),
        faults=said.get("faults", []),
        failures=[
            Failure(**one | {"cause": _(one["cause"]), "remedy": _(one["remedy"])}) for one in said.get("failures", [])
        ],
        moved=said.get("moved", []),
    )
