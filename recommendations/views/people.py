"""What this room knows of a person, for their page."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from catalog.queries import merchant_of
from customers.services.seal import open_words
from recommendations.queries.people import known_people, profile
from recommendations.queries.texts import WRITTEN, not_covered, said
from recommendations.views import portrait


@requires(Capability.MODEL_READ)
@require_GET
def person(request: HttpRequest, customer_id: int) -> HttpResponse:
    """A card of the customer's page when htmx asks; a page of its own without JavaScript."""
    if merchant_of(request.user) is not None:
        raise PermissionDenied("People belong to the platform; a merchant sees its own events and figures.")
    customer = get_object_or_404(known_people(), pk=customer_id)
    found = profile(customer_id)
    context = {
        "customer": customer,
        "profile": found,
        "quotes": quotes(customer_id),
        "not_covered": not_covered(customer_id),
    }
    if found is not None:
        context |= {
            "lines": portrait.lines(found),
            "funnel": portrait.funnel(found),
            "windows": portrait.windows(found),
            "scores": "".join(f"{letter}{score} " for letter, score in zip("RFM", found.scores, strict=True)).strip(),
        }
    page = "recommendations/_profile.html" if request.htmx else "recommendations/person.html"
    return render(request, page, context)


def quotes(customer_id: int) -> list[portrait.Quote]:
    """What they said, with their words opened for this page alone; an opinion whose event is gone has none."""
    rows = [(row, sealed) for row, sealed in said(customer_id) if sealed is not None]
    opened = open_words((customer_id, sealed) for _, sealed in rows)
    return [
        portrait.Quote(
            row.aspect, "liked" if row.polarity > 0 else "disliked", words.get(WRITTEN[row.event_name], "")[row.start : row.end],
            row.occurred_at,
        )
        for (row, _), words in zip(rows, opened, strict=True)
    ]  # fmt: skip
