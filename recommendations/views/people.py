"""What this room knows of a person, for their page."""

from collections.abc import Iterable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from catalog.queries import merchant_of
from customers.services.seal import open_words
from recommendations.contracts import PersonProfile
from recommendations.queries.people import known_people, names_of, profile
from recommendations.queries.texts import WRITTEN, not_covered, said
from recommendations.views import portrait


@requires(Capability.MODEL_READ)
@require_GET
def person(request: HttpRequest, customer_id: int) -> HttpResponse:
    """A card of the customer's page when htmx asks; a page of its own without JavaScript."""
    if merchant_of(request.user) is not None:
        raise PermissionDenied(_("People belong to the platform; a merchant sees its own events and figures."))
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
            "likings": likings(customer_id, found),
            "alike": alike(found),
            "fifths": portrait.fifths(found),
        }
    page = "recommendations/_profile.html" if request.htmx else "recommendations/person.html"
    return render(request, page, context)


def quotes(customer_id: int) -> list[portrait.Quote]:
    """What they said, with their words opened for this page alone; an opinion whose event is gone has none."""
    return [
        portrait.Quote(row.aspect, _verdict(row.polarity), words, row.occurred_at)
        for row, words in _opened(customer_id, said(customer_id))
    ]


def likings(customer_id: int, profile: PersonProfile) -> list[portrait.Said]:
    """What they said of each department, with the words of the newest opinion opened for this page alone."""
    newest = [pk for *_, pk in profile.said]
    words = {row.pk: quoted for row, quoted in _opened(customer_id, said(customer_id, limit=len(newest), only=newest))}
    return [
        portrait.Said(department.lower(), aspect, _verdict(score), opinions, words.get(pk, ""))
        for department, aspect, score, opinions, pk in profile.said
    ]


def alike(profile: PersonProfile) -> list[tuple[int, str, str]]:
    """(customer id, what the platform calls them, likeness) of who does the like on social networks."""
    near = profile.social.alike if profile.social else ()
    names = names_of(pk for pk, __ in near) if near else {}
    return [(pk, names[pk], f"{cosine:.0%}") for pk, cosine in near if pk in names]


def _verdict(polarity: float) -> str:
    return _("liked") if polarity > 0 else _("disliked")


def _opened(customer_id: int, found: Iterable[tuple]) -> list[tuple]:
    """(finding, its words); one whose event is gone is left out."""
    rows = [(row, sealed) for row, sealed in found if sealed is not None]
    opened = open_words((customer_id, row[1]) for row in rows)
    return [
        (row, words.get(WRITTEN[row.event_name], "")[row.start : row.end])
        for (row, _), words in zip(rows, opened, strict=True)
    ]
