"""Envelopes for what names a person: one random AES-256 key a person, wrapped by a key from the environment.

Destroying the wrapped key erases the person: whatever was sealed under it never opens again, and hashes over the sealed
bytes stay valid. Layouts, all numbers big-endian:

    wrapped   0x01 | KEK version, 4 bytes | check of the KEK, 8 | nonce, 12 | the key, encrypted, 32 | tag, 16
    sealed    0x01 | check of the key, 8 | nonce, 12 | the text, encrypted | tag, 16

The header and the place (whose key, which column) are authenticated with the text, so bytes copied to another person
or column do not open. The check tells a wrong key from a changed byte, and binds the bytes to one key, which GCM alone
does not. Nonces are random: NIST SP 800-38D allows 2^32 of them a key, far more than one person has fields or one KEK
has people.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from customers.exceptions import BadKeyring, Unsealable

KEY_BYTES = 32
FORMAT = b"\x01"
CHECK_BYTES = 8
NONCE_BYTES = 12
TAG_BYTES = 16
WRAP_HEADER_BYTES = len(FORMAT) + 4 + CHECK_BYTES
SEAL_HEADER_BYTES = len(FORMAT) + CHECK_BYTES


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by version: `keks` wrap people's keys, `hash_keys` make lookups. The highest version is the one in use."""

    keks: Mapping[int, bytes] = field(repr=False)
    hash_keys: Mapping[int, bytes] = field(repr=False)

    @classmethod
    def load(cls, keks: str, hash_keys: str) -> "Keyring":
        """Reads `BASE64`, which is version 1, or `1:BASE64,2:BASE64` while keys rotate. Raises BadKeyring."""
        return cls(keks=_parse("key-encryption", keks), hash_keys=_parse("lookup", hash_keys))


def _parse(name: str, text: str) -> dict[int, bytes]:
    keys: dict[int, bytes] = {}
    for part in text.split(","):
        version_text, colon, encoded = part.strip().rpartition(":")
        version = int(version_text) if version_text.isascii() and version_text.isdigit() else 0
        version = version if colon else 1
        if not 1 <= version < 2**15:  # the database keeps it in a smallint
            raise BadKeyring(f"The {name} keys must read BASE64, or 1:BASE64,2:BASE64 with versions from 1 to 32767.")
        if version in keys:
            raise BadKeyring(f"The {name} keys hold version {version} twice.")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise BadKeyring(f"Version {version} of the {name} keys is not {KEY_BYTES} bytes in base64.")
        keys[version] = key
    return keys


def new_subject_key() -> bytes:
    """32 random bytes from the operating system: the key of one person."""
    return os.urandom(KEY_BYTES)


def wrap(keyring: Keyring, key: bytes, subject_id: bytes) -> bytes:
    """The person's key, encrypted for storage under the newest KEK; opens for this `subject_id` only. 73 bytes."""
    version = max(keyring.keks)
    kek = keyring.keks[version]
    header = FORMAT + version.to_bytes(4) + _check(kek)
    return _encrypt(kek, header, b"attune wrap\0" + header + subject_id, key)


def unwrap(keyring: Keyring, wrapped: bytes | memoryview | None, subject_id: bytes) -> bytes:
    """The person's key. None, as left by an erasure, raises Unsealable(DESTROYED)."""
    if wrapped is None:
        raise Unsealable(Unsealable.DESTROYED, "the key of this person was destroyed")
    wrapped = bytes(wrapped)
    if len(wrapped) != WRAP_HEADER_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES or wrapped[:1] != FORMAT:
        raise Unsealable(Unsealable.TAMPERED, "this is no wrapped key")
    header = wrapped[:WRAP_HEADER_BYTES]
    version = int.from_bytes(header[1:5])
    kek = keyring.keks.get(version)
    if kek is None:
        raise Unsealable(Unsealable.WRONG_KEY, f"wrapped under version {version}, which the key ring does not hold")
    return _decrypt(kek, header, b"attune wrap\0" + header + subject_id, wrapped)


def seal(key: bytes, plaintext: bytes, context: str) -> bytes:
    """The text under a person's key. `context` names the column it is for, and must be given again to open it."""
    header = FORMAT + _check(key)
    return _encrypt(key, header, b"attune seal\0" + header + context.encode(), plaintext)


def open_sealed(key: bytes, sealed: bytes | memoryview, context: str) -> bytes:
    """The text that `seal` was given. Raises Unsealable with its reason."""
    sealed = bytes(sealed)
    if len(sealed) < SEAL_HEADER_BYTES + NONCE_BYTES + TAG_BYTES or sealed[:1] != FORMAT:
        raise Unsealable(Unsealable.TAMPERED, "these are no sealed bytes")
    header = sealed[:SEAL_HEADER_BYTES]
    return _decrypt(key, header, b"attune seal\0" + header + context.encode(), sealed)


def keyed_hash(keyring: Keyring, kind: str, value: str, version: int | None = None) -> tuple[int, bytes]:
    """HMAC-SHA-256 by which a value is found without its clear text: (key version, 32 bytes).

    `kind` (email, loyalty ...) separates the domains: the same text of two kinds gives unrelated hashes. While keys
    rotate, look a value up under every version in `keyring.hash_keys`; new rows take the newest, which is the default.
    """
    version = max(keyring.hash_keys) if version is None else version
    kind_bytes = kind.encode()
    message = b"attune lookup\0" + len(kind_bytes).to_bytes(2) + kind_bytes + value.encode()
    return version, hmac.digest(keyring.hash_keys[version], message, hashlib.sha256)


def pseudonym(key: bytes) -> bytes:
    """The name of a person in the consent ledger: 32 bytes from the person's own key.

    It dies with that key, so after an erasure no address can be guessed back to it, and a rotation of the lookup key
    does not move the person's records to another chain.
    """
    return hmac.digest(key, b"attune ledger subject", hashlib.sha256)


def training_keys(text: str) -> dict[int, bytes]:
    """Keys of training pseudonyms by epoch, written as the other keys are; epochs run from 1 to 63. Raises BadKeyring."""
    keys = _parse("training", text)
    if max(keys) >= 64:
        raise BadKeyring("The training keys have epochs from 1 to 63: six bits of a pseudonym name its epoch.")
    return keys


def training_pads(key: bytes, purpose: str, epoch: int) -> tuple[bytes, bytes]:
    """The inner and the outer pad (64 bytes each) of the HMAC-SHA-256 key of one purpose and epoch (RFC 2104).

    With them the database computes pseudonyms in a reading; the key that they come from stays outside of it.
    """
    own = hmac.digest(key, b"attune training\0" + epoch.to_bytes(2) + purpose.encode(), hashlib.sha256).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in own), bytes(byte ^ 0x5C for byte in own)


def _check(key: bytes) -> bytes:
    return hmac.digest(key, b"attune key check", hashlib.sha256)[:CHECK_BYTES]


def _encrypt(key: bytes, header: bytes, place: bytes, plaintext: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return header + nonce + AESGCM(key).encrypt(nonce, plaintext, place)


def _decrypt(key: bytes, header: bytes, place: bytes, whole: bytes) -> bytes:
    if not hmac.compare_digest(header[-CHECK_BYTES:], _check(key)):
        raise Unsealable(Unsealable.WRONG_KEY, "sealed under another key")
    nonce, text = whole[len(header) :][:NONCE_BYTES], whole[len(header) + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, text, place)
    except InvalidTag:
        raise Unsealable(Unsealable.TAMPERED, "changed since it was sealed, or taken from another place") from None
