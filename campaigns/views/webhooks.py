"""Where merchants' systems are posted to, and what became of each post. A merchant's own member sees its own alone."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.contracts import Capability, requires
from campaigns.exceptions import EndpointRefused
from campaigns.forms.webhook import KINDS, EndpointForm
from campaigns.models import ProviderTally, WebhookEndpoint
from campaigns.queries import reports
from campaigns.queries import webhooks as queries
from campaigns.services import endpoints, push, telling
from campaigns.tasks import tell
from campaigns.views import figures
from campaigns.views.answers import SeeOther, nudge, page_below
from catalog.queries import merchant_of

PAGE = 50
TOLD = {
    "delivered": lazy("delivered"),
    "bounced": lazy("bounced"),
    "complained": lazy("marked as spam"),
    "unsubscribed": lazy("withdrawn at the mailbox provider"),
}
STATES = {
    "delivered": (lazy("delivered"), "good"),
    "waiting": (lazy("waiting"), "all"),
    "failed": (lazy("given up"), "bad"),
    "dropped": (lazy("dropped"), "excluded"),
}


def _reach(request: HttpRequest):
    own = merchant_of(request.user)
    return own, queries.endpoints(own and own.id, everybody=own is None)


def _one(request: HttpRequest, endpoint_id: int) -> WebhookEndpoint:
    return get_object_or_404(_reach(request)[1], pk=endpoint_id)


@requires(Capability.WEBHOOK_MANAGE)
@require_http_methods(["GET", "POST"])
def webhooks(request: HttpRequest) -> HttpResponse:
    """A new secret is shown once, in the answer to the POST: it stands in no URL, no log and no later page."""
    own, rows = _reach(request)
    form, secret = EndpointForm(request.POST or None, own=own), ""
    if request.method == "POST" and form.is_valid():
        try:
            _endpoint, secret = endpoints.register(form.asked(), actor=request.user)
            form = EndpointForm(own=own)
        except EndpointRefused as refusal:
            form.add_error(refusal.field, refusal.reason)
    context = {
        "rows": queries.shown(rows[:PAGE]),
        "form": form,
        "secret": secret,
        "is_platform": own is None,
        "site": settings.PUBLIC_URL,
        "has_push": push.is_set_up(),
        "told": _told() if own is None else [],
    }
    return render(request, "campaigns/webhooks.html", context, status=400 if form.errors else 200)


def _told() -> list[dict]:
    """What mail providers reported, in words."""
    outcomes = dict(ProviderTally.Outcome.choices)
    return [row | {"outcome": outcomes[row["outcome"]], "told": TOLD.get(row["told"], "–")} for row in reports.lately()]


@requires(Capability.WEBHOOK_MANAGE)
@require_http_methods(["GET", "POST"])
def webhook(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    endpoint, own = _one(request, endpoint_id), merchant_of(request.user)
    form = EndpointForm(request.POST or None, own=own, endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        try:
            endpoints.change(endpoint, form.asked(), actor=request.user)
            messages.success(request, _("The endpoint is saved, and switched on."))
            return SeeOther(reverse("campaigns:webhooks:one", args=[endpoint.pk]))
        except EndpointRefused as refusal:
            form.add_error(refusal.field, refusal.reason)
    return _page(request, endpoint, form)


@requires(Capability.WEBHOOK_MANAGE)
@require_POST
def rotate(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    endpoint = _one(request, endpoint_id)
    secret = endpoints.rotate(endpoint, actor=request.user)
    return _page(request, endpoint, EndpointForm(own=merchant_of(request.user), endpoint=endpoint), secret)


@requires(Capability.WEBHOOK_MANAGE)
@require_POST
def test(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    endpoint = _one(request, endpoint_id)
    endpoints.test(endpoint, actor=request.user)
    nudge(tell)
    messages.success(request, _("A test is on its way; reload the page to see what the receiver answered."))
    return SeeOther(reverse("campaigns:webhooks:one", args=[endpoint.pk]))


@requires(Capability.WEBHOOK_MANAGE)
@require_POST
def remove(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    endpoints.remove(_one(request, endpoint_id), actor=request.user)
    messages.success(request, _("The endpoint is deleted, with what waited for it."))
    return SeeOther(reverse("campaigns:webhooks:list"))


@requires(Capability.WEBHOOK_MANAGE)
@require_POST
def redeliver(request: HttpRequest, endpoint_id: int, delivery_id: int) -> HttpResponse:
    endpoint = _one(request, endpoint_id)
    delivery = get_object_or_404(endpoint.deliveries.select_related("endpoint"), pk=delivery_id)
    try:
        endpoints.redeliver(delivery, actor=request.user)
    except EndpointRefused as refusal:
        messages.error(request, refusal.reason)
    else:
        nudge(tell)
        messages.success(request, _("It is posted again, under the same id."))
    return SeeOther(reverse("campaigns:webhooks:one", args=[endpoint.pk]))


def _page(request: HttpRequest, endpoint: WebhookEndpoint, form: EndpointForm, secret: str = "") -> HttpResponse:
    rows, next_url = page_below(request, queries.deliveries(endpoint), PAGE)
    titles = dict(KINDS)
    for row in rows:
        row.title, row.facts = titles.get(row.kind, _("A test")), telling.facts(row)
        row.state_words = STATES[row.state][0]
    (recent,) = queries.shown([endpoint])
    total = max(sum(recent.recent.values()), 1)
    context = {
        "endpoint": endpoint,
        "form": form,
        "secret": secret,
        "secrets": len(endpoints.secrets_of(endpoint.pk)),
        "rows": rows,
        "bars": [
            figures.Bar(words, number, number / total, 0.0, kind)
            for state, (words, kind) in STATES.items()
            if (number := recent.recent.get(state, 0))
        ],
        "next_url": next_url,
    }
    return render(request, "campaigns/webhook.html", context, status=400 if form.errors else 200)
