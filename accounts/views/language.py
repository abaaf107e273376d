"""In which language the pages speak to this browser."""

from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from accounts.contracts import public

# Django's own: it takes only a language that is offered, leads on to an address of this site alone, and keeps a cookie.
language = public(require_POST(set_language))
