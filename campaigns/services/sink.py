"""The laptop's sink for texts, push and webhooks: takes what a provider would, keeps it, and shows all channels together.

A push message is sealed for a browser; the sink is one, with a key of its own that comes from the install's secret.
"""

import base64
import hashlib
import hmac
import json
import tempfile
from pathlib import Path

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from campaigns.channels import configured
from campaigns.channels import sink as files
from campaigns.contracts import KeptPost

ORDER = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)  # of the curve P-256
SHOWN = 100  # of the newest


def address(path: str) -> str:
    return f"{configured.sink_url()}/{path}"


def take(folder: Path, path: str, body: bytes) -> tuple[int, dict]:
    """(status, answer) of a provider that takes everything. Raises ValueError for what it cannot read."""
    kind = path.strip("/").partition("/")[0]
    if kind == "sms":
        said = _object(body)
        name = _keep(folder, "sms", to=said.get("to"), title="", text=said.get("text"), key=said.get("reference"))
        return 202, {"id": name}
    if kind == "push":
        shown = _opened(body)
        _keep(folder, "push", to=path, title=shown.get("title"), text=shown.get("body"), links=[shown.get("url")])
        return 201, {}
    if kind == "hook":
        said = _object(body)
        data = said.get("data") if isinstance(said.get("data"), dict) else {}
        _keep(
            folder, "webhook", to=data.get("customer", path), title=data.get("subject", said.get("type")),
            text=data.get("text") or json.dumps(said, indent=1, ensure_ascii=False),
        )  # fmt: skip
        return 200, {}
    return 404, {"code": "not_found", "detail": "This sink has /sms, /push/… and /hook/…"}


def newest(folder: Path) -> list[KeptPost]:
    """What was kept last over all channels, the newest first."""
    return files.newest(folder, SHOWN)


def subscription(number: int) -> str:
    """A browser of the sink, as a contact point rests."""
    point = _browser().public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )  # fmt: skip
    given = {"endpoint": address(f"push/{number}"), "p256dh": _b64(point), "auth": _b64(_auth())}
    return configured.subscription(given).kept()


def _opened(body: bytes) -> dict:
    try:
        raw = http_ece.decrypt(body, private_key=_browser(), auth_secret=_auth(), version="aes128gcm")
        return json.loads(raw)
    except Exception:  # whatever the library raises, it is not sealed for this sink
        raise ValueError("It is not sealed for a browser of this sink.") from None


def _object(body: bytes) -> dict:
    said = json.loads(body)
    if not isinstance(said, dict):
        raise ValueError("Send an object.")
    return said


def _keep(folder: Path, channel: str, *, to, title, text, links=(), key=None) -> str:
    """One file a message, whole or not at all; a repeated one stands beside the first."""
    kept = {"channel": channel, "to": str(to or ""), "title": str(title or ""), "text": str(text or ""),
            "links": [str(one) for one in links if one]}  # fmt: skip
    name = hashlib.sha256(f"{channel} {key or json.dumps(kept)}".encode()).hexdigest()[:32]
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=f"{name}.", suffix=".part", delete=False) as file:
        json.dump(kept, file)
    Path(file.name).rename(Path(file.name).with_suffix(files.POST))
    return f"sink-{name}"


def _browser() -> ec.EllipticCurvePrivateKey:
    digest = hmac.digest(settings.SECRET_KEY.encode(), b"attune sink browser", "sha512")
    return ec.derive_private_key(int.from_bytes(digest) % (ORDER - 1) + 1, ec.SECP256R1())


def _auth() -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"attune sink auth", "sha256")[:16]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
