"""What every request passes: an id, a content security policy, and the question whether its caller may call the view."""

import uuid
from dataclasses import dataclass
from typing import ClassVar

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows import reauthentication
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation

from accounts.contracts import ANY_STAFF, NOBODY, PLATFORM, PUBLIC, SIGNED_IN, Capability, request_id
from accounts.queries import see_as


class RequestId:
    """Gives each request an id: it stands in the answer's header, the logs and the audit trail."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.id = str(uuid.uuid4())
        mark = request_id.set(request.id)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(mark)
        response["X-Request-Id"] = request.id
        return response


class ContentSecurityPolicy:
    """Own scripts, styles and pictures only; a message preview is framed without scripts (`frame-src 'self'`)."""

    POLICY = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    # Swagger's page needs inline styles and data images; it shows no person's data.
    DOCS: ClassVar = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
        "script-src 'self'", "script-src 'self' 'unsafe-inline'"
    )

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        docs = request.path.startswith("/api/docs")
        response.setdefault("Content-Security-Policy", self.DOCS if docs else self.POLICY)
        return response


class Language(LocaleMiddleware):
    """Pages speak the language that was chosen, else what the browser asks for. The API speaks English: programs read it."""

    def process_request(self, request):
        if request.path.startswith("/api/"):
            translation.activate("en")
            request.LANGUAGE_CODE = "en"
        else:
            super().process_request(request)


class Reach:
    """Says to the database whose rows this request may see, before any view asks; an API key says it after its check."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = None
        try:
            response = self.get_response(request)
        finally:
            # What streams is still to be read; its connection is cleaned by the pool and by the next request.
            if getattr(request, "has_reach", False) and not getattr(response, "streaming", False):
                see_as(None)
        return response

    def process_view(self, request, view, args, kwargs):
        request.has_reach = True
        if request.user.is_authenticated:
            see_as(request.user.reach)
        else:  # a public page speaks for the platform about the one thing that its signed link names
            see_as(PLATFORM if getattr(view, "capability", None) == PUBLIC else NOBODY)


class Access:
    """Denies by default: a view that declares no capability (accounts.contracts.requires, public) is called by nobody.

    Views of the API are left to their own permission class, which denies just the same; the admin asks for is_staff.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        needed = getattr(view, "capability", None)
        if hasattr(view, "cls") or needed == PUBLIC:
            return None
        if request.resolver_match.app_name == "admin":
            return self._to_enrolment(request)
        if not request.user.is_authenticated:
            if request.htmx:  # a fragment that polls: the whole page goes to the login, not the login into the fragment
                return HttpResponse(status=204, headers={"HX-Refresh": "true"})
            return redirect_to_login(request.get_full_path())
        if needed == SIGNED_IN:
            return None
        return self._to_enrolment(request) or self._refuse(request, needed) or self._to_confirm(request, view)

    @staticmethod
    def _refuse(request, needed) -> None:
        if needed is None:
            raise PermissionDenied("This page declares no capability, so nobody may open it.")
        if needed == ANY_STAFF:
            return
        if not request.user.can(needed):
            raise PermissionDenied(f"This page needs the right “{needed}”, which none of your roles gives.")
        if request.user.merchant_id is not None and request.resolver_match.app_name == "campaigns":
            # Whatever else a merchant's own people may do: theirs is told with noise, for one person may tell two apart.
            raise PermissionDenied(
                "These pages show people and exact figures; a merchant reads its results by the API."
            )

    @staticmethod
    def _to_confirm(request, view):
        """For what must not be done from a session that somebody left open. A post is kept, and done afterwards."""
        if not getattr(view, "is_confirmed", False):
            return None
        if not reauthentication.is_reauthentication_required(request, app="accounts"):
            return None
        ways = get_adapter().get_reauthentication_methods(request.user)
        if not ways:
            raise PermissionDenied("This page asks for a password or a second factor, and you have neither.")
        return reauthentication.suspend_request(request, ways[0]["url"])

    @staticmethod
    def _to_enrolment(request):
        """Whoever must have a second factor and has none is led to one, and to nothing else."""
        if not (request.user.is_authenticated and request.user.lacks_second_factor):
            return None
        if request.htmx:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return redirect("mfa_activate_totp")


@dataclass(frozen=True)
class Place:
    label: str
    url: str
    current: bool


# Label, url name, and what one must be able to do to see it.
PLACES = (
    ("Home", "campaigns:home", ANY_STAFF),
    ("Campaigns", "campaigns:list", Capability.CAMPAIGN_READ),
    ("Copy", "copywriting:studio", Capability.CAMPAIGN_READ),
    ("Segments", "campaigns:segments", Capability.CAMPAIGN_READ),
    ("Offers", "campaigns:offers", Capability.CAMPAIGN_READ),
    ("Customers", "customers:list", Capability.CUSTOMER_READ),
    ("Imports", "customers:imports", Capability.PEOPLE_WRITE),
    ("Merges", "customers:merges", Capability.PEOPLE_WRITE),
    ("Behaviour", "recommendations:behaviour", Capability.MODEL_READ),
    ("Models", "registry:list", Capability.MODEL_READ),
    ("Fraud", "risk:queue", Capability.RISK_READ),
    ("Consent", "customers:ledger", Capability.CONSENT_READ),
    ("Consent over time", "customers:rates", Capability.CONSENT_READ),
    ("Privacy requests", "campaigns:requests", Capability.CONSENT_READ),
    ("Privacy budget", "customers:budget", Capability.CONSENT_READ),
    ("Retention", "customers:retention", Capability.CONSENT_READ),
    ("Events", "customers:events", Capability.EVENT_READ),
    ("Audit", "accounts:audit", Capability.AUDIT_READ),
    ("Exports", "accounts:exports", Capability.EXPORT_DECIDE),
    ("Webhooks", "campaigns:webhooks:list", Capability.WEBHOOK_MANAGE),
    ("API keys", "accounts:keys", Capability.KEY_MANAGE),
)


def navigation(request) -> dict:
    """Template context: the places that this person may go to."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or user.lacks_second_factor:
        return {"navigation": []}
    places = []
    for label, name, needed in PLACES:
        if needed == ANY_STAFF or user.can(needed):
            url = reverse(name)
            places.append(Place(label, url, request.path == url or (url != "/" and request.path.startswith(url))))
    return {"navigation": places}
