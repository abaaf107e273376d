"""The fraud queue, a flag with what stands around it, and the rules."""

import math
from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from risk import queries, services
from risk.exceptions import DecisionRefused
from risk.forms import DecideCase, DecideFlag, QueueFilter
from risk.models import Case, Flag

PAGE = 25
# What a rule may read, in words; only people with the right to see doubts see the limits beside them.
WORDS = {
    "orders_1h": lazy("orders of the customer within one hour"),
    "orders_24h": lazy("orders of the customer within 24 hours"),
    "same_basket_24h": lazy("orders with this very basket within 24 hours"),
    "lines": lazy("lines in the order"),
    "amount": lazy("amount paid"),
    "amount_z": lazy("robust standard deviations above the customer's habit"),
    "amount_low": lazy("usual amount of the customer, lower end"),
    "amount_high": lazy("usual amount of the customer, upper end"),
    "coupon_share": lazy("share of the price that coupons paid"),
    "coupon_saved": lazy("amount that coupons took off"),
    "device_customers": lazy("customers with this device"),
    "address_customers": lazy("customers with this address"),
    "flagged_orders": lazy("orders with an open flag"),
    "score": lazy("highest score of an open flag"),
}


class SeeOther(HttpResponseRedirect):
    """After a POST: the browser fetches the page anew, and reloading it posts nothing."""

    status_code = 303


@requires(Capability.RISK_READ)
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", Flag.State.OPEN)
    state = state if state in Flag.State.values else Flag.State.OPEN
    form = QueueFilter(request.GET, codes=[code for code in queries.rules_in_force() if code != services.HOLD])
    code = form.cleaned_data["code"] if form.is_valid() else ""
    cases = queries.queue(state=state, code=code, after=_after(request.GET.get("after", "")), limit=PAGE + 1)
    more = ""
    if len(cases) > PAGE:
        cases = cases[:PAGE]
        query = request.GET.copy()
        query["after"] = f"{cases[-1].score!r},{cases[-1].id}"
        more = f"?{query.urlencode()}"
    can_decide = state == Flag.State.OPEN and not code and request.user.can(Capability.RISK_DECIDE)
    entries = [{"case": case, "form": _case_form(case) if can_decide else None} for case in cases]
    context = {"entries": entries, "state": state, "states": Flag.State.values, "form": form, "next_url": more}
    return render(request, "risk/queue.html", {**context, "can_decide": can_decide, "sweep": queries.last_sweep()})


def _after(text: str) -> tuple[float, int] | None:
    """The place in the queue that an earlier page named; what somebody made up begins the queue anew."""
    score, _, case_id = text.partition(",")
    try:
        place = float(score), int(case_id)
    except ValueError:
        return None
    return place if math.isfinite(place[0]) and 0 <= place[1] < 2**63 else None


def _case_form(case) -> DecideCase:
    return DecideCase(auto_id=f"case-{case.id}-%s", initial={"newest_flag_id": case.newest_flag_id})


@requires(Capability.RISK_DECIDE)
@require_POST
def decide_case(request: HttpRequest, case_id: int) -> HttpResponse:
    case = get_object_or_404(Case, pk=case_id)
    form = DecideCase(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was decided. Say why, in at most 500 characters."))
        return SeeOther(reverse("risk:queue"))
    decision = request.POST.get("decision", "")
    try:
        flags = services.decide_case(case.pk, decision=decision, by=request.user, **form.cleaned_data)
    except DecisionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request,
            _("%(flags)s flag%(value)s of case %(pk)s %(decision)s.")
            % {"flags": flags, "value": "s" if flags > 1 else "", "pk": case.pk, "decision": decision},
        )
    return SeeOther(reverse("risk:queue"))


@requires(Capability.RISK_READ)
@require_GET
def flag(request: HttpRequest, flag_id: int) -> HttpResponse:
    found = get_object_or_404(queries.flags(), pk=flag_id)
    return _flag_page(request, found, DecideFlag(initial={"seen": found.state}))


def _flag_page(request: HttpRequest, found: Flag, form: DecideFlag, status: int = 200) -> HttpResponse:
    signals = list(found.signals.all())
    facts = signals[-1].evidence.get("facts", {}) if signals else {}
    history = [
        {"at": verdict.at, "title": verdict.decision.capitalize(), "detail": verdict.reason, "actor": verdict.by}
        for verdict in found.verdicts.all()
    ]
    history.append({"at": found.raised_at, "title": _("Raised"), "detail": found.sentence})
    context = {
        "flag": found,
        "signals": signals,
        "facts": [(words, facts[name]) for name, words in WORDS.items() if name in facts],
        "orders": queries.orders_around(found),
        "others": [other for other in queries.flags_of(found.customer_id) if other.id != found.pk][:PAGE],
        "history": history,
        "form": form if request.user.can(Capability.RISK_DECIDE) else None,
    }
    return render(request, "risk/flag.html", context, status=status)


@requires(Capability.RISK_DECIDE)
@require_POST
def decide(request: HttpRequest, flag_id: int) -> HttpResponse:
    found = get_object_or_404(queries.flags(), pk=flag_id)
    form = DecideFlag(request.POST)
    if not form.is_valid():
        return _flag_page(request, found, form, status=400)
    decision = request.POST.get("decision", "")
    try:
        services.decide(found.pk, decision=decision, by=request.user, **form.cleaned_data)
    except DecisionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Flag %(pk)s is %(decision)s.") % {"pk": found.pk, "decision": decision})
    return SeeOther(reverse("risk:flag", args=[found.pk]))


@requires(Capability.RISK_READ)
@require_GET
def rules(request: HttpRequest) -> HttpResponse:
    lines = [
        {"rule": rule, "limits": _limits(rule.params), "raises": rule.code != services.HOLD} for rule in queries.rules()
    ]
    return render(request, "risk/rules.html", {"lines": lines, "sweep": queries.last_sweep()})


def _limits(params: Mapping) -> list[tuple[str, float]]:
    """(what is looked at, the least that fires), the main one first."""
    limits = {params["feature"]: params["at_least"], **params.get("also", {})} if "feature" in params else params
    return [(WORDS.get(name, name), limit) for name, limit in limits.items()]
