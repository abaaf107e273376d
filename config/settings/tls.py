"""Refuses, in production, a link to another machine that is not encrypted and whose other end is not verified.

Unix sockets and loopback are this machine. Encrypted alone is not enough: whoever stands between the two would answer with
a certificate of their own, so the certificate and the name in it must be checked (PostgreSQL docs, 34.19.1).
"""

import ipaddress
import os
import ssl
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

SOCKETS = {"unix", "redis+socket", "socket", "memory", "filesystem"}
UNVERIFIED = {"none", "cert_none", "optional", "cert_optional", "false", "0", "no"}


def is_here(host: str) -> bool:
    """Whether that is this machine: a socket's folder or name, nothing, `localhost`, a loopback address."""
    host = host.strip("[]")
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_database(name: str, url: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raises ImproperlyConfigured for a remote PostgreSQL without sslmode=verify-full. libpq's own variables count too."""
    given = conninfo_to_dict(url)
    asked = {
        key: given.get(key) or environ.get(f"PG{key.upper()}", "") for key in ("host", "hostaddr", "service", "sslmode")
    }
    hosts = [host for key in ("host", "hostaddr") for host in asked[key].split(",")]
    remote = next((host for host in hosts if not is_here(host)), "a service file" if asked["service"] else None)
    if remote and asked["sslmode"] != "verify-full":
        raise ImproperlyConfigured(
            f"{name} leads to {remote} with sslmode={asked['sslmode'] or 'prefer'}: add sslmode=verify-full "
            "(and sslrootcert=system, or the file of your authority)."
        )


def check_server(name: str, url: str) -> dict | None:
    """Raises ImproperlyConfigured for a remote broker or cache without verified TLS.

    Returns what Celery's `broker_use_ssl` must hold beside the address: for amqps, which by itself verifies nobody.
    """
    for one in url.split(";"):
        parts = urlsplit(one)
        if parts.scheme in SOCKETS or is_here(parts.hostname or ""):
            continue
        if parts.scheme not in {"rediss", "amqps"}:
            encrypted = "amqps" if parts.scheme.startswith(("amqp", "pyamqp")) else "rediss"
            raise ImproperlyConfigured(f"{name} leads to {parts.hostname} unencrypted: use {encrypted}:// there.")
        query = {key.lower(): values[-1].lower() for key, values in parse_qs(parts.query).items()}
        weak = [key for key in ("ssl_cert_reqs", "ssl_check_hostname", "cert_reqs") if query.get(key) in UNVERIFIED]
        if weak:
            raise ImproperlyConfigured(f"{name} leads to {parts.hostname} without verifying it: take {weak[0]} out.")
    first = urlsplit(url.split(";", maxsplit=1)[0])
    if first.scheme == "amqps":
        return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": first.hostname}
    return None


def check_mail(host: str, security: str) -> None:
    """Raises ImproperlyConfigured for a remote mail server in the clear; the channel verifies the other two ways."""
    if not is_here(host) and security not in {"starttls", "tls"}:
        raise ImproperlyConfigured(f"SMTP_HOST is {host} and SMTP_TLS={security}: use SMTP_TLS=starttls or tls there.")


def check_endpoint(name: str, url: str) -> None:
    """Raises ImproperlyConfigured for an address of another machine that is posted to in the clear."""
    parts = urlsplit(url)
    if url and parts.scheme != "https" and not (parts.hostname and is_here(parts.hostname)):
        raise ImproperlyConfigured(f"{name} leads to {parts.hostname or url!r} in the clear: use https:// there.")
