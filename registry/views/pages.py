"""The Models page: what is live, how each version compares, and the two ways to change it."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.contracts import Capability, requires
from registry import queries, services
from registry.exceptions import PromotionRefused
from registry.forms import Reason
from registry.models import Alarm, ModelVersion, TrainingRun
from registry.views.comparisons import shown
from registry.views.health import health
from registry.views.metrics import accuracy, figures, meanings

SHOWN = 60


@dataclass(frozen=True)
class Raised:
    """An alarm with the version that answers, and the one that a roll-back would bring back (None: there is none)."""

    alarm: Alarm
    live: ModelVersion | None
    before: ModelVersion | None


@requires(Capability.MODEL_READ)
@require_GET
def models(request: HttpRequest) -> HttpResponse:
    runs = list(queries.runs()[:12])
    return render(
        request,
        "registry/list.html",
        {
            "versions": queries.versions()[:SHOWN],
            "runs": runs,
            "is_moving": any(run.state in (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING) for run in runs),
            "may_train": request.user.can(Capability.MODEL_PROMOTE),
            "comparisons": [shown(one) for one in queries.comparisons("recommenders")[:4]],
            "alarms": [
                Raised(alarm, queries.live(alarm.kind), queries.before(alarm.kind)) for alarm in queries.alarms()
            ],
        },
    )


@requires(Capability.MODEL_READ)
@require_GET
def version(request: HttpRequest, version_id: int) -> HttpResponse:
    found = get_object_or_404(queries.versions(), pk=version_id)
    context = {
        "version": found,
        "metrics": figures(found),
        "meanings": meanings(found),
        "accuracy": accuracy(found),
        "form": Reason(),
        "health": health(found),
    }
    return render(request, "registry/version.html", context)


@requires(Capability.MODEL_PROMOTE)
@require_http_methods(["POST"])
def measure(request: HttpRequest, version_id: int) -> HttpResponse:
    """Leaves a run that a worker picks up within a minute; its result stands among the readings of the live version."""
    found = get_object_or_404(ModelVersion, pk=version_id)
    services.ask("exclusions", {"of": found.kind}, asked_by=request.user)
    messages.success(request, _("Asked for. The Models page shows its progress; it takes as long as two trainings."))
    return redirect("registry:version", version_id)


@requires(Capability.MODEL_PROMOTE)
@require_http_methods(["POST"])
def promote(request: HttpRequest, version_id: int) -> HttpResponse:
    return _change(request, version_id, "promote")


@requires(Capability.MODEL_PROMOTE)
@require_http_methods(["POST"])
def roll_back(request: HttpRequest, version_id: int) -> HttpResponse:
    return _change(request, version_id, "roll back")


def _change(request: HttpRequest, version_id: int, action: str) -> HttpResponse:
    found = get_object_or_404(ModelVersion, pk=version_id)
    form = Reason(request.POST)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            if action == "promote":
                now_live = services.promote(found.pk, actor=request.user, reason=reason)
            else:
                now_live = services.roll_back(found.kind, actor=request.user, reason=reason)
        except PromotionRefused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, _("Version %(pk)s of %(kind)s is live.") % {"pk": now_live.pk, "kind": now_live.kind}
            )
    else:
        messages.error(request, _("Say why: the reason stands in the audit trail."))
    return redirect("registry:version", version_id)
