"""Records that may be one person: the proposals that a rule could not settle, the merges, and the way back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.contracts import Capability, requires
from accounts.exceptions import Refused
from customers.exceptions import MergeRefused
from customers.forms import Because
from customers.identity import MOST_SHARED, RULE_WORDS, RULES
from customers.models import MergeProposal, MergeTrail
from customers.queries.merges import newest_merges, open_proposals
from customers.services import merge
from customers.views.paging import next_url, older, page_of, platform_staff_only

PROPOSALS_SHOWN = 50


@requires(Capability.PEOPLE_WRITE)
@require_GET
def merges(request: HttpRequest) -> HttpResponse:
    platform_staff_only(request)
    rows = older(newest_merges(), request.GET.get("before", ""), "at")
    found, cursor = page_of(rows, lambda row: f"{row.at.isoformat()}~{row.pk}")
    context = {
        "proposals": [
            {"proposal": row, "words": RULE_WORDS.get(row.rule, row.rule), "form": Because(prefix=f"p{row.pk}")}
            for row in open_proposals()[:PROPOSALS_SHOWN]
        ],
        "trails": [{"trail": row, "words": RULE_WORDS.get(row.rule, row.rule)} for row in found],
        "rules": RULES,
        "most_shared": MOST_SHARED,
        "next_url": next_url(request, cursor),
    }
    return render(request, "customers/merges.html", context)


@requires(Capability.PEOPLE_WRITE)
@require_POST
def decide(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """Merges the two, or keeps them apart for good, with a reason."""
    platform_staff_only(request)
    proposal = get_object_or_404(MergeProposal, pk=proposal_id)
    form = Because(request.POST, prefix=f"p{proposal.pk}")
    accept = request.POST.get("decision") == "merge"
    if not form.is_valid():
        messages.error(request, _("Say why you decide so. Nothing was changed."))
        return redirect("customers:merges")
    try:
        trail = merge.decide(proposal.pk, accept=accept, actor=request.user, reason=form.cleaned_data["reason"])
    except (Refused, MergeRefused) as refusal:
        messages.error(request, _("%(refusal)s Nothing was changed.") % {"refusal": refusal})
        return redirect("customers:merges")
    messages.success(request, _("They are one person now.") if accept else _("They stay two people."))
    return redirect("customers:detail", trail.kept_id) if trail else redirect("customers:merges")


@requires(Capability.PEOPLE_WRITE)
@require_POST
def undo(request: HttpRequest, trail_id: int) -> HttpResponse:
    """Takes a merge back, with a reason; both records are what they were."""
    platform_staff_only(request)
    trail = get_object_or_404(MergeTrail, pk=trail_id)
    form = Because(request.POST)
    try:
        merge.undo(trail.pk, actor=request.user, reason=form.cleaned_data["reason"] if form.is_valid() else "")
        messages.success(
            request,
            _("%(merged_external_id)s is a record of its own again.")
            % {"merged_external_id": trail.merged_external_id},
        )
    except (Refused, MergeRefused) as refusal:
        messages.error(request, _("%(refusal)s Nothing was changed.") % {"refusal": refusal})
    return redirect("customers:detail", trail.kept_id)
