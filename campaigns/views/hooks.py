"""Doors for providers: what they report is signed. An unsigned post learns nothing and changes nothing."""

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.contracts import public
from campaigns.exceptions import ReportRefused
from campaigns.services import replies, reports

REFERENCE = "attune-"


@public
@csrf_exempt
@never_cache
@require_POST
def sms(request: HttpRequest) -> HttpResponse:
    """A text that somebody answered, or what became of one of ours: Twilio's form, or the plain interface's JSON."""
    signature = request.headers.get("X-Twilio-Signature", "")
    if signature:
        fields = {name: request.POST[name] for name in request.POST}
        if not replies.is_from_twilio(settings.PUBLIC_URL + request.get_full_path(), fields, signature):
            return HttpResponse(status=403)
        _hear(
            fields.get("From", ""),
            fields.get("Body", ""),
            request.GET.get("message", ""),
            fields.get("MessageStatus", ""),
            fields.get("ErrorCode", ""),
        )
        return HttpResponse("<Response/>", content_type="text/xml")
    if not replies.is_signed(request.headers, request.body):
        return HttpResponse(status=403)
    try:
        said = json.loads(request.body)
    except ValueError:
        return HttpResponse("The body is not JSON.", status=400, content_type="text/plain")
    if not isinstance(said, dict):
        return HttpResponse("The body is not an object.", status=400, content_type="text/plain")
    said = {name: value for name, value in said.items() if isinstance(value, str)}
    reference = said.get("reference", "").removeprefix(REFERENCE)
    _hear(said.get("from", ""), said.get("text", ""), reference, said.get("status", ""), said.get("code", ""))
    return HttpResponse(status=204)


@public
@csrf_exempt
@never_cache
@require_POST
def mail(request: HttpRequest, provider: str) -> HttpResponse:
    """What a mail provider says of its own accord: deliveries, bounces, complaints and withdrawals."""
    try:
        failed = reports.hear(provider, request)
    except ReportRefused as refusal:
        answer = HttpResponse(str(refusal), status=refusal.status, content_type="text/plain")
        if refusal.status == 401:
            answer["WWW-Authenticate"] = 'Basic realm="Attune"'
        return answer
    # What was taken in is known when the whole post comes again.
    return HttpResponse(status=500 if failed else 204)


def _hear(number: str, text: str, message: str, status: str, code: str) -> None:
    if status and message.isascii() and message.isdecimal() and len(message) < 19:
        replies.report(int(message), status, code)
    elif number and text:
        replies.reply(number, text)
