"""Erasure: after its proof no table, file, artifact or dump names the person; the chain holds, the figures stay."""

import json
import subprocess
from datetime import timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from accounts.exceptions import Refused
from campaigns.models import Message, SurveyAnswer
from campaigns.queries.measurement import results, unsubscribes, window_of
from campaigns.queries.personal import everything
from campaigns.services import rights as campaign_rights
from campaigns.services.delivery import start
from config.embedded import archive
from config.management.commands.dump import APART
from customers.contracts import NewContact, NewCustomer
from customers.models import ContactPoint, Customer, Event, Quarantine, SubjectKey, Suppression
from customers.services import anchors, consent, merge, people, rights
from customers.services.events import record_events
from customers.services.seal import seal_for
from recommendations.models import Profile, Recommendation, TextFinding
from registry import services as registry
from registry.contracts import Trained
from registry.models import ModelVersion
from tests import factories
from tests.campaigns.pages import again
from tests.customers.rows import event, order
from tests.flows.shop import Shop, consent_of, open_shop

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

CANARY = {
    "email": "canary.person@example.invalid", "phone": "+14155550199", "loyalty": "CANARYCARD77",
    "words": "canary words about a birthday", "name": "canary-user-4711",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _places(settings, tmp_path):
    settings.ANCHOR_DIR = tmp_path / "anchors"
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.MAIL_SINK_DIR = tmp_path / "outbox"
    settings.MAIL_SINK_DIR.mkdir()


def canary_shop() -> tuple[Shop, Customer]:
    """A campaign that was sent to five people; one of them left traces everywhere that a person can leave one."""
    shop = open_shop(people=5)
    start(shop.campaign.pk)
    Message.objects.update(state="sent", sent_at=timezone.now(), tries=1)
    person = shop.people[0]
    Customer.objects.filter(pk=person.pk).update(external_id=CANARY["name"], attributes={"nickname": CANARY["words"]})
    SubjectKey.objects.filter(customer=person).delete()
    ContactPoint.objects.filter(customer=person).delete()
    person.refresh_from_db()
    people.add_contact_points(NewContact(person.pk, kind, CANARY[kind]) for kind in ("email", "phone", "loyalty"))
    Message.objects.filter(customer=person).update(contact_point=person.contact_points.get(kind="email"))
    consent.record(consent_of(person))
    record_events(
        [
            event("Products Searched", user=CANARY["name"], properties={"query": CANARY["words"]}),
            order("o-1", ("oats", 2, "2.50"), user=CANARY["name"]),
            event("Bought", user=CANARY["name"], properties={"note": CANARY["email"]}),  # broken: quarantined
        ],
        merchant_id=None, source="api",
    )  # fmt: skip
    SurveyAnswer.objects.create(
        message=Message.objects.get(customer=person), score=4,
        sealed_comment=seal_for(person, CANARY["words"], "survey"),
    )  # fmt: skip
    return again(shop), person


def artifact(kind: str, customers: list[int], status: str) -> ModelVersion:
    """A fitted model with a row a person: two by three products, as recommenders keep them."""
    lease = registry.claim(registry.ask(kind, {}).pk)
    n = len(customers)
    arrays = {
        "customer_ids": np.array(customers), "product_ids": np.arange(3), "blend.n_users_": np.asarray(n),
        "blend.seen_.data": np.arange(1, 2 * n + 1, dtype=np.float32), "blend.seen_.indices": np.tile([0, 2], n),
        "blend.seen_.indptr": np.arange(0, 2 * n + 1, 2), "blend.user_factors_": np.arange(4 * n).reshape(n, 4),
        "blend.weights_": np.eye(3),
    }  # fmt: skip
    trained = Trained(params={}, data_since=None, data_until=None, rows=n, metrics={}, baseline="popularity")
    version = registry.save_version(lease, kind, arrays, trained)
    registry.finish(lease)
    ModelVersion.objects.filter(pk=version.pk).update(status=status)
    return version


def traces(tmp_path) -> list[str]:
    """Where a canary still stands: every column of every table as text, every file, and a dump made now."""
    found = []
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
        for (table,) in cursor.fetchall():
            for word in CANARY.values():
                hexed = word.encode().hex()
                cursor.execute(
                    f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s OR t::text ILIKE %s',
                    [f"%{word}%", f"%{hexed}%"],
                )
                if cursor.fetchone()[0]:
                    found.append(f"table {table}: {word}")
    for path in tmp_path.rglob("*"):
        if path.is_file() and any(word.encode() in path.read_bytes() for word in CANARY.values()):
            found.append(f"file {path.name}")
    return found


def figures(shop: Shop, at) -> tuple[str, dict]:
    """All that the results page computes, as of one moment."""
    return str(results(shop.campaign, at)), unsubscribes(shop.campaign, window_of(shop.campaign, at))


def verified_request(person: Customer):
    request = rights.receive("erasure", person, via="staff")
    return rights.verify_by_staff(request.pk, actor=factories.staff("officer"), evidence="passport seen")


def test_after_the_proof_nothing_names_the_person_and_the_figures_stay(settings, tmp_path):
    shop, person = canary_shop()
    live = artifact("blend", sorted(p.pk for p in shop.people), "live")
    old = artifact("ease", sorted(p.pk for p in shop.people), "retired")
    (settings.MAIL_SINK_DIR / "a.1.eml").write_text(f"To: {CANARY['email']}\n")
    (settings.MAIL_SINK_DIR / "sms").mkdir()
    (settings.MAIL_SINK_DIR / "sms" / "b.json").write_text(f'{{"to": "{CANARY["phone"]}"}}')
    (settings.MAIL_SINK_DIR / "c.1.eml").write_text("To: somebody.else@example.invalid\n")
    at = timezone.now() + timedelta(minutes=1)
    before = figures(shop, at)
    assert "treated" in before[0]
    assert len(traces(tmp_path)) >= 3  # the trial sees what is there

    request = verified_request(person)
    proof = campaign_rights.erase(request.pk)

    assert traces(tmp_path) == []
    assert [path.name for path in settings.MAIL_SINK_DIR.rglob("*.*")] == ["c.1.eml"]
    assert figures(shop, at) == before
    assert list(consent.verify()) == []
    assert list(consent.compare_state()) == []
    assert rights.proof_holds(proof)
    assert proof["done"]["rows"]["keys"] == 1
    assert proof["done"]["artifacts"]["which"] == [
        {"model": "blend", "version": live.pk, "was": "rebuilt"}, {"model": "ease", "version": old.pk, "was": "dropped"},
    ]  # fmt: skip
    assert proof["done"]["other_models"]["next_training_at"] > proof["completed_at"]
    assert Suppression.objects.filter(reason="erased").exists()
    assert not Profile.objects.filter(customer=person).exists()
    assert not Recommendation.objects.filter(customer=person).exists()
    assert Event.objects.filter(customer=person, sealed__isnull=False).count() == 0


def test_the_live_model_keeps_everybody_elses_row():
    shop, person = canary_shop()
    ids = sorted(p.pk for p in shop.people)
    version = artifact("blend", ids, "live")

    campaign_rights.erase(verified_request(person).pk)

    version.refresh_from_db()
    arrays = registry.load_arrays(version)
    row = ids.index(person.pk)
    assert arrays["customer_ids"].tolist() == [pk for pk in ids if pk != person.pk]
    assert arrays["blend.seen_.indptr"].tolist() == [0, 2, 4, 6, 8]
    assert arrays["blend.seen_.data"].tolist() == [n for n in range(1, 11) if n not in (2 * row + 1, 2 * row + 2)]
    assert int(arrays["blend.n_users_"]) == 4
    assert arrays["blend.user_factors_"].shape == (4, 4)
    assert arrays["blend.weights_"].tolist() == np.eye(3).tolist()


def test_nothing_is_erased_or_shown_before_it_is_known_who_asks():
    _, person = canary_shop()
    for kind in ("erasure", "access"):
        request = rights.receive(kind, person, via="page")
        with pytest.raises(Refused, match="not known yet"):
            (campaign_rights.erase if kind == "erasure" else campaign_rights.export)(request.pk)
    assert SubjectKey.objects.filter(customer=person).exists()


def test_a_refusal_comes_before_the_erasure_or_not_at_all(monkeypatch):
    _, person = canary_shop()
    otto = factories.staff("officer")
    request = verified_request(person)
    looked = rights.verified

    def refused_meanwhile(request_id):
        found = looked(request_id)
        rights.refuse(request_id, actor=otto, reason="They took it back by telephone.")
        return found

    monkeypatch.setattr(rights, "verified", refused_meanwhile)
    with pytest.raises(Refused, match="is refused"):
        campaign_rights.erase(request.pk)
    assert SubjectKey.objects.filter(customer=person).exists()
    monkeypatch.undo()

    request = verified_request(person)

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    monkeypatch.setattr(rights, "complete", die)
    with pytest.raises(Killed):
        campaign_rights.erase(request.pk)
    monkeypatch.undo()
    with pytest.raises(Refused, match="erased already"):
        rights.refuse(request.pk, actor=otto, reason="Too late.")
    assert rights.proof_holds(campaign_rights.erase(request.pk))


def test_a_feed_that_still_names_them_does_not_bring_them_back():
    _, person = canary_shop()
    campaign_rights.erase(verified_request(person).pk)

    assert people.import_customers([NewCustomer(CANARY["name"], {"age": "30"})]) == {CANARY["name"]: person.pk}
    receipt = record_events([event(user=CANARY["name"])], merchant_id=None, source="api")
    assert receipt.quarantined[0].field == "userId"
    assert Customer.objects.get(pk=person.pk).attributes == {}
    assert CANARY["name"] not in str(list(Quarantine.objects.values()))


def test_a_restored_dump_does_not_bring_them_back():
    _, person = canary_shop()
    kept = (
        list(Customer.objects.filter(pk=person.pk).values()), list(SubjectKey.objects.filter(customer=person).values()),
        list(ContactPoint.objects.filter(customer=person).values()),
    )  # fmt: skip
    campaign_rights.erase(verified_request(person).pk)
    # As an older dump would: the rows as they were, key and all.
    Customer.objects.filter(pk=person.pk).update(**{k: v for k, v in kept[0][0].items() if k != "id"})
    SubjectKey.objects.bulk_create(SubjectKey(**row) for row in kept[1])
    ContactPoint.objects.bulk_create(ContactPoint(**row) for row in kept[2])

    assert campaign_rights.repeat_erasures() == 1
    assert not SubjectKey.objects.filter(customer=person).exists()
    assert not ContactPoint.objects.filter(customer=person).exists()
    assert campaign_rights.repeat_erasures() == 0


def owner_url() -> str:
    """The address of the database that the owner's connection is on now, as `manage.py dump` gets it."""
    at = connections["owner"].settings_dict
    parts = {
        "host": at["HOST"],
        "port": at["PORT"],
        "user": at["USER"],
        "password": at["PASSWORD"],
        "dbname": at["NAME"],
    }
    return make_conninfo(**{key: value for key, value in parts.items() if value})


@pytest.fixture
def elsewhere(settings):
    """Makes an empty database and points both roles' connections at it, until the test ends."""
    names = {alias: connections[alias].settings_dict["NAME"] for alias in ("default", "owner")}
    scratch = f"{names['owner']}_restored"

    def point(name_of: dict[str, str]) -> None:
        for alias, name in name_of.items():
            connections[alias].close()
            connections[alias].settings_dict["NAME"] = name
        settings.DATABASE_OWNER_URL = owner_url()

    def run(statement: str) -> None:
        with psycopg.connect(owner_url(), autocommit=True) as connection:
            connection.execute(statement)

    def go() -> None:
        run(f'DROP DATABASE IF EXISTS "{scratch}"')  # of a run that was killed
        run(f'CREATE DATABASE "{scratch}"')
        point(dict.fromkeys(names, scratch))

    yield go
    point(names)
    # Waits up to five seconds for the backends of both roles; FORCE would have to end the other role's.
    run(f'DROP DATABASE IF EXISTS "{scratch}"')


def dumped(settings, path: Path) -> dict[str, str]:
    """What `manage.py dump` writes now, read back as SQL: the archive and the file of keys."""
    settings.DATABASE_OWNER_URL = owner_url()
    call_command("dump", path, stdout=StringIO(), stderr=StringIO())
    program = archive._program("pg_restore", 15, owner_url())
    return {
        name: subprocess.run([program, "--file=-", file], capture_output=True, text=True, check=True).stdout
        for name, file in (("archive", path), ("keys", Path(f"{path}.keys")))
    }


def named_in(dump: dict[str, str]) -> list[str]:
    """Where a canary stands in a dump, in the clear or as the bytes of a column."""
    return [
        f"{name}: {word}"
        for name, sql in dump.items()
        for word in CANARY.values()
        if word.casefold() in sql.casefold() or word.encode().hex() in sql
    ]


def test_no_dump_after_the_proof_names_the_person_and_one_from_before_has_them_erased_again(
    settings, tmp_path, elsewhere
):
    _, person = canary_shop()
    key = bytes(SubjectKey.objects.get(customer=person).sealed).hex()
    before = dumped(settings, tmp_path / "before")
    # The trial sees what is there; address, card and broken event rest sealed in every dump.
    assert named_in(before) == [f"archive: {CANARY['words']}", f"archive: {CANARY['name']}"]
    assert (key in before["keys"], key in before["archive"]) == (True, False)

    campaign_rights.erase(verified_request(person).pk)
    after = dumped(settings, tmp_path / "after")
    assert named_in(after) == []
    assert key not in after["keys"] + after["archive"]
    for table in APART:  # what the install's own key would open for ever lives no longer than people's keys
        assert f"-- Data for Name: {table}; Type: TABLE DATA" in before["keys"]
        assert f"-- Data for Name: {table}; Type: TABLE DATA" not in before["archive"]

    elsewhere()
    said = StringIO()
    call_command("restore", tmp_path / "before", stdout=said, stderr=StringIO())
    assert "1 people had been erased since, and were erased again." in said.getvalue()
    assert Customer.objects.get(pk=person.pk).erased_at is not None
    assert SubjectKey.objects.count() == Customer.objects.filter(erased_at=None).count() > 0
    assert list(consent.verify()) == []
    again_dumped = dumped(settings, tmp_path / "again")
    assert named_in(again_dumped) == []
    assert key not in again_dumped["keys"] + again_dumped["archive"]


def test_a_proof_that_was_touched_does_not_hold():
    _, person = canary_shop()
    proof = campaign_rights.erase(verified_request(person).pk)
    assert rights.proof_holds(proof)
    assert not rights.proof_holds({**proof, "completed_at": "2020-01-01T00:00:00+00:00"})
    line = anchors.append()[0].read_text().splitlines()[-1]
    assert not rights.proof_holds(json.loads(line))  # an anchor is no proof


def test_the_export_holds_everything_and_closes_the_request():
    _, person = canary_shop()
    request = rights.receive("access", person, via="staff")
    rights.verify_by_staff(request.pk, actor=factories.staff("officer"), evidence="known by voice")
    proof, content = campaign_rights.export(request.pk)

    known = json.loads(content)
    assert known["data"]["customers"]["profile"]["external_id"] == CANARY["name"]
    assert CANARY["email"] in [point["value"] for point in known["data"]["customers"]["contact_points"]]
    assert known["data"]["campaigns"]["messages"][0]["survey"]["comment"] == CANARY["words"]
    assert rights.proof_holds(proof)
    assert known["proof"] == proof
    with pytest.raises(Refused):
        campaign_rights.export(request.pk)


def test_the_deadline_follows_the_persons_place():
    _, person = canary_shop()
    received = {}
    for place in ("EU", "US", "CN", ""):
        Customer.objects.filter(pk=person.pk).update(jurisdiction=place)
        person.refresh_from_db()
        request = rights.receive("access", person, via="page")
        received[place] = request.due_at - request.received_at, request.article
        rights.refuse(request.pk, actor=factories.staff("officer"), reason="a test")
    assert timedelta(days=27) < received["EU"][0] <= timedelta(days=31)
    assert abs(received["US"][0] - timedelta(days=45)) < timedelta(minutes=1)
    assert "1798.130" in received["US"][1]
    assert "PIPL art. 50" in received["CN"][1]
    assert received[""][1] == received["EU"][1] == "GDPR art. 12(3)"


def test_what_stands_under_a_merged_record_is_exported_and_erased_with_its_person():
    _, person = canary_shop()
    kept = factories.customer(external_id="kept")
    seen = timezone.now()
    for one in (person, kept):
        TextFinding.objects.create(
            customer=one, event_id=one.pk, occurred_at=seen, event_name="Product Reviewed", aspect="taste", polarity=0.5
        )
    merge.merge(kept.pk, person.pk, rule="manual")

    known = everything(kept.pk)
    assert known["campaigns"]["messages"][0]["survey"]["comment"] == CANARY["words"]
    assert len(known["recommendations"]["opinions"]) == 2
    proof = campaign_rights.erase(verified_request(kept).pk)

    assert proof["done"]["rows"]["survey_comments"] == 1
    assert not TextFinding.objects.exists()
    assert not SurveyAnswer.objects.filter(sealed_comment__isnull=False).exists()
