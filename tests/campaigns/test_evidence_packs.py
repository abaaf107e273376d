"""Evidence packs: complete, readable, checked by their own script anywhere, and every change in them found."""

import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEntry
from campaigns.models import Approval, AudienceMember
from customers.models import Customer
from customers.services import anchors, consent
from customers.services.evidence.pdf import Section, to_pdf
from customers.services.withdraw import withdraw
from tests import factories
from tests.campaigns.pages import shop_sent, signed_in
from tests.customers.rows import act, reachable

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anchor_folder(settings, tmp_path):
    settings.ANCHOR_DIR = tmp_path / "anchors"


@pytest.fixture
def officer():
    return signed_in(factories.staff("officer", "otto"))


def unpack(answer, folder):
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        archive.extractall(folder)
    return folder


def verify(folder, *arguments):
    """As an auditor would, with nothing of Attune on the path; `-S` keeps installed packages away too."""
    bare = () if arguments else ("-S",)
    return subprocess.run(
        [sys.executable, "-I", *bare, "verify.py", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def edit(folder, name, change):
    """Changes a file and the manifest's hash of it, as somebody would who wants it to pass."""
    path = folder / name
    path.write_text(change(path.read_text()))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def sent(officer, tmp_path):
    shop = shop_sent(people=12, consenting=9, holdout_share=0.3)
    url = reverse("campaigns:evidence-pack", args=[shop.campaign.pk])
    return shop, unpack(officer.post(url, {"reason": "audit of May"}), tmp_path / "pack")


def test_a_campaigns_pack_holds_everything_and_verifies_with_python_alone(sent):
    shop, folder = sent
    evidence = json.loads((folder / "evidence.json").read_text())
    assert {path.name for path in folder.iterdir()} == {
        "README.txt", "evidence.json", "evidence.pdf", "verify.py", "manifest.json",
        "audience.csv", "assignments.csv", "messages.csv",
    }  # fmt: skip
    assert evidence["approvals"][0]["approver"] == shop.approver.username
    assert evidence["approvals"][0]["digest"] == Approval.objects.get().digest
    assert {"arm": "excluded", "reason": "no_consent", "people": 3} in evidence["gate"]
    assert evidence["models"][0]["artifact_digest"] == "0" * 64
    assert [step["action"] for step in evidence["steps"]][-1] == "finish"
    messages = list(csv.DictReader((folder / "messages.csv").open()))
    assert evidence["messages"] == {"sent": len(messages)}
    assert (folder / "evidence.pdf").read_bytes().startswith(b"%PDF-")

    done = verify(folder)
    assert done.returncode == 2, done.stdout + done.stderr  # all holds; the signature alone is unchecked
    assert "the approved digest, over the content and 12 people" in done.stdout
    assert "12 assignments: each arm drawn anew" in done.stdout
    assert "signatures are unchecked: no public key was given" in done.stdout

    signed = verify(folder, "--public-key", anchors.public_key().hex())
    assert signed.returncode == 0, signed.stdout + signed.stderr
    assert "the signature of manifest.json" in signed.stdout


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("evidence.json", "is waiting for you", "is waiting for us", "the digest differs"),
        ("assignments.csv", ",holdout,", ",treated,", "the draw does not give the arm treated"),
        ("messages.csv", ",sent,", ",skipped,", "not those of the log"),
        ("evidence.json", '"people": 3', '"people": 2', "the gate's counts"),
        ("audience.csv", "\n", "\n999999,1,1\n", "the digest differs"),
    ],
)
def test_a_changed_pack_is_found_even_with_its_manifest_made_anew(sent, name, old, new, words):
    folder = sent[1]
    assert old in (folder / name).read_text()
    edit(folder, name, lambda text: text.replace(old, new, 1))
    done = verify(folder)
    assert done.returncode == 1
    assert words in done.stdout
    signed = verify(folder, "--public-key", anchors.public_key().hex())
    assert "manifest.json was not signed with this key, or was changed since" in signed.stdout


def test_a_file_changed_by_itself_is_named(sent):
    folder = sent[1]
    (folder / "messages.csv").write_text((folder / "messages.csv").read_text() + "\n")
    done = verify(folder)
    assert done.returncode == 1
    assert "messages.csv was changed" in done.stdout


