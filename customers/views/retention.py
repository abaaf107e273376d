"""How long everything is kept, what is due, and the holds that stop it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from customers.exceptions import RetentionRefused
from customers.forms import HoldForm, LiftForm
from customers.queries import retention as queries
from customers.services import retention as service

LONGEST = 1095.0  # three years fill the bar
HOLDS_SHOWN = 50


@requires(Capability.CONSENT_READ)
@require_GET
def retention(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, *, hold_form=None, lift_form=None, status: int = 200) -> HttpResponse:
    rules, holds = list(queries.rules()), list(queries.holds()[:HOLDS_SHOWN])
    standing = {hold.table: hold for hold in reversed(holds) if hold.lifted_at is None}
    everything = standing.get("*")
    context = {
        "rows": [
            {
                "rule": rule,
                "share": min(1.0, rule.keep_days / LONGEST),
                "hold": standing.get(rule.table) or everything,
                "left": None if rule.due is None else rule.due - rule.removed,
            }
            for rule in rules
        ],
        "holds": holds,
        "may_hold": request.user.can(Capability.CONSENT_WRITE),
        "hold_form": hold_form or HoldForm(tables=[rule.table for rule in rules]),
        "lift_form": lift_form or LiftForm(),
    }
    return render(request, "customers/retention.html", context, status=status)


@requires(Capability.CONSENT_WRITE)
@require_POST
def hold(request: HttpRequest) -> HttpResponse:
    form = HoldForm(request.POST, tables=[rule.table for rule in queries.rules()])
    if not form.is_valid():
        return _page(request, hold_form=form, status=400)
    try:
        service.place_hold(actor=request.user, **form.cleaned_data)
    except RetentionRefused as refusal:
        form.add_error(refusal.field, refusal.remedy)
        return _page(request, hold_form=form, status=400)
    messages.success(request, _("The hold stands: nothing of it is thrown away until somebody lifts it."))
    return redirect(reverse("customers:retention"))


@requires(Capability.CONSENT_WRITE)
@require_POST
def lift_hold(request: HttpRequest, hold_id: int) -> HttpResponse:
    form = LiftForm(request.POST)
    if not form.is_valid():
        return _page(request, lift_form=form, status=400)
    if service.lift_hold(hold_id, reason=form.cleaned_data["reason"], actor=request.user):
        messages.success(request, _("The hold is lifted: the rule holds again from the next run on."))
    else:
        messages.info(request, _("There is no such hold any more: somebody lifted it before."))
    return redirect(reverse("customers:retention"))
