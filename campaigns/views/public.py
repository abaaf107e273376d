"""What a customer opens from a message: no login, no cookie. The signed token in the address is all that is asked for.

A GET never changes what somebody allowed; a post is bound to its token, so it needs no cookie against forgery.
"""

from collections.abc import Callable
from functools import wraps
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.core.serializers.json import DjangoJSONEncoder
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.contracts import public
from campaigns.forms.answers import PreferencesForm, SurveyForm
from campaigns.models import Message
from campaigns.queries import public as queries
from campaigns.services import preferences as choices
from campaigns.services import tracking
from campaigns.services.messages import PREFERENCES, SURVEY, UNSUBSCRIBE, money
from campaigns.tasks import send_letters
from campaigns.views.answers import client_ip, nudge, public_page
from catalog.queries import by_ids
from customers.queries.consent import receipts_of
from customers.queries.people import person_of

# What browsers say with a request that nobody made yet: prefetch, prerender, preview.
AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def by_token(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For views of a signed link: a token that we did not sign for this page gets a page that says what to do, never a fault."""

    @wraps(view)
    def answer(request: HttpRequest, token: str) -> HttpResponse:
        try:
            return view(request, token)
        except BadSignature:
            return public_page(request, "bad_link", {"is_gone": False}, status=400)
        except Message.DoesNotExist:  # erased with the person, or never sent
            return public_page(request, "bad_link", {"is_gone": True}, status=410)

    return public(csrf_exempt(never_cache(answer)))


def _agent(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")[:500]


@by_token
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Records the click and leads on to the product. The target is looked up, never taken from the address."""
    is_ahead = any("pre" in request.headers.get(name, "").lower() for name in AHEAD)
    # A HEAD comes from a scanner, and what is fetched ahead from a browser that guesses, whatever they call themselves.
    landing = tracking.click(token, user_agent="" if is_ahead or request.method == "HEAD" else _agent(request))
    if is_ahead:  # refused, so that the browser asks again when its person does follow the link
        return HttpResponse(status=503)
    if landing.product_id is None:
        return public_page(request, "product", {"product": None})
    product = by_ids([landing.product_id]).get(landing.product_id)
    if product is not None and product.url.startswith(("https://", "http://")):
        return HttpResponseRedirect(_with(product.url, landing.utm))
    return HttpResponseRedirect(reverse("campaigns:product", args=[landing.product_id]))


def _with(address: str, more: dict[str, str]) -> str:
    """The shop's address with these parameters behind its own; one that it has already stays as it is."""
    parts = urlsplit(address)
    own = dict(parse_qsl(parts.query, keep_blank_values=True))
    added = urlencode({name: value for name, value in more.items() if name not in own})
    return urlunsplit(parts._replace(query="&".join(part for part in (parts.query, added) if part)))


@public
@require_safe
def product(request: HttpRequest, product_id: int) -> HttpResponse:
    """Stands in for the shop's own page where the feed gives no address."""
    found = by_ids([product_id]).get(product_id)
    shown = found is not None and found.is_active
    price = money(found.price, found.currency) if shown and found.price is not None else ""
    context = {"product": found if shown else None, "price": price}
    return public_page(request, "product", context, status=200 if shown else 404)


@by_token
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A GET shows a button. A post takes effect at once: from that button, or one-click from a mail program (RFC 8058)."""
    if request.method == "POST":
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        method = "one_click" if one_click else "unsubscribe_page"
        message, said = tracking.unsubscribe(token, method=method, user_agent=_agent(request))
        return public_page(
            request, "unsubscribed", {"message": message, "said": said}, language=message.customer.language
        )
    message, _ = tracking.message_of(token, UNSUBSCRIBE)
    return public_page(request, "unsubscribe", {"message": message}, language=message.customer.language)


@by_token
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """The preference centre. `?language=` shows it in another language; only a post changes anything."""
    message, _ = tracking.message_of(token, PREFERENCES)
    customer = message.customer
    person = person_of(customer)  # the same, where the record was not merged
    asked = PreferencesForm(request.POST if request.method == "POST" else request.GET)
    given = asked.cleaned_data if asked.is_valid() else {}
    # A box that cannot be read must not count as one that is off.
    is_unread = request.method == "POST" and not asked.is_valid()
    language = given.get("language") or ("zh" if person.language.startswith("zh") else "en")
    saved = None
    if request.method == "POST" and not is_unread:
        # The words around the boxes without anybody's answer: what is hashed is the form, not the person.
        blank = render_to_string(
            "campaigns/public/_switches.html", {"switches": choices.switches(customer, language), "is_blank": True}
        )
        saved = choices.save(
            customer,
            set(given.get("on", ())),
            personalise=bool(given.get("personalise")),
            language=language,
            form_html=blank,
            visitor=choices.Visitor(client_ip(request), _agent(request)),
        )
        person.refresh_from_db()
        if saved.asked:
            nudge(send_letters)
    context = {
        "customer": person,
        "switches": choices.switches(customer, language),
        "language": language,
        "languages": asked.fields["language"].choices,
        "saved": saved,
        "is_unread": is_unread,
        "token": token,
    }
    return public_page(request, "preferences", context, status=400 if is_unread else 200, language=language)


@by_token
@require_safe
def receipts(request: HttpRequest, token: str) -> HttpResponse:
    """Every record of this person's consent, to read; `?format=json` to keep."""
    message, _ = tracking.message_of(token, PREFERENCES)
    person = person_of(message.customer)
    rows = receipts_of(person.pk)
    if request.GET.get("format") == "json":
        answer = JsonResponse({"receipts": rows}, encoder=DjangoJSONEncoder, json_dumps_params={"indent": 2})
        answer["Content-Disposition"] = 'attachment; filename="consent-receipts.json"'
        return answer
    context = {"receipts": rows, "token": token, "customer": person}
    return public_page(request, "receipts", context, language=person.language)


@by_token
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, token: str) -> HttpResponse:
    message, _ = tracking.message_of(token, SURVEY)
    language = message.customer.language
    form = SurveyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        tracking.answer(token, score=given["score"], comment=given["comment"], user_agent=_agent(request))
        return public_page(request, "thanks", {"message": message, "form": form}, language=language)
    context = {"message": message, "form": form}
    return public_page(request, "survey", context, status=400 if form.errors else 200, language=language)


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
    return public_page(request, "why", context, language=message.customer.language)
