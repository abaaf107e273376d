"""Rows about many people leave only for a reason that a second person read: asked, decided, taken once, all of it on record."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.models import AuditEntry, ExportRequest
from accounts.services import EXPORTS_A_DAY, ask_export, claim_export, decide_export
from campaigns.models import Message
from campaigns.views.exports import KIND
from tests import factories
from tests.accounts.test_login import log_in
from tests.campaigns.pages import shop_sent, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_counts_of_other_tests():
    cache.clear()


@pytest.fixture
def mara():
    return factories.staff("marketer", "mara")


@pytest.fixture
def otto():
    return factories.staff("officer", "otto")


def asked(by, campaign_id=1) -> ExportRequest:
    return ask_export(by, kind=KIND, what="Recipient log of “Rolls”", object_id=str(campaign_id), reason="a complaint")


def trail() -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(action__startswith="export.").order_by("pk")
    return [(entry.actor.username, entry.action) for entry in rows]


def test_asked_decided_and_taken_once_through_the_pages(mara, otto):
    shop = shop_sent(people=3)
    Message.objects.filter(customer=shop.people[0]).update(error="x")
    type(shop.people[0]).objects.filter(pk=shop.people[0].pk).update(external_id="=cmd|' /C calc'!A0")
    recipients = reverse("campaigns:recipients", args=[shop.campaign.pk])
    marketer, officer = log_in(mara), log_in(otto)

    page = marketer.post(
        reverse("campaigns:recipients-export", args=[shop.campaign.pk]), {"export-reason": "a complaint"}
    )
    assert page.url == recipients
    request = ExportRequest.objects.get()
    download = reverse("campaigns:recipients-download", args=[shop.campaign.pk, request.pk])
    assert marketer.post(download).url == recipients  # nobody has decided
    assert "a complaint" in officer.get(reverse("accounts:exports")).content.decode()
    decide = reverse("accounts:export-decide", args=[request.pk])
    officer.post(decide, {"decision": "approved", "reason": "the ombudsman asked"})
    assert "Download once" in marketer.get(recipients).content.decode()

    answer = marketer.post(download)
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    assert [row["state"] for row in rows] == ["sent"] * 3
    assert "'=cmd|' /C calc'!A0" in {row["customer"] for row in rows}  # no spreadsheet takes it for a formula
    assert "@" not in str(rows)
    assert marketer.post(download).url == recipients  # once
    assert trail() == [("mara", "export.asked"), ("otto", "export.approved"), ("mara", "export.downloaded")]


def test_a_session_that_was_left_open_says_first_who_it_is_and_then_does_it(mara):
    shop = shop_sent(people=1)
    client = signed_in(mara)  # no password was given in this session
    address = reverse("campaigns:recipients-export", args=[shop.campaign.pk])

    led = client.post(address, {"export-reason": "a complaint"})
    assert led.url.startswith(reverse("account_reauthenticate"))
    assert not ExportRequest.objects.exists()

    assert client.post(led.url, {"password": "wrong"}).status_code == 200
    assert not ExportRequest.objects.exists()
    client.post(led.url, {"password": "correct horse battery"})
    assert ExportRequest.objects.get().reason == "a complaint"


def test_nobody_decides_on_their_own_request(mara):
    ada = factories.staff("administrator")
    mara.roles.add(*ada.roles.all())
    mara = factories.enrol(type(mara).objects.get(pk=mara.pk))
    request = asked(mara)

    with pytest.raises(Refused, match="somebody else has to decide"):
        decide_export(request.pk, mara, approve=True, reason="fine")
    with pytest.raises(IntegrityError, match="export_second_person"), transaction.atomic():
        ExportRequest.objects.update(decided_by=mara)
    assert ExportRequest.objects.get().state == "asked"


@pytest.mark.parametrize("role", ["marketer", "approver", "analyst"])
def test_whoever_may_not_decide_is_refused_and_nothing_changes(role, mara):
    request = asked(mara)
    with pytest.raises(Refused, match="do not allow"):
        decide_export(request.pk, factories.staff(role), approve=True, reason="fine")
    assert ExportRequest.objects.get().state == "asked"
    assert trail() == [("mara", "export.asked")]


def test_what_was_decided_stays_decided(mara, otto):
    request = asked(mara)
    decide_export(request.pk, otto, approve=False, reason="no")
    with pytest.raises(Refused, match="decided meanwhile"):
        decide_export(request.pk, otto, approve=True, reason="yes")
    with pytest.raises(Refused, match="no approved export"):
        claim_export(request.pk, mara, kind=KIND, object_id="1")
    assert trail() == [("mara", "export.asked"), ("otto", "export.refused")]


def test_an_approval_is_for_its_asker_its_rows_and_a_day(mara, otto):
    request = asked(mara)
    decide_export(request.pk, otto, approve=True, reason="yes")
    wrong = [(factories.staff("marketer"), KIND, "1"), (mara, "customers.people", "1"), (mara, KIND, "2")]
    for who, kind, thing in wrong:
        with pytest.raises(Refused, match="no approved export"):
            claim_export(request.pk, who, kind=kind, object_id=thing)
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False), pytest.raises(Refused, match="is over"):
        claim_export(request.pk, mara, kind=KIND, object_id="1")
    assert claim_export(request.pk, mara, kind=KIND, object_id="1").state == "downloaded"


def test_a_person_asks_so_often_a_day_and_no_more(mara):
    for _ in range(EXPORTS_A_DAY):
        asked(mara)
    with pytest.raises(Refused, match="wait, or ask a colleague"):
        asked(mara)
    assert ExportRequest.objects.count() == EXPORTS_A_DAY
    asked(factories.staff("analyst"))


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_two_downloads_at_once_take_one(mara, otto):
    request = asked(mara)
    decide_export(request.pk, otto, approve=True, reason="yes")

    def take(_) -> bool:
        try:
            claim_export(request.pk, mara, kind=KIND, object_id="1")
        except Refused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(take, range(4))) == [False, False, False, True]
    assert trail().count(("mara", "export.downloaded")) == 1


def test_the_page_of_requests_is_for_deciders(mara):
    assert Client().get(reverse("accounts:exports")).status_code == 302
    assert signed_in(mara).get(reverse("accounts:exports")).status_code == 403
