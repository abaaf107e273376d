"""The frame around every page of one campaign: where it stands, who did what, its tabs, and what can be done next."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.contracts import Capability
from campaigns.models import Campaign, Transition
from campaigns.queries import overview
from campaigns.state import Action, CampaignState, Kind, allowed_actions
from campaigns.views.clock import hours

TABS = (
    (_("Plan"), "detail"),
    (_("Copy"), "copy"),
    (_("Review"), "review"),
    (_("Monitor"), "monitor"),
    (_("Results"), "results"),
    (_("Evidence"), "evidence"),
)
IMPORTED = ("detail", "results")  # a campaign that was sent elsewhere has no words, messages or approval here
# Which step of the stepper a state belongs to.
STEP_OF = {
    CampaignState.GENERATING: "draft",
    CampaignState.RUNNING: "sending",
    CampaignState.PAUSED: "sending",
}
ORDER = ("draft", "in_review", "approved", "scheduled", "sending", "sent")
STEP_WORDS = {
    Action.GENERATE: _("Drafts asked for"),
    Action.DRAFTED: _("Drafts made"),
    Action.FAIL: _("Drafts failed"),
    Action.EDIT: _("Edited"),
    Action.SEND_BACK: _("Sent back"),
    Action.APPROVE: _("Approved"),
    Action.SCHEDULE: _("Released"),
    Action.UNSCHEDULE: _("Release taken back"),
    Action.EXPIRE: _("Approval expired"),
    Action.START: _("Started"),
    Action.PAUSE: _("Paused"),
    Action.RESUME: _("Resumed"),
    Action.FINISH: _("Ended"),
    Action.CANCEL: _("Stopped for good"),
}
# What one must be able to do to take a step, for the buttons; the views ask for the same.
NEEDED = {
    Action.GENERATE: Capability.CAMPAIGN_COMPOSE,
    Action.EDIT: Capability.CAMPAIGN_COMPOSE,
    Action.APPROVE: Capability.CAMPAIGN_APPROVE,
    Action.SEND_BACK: Capability.CAMPAIGN_APPROVE,
    Action.SCHEDULE: Capability.CAMPAIGN_SEND,
    Action.UNSCHEDULE: Capability.CAMPAIGN_SEND,
    Action.RESUME: Capability.CAMPAIGN_SEND,
    Action.PAUSE: Capability.CAMPAIGN_HALT,
    Action.CANCEL: Capability.CAMPAIGN_HALT,
    Action.START: Capability.CAMPAIGN_SEND,
    Action.FINISH: Capability.CAMPAIGN_HALT,
}
# A campaign that is sent once starts and ends by itself.
ITSELF = {Action.START, Action.FINISH}


@dataclass(frozen=True)
class Step:
    """One step as people read it."""

    words: str
    to_state: str
    who: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Tab:
    label: str
    url: str
    current: bool


def shell(request: HttpRequest, campaign: Campaign, current: str) -> dict:
    """Context of campaigns/_campaign.html. Two queries: the steps, and (once a request) the caller's roles."""
    steps = overview.transitions(campaign.pk)
    possible = set(allowed_actions(campaign.state, campaign.kind))
    if campaign.state == CampaignState.DRAFT:
        possible.add(Action.EDIT)  # a draft is edited without a step
    if campaign.kind != Kind.TRIGGERED:
        possible -= ITSELF
    may = {str(step) for step in possible if step in NEEDED and request.user.can(NEEDED[step])}
    return {
        "campaign": campaign,
        "steps": [Step(STEP_WORDS[Action(s.action)], s.to_state, who(s.actor), s.at, s.reason) for s in steps],
        "notes": notes(campaign, steps),
        "tabs": [Tab(label, reverse(f"campaigns:{name}", args=[campaign.pk]), name == current) for label, name in TABS],
        "current": current,
        "may": may,
        "on_release": campaign.late_after is None,
        "hours": hours(campaign),
        "local_at": campaign.local_at and datetime.fromisoformat(campaign.local_at),
        "platform_zone": settings.PLATFORM_ZONE,
        "holdout_words": f"{100 * campaign.holdout_share:g} %",
        "is_history": campaign.kind == Kind.HISTORY,
    }


def notes(campaign: Campaign, steps: list[Transition]) -> dict[str, str]:
    """By step of the stepper, up to where the campaign stands: who brought it there last, and when."""
    found = {"draft": _note(campaign.created_by, campaign.created_at)}
    for step in steps:
        found[STEP_OF.get(step.to_state, step.to_state)] = _note(step.actor, step.at)
    stands = STEP_OF.get(campaign.state, campaign.state)
    passed = ORDER[: ORDER.index(stands) + 1] if stands in ORDER else ORDER
    return {name: note for name, note in found.items() if name in passed}


def who(user) -> str:
    return (user.get_full_name() or user.get_username()) if user else "Attune"


def _note(user, at) -> str:
    return f"{who(user)}, {date_format(at, 'MONTH_DAY_FORMAT')} {at:%H:%M}"
