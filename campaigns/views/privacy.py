"""Doors for one's own data that need no login: the form, the one-time link, and the second step of an opt-in.

Nobody learns here whether an address is known. A GET shows a button; a post behind a link that was mailed does what it says.
"""

from contextlib import suppress
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.contracts import public
from accounts.exceptions import Refused
from campaigns.forms.answers import PrivacyForm
from campaigns.services import rights as own
from campaigns.tasks import send_letters
from campaigns.views.answers import client_ip, nudge, public_page
from customers.queries.packs import pack
from customers.services import optin, rights, typed_requests
from customers.services.limits import may_ask

BOTH = ["GET", "HEAD", "POST"]


@public
@csrf_exempt
@never_cache
@require_http_methods(BOTH)
def ask(request: HttpRequest) -> HttpResponse:
    """Asks for access, portability or erasure; a link goes to the address, if it is on file."""
    form = PrivacyForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return public_page(request, "privacy", {"form": form}, status=400 if form.errors else 200)
    email, kind = form.cleaned_data["email"], form.cleaned_data["kind"]
    if not may_ask("request", address=email, ip=client_ip(request)):
        return public_page(request, "too_often", {}, status=429)
    typed_requests.keep(kind, email)  # whose it is, a worker asks: known and unknown take the same time
    nudge(send_letters)
    return public_page(request, "privacy_sent", {})


@public
@csrf_exempt
@never_cache
@require_http_methods(BOTH)
def link(request: HttpRequest, reference: UUID, secret: str) -> HttpResponse:
    """The one-time link: a button that says who asks, then the download, or by when the erasure is done."""
    row = rights.find(reference, secret)
    if row is None:
        return public_page(request, "bad_link", {"is_gone": False}, status=400)
    if request.method == "POST":
        is_download = row.state == row.State.VERIFIED and row.kind in rights.FILES
        if is_download and rights.use_up(row):
            return _download(request, row)
        rights.verify_by_link(row)
        row.refresh_from_db()
        if row.state == row.State.VERIFIED and row.kind == row.Kind.OBJECTION:
            with suppress(Refused):  # the same press twice: the other one has done it
                own.stop(row.pk)  # takes effect at once: nothing has to be weighed
            row.refresh_from_db()
    return public_page(request, "privacy_link", {"row": row}, language=row.language)


def _download(request: HttpRequest, row) -> HttpResponse:
    try:
        _, content = own.export(row.pk)
    except Refused as refusal:
        return public_page(request, "bad_link", {"is_gone": False, "refusal": refusal}, status=409)
    answer = HttpResponse(content, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="my-data-{row.reference}.json"'
    return answer


@public
@csrf_exempt
@never_cache
@require_http_methods(BOTH)
def opt_in(request: HttpRequest, opt_in_id: int, secret: str) -> HttpResponse:
    """The second step of a double opt-in. Mail scanners open every link, so only the button confirms."""
    row = optin.find(opt_in_id, secret)
    if row is None:
        return public_page(request, "bad_link", {"is_gone": False}, status=400)
    held = None
    if request.method == "POST":
        agent = request.headers.get("User-Agent", "")[:500]
        held = optin.confirm(row, ip=client_ip(request), user_agent=agent)
    wording = pack(row.jurisdiction).wording(row.subject, row.language)
    return public_page(request, "opt_in", {"row": row, "wording": wording, "held": held}, language=row.language)
