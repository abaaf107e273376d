"""Seals the secret of a second factor: whoever reads the table, or a dump of it, cannot make codes.

AES-256-GCM under a key that HKDF-SHA-256 derives from the install's secret key. Layout: nonce, 12 bytes | text and tag.
"""

import base64
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from accounts.exceptions import Unsealable

PURPOSE = b"attune second factor 1"
NONCE_BYTES = 12


def _cipher(secret_key: str) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret_key.encode()))


def seal(secret_key: str, text: str) -> str:
    """The text, sealed, as base64."""
    nonce = os.urandom(NONCE_BYTES)
    return base64.b64encode(nonce + _cipher(secret_key).encrypt(nonce, text.encode(), PURPOSE)).decode()


def open_sealed(secret_keys: Iterable[str], sealed: str) -> str:
    """The text again, under the first of the keys that opens it (the present one, then earlier ones). Raises Unsealable."""
    raw = base64.b64decode(sealed)
    for secret_key in secret_keys:
        try:
            return _cipher(secret_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], PURPOSE).decode()
        except InvalidTag:
            continue
    raise Unsealable("A second factor was sealed under another ATTUNE_SECRET_KEY: reset it, and enrol anew.")
