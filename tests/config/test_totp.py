"""The demo's codes on the command line: its own users alone."""

import json

import pytest
from django.core.management import CommandError, call_command

from accounts.services import totp_code
from tests.factories import SECRET


@pytest.fixture
def kept(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "secrets").mkdir()
    return tmp_path / "secrets" / "demo_logins.json"


def test_it_prints_the_code_of_a_demo_user(kept, capsys):
    kept.write_text(json.dumps({"authenticators": {"arno": SECRET}}))
    call_command("totp", "arno")
    assert capsys.readouterr().out.strip() == totp_code(SECRET)


def test_it_knows_nobody_else_and_nothing_without_a_demo(kept):
    with pytest.raises(CommandError, match="There is no demo here"):
        call_command("totp", "arno")
    kept.write_text(json.dumps({"passwords": {"arno": "x"}, "authenticators": {"ada": SECRET}}))
    with pytest.raises(CommandError, match="there are: ada"):
        call_command("totp", "arno")
