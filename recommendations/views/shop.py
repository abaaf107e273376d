"""The Behaviour page: what rises, what groups of people there are, how far visits go."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from catalog.queries import merchant_of
from recommendations.contracts import CATEGORY, SEARCH, ShopFigures, TrendFact
from recommendations.queries.people import names_of
from recommendations.queries.trends import overview, trends
from recommendations.views.portrait import STEPS, Step


@dataclass(frozen=True)
class Riser:
    """A row of the trends table. points: the weeks as a line in a box of 100 by 100, y 0 on top."""

    name: str
    people: int
    before: int
    change: str
    chance: str
    points: str
    summary: str


@dataclass(frozen=True)
class Bubble:
    """A group in the plot: x by orders, y by spend, both 0 to 100, r by the number of people."""

    number: int
    x: float
    y: float
    r: float
    name: str


@requires(Capability.MODEL_READ)
@require_GET
def behaviour(request: HttpRequest) -> HttpResponse:
    if merchant_of(request.user) is not None:
        raise PermissionDenied(_("This page adds up everybody's customers; a merchant sees its own figures."))
    shop = overview()
    categories, searches = trends(CATEGORY), trends(SEARCH)
    context = {
        "shop": shop,
        "window": (categories or searches or (None,))[0],
        "categories": [riser(fact) for fact in categories],
        "searches": [riser(fact) for fact in searches],
        "groups": groups(shop) if shop else [],
        "bubbles": bubbles(shop) if shop else [],
        "funnel": funnel(shop) if shop else [],
        "social": social_groups(shop) if shop else [],
        **(redeemers(shop) if shop else {}),
    }
    return render(request, "recommendations/behaviour.html", context)


def riser(fact: TrendFact) -> Riser:
    most, last = max(*fact.weeks, 1), max(len(fact.weeks) - 1, 1)
    points = " ".join(f"{100 * i / last:.1f},{100 - 90 * n / most:.1f}" for i, n in enumerate(fact.weeks))
    chance = "< 0.001" if fact.chance < 0.001 else f"{fact.chance:.3f}"
    summary = _("People a week, oldest first: %(join)s") % {"join": ", ".join(map(str, fact.weeks))}
    name = fact.name.capitalize() if fact.kind == CATEGORY else fact.name
    return Riser(name, fact.people, fact.people_before, f"× {fact.change:.1f}", chance, points, summary)


def groups(shop: ShopFigures) -> list[Step]:
    """Rows of _waterfall.html."""
    everyone = max(sum(group[2] for group in shop.clusters), 1)
    return [
        Step(f"{number + 1}. {name}", people, people / everyone, "kept",
             _("%(orders)s orders, %(spend)s spent, last order %(days)s days before, on average")
             % {"orders": f"{orders:.0f}", "spend": f"{spend:,.0f}", "days": f"{days:.0f}"})
        for number, name, people, orders, spend, days in shop.clusters
    ]  # fmt: skip


def redeemers(shop: ShopFigures) -> dict:
    """redeemers: rows of _waterfall.html, one a kind of campaign; likeliest: (kind, [(customer id, name)])."""
    names = names_of({pk for row in shop.redeemers for pk in row[-1]}) if shop.redeemers else {}
    rows = [
        Step(
            kind, round(expected), expected / max(people, 1), "good",
            _("%(likely)s of %(people)s people are more likely than not to use one") % {
                "likely": f"{likely:,}", "people": f"{people:,}"},
        )
        for kind, people, expected, likely, _ids in shop.redeemers
    ]  # fmt: skip
    likeliest = [(kind, [(pk, names[pk]) for pk in ids if pk in names]) for kind, *_rest, ids in shop.redeemers]
    return {"redeemers": rows, "likeliest": likeliest}


def social_groups(shop: ShopFigures) -> list[Step]:
    """Rows of _waterfall.html."""
    everyone = max(sum(people for *_, people in shop.social), 1)
    return [Step(f"{number + 1}. {name}", people, people / everyone) for number, name, people in shop.social]


def bubbles(shop: ShopFigures) -> list[Bubble]:
    everyone = max(sum(group[2] for group in shop.clusters), 1)
    most_orders = max((group[3] for group in shop.clusters), default=1) or 1
    most_spend = max((group[4] for group in shop.clusters), default=1) or 1
    return [
        Bubble(number + 1, 10 + 80 * orders / most_orders, 90 - 80 * spend / most_spend,
               2 + 10 * (people / everyone) ** 0.5, name)
        for number, name, people, orders, spend, _ in shop.clusters
    ]  # fmt: skip


def funnel(shop: ShopFigures) -> list[Step]:
    """Empty where no visit was recorded."""
    if shop.visits is None:
        return []
    whole = max(shop.visits[0], 1)
    return [
        Step(label, count, count / whole, "all" if label == "visits" else "kept")
        for label, count in zip(STEPS, shop.visits, strict=True)
    ]
