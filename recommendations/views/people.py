"""What this room knows of a person, for their page."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from catalog.queries import merchant_of
from recommendations.queries.people import known_people, profile
from recommendations.views import portrait


@requires(Capability.MODEL_READ)
@require_GET
def person(request: HttpRequest, customer_id: int) -> HttpResponse:
    """A card of the customer's page when htmx asks; a page of its own without JavaScript."""
    if merchant_of(request.user) is not None:
        raise PermissionDenied("People belong to the platform; a merchant sees its own events and figures.")
    customer = get_object_or_404(known_people(), pk=customer_id)
    found = profile(customer_id)
    context = {"customer": customer, "profile": found}
    if found is not None:
        context |= {
            "lines": portrait.lines(found),
            "funnel": portrait.funnel(found),
            "windows": portrait.windows(found),
            "scores": "".join(f"{letter}{score} " for letter, score in zip("RFM", found.scores, strict=True)).strip(),
        }
    page = "recommendations/_profile.html" if request.htmx else "recommendations/person.html"
    return render(request, page, context)
