"""The tests: the same settings on embedded servers of their own, without fsync. About speed only."""

import os
from pathlib import Path

os.environ.setdefault("ATTUNE_DATA_DIR", str(Path(__file__).resolve().parents[2] / ".data" / "test"))
os.environ.setdefault("ATTUNE_DURABLE", "0")

from config.settings.base import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 costs 50 ms a login, on purpose
for _entry in DATABASES.values():
    _entry["OPTIONS"].pop("pool", None)  # a pool keeps the test database busy when it is dropped
# Unit tests need no second server; tests of workers ask for the real broker by name.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_TASK_ALWAYS_EAGER = False
WHITENOISE_AUTOREFRESH = True
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
WITHDRAWAL_PATIENCE = 0  # tests that need to wait say for how long
PUBLIC_URL = "http://testserver"
# The owner builds one test database; the tests reach it as the application role.
DATABASES["owner"]["TEST"] = {"NAME": environment.text("ATTUNE_TEST_DATABASE", "test_attune"), "DEPENDENCIES": []}
DATABASES["default"]["TEST"] = {"MIRROR": "owner"}
SINK_PORT = 0  # a test that sends texts or push says where
