"""API keys: shown once, found by their text, dead when revoked."""

import pytest

from accounts.models import ApiKey, AuditEntry
from accounts.services import find_api_key, issue_api_key, revoke_api_key
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_issued_key_is_found_by_its_text_and_kept_as_a_digest_only():
    admin = factories.staff("administrator")
    key, text = issue_api_key(admin, "shop", ["events.write"], actor=admin)

    assert find_api_key(text) == key
    assert text.encode() not in bytes(ApiKey.objects.get().digest)
    assert AuditEntry.objects.get().action == "key.issued"


def test_a_wrong_secret_with_a_right_prefix_finds_nothing():
    admin = factories.staff("administrator")
    _, text = issue_api_key(admin, "shop", ["events.write"], actor=admin)

    assert find_api_key(text[:-1] + ("a" if text[-1] != "a" else "b")) is None
    assert find_api_key("att_") is None
    assert find_api_key("") is None


def test_a_revoked_key_finds_nothing_and_the_reason_stands_in_the_audit_trail():
    admin = factories.staff("administrator")
    key, text = issue_api_key(admin, "shop", ["events.write"], actor=admin)
    revoke_api_key(key, admin, "laptop lost")

    assert find_api_key(text) is None
    assert AuditEntry.objects.latest("id").reason == "laptop lost"


def test_an_unknown_scope_is_refused_before_anything_is_written():
    admin = factories.staff("administrator")
    with pytest.raises(ValueError, match=r"everything\.write"):
        issue_api_key(admin, "shop", ["everything.write"], actor=admin)
    assert not ApiKey.objects.exists()
