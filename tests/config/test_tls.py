"""Production refuses an unverified link to another machine, in one line that names the variable."""

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import tls

ROOT = Path(__file__).resolve().parents[2]
GIVEN = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "ATTUNE_SECRET_KEY": "x" * 60, "ATTUNE_PERSON_KEY": "x" * 60, "ATTUNE_LOOKUP_KEY": "x" * 60,
    "ATTUNE_TRAINING_KEY": "x" * 60, "ATTUNE_ANCHOR_KEY": "x" * 60, "ATTUNE_ANCHOR_DIR": "/srv/anchors",
    "DATABASE_URL": "postgresql://attune_app@127.0.0.1/attune",
    "DATABASE_OWNER_URL": "postgresql://attune_owner@127.0.0.1/attune",
    "CELERY_BROKER_URL": "redis://127.0.0.1/0", "ATTUNE_HOSTS": "attune.example",
    "ATTUNE_PUBLIC_URL": "https://attune.example", "ATTUNE_MAIL_FROM": "hello@attune.example",
    "ATTUNE_POSTAL_ADDRESS": "1 Example Street",
}  # fmt: skip


def start(**changed) -> str:
    """What a start with these variables says last: "" when it goes well. No connection is opened."""
    code = "from django.conf import settings; settings.DEBUG"
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **GIVEN, **changed}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    lines = done.stderr.strip().splitlines()
    assert (done.returncode == 0) == (not lines), done.stderr
    return lines[-1].removeprefix("django.core.exceptions.ImproperlyConfigured: ") if lines else ""


def test_production_starts_on_loopback_and_names_the_first_link_that_is_open():
    remote = "postgresql://attune_app:hidden@db.example/attune"
    assert start() == ""
    said = start(DATABASE_URL=remote)
    assert said.startswith("DATABASE_URL leads to db.example with sslmode=prefer: add sslmode=verify-full")
    assert "hidden" not in said
    assert start(DATABASE_OWNER_URL=remote).startswith("DATABASE_OWNER_URL leads to db.example")
    assert start(CELERY_BROKER_URL="redis://broker.example/0").startswith(
        "CELERY_BROKER_URL leads to broker.example unenc"
    )
    assert start(CACHE_URL="redis://cache.example/0").startswith("CACHE_URL leads to cache.example unencrypted")
    assert start(SMTP_HOST="mail.example", SMTP_TLS="none").startswith("SMTP_HOST is mail.example and SMTP_TLS=none")


def test_production_starts_with_every_link_verified():
    assert start(
        DATABASE_URL="postgresql://attune_app@db.example/attune?sslmode=verify-full",
        DATABASE_OWNER_URL="postgresql://attune_owner@db.example/attune?sslmode=verify-full&sslrootcert=system",
        CELERY_BROKER_URL="amqps://user:secret@broker.example//", CACHE_URL="rediss://cache.example/1",
        SMTP_HOST="mail.example",
    ) == ""  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a@/attune?host=/run/postgresql",
        "postgresql:///attune",
        "postgresql://a@localhost/attune",
        "postgresql://a@[::1]:5433/attune",
        "postgresql://a@127.0.0.9/attune",
        "postgresql://a@db.example,127.0.0.1/attune?sslmode=verify-full",
    ],
)
def test_a_database_on_this_machine_or_verified_is_taken(url):
    tls.check_database("DATABASE_URL", url, {})


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("postgresql://a@db.example/attune?sslmode=require", {}),
        ("postgresql://a@db.example/attune?sslmode=verify-ca", {}),
        ("postgresql://a@127.0.0.1,db.example/attune", {}),
        ("postgresql://a@localhost/attune?hostaddr=192.0.2.7", {}),
        ("postgresql://a@/attune?service=shop", {}),
        ("postgresql:///attune", {"PGHOST": "db.example"}),
        ("postgresql://a@db.example/attune", {"PGSSLMODE": "require"}),
    ],
)
def test_a_remote_database_that_is_not_verified_is_refused(url, environ):
    with pytest.raises(ImproperlyConfigured, match="add sslmode=verify-full"):
        tls.check_database("DATABASE_URL", url, environ)


@pytest.mark.parametrize(
    "url",
    ["redis://localhost/0", "redis+socket:///run/valkey.sock", "unix:///run/valkey.sock?db=1", "rediss://r.example/0",
     "rediss://r.example/0?ssl_cert_reqs=CERT_REQUIRED"],
)  # fmt: skip
def test_a_server_on_this_machine_or_verified_is_taken(url):
    assert tls.check_server("CACHE_URL", url) is None


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("redis://r.example/0", "use rediss://"),
        ("amqp://r.example//", "use amqps://"),
        ("sentinel://r.example:26379/0", "use rediss://"),
        ("redis://127.0.0.1/0;redis://r.example/0", "use rediss://"),
        ("rediss://r.example/0?ssl_cert_reqs=none", "take ssl_cert_reqs out"),
        ("rediss://r.example/0?ssl_cert_reqs=CERT_OPTIONAL", "take ssl_cert_reqs out"),
        ("rediss://r.example/0?ssl_check_hostname=false", "take ssl_check_hostname out"),
    ],
)
def test_a_remote_server_that_is_not_verified_is_refused(url, remedy):
    with pytest.raises(ImproperlyConfigured, match=remedy):
        tls.check_server("CELERY_BROKER_URL", url)


def test_rabbitmq_is_asked_for_a_certificate_with_its_name():
    """amqps alone encrypts and verifies nobody; Celery has to be told."""
    assert tls.check_server("CELERY_BROKER_URL", "amqps://u:p@mq.example//") == {
        "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "mq.example",
    }  # fmt: skip


@pytest.mark.parametrize("url", ["http://sms.example/send", "ftp://sms.example", "sms.example", "http://10.0.0.5/sms"])
def test_refuses_a_provider_in_the_clear(url):
    with pytest.raises(ImproperlyConfigured, match="ATTUNE_SMS_URL"):
        tls.check_endpoint("ATTUNE_SMS_URL", url)


@pytest.mark.parametrize("url", ["", "https://sms.example/send", "http://127.0.0.1:2526/sms"])
def test_takes_a_provider_over_tls_none_or_this_machine(url):
    tls.check_endpoint("ATTUNE_SMS_URL", url)
