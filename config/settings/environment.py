"""Reads the environment: a bad or missing value stops the start and names itself."""

import base64
import math
import os
import re
import secrets
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def text(name: str, default: str | None = None) -> str:
    """The variable NAME, or the contents of the file that NAME_FILE points at (for secrets), or the default."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={path}: cannot be read ({error.strerror}).") from error
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(
            f"{name} is not set: give it a value, or {name}_FILE the path of a file that holds it."
        )
    return value


def flag(name: str, default: bool) -> bool:
    value = os.environ.get(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no"}:
        raise ImproperlyConfigured(f"{name}={value!r}: use 1 or 0.")
    return value in {"1", "true", "yes"}


def number(name: str, default: int, least: int = 0) -> int:
    value = os.environ.get(name, str(default))
    try:
        parsed = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: use a whole number.") from error
    if parsed < least:
        raise ImproperlyConfigured(f"{name}={value}: use at least {least}.")
    return parsed


def memory_mb() -> int:
    """What this machine has, or as much of it as the container may use."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no such file, or "max"
        physical = min(physical, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return physical >> 20


def decimal(name: str, default: float, least: float = 0.0) -> float:
    value = os.environ.get(name, str(default))
    try:
        parsed = float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: use a number such as 0.5.") from error
    if not least <= parsed < math.inf:
        raise ImproperlyConfigured(f"{name}={value}: use a finite number of at least {least:g}.")
    return parsed


def names(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def zone(name: str, default: str) -> str:
    """A time zone of the IANA data base, such as Europe/Zurich."""
    value = text(name, default)
    if value not in available_timezones():
        raise ImproperlyConfigured(f"{name}={value!r}: use the name of a time zone, such as Europe/Zurich.")
    return value


def caps(name: str, default: str) -> list[tuple[str, int, int]]:
    """(channel, messages, days) of each “any:15/30”: at most 15 messages in 30 days over all channels."""
    found = []
    for cap in names(name, default):
        match = re.fullmatch(r"([a-z]+):(\d{1,4})/(\d{1,3})", cap)
        if match is None or not int(match[2]) or not 1 <= int(match[3]) <= 365:
            raise ImproperlyConfigured(f"{name}: {cap!r} is no cap; write channel:messages/days, such as any:15/30.")
        found.append((match[1], int(match[2]), int(match[3])))
    return found


def prices(name: str) -> dict[str, tuple[Decimal, str]]:
    """(amount, currency) by channel, of each “sms:0.0450/USD”: what a message costs on it."""
    found = {}
    for price in names(name):
        match = re.fullmatch(r"([a-z]+):(\d{1,4}(?:\.\d{1,6})?)/([A-Z]{3})", price)
        if match is None:
            raise ImproperlyConfigured(
                f"{name}: {price!r} is no price; write channel:amount/currency, such as sms:0.0450/USD."
            )
        found[match[1]] = (Decimal(match[2]), match[3])
    return found


def group(prefix: str) -> dict[str, str]:
    """Every variable that begins so, by the rest of its name; also those that name a file, as for `text`."""
    found = {name.removesuffix("_FILE") for name in os.environ if name.startswith(prefix) and name != prefix}
    return {name.removeprefix(prefix): text(name) for name in sorted(found)}


def forget_reach(connection) -> None:
    """Before the pool hands a connection on: whose rows it saw is forgotten (`accounts.queries.see_as`)."""
    connection.execute("RESET attune.merchant")
    if not connection.autocommit:
        connection.commit()


def database(name: str, url: str, *, pool: bool, reach: str) -> dict:
    """A Django database entry from a libpq URL. libpq's own parser is used: it alone decodes a socket folder as host.

    `reach`: whose rows its connections see when they open (accounts.contracts).
    """
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        raise ImproperlyConfigured(
            f"{name}: not a PostgreSQL address; use postgresql://user:password@host:5432/name."
        ) from None  # libpq's words may repeat a part of the password
    if not parts.get("dbname"):
        raise ImproperlyConfigured(f"{name}: no database named; use postgresql://user:password@host:5432/name.")
    # Eight connections serve eight request threads; ten seconds of waiting is long enough to say that the server is away.
    options = {"pool": {"min_size": 1, "max_size": 8, "timeout": 10, "reset": forget_reach}} if pool else {}
    options["options"] = f"{parts.pop('options', '')} -c attune.merchant={reach}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**parts, **options},
    }


def kept_secret(name: str, folder: Path) -> str:
    """The variable NAME, or for a laptop 32 random bytes that are made once and kept, readable by their owner alone."""
    if name in os.environ or f"{name}_FILE" in os.environ:
        return text(name)
    path = folder / name.lower()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)).decode())
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path}: cannot be written ({error.strerror}); set ATTUNE_DATA_DIR to a folder of your own."
        ) from error
    return path.read_text(encoding="ascii").strip()
