"""Answers that every page here gives: the redirect after a post, a page of a long list, a nudge to the workers."""

import logging
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language, override

from campaigns.exceptions import ApprovalRefused, NotReady, TransitionRefused
from campaigns.models import Campaign
from campaigns.queries import overview

log = logging.getLogger(__name__)

# What a step of a campaign may be refused with: each says in words what to do.
REFUSALS = (TransitionRefused, ApprovalRefused, NotReady)


class SeeOther(HttpResponseRedirect):
    """After a post: read the result there. 303 makes every browser ask by GET."""

    status_code = 303


def campaign_or_404(campaign_id: int) -> Campaign:
    return get_object_or_404(overview.campaigns(), pk=campaign_id)


def say_refusal(request: HttpRequest, refusal: Exception) -> None:
    for problem in getattr(refusal, "problems", (str(refusal),)):
        messages.error(request, problem)


def nudge(task) -> None:
    """Wakes the workers once the change is committed. When the broker is away the change stands; beat wakes them later."""
    try:
        task.delay_on_commit()
    except task.OperationalError:
        log.warning("%s was not sent: the broker does not answer; beat will find the work", task.name)


def client_ip(request: HttpRequest) -> str:
    """The visitor's address as the login counts it: behind the proxy that is trusted, the one that it names."""
    try:
        return get_adapter().get_client_ip(request)
    except PermissionDenied:  # a socket of this machine has none
        return ""


def public_page(request: HttpRequest, name: str, context: dict, status: int = 200, language: str = "") -> HttpResponse:
    """A page of a customer: the store's name and address, no navigation, no script; in the person's language where it is
    known, else in the browser's.
    """
    context = {"brand": settings.BRAND, "postal_address": settings.POSTAL_ADDRESS} | context
    spoken = get_language() if not language else "zh-hans" if language.startswith("zh") else "en"
    with override(spoken):
        return render(request, f"campaigns/public/{name}.html", context, status=status)


def number(request: HttpRequest, name: str) -> int | None:
    """A positive whole number of the address line, or None for anything else."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def page_below(request: HttpRequest, rows, size: int) -> tuple[list, str]:
    """(rows, address of what follows or ""). `rows` are ordered by -pk; the page goes on below ?before. No count."""
    before = number(request, "before")
    found = list((rows if before is None else rows.filter(pk__lt=before))[: size + 1])
    if len(found) <= size:
        return found, ""
    kept = {key: value for key, value in request.GET.items() if key != "before"}
    return found[:size], "?" + urlencode({**kept, "before": found[size - 1].pk})
