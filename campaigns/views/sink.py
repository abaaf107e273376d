"""What the laptop's sink has kept, of every channel: nothing of it reached anybody."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from campaigns.services import sink


@requires(Capability.CUSTOMER_READ)
@require_GET
@never_cache
def kept(request: HttpRequest) -> HttpResponse:
    """Where messages really go out there is no such page."""
    if not settings.MAIL_SINK:
        raise Http404
    context = {
        "rows": sink.newest(settings.MAIL_SINK_DIR),
        "sms": sink.address("sms"),
        "hook": sink.address("hook/shop"),
    }
    return render(request, "campaigns/sink.html", context)