def test_who_was_erased_since_is_said_and_proves_no_change(officer, tmp_path):
    shop = shop_sent(people=4)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM campaigns_message WHERE customer_id = %s", [shop.people[0].pk])
    AudienceMember.objects.filter(customer=shop.people[0]).delete()
    shop.people[0].assignments.all().delete()
    answer = officer.post(reverse("campaigns:evidence-pack", args=[shop.campaign.pk]), {"reason": "audit"})
    done = verify(unpack(answer, tmp_path / "pack"))
    assert done.returncode == 2
    assert "1 of the approved people are erased" in done.stdout


@pytest.fixture
def ann(tmp_path):
    ann = reachable("ann.smith@example.invalid", external_id="ann-1")
    others = [factories.customer() for _ in range(64)]
    consent.record_many(act(other.pk) for other in others)
    withdraw(customer_id=ann.pk, channel="email", purpose="marketing", method="one_click", actor="subject")
    anchors.append()
    return ann


def person_pack(officer, person, folder, **more):
    url = reverse("campaigns:person-evidence", args=[person.pk])
    return unpack(officer.post(url, {"reason": "complaint 7", **more}), folder)


def test_a_persons_pack_proves_each_act_and_the_words_and_names_no_address(officer, ann, tmp_path):
    folder = person_pack(officer, ann, tmp_path / "pack")
    evidence = json.loads((folder / "evidence.json").read_text())
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]

    assert [record["action"] for record in records] == ["given", "withdrawn"]
    assert evidence["notices"]["words-1"]["text"] == "We may write to you."
    assert [line["is_given"] for line in evidence["state"]] == [False]
    assert verify(folder).returncode == 2
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"smith" not in everything
    entry = AuditEntry.objects.get(action="evidence.exported")
    assert (entry.reason, entry.actor.username, entry.object_id) == ("complaint 7", "otto", str(ann.pk))


def test_with_the_chain_everything_up_to_the_anchor_is_proven(officer, ann, tmp_path):
    folder = person_pack(officer, ann, tmp_path / "pack", chain="on")
    done = verify(folder, "--public-key", anchors.public_key().hex())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "against the anchor of" in done.stdout
    assert "the signature of anchor.json" in done.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"one_click"', '"staff"'), "its fields do not give its hash"),
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "the anchor proves nothing of it"),
    ],
)
def test_an_edited_or_cut_chain_is_found(officer, ann, tmp_path, change, words):
    folder = person_pack(officer, ann, tmp_path / "pack", chain="on")
    edit(folder, "records.jsonl", change)
    done = verify(folder)
    assert done.returncode in (1, 2)
    assert words in done.stdout


def test_words_of_a_record_that_was_merged_into_theirs_are_in_the_pack_with_their_own_chain(officer, ann, tmp_path):
    before = reachable("a.smith@example.invalid", external_id="ann-2")
    anchors.append()
    Customer.objects.filter(pk=before.pk).update(merged_into=ann)
    folder = person_pack(officer, ann, tmp_path / "pack", chain="on")
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    assert {before.pk, ann.pk} <= {record["customer_id"] for record in records}
    done = verify(folder, "--public-key", anchors.public_key().hex())
    assert done.returncode == 0, done.stdout + done.stderr


def test_words_that_were_not_shown_are_found(officer, ann, tmp_path):
    folder = person_pack(officer, ann, tmp_path / "pack")
    edit(folder, "evidence.json", lambda text: text.replace("We may write to you.", "We may write to you daily."))
    done = verify(folder)
    assert done.returncode == 1
    assert "the words of words-1 are not those it names" in done.stdout


def test_without_a_reason_nothing_is_handed_out(officer, ann):
    shop = shop_sent(people=2)
    for url in (
        reverse("campaigns:person-evidence", args=[ann.pk]),
        reverse("campaigns:evidence-pack", args=[shop.campaign.pk]),
    ):
        assert officer.post(url, {"reason": " "}).status_code == 302
        assert officer.get(url).status_code == 405
    assert not AuditEntry.objects.filter(action="evidence.exported").exists()


def test_chinese_words_and_markup_become_a_pdf():
    rows = [("我们可以给您写信。", "<b>&"), ("Ω ≥ 5", None)]
    made = to_pdf("证据 & more", [Section("同意", "text", ("Words", "x"), rows)])
    assert made.startswith(b"%PDF-")
    assert b"STSong-Light" in made
    assert made == to_pdf("证据 & more", [Section("同意", "text", ("Words", "x"), rows)])
