#!/usr/bin/env python3
"""Django's command line, with Attune's settings."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    try:
        settings.INSTALLED_APPS  # noqa: B018 - read once, before Django: its second try would hide what has to be mended
    except ImproperlyConfigured as refusal:
        sys.exit(f"attune: {refusal}")
    execute_from_command_line(sys.argv)
