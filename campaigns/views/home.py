"""Where the day begins, and the list of all campaigns."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.contracts import ANY_STAFF, Capability, requires
from campaigns.queries import measurement, overview
from campaigns.queries.audience import message_states
from campaigns.queries.review import open_remarks
from campaigns.views import figures
from campaigns.views.answers import page_below
from customers.queries.store import demo_store
from registry.queries import live

PAGE = 25


@requires(ANY_STAFF)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    user = request.user
    may_read = user.can(Capability.CAMPAIGN_READ) and user.merchant_id is None  # exact figures are no merchant's
    context = {
        "to_approve": overview.to_approve(user) if user.can(Capability.CAMPAIGN_APPROVE) else [],
        "came_back": overview.came_back(user) if user.can(Capability.CAMPAIGN_COMPOSE) else [],
        "to_release": overview.approved_by_others(user) if user.can(Capability.CAMPAIGN_SEND) else [],
        "may_read": may_read,
        "may_compose": user.can(Capability.CAMPAIGN_COMPOSE),
        "freshness": overview.freshness(),
        "store": demo_store(),
    }
    if may_read:
        sends = overview.sends()
        context["failing"] = [send for send in sends if send.troubled]
        context["live"] = [send for send in sends if send.campaign.state != "sent"]
        context |= _last_results()
    if user.can(Capability.MODEL_READ):
        model = live("recommender")
        context["model"] = model
        context["model_days"] = model and (timezone.now() - (model.promoted_at or model.created_at)).days
    context["tasks"] = sum(len(context.get(name, ())) for name in ("to_approve", "came_back", "to_release", "failing"))
    return render(request, "campaigns/home.html", context)


def _last_results() -> dict:
    campaign = overview.last_measured()
    results = campaign and measurement.results(campaign)
    if not results:
        return {}
    return {
        "last": campaign,
        "last_results": results,
        "last_money": figures.incremental(results.money, results.treated),
        "mail": _deliverability(message_states(campaign.pk)),
    }


def _deliverability(states: dict[str, int]) -> dict | None:
    """How the last send fared with the mail server: red above two in a hundred lost, or a complaint in a thousand."""
    tried = sum(states.get(state, 0) for state in ("sent", "delivered", "bounced", "complained", "failed", "unknown"))
    if not tried:
        return None
    lost = sum(states.get(state, 0) for state in ("failed", "unknown", "bounced"))
    is_bad = lost > 0.02 * tried or states.get("complained", 0) > 0.001 * tried
    words = ", ".join(
        f"{states.get(state, 0):,} {_(state)}" for state in ("failed", "unknown", "bounced", "complained")
    )
    return {"share": figures.percent(1 - lost / tried), "words": words, "tone": "bad" if is_bad else "good"}


@requires(Capability.CAMPAIGN_READ)
@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    rows, next_url = page_below(request, overview.campaigns(), PAGE)
    remarks = open_remarks(row.pk for row in rows)
    for row in rows:
        row.open_remarks = remarks.get(row.pk, 0)
    context = {"campaigns": rows, "next_url": next_url, "may_compose": request.user.can(Capability.CAMPAIGN_COMPOSE)}
    return render(request, "campaigns/list.html", context)
