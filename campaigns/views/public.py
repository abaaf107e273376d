"""What a customer opens from a message: no login, no cookie. The signed token in the address is all that is asked for.

A GET never changes what somebody allowed; a post is bound to its token, so it needs no cookie against forgery.
"""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.contracts import public
from campaigns.forms.answers import PreferencesForm, SurveyForm
from campaigns.models import Message
from campaigns.queries import public as queries
from campaigns.services import tracking
from campaigns.services.messages import PREFERENCES, SURVEY, UNSUBSCRIBE, money
from catalog.queries import by_ids


def by_token(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For views of a signed link: a token that we did not sign for this page gets a page that says what to do, never a fault."""

    @wraps(view)
    def answer(request: HttpRequest, token: str) -> HttpResponse:
        try:
            return view(request, token)
        except BadSignature:
            return _page(request, "bad_link", {"is_gone": False}, status=400)
        except Message.DoesNotExist:  # erased with the person, or never sent
            return _page(request, "bad_link", {"is_gone": True}, status=410)

    return public(csrf_exempt(never_cache(answer)))


def _page(request: HttpRequest, name: str, context: dict, status: int = 200) -> HttpResponse:
    context = {"brand": settings.BRAND, "postal_address": settings.POSTAL_ADDRESS} | context
    return render(request, f"campaigns/public/{name}.html", context, status=status)


def _agent(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")[:500]


@by_token
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Records the click and leads on to the product. The target is looked up, never taken from the address."""
    # A HEAD comes from a scanner, whatever it calls itself.
    product_id = tracking.click(token, user_agent=_agent(request) if request.method == "GET" else "")
    if product_id is None:
        return _page(request, "product", {"product": None})
    product = by_ids([product_id]).get(product_id)
    if product is not None and product.url.startswith(("https://", "http://")):
        return HttpResponseRedirect(product.url)
    return HttpResponseRedirect(reverse("campaigns:product", args=[product_id]))


@public
@require_safe
def product(request: HttpRequest, product_id: int) -> HttpResponse:
    """Stands in for the shop's own page where the feed gives no address."""
    found = by_ids([product_id]).get(product_id)
    shown = found is not None and found.is_active
    price = money(found.price, found.currency) if shown and found.price is not None else ""
    context = {"product": found if shown else None, "price": price}
    return _page(request, "product", context, status=200 if shown else 404)


@by_token
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A GET shows a button. A post takes effect at once: from that button, or one-click from a mail program (RFC 8058)."""
    if request.method == "POST":
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        method = "one_click" if one_click else "unsubscribe_page"
        message, said = tracking.unsubscribe(token, method=method, user_agent=_agent(request))
        return _page(request, "unsubscribed", {"message": message, "said": said})
    message, _ = tracking.message_of(token, UNSUBSCRIBE)
    return _page(request, "unsubscribe", {"message": message})


@by_token
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    message, _ = tracking.message_of(token, PREFERENCES)
    permission = queries.permission(message.customer_id, message.channel)
    may_write = permission is not None and permission.is_given
    saved, said = request.method == "POST", None
    if saved:
        given = PreferencesForm(request.POST)
        given.is_valid()  # two boxes: anything is an answer
        # What is off already is not withdrawn once more, and is not switched on here: that takes a consent of its own.
        wants_email = given.cleaned_data["email"] or not may_write
        personalise = given.cleaned_data["personalise"]
        said = tracking.set_preferences(
            token, wants_email=wants_email, personalise=personalise, user_agent=_agent(request)
        )
        may_write = may_write and wants_email
        message.customer.personalise = personalise
    form = PreferencesForm(initial={"email": may_write, "personalise": message.customer.personalise})
    context = {"message": message, "form": form, "may_write": may_write, "saved": saved, "said": said}
    return _page(request, "preferences", context)


@by_token
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, token: str) -> HttpResponse:
    message, _ = tracking.message_of(token, SURVEY)
    form = SurveyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        tracking.answer(token, score=given["score"], comment=given["comment"], user_agent=_agent(request))
        return _page(request, "thanks", {"message": message})
    return _page(request, "survey", {"message": message, "form": form}, status=400 if form.errors else 200)


@by_token
@require_safe
def why(request: HttpRequest, token: str) -> HttpResponse:
    """The reasons in words: the group, the permission, and each product's own reason."""
    message, _ = tracking.message_of(token, PREFERENCES)
    context = {
        "message": message,
        "phrase": message.variant.segment.audience_phrase,
        "permission": queries.permission(message.customer_id, message.channel),
        "shown": queries.shown(message),
        "token": token,  # of the same purpose: it opens the preferences
    }
    return _page(request, "why", context)
