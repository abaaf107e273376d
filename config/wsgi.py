"""The web process. It refuses a database role with more rights than the application's."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
# Connections of this process open blind: each request says for itself whose rows it sees.
settings.DATABASES["default"]["OPTIONS"]["options"] += " -c attune.merchant="

try:
    embedded.probe(settings.DATABASE_URL)
except embedded.StartRefused as refusal:
    raise SystemExit(f"attune: {refusal}") from None

application = get_wsgi_application()
# The address book loads before the fork: the first click is as fast as the second, and workers share the memory.
get_resolver().url_patterns  # noqa: B018
