"""Lists of people: of an imported file, and look-alikes of a segment; each is a segment of its own."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.contracts import Capability, requires
from campaigns import tasks
from campaigns.exceptions import RuleRefused
from campaigns.forms.lists import FileListForm, LookAlikeForm
from campaigns.models import PeopleList
from campaigns.queries import membership
from campaigns.services import lists as services
from campaigns.views.answers import SeeOther, nudge

SHOWN = 100
MOVING = (PeopleList.State.ASKED, PeopleList.State.WORKING)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def lists(request: HttpRequest) -> HttpResponse:
    """All lists with the forms for the next; a post names its form by `make`."""
    make = request.POST.get("make", "")
    batches = membership.unlisted_files()
    alike = LookAlikeForm(request.POST if make == "alike" else None, prefix="alike")
    files = {
        batch.pk: FileListForm(
            request.POST if make == f"file-{batch.pk}" else None,
            prefix=f"file-{batch.pk}",
            initial={"name": batch.options["list"]},
        )
        for batch in batches
    }
    if request.method == "POST":
        form = alike if make == "alike" else files.get(_batch(make))
        if form is None:
            messages.error(request, _("This file is no list, or is one already."))
            return SeeOther(reverse("campaigns:lists"))
        made = _make(request, form, _batch(make)) if form.is_valid() else None
        if made is not None:
            return SeeOther(reverse("campaigns:segment", args=[made.pk]))
    rows = membership.lists()[:SHOWN]
    context = {
        "rows": rows,
        "is_moving": any(row.state in MOVING for row in rows),
        "alike": alike,
        "files": [(batch, files[batch.pk]) for batch in batches],
        "may_import": request.user.can(Capability.PEOPLE_WRITE),
    }
    name = "campaigns/segment_lists.html#lists" if request.htmx else "campaigns/segment_lists.html"
    return render(request, name, context, status=400 if make else 200)


def _batch(make: str) -> int:
    number = make.removeprefix("file-")
    return int(number) if number.isdecimal() and len(number) < 19 else 0


def _make(request: HttpRequest, form, batch_id: int):
    """The segment of the new list; None with the reason in the form."""
    given = form.cleaned_data
    try:
        if batch_id:
            made = services.of_file(
                batch_id, name=given["name"], audience_phrase=given["audience_phrase"], actor=request.user
            )
        else:
            made = services.look_alike(
                given["seed"].pk,
                name=given["name"],
                wanted=given["wanted"],
                audience_phrase=given["audience_phrase"],
                actor=request.user,
            )
    except RuleRefused as refusal:
        field = refusal.place if refusal.place in form.fields else None
        form.add_error(field, f"{refusal.reason} {refusal.remedy}")
        return None
    nudge(tasks.find_look_alikes)
    nudge(tasks.refresh_segments)
    messages.success(request, _("The list stands and is a segment. A worker counts its people now."))
    return made
