"""Logging in, the audit trail, and API keys."""

from django.contrib import messages
from django.contrib.auth import views as auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import queries, services
from accounts.contracts import ANY_STAFF, Capability, public, requires
from accounts.forms import AuditFilter, IssueKey, RevokeKey
from accounts.models import ApiKey, User

PAGE = 50


# `as_view` copies the attributes of `dispatch`, so a mark on it is a mark on the view.
@method_decorator(public, name="dispatch")
class Login(auth.LoginView):
    template_name = "accounts/login.html"


@method_decorator(requires(ANY_STAFF), name="dispatch")
class Logout(auth.LogoutView):
    pass


@requires(Capability.AUDIT_READ)
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    form = AuditFilter(request.GET or None)
    rows = queries.audit_trail(**form.cleaned_data) if form.is_bound and form.is_valid() else queries.audit_trail()
    before = request.GET.get("before", "")
    if before.isdigit():
        rows = rows.filter(id__lt=int(before))
    entries = list(rows[: PAGE + 1])
    more = None
    if len(entries) > PAGE:
        entries = entries[:PAGE]
        query = request.GET.copy()
        query["before"] = str(entries[-1].pk)
        more = f"?{query.urlencode()}"
    return render(request, "accounts/audit.html", {"form": form, "entries": entries, "next_url": more})


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
            form.add_error("username", "No service account has this name; service accounts are made with a merchant.")
        else:
            _, text = services.issue_api_key(
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
        messages.success(request, f"Key {key.prefix} is revoked. Requests with it are refused from now on.")
        return redirect("accounts:keys")
    return render(request, "accounts/revoke_key.html", {"key": key, "form": form}, status=400 if form.errors else 200)
