"""The offers that campaigns may promise: what runs, what is over, and making one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.contracts import Capability, requires
from campaigns.forms.offer import OfferForm
from campaigns.queries import planning
from campaigns.views.answers import SeeOther
from catalog.services.offers import save_offer


@requires(Capability.CAMPAIGN_READ)
@require_GET
def offers(request: HttpRequest) -> HttpResponse:
    rows = planning.offers_with_use(100)
    now = timezone.now()
    context = {
        "running": [row for row in rows if row.ends_at > now],
        "over": [row for row in rows if row.ends_at <= now],
        "may_compose": request.user.can(Capability.CAMPAIGN_COMPOSE),
    }
    return render(request, "campaigns/offers.html", context)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@requires(Capability.CAMPAIGN_COMPOSE)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, offer_id: int) -> HttpResponse:
    offer = get_object_or_404(planning.all_offers(), pk=offer_id)
    if offer.kind == "coupon":
        messages.error(request, _("This coupon came with a feed, which does not say its value: change it there."))
        return SeeOther(reverse("campaigns:offers"))
    return _edit(request, offer)


def _edit(request: HttpRequest, offer) -> HttpResponse:
    form = OfferForm(request.POST or None, offer=offer)
    bound = [] if offer is None else planning.promising(offer.pk)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        save_offer(
            external_id=form.external_id(),
            title=given["title"],
            kind=given["kind"],
            value=given["value"],
            starts_at=given["starts_at"],
            ends_at=given["ends_at"],
            merchant_id=offer.merchant_id if offer else int(given["merchant"]) if given["merchant"] else None,
            actor=request.user,
        )
        messages.success(request, _("The offer is saved."))
        return SeeOther(reverse("campaigns:offers"))
    context = {"form": form, "offer": offer, "bound": bound}
    return render(request, "campaigns/offer.html", context, status=400 if form.errors else 200)
