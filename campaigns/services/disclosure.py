"""What a merchant is told of a campaign: figures of groups with noise, once a week, within the merchant's budget.

The platform's own staff read exact figures; a merchant could tell two campaigns apart by one person, so noise stands
between. It hides a household, a person with all who share an address with them, and households are what is counted.
A figure moves at the end of each week since the start and at the end of the window, never by what the data say.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from campaigns.contracts import Arm, Lift, NoisyArm, NoisyFunnel
from campaigns.models import Campaign
from campaigns.queries.disclosed import MONEY_CAP, PEOPLE_CAP, capped, has_simulated_clicks
from campaigns.queries.measurement import Window, window_of
from campaigns.stats.lift import noisy_conversion_lift, noisy_revenue_lift
from customers.contracts import GroupAnswer, GroupFigure, GroupPart, GroupQuestion
from customers.services import disclosure

WEEK = timedelta(days=7)
# Half a unit an answer: with a cap of 3 a merchant gets six a quarter. Counts need most of it: they carry the shares.
UNIT = "household"  # campaigns.queries.disclosed
PARTS = (GroupPart("people", PEOPLE_CAP, 0.35), GroupPart("money", MONEY_CAP, 0.15))


@dataclass(frozen=True)
class Privacy:
    """How the figures were protected, for whoever has to trust or to explain them."""

    unit: str
    mechanism: str
    epsilon: float
    delta: float
    answered_at: datetime
    is_repeated: bool
    people_error: float
    money_error: Decimal
    money_cap: Decimal
    too_few: tuple[str, ...]


@dataclass(frozen=True)
class MerchantResults:
    """As campaigns.queries.measurement.Results, with noise. The arms are not checked against each other: noise moves both."""

    window: Window
    treated: NoisyArm
    holdout: NoisyArm
    conversion: Lift
    revenue: Lift
    funnel: NoisyFunnel
    privacy: Privacy
    ratio: None = None
    # Told once a week at fixed times; the covariance of daily looks and past spending would need a budget of their own.
    looked_at: None = None
    adjusted: None = None


def first_moment(campaign: Campaign) -> datetime | None:
    """When a merchant can first be told anything; None before the start."""
    if campaign.started_at is None:
        return None
    return campaign.started_at + min(WEEK, timedelta(days=campaign.attribution_days))


def told_until(window: Window) -> datetime | None:
    """The newest moment at or before `window.as_of` at which figures are made; None when the first is yet to come."""
    if window.is_complete:
        return window.until
    weeks = (window.as_of - window.since) // WEEK
    return window.since + weeks * WEEK if weeks else None


def results(campaign: Campaign, as_of: datetime | None, *, actor_id: int) -> MerchantResults | None:
    """The figures for the campaign's merchant; None before the first moment. Raises BudgetSpent."""
    asked = window_of(campaign, as_of)
    until = None if asked is None else told_until(asked)
    if until is None:
        return None
    window = window_of(campaign, until)
    answer = disclosure.ask(_question(campaign, window), lambda: _exact(campaign, window), actor_id=actor_id)
    people, money = answer.figures["people"], answer.figures["money"]
    treated, holdout = (_arm(arm, people, money) for arm in Arm)
    return MerchantResults(
        window,
        treated,
        holdout,
        noisy_conversion_lift(treated, holdout),
        noisy_revenue_lift(treated, holdout, MONEY_CAP / 100),
        _funnel(people, has_simulated_clicks(campaign)),
        _privacy(answer),
    )


def _question(campaign: Campaign, window: Window) -> GroupQuestion:
    return GroupQuestion(
        dataset=f"merchant {campaign.merchant.external_id}",
        text=f"results of campaign {campaign.pk} until {window.until:%Y-%m-%d %H:%M}",
        data_version=window.until.isoformat(),  # orders that come late for it are not told: no answer is given twice
        parts=PARTS,
        unit=UNIT,
    )


def _exact(campaign: Campaign, window: Window) -> dict[str, dict[str, int]]:
    found = capped(campaign, window)
    return {"people": found.people, "money": found.money}


def _arm(arm: Arm, people: dict[str, GroupFigure], money: dict[str, GroupFigure]) -> NoisyArm:
    customers, converted, revenue = people[arm], people[f"{arm}_converted"], money[arm]
    return NoisyArm(
        arm,
        customers.value,
        converted.value,
        _amount(revenue.value),
        customers.expected_error,
        revenue.expected_error / 100,
    )


def _amount(cents: int | None) -> Decimal | None:
    return None if cents is None else Decimal(cents) / 100


def _funnel(people: dict[str, GroupFigure], is_simulated: bool) -> NoisyFunnel:
    told = {name: figure.value for name, figure in people.items()}
    steps = {name: told[name] for name in ("sent", "failed", "skipped", "unknown", "clickers", "survey_answers")}
    return NoisyFunnel(
        treated=told["treated"], ordered=told["treated_converted"], clicks_simulated=is_simulated, **steps
    )


def _privacy(answer: GroupAnswer) -> Privacy:
    people, money = answer.figures["people"], answer.figures["money"]
    hidden = [name for name, figure in people.items() if figure.value is None]
    hidden += [f"{name}_revenue" for name, figure in money.items() if figure.value is None]
    return Privacy(
        unit=UNIT,
        mechanism=answer.mechanism,
        epsilon=answer.epsilon,
        delta=answer.delta,
        answered_at=answer.answered_at,
        is_repeated=answer.is_repeated,
        people_error=next(iter(people.values())).expected_error,
        money_error=Decimal(f"{next(iter(money.values())).expected_error / 100:.2f}"),
        money_cap=Decimal(MONEY_CAP) / 100,
        too_few=tuple(sorted(hidden)),
    )
