"""Envelopes: what was sealed opens for the same key and place only, and a refusal says which of the three it was."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers import crypto
from customers.crypto import Keyring
from customers.exceptions import BadKeyring, Unsealable

KEK = bytes(range(32))
RING = Keyring(keks={1: KEK}, hash_keys={1: bytes(reversed(range(32)))})
KEY = b"k" * 32
SUBJECT = b"customer:7"


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def test_a_bare_key_is_version_1_and_a_list_is_read_by_version():
    assert Keyring.load(encoded(KEK), f"1:{encoded(KEY)}, 2:{encoded(KEK)}") == Keyring({1: KEK}, {1: KEY, 2: KEK})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Version 1 of the key-encryption keys is not 32 bytes"),
        (encoded(b"short"), "Version 1 of the key-encryption keys is not 32 bytes"),
        ("not base64!", "Version 1 of the key-encryption keys is not 32 bytes"),
        (f"0:{encoded(KEK)}", "versions from 1 to 32767"),
        (f"32768:{encoded(KEK)}", "versions from 1 to 32767"),
        (f"x:{encoded(KEK)}", "versions from 1 to 32767"),
        (f"2:{encoded(KEK)},2:{encoded(KEY)}", "hold version 2 twice"),
    ],
)
def test_a_bad_key_from_the_environment_is_refused_without_being_shown(text, message):
    with pytest.raises(BadKeyring, match=message) as refused:
        Keyring.load(text, encoded(KEY))
    assert encoded(KEK) not in str(refused.value)
    assert "short" not in str(refused.value)


def test_a_keyring_does_not_print_its_keys():
    assert repr(RING) == "Keyring()"


@given(key=st.binary(min_size=32, max_size=32), subject=st.binary(max_size=40))
def test_a_wrapped_key_comes_back(key, subject):
    wrapped = crypto.wrap(RING, key, subject)
    assert len(wrapped) == 73
    assert crypto.unwrap(RING, wrapped, subject) == key
    assert crypto.unwrap(RING, memoryview(wrapped), subject) == key  # as a database driver gives it


@given(plaintext=st.binary(max_size=200), context=st.text(max_size=30))
def test_a_sealed_text_comes_back_and_never_looks_the_same_twice(plaintext, context):
    sealed = crypto.seal(KEY, plaintext, context)
    assert crypto.open_sealed(KEY, sealed, context) == plaintext
    assert crypto.seal(KEY, plaintext, context) != sealed


def test_a_later_key_wraps_while_an_earlier_one_still_opens():
    old = crypto.wrap(RING, KEY, SUBJECT)
    both = Keyring(keks={1: KEK, 2: b"2" * 32}, hash_keys=RING.hash_keys)
    new = crypto.wrap(both, KEY, SUBJECT)
    assert new[1:5] == b"\0\0\0\2"
    assert crypto.unwrap(both, old, SUBJECT) == crypto.unwrap(both, new, SUBJECT) == KEY
    with pytest.raises(Unsealable, match="version 2, which the key ring does not hold") as refused:
        crypto.unwrap(RING, new, SUBJECT)
    assert refused.value.reason == "wrong key"


def test_a_wrapped_key_opens_for_nobody_else():
    wrapped = crypto.wrap(RING, KEY, SUBJECT)
    with pytest.raises(Unsealable) as refused:
        crypto.unwrap(RING, wrapped, b"customer:8")
    assert refused.value.reason == "tampered"


def test_a_sealed_text_opens_in_no_other_column():
    sealed = crypto.seal(KEY, b"ann@example.com", "contact point 1")
    with pytest.raises(Unsealable) as refused:
        crypto.open_sealed(KEY, sealed, "contact point 2")
    assert refused.value.reason == "tampered"


def test_another_key_is_told_from_a_changed_byte():
    sealed = crypto.seal(KEY, b"ann@example.com", "contact point 1")
    with pytest.raises(Unsealable) as refused:
        crypto.open_sealed(b"x" * 32, sealed, "contact point 1")
    assert refused.value.reason == "wrong key"
    wrapped = crypto.wrap(RING, KEY, SUBJECT)
    with pytest.raises(Unsealable) as refused:
        crypto.unwrap(Keyring(keks={1: b"x" * 32}, hash_keys=RING.hash_keys), wrapped, SUBJECT)
    assert refused.value.reason == "wrong key"


def test_a_destroyed_key_says_so():
    with pytest.raises(Unsealable) as refused:
        crypto.unwrap(RING, None, SUBJECT)
    assert refused.value.reason == "destroyed"


def test_no_single_bit_can_be_flipped():
    sealed = crypto.seal(KEY, b"ann@example.com", "contact point 1")
    wrapped = crypto.wrap(RING, KEY, SUBJECT)
    opened = 0
    for whole, open_again in (
        (sealed, lambda data: crypto.open_sealed(KEY, data, "contact point 1")),
        (wrapped, lambda data: crypto.unwrap(RING, data, SUBJECT)),
    ):
        for bit in range(len(whole) * 8):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            try:
                open_again(changed)
                opened += 1
            except Unsealable:
                pass
    assert opened == 0


@pytest.mark.parametrize("cut", [0, 1, 9, 21, 36, 51])
def test_cut_bytes_are_refused(cut):
    sealed = crypto.seal(KEY, b"ann@example.com", "contact point 1")
    assert len(sealed) == 52
    with pytest.raises(Unsealable) as refused:
        crypto.open_sealed(KEY, sealed[:cut], "contact point 1")
    assert refused.value.reason == "tampered"
    with pytest.raises(Unsealable, match="no wrapped key"):
        crypto.unwrap(RING, crypto.wrap(RING, KEY, SUBJECT)[:cut], SUBJECT)


def test_sealed_bytes_are_no_wrapped_key_and_the_other_way_round():
    """The same key and place given to both: the layouts and their domains still keep them apart."""
    with pytest.raises(Unsealable):
        crypto.unwrap(RING, crypto.seal(KEK, KEY, SUBJECT.decode()), SUBJECT)
    with pytest.raises(Unsealable):
        crypto.open_sealed(KEK, crypto.wrap(RING, KEY, SUBJECT), SUBJECT.decode())


def test_a_new_key_is_random():
    keys = {crypto.new_subject_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {32}


def test_the_lookup_hash_is_frozen():
    """Rows in databases hold these bytes: a change here loses every contact point."""
    message = b"attune lookup\0" + b"\0\5email" + b"ann@example.com"
    expected = hmac.new(bytes(reversed(range(32))), message, hashlib.sha256).digest()
    assert crypto.keyed_hash(RING, "email", "ann@example.com") == (1, expected)
    assert expected.hex() == "1ca94b28fe2837245d53ceacfab2d724e4179d1c981854063f01d7b50581f947"


def test_kinds_do_not_share_hashes():
    assert crypto.keyed_hash(RING, "email", "a") != crypto.keyed_hash(RING, "device", "a")
    assert crypto.keyed_hash(RING, "ab", "c") != crypto.keyed_hash(RING, "a", "bc")


def test_a_new_hash_key_is_used_while_the_old_one_still_finds():
    both = Keyring(keks=RING.keks, hash_keys={**RING.hash_keys, 2: KEY})
    assert crypto.keyed_hash(both, "email", "a")[0] == 2
    assert crypto.keyed_hash(both, "email", "a", version=1) == crypto.keyed_hash(RING, "email", "a")


def test_the_pseudonym_is_frozen_and_follows_the_persons_key_alone():
    assert crypto.pseudonym(KEY) == hmac.new(KEY, b"attune ledger subject", hashlib.sha256).digest()
    assert crypto.pseudonym(KEY) != crypto.pseudonym(b"x" * 32)
