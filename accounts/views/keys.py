"""API keys: made, shown once, revoked."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import queries, services
from accounts.contracts import Capability, requires
from accounts.forms import IssueKey, RevokeKey
from accounts.models import ApiKey, User


@requires(Capability.KEY_MANAGE)
@require_GET
def keys(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/keys.html", {"keys": queries.api_keys()[:200], "form": IssueKey()})


@requires(Capability.KEY_MANAGE)
@require_POST
def issue_key(request: HttpRequest) -> HttpResponse:
    """Shows the new key once, in the answer to the POST: it stands in no URL, no log and no later page."""
    form = IssueKey(request.POST)
    text = None
    if form.is_valid():
        account = User.objects.filter(username=form.cleaned_data["username"], is_service=True).first()
        if account is None:
            form.add_error(
                "username", _("No service account has this name; service accounts are made with a merchant.")
            )
        else:
            _key, text = services.issue_api_key(
                account, form.cleaned_data["name"], form.cleaned_data["scopes"], actor=request.user
            )
            form = IssueKey()
    context = {"keys": queries.api_keys()[:200], "form": form, "new_key": text}
    return render(request, "accounts/keys.html", context, status=400 if form.errors else 200)


@requires(Capability.KEY_MANAGE)
@require_http_methods(["GET", "POST"])
def revoke_key(request: HttpRequest, key_id: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=key_id, revoked_at=None)
    form = RevokeKey(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.revoke_api_key(key, request.user, form.cleaned_data["reason"])
        messages.success(
            request, _("Key %(prefix)s is revoked. Requests with it are refused from now on.") % {"prefix": key.prefix}
        )
        return redirect("accounts:keys")
    return render(request, "accounts/revoke_key.html", {"key": key, "form": form}, status=400 if form.errors else 200)
