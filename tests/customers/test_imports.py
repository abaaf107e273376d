"""Files of people and what they did: dry run, load, rejects by line, the same file twice, and back out exactly."""

import csv
import hashlib
import io
import logging
import re
import tempfile
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.exceptions import Refused
from customers.contracts import NewContact, Purpose
from customers.exceptions import ImportRefused
from customers.models import (
    ConsentRecord,
    ConsentState,
    ContactPoint,
    Customer,
    Event,
    EventKey,
    ImportBatch,
    ImportChunk,
    ImportedRow,
    ImportReject,
    Order,
    OrderLine,
)
from customers.queries.consent import contactable
from customers.queries.people import by_contact
from customers.queries.personal import personal
from customers.services import consent, import_files, import_run, import_undo, imports, merge, people, seal
from customers.services.events import record_events
from customers.services.import_fields import guess
from customers.services.match import match_all
from customers.tasks import sweep_imports
from risk.models import Case
from tests import factories
from tests.customers.rows import act, event, reachable

pytestmark = pytest.mark.django_db
CANARY = "canary.person@example.com"


def upload(kind: str, text: str | bytes, name: str = "file.csv", mapping: dict | None = None, **options) -> ImportBatch:
    """A file that came by the page, its columns read and named."""
    data = text.encode() if isinstance(text, str) else text
    batch = imports.receive(kind, name, [data[:7], data[7:]], actor=None)
    sweep_imports()
    batch.refresh_from_db()
    assert batch.state == "new", batch.message
    names = guess(kind, batch.columns) if mapping is None else mapping
    return imports.choose(batch.pk, names, options)


def loaded(*arguments, **options) -> ImportBatch:
    batch = upload(*arguments, **options)
    sweep_imports()
    imports.load(batch.pk)
    sweep_imports()
    batch.refresh_from_db()
    assert batch.state == "loaded", batch.message
    return batch


def counts(batch: ImportBatch) -> tuple[int, int, int, int]:
    batch.refresh_from_db()
    return batch.done, batch.taken, batch.known, batch.rejected


def refused(batch: ImportBatch) -> list[tuple[int, str, str]]:
    return [(one.line, one.field, one.reason) for one in imports.rejects(batch.pk)]


def everything() -> dict:
    """All rows that an import may touch, to be compared before and after."""
    return {
        model.__name__: sorted(map(str, model.objects.values_list(*fields)))
        for model, fields in (
            (Customer, ("external_id", "attributes", "first_seen_at")),
            (ContactPoint, ("customer_id", "kind", "verified_at")),
            (Event, ("message_id", "customer_id")),
            (EventKey, ("message_id",)),
            (Order, ("external_id", "customer_id", "total")),
            (OrderLine, ("order_id", "quantity")),
            (ConsentState, ("customer_id", "is_given")),
        )
    }


PEOPLE = """customer,email,email_verified_at,phone,age,kids
ann,Ann@example.com,2026-05-01,+41 44 668 18 00,25-34,2
ben,not an address,,,35-44,
cay,,,044 668 18 00,,
,dan@example.com,,,,
ann,ann@example.com,,,25-34,3
"""
MAP = {"customer": "customer", "email": "email", "email_verified_at": "email_verified_at", "phone": "phone",
       "attribute.age": "age", "attribute.kids": "kids"}  # fmt: skip


def test_a_dry_run_says_what_a_load_would_do_and_changes_nothing():
    factories.customer(external_id="old")
    before = everything()
    batch = upload("people", PEOPLE, mapping=MAP)
    sweep_imports()
    batch.refresh_from_db()
    assert batch.state == "checked"
    assert counts(batch) == (5, 2, 0, 3)
    assert refused(batch) == [
        (3, "email", "An email address must have an @-sign."),
        (4, "phone", "It names no country."),
        (5, "customer", "It is empty."),
    ]
    assert everything() == before
    assert not ImportedRow.objects.exists()
    assert ImportChunk.objects.exists()


def test_a_load_brings_people_with_their_points_and_undo_takes_exactly_them_away():
    known = factories.customer(external_id="ann", attributes={"age": "18-24"})
    factories.customer(external_id="old")
    point = people.add_contact_points([NewContact(known.pk, "email", "ann@example.com")])
    before = everything()

    batch = loaded("people", PEOPLE + "eve,eve@example.com,,,,\n", mapping=MAP)
    assert counts(batch) == (6, 3, 0, 3)
    assert batch.brought == {
        "customers": 1, "contact points": 2, "verifications": 1, "changed attributes": 1,
    }  # fmt: skip
    known.refresh_from_db()
    assert known.attributes == {"age": "25-34", "kids": "3"}
    assert ContactPoint.objects.get(pk=point.added_ids[0]).verified_at is not None
    assert by_contact("email", "eve@example.com").get().external_id == "eve"
    assert not ImportChunk.objects.exists()

    import_undo.undo(batch.pk, actor=factories.staff("officer"), reason="The wrong file.")
    assert everything() == before
    with pytest.raises(ImportRefused, match="and once"):
        import_undo.undo(batch.pk, actor=None, reason="Again.")


def test_the_same_file_twice_is_refused_and_another_with_the_same_lines_changes_nothing():
    loaded("people", PEOPLE, mapping=MAP)
    after = everything()
    batch = upload("people", PEOPLE, mapping=MAP)
    sweep_imports()
    with pytest.raises(ImportRefused, match="is not loaded twice"):
        imports.load(batch.pk)
    again = loaded("people", PEOPLE + "\n", mapping=MAP)
    assert counts(again) == (5, 0, 2, 3)
    assert everything() == after


def test_after_an_undo_the_same_file_may_come_again():
    batch = loaded("people", PEOPLE, mapping=MAP)
    import_undo.undo(batch.pk, actor=None, reason="Too early.")
    assert loaded("people", PEOPLE, mapping=MAP).taken == 2


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (lambda: record_events([event(user="ann")], merchant_id=None, source="api"), "have done something since"),
        (lambda: consent.record(act(Customer.objects.get(external_id="ann").pk)), "said since what they allow"),
        (lambda: people.add_contact_points([NewContact(Customer.objects.get(external_id="ann").pk, "loyalty", "c")]),
         "contact points from elsewhere"),
        (lambda: merge.merge(factories.customer().pk, Customer.objects.get(external_id="ann").pk, rule="staff"),
         "were merged"),
        (lambda: Case.objects.create(customer=Customer.objects.get(external_id="ann")), "rows of risk_case point at it"),
    ],
)  # fmt: skip
def test_an_undo_is_refused_when_something_depends_on_it(later, reason):
    batch = loaded("people", PEOPLE, mapping=MAP)
    later()
    after = everything()
    with pytest.raises(ImportRefused, match=reason):
        import_undo.undo(batch.pk, actor=None, reason="The wrong file.")
    assert everything() == after
    batch.refresh_from_db()
    assert batch.state == "loaded"


def test_an_undo_needs_a_reason_and_respects_what_was_changed_since():
    factories.customer(external_id="ann", attributes={})
    batch = loaded("people", PEOPLE, mapping=MAP)
    with pytest.raises(Refused):
        import_undo.undo(batch.pk, actor=None, reason="")
    Customer.objects.filter(external_id="ann").update(attributes={"age": "other"})
    with pytest.raises(ImportRefused, match="Attributes that it brought were changed since"):
        import_undo.undo(batch.pk, actor=None, reason="The wrong file.")


# --- consent

CONSENT = """customer,email,consent,consent_purpose,consent_channel,consent_basis,consent_source,consent_notice
ann,ann@example.com,yes,marketing,email,consent,till form,words-1
ben,ben@example.com,yes,marketing,email,consent,,words-1
cay,cay@example.com,yes,marketing,email,,till form,words-1
dan,dan@example.com,yes,marketing,email,consent,till form,
eve,eve@example.com,no,marketing,any,consent,till form,
fay,fay@example.com,yes,marketing,email,consent,till form,words-1
gus,gus@example.com,maybe,marketing,email,consent,till form,words-1
hal,hal@example.com,,,,,,
"""


def test_consent_comes_with_basis_and_source_and_revives_nothing():
    consent.publish_notice("words-1", "en", "We may write to you.")
    fay = factories.customer(external_id="fay")
    consent.record(act(fay.pk, "withdrawn"))
    batch = loaded("people", CONSENT)
    assert [(line, field) for line, field, _ in refused(batch)] == [
        (3, "consent_source"), (4, "consent_basis"), (5, "consent_notice"), (7, "consent"), (8, "consent"),
    ]  # fmt: skip
    assert "does not revive" in refused(batch)[3][2]
    assert [one.external_id for one in contactable(Purpose.MARKETING, "email")] == ["ann"]
    record = ConsentRecord.objects.get(customer_id=Customer.objects.get(external_id="ann").pk)
    assert (record.action, record.method, record.actor, record.notice_version) == (
        "imported", "till form", f"import:{batch.pk}", "words-1",
    )  # fmt: skip
    assert ConsentState.objects.get(customer__external_id="eve").action == "refused"
    count = ConsentRecord.objects.count()
    assert loaded("people", CONSENT + "\n").taken == 0
    assert ConsentRecord.objects.count() == count


def test_a_yes_of_an_import_lapses_with_its_undo():
    consent.publish_notice("words-1", "en", "We may write to you.")
    ann = factories.customer(external_id="ann")
    batch = loaded("people", CONSENT)
    import_undo.undo(batch.pk, actor=None, reason="Nobody was asked.")
    assert ConsentState.objects.get(customer=ann).action == "expired"
    assert list(consent.verify()) == []
    assert list(consent.compare_state()) == []


def test_a_yes_from_before_the_import_stands_after_its_undo():
    """The import recorded nothing over it, so there is nothing of its own to lapse; nor over a yes that came since."""
    consent.publish_notice("words-1", "en", "We may write to you.")
    fay = factories.customer(external_id="fay")
    ann = reachable(external_id="ann")
    batch = loaded("people", CONSENT)
    consent.record(act(fay.pk, method="preference_centre"))
    import_undo.undo(batch.pk, actor=None, reason="Nobody was asked.")
    for person in (ann, fay):
        acts = ConsentRecord.objects.filter(customer_id=person.pk, channel="email").order_by("id")
        assert (acts.last().action, acts.last().actor) == ("given", "subject")
        assert ConsentState.objects.get(customer=person, channel="email").is_given


# --- store purchases

TILL = """loyalty_card,order_id,ordered_at,store_id,product_id,quantity,sales_value
card-1,r-1,2026-05-01 09:30:00,s-7,oats,2,5.00
card-1,r-1,2026-05-01 09:30:00,s-7,milk,1,1.20
card-2,r-2,2026-05-01 10:00:00,s-7,oats,1,2.50
card-2,r-3,2026-05-01 11:00:00,s-7,oats,1,2.50
card-2,r-3,2026-05-01 11:00:00,s-7,unknown,1,9.00
card-1,r-1,2026-05-01 09:30:00,s-7,oats,1,2.50
card-1,r-4,yesterday,s-7,oats,1,2.50
card-1,r-5,2026-05-01 12:00:00,s-7,oats,1,a lot
"""


def test_purchases_of_a_night_become_orders_of_whoever_has_the_card():
    for name in ("oats", "milk"):
        factories.product(external_id=name)
    ann = factories.customer(external_id="ann")
    people.add_contact_points([NewContact(ann.pk, "loyalty", "card-1")])
    before = everything()

    batch = loaded("purchases", TILL, zone="Europe/Zurich", currency="CHF")

    assert counts(batch) == (8, 3, 0, 5)
    assert [(line, field) for line, field, _ in refused(batch)] == [
        (5, "order"), (6, "product"), (7, "order"), (8, "ordered_at"), (9, "amount"),
    ]  # fmt: skip
    first = Order.objects.get(external_id="r-1")
    assert (first.customer, str(first.total), first.currency, first.store) == (ann, "6.20", "CHF", "s-7")
    assert first.ordered_at.isoformat() == "2026-05-01T07:30:00+00:00"
    assert (first.channel, first.source, first.lines.count()) == ("store", "store", 2)
    stranger = Order.objects.get(external_id="r-2").customer
    assert stranger.is_provisional
    assert Event.objects.filter(name="Order Completed").count() == 2
    assert loaded("purchases", TILL + "\n", zone="Europe/Zurich", currency="CHF").known == 3

    # The stranger opens an account with the card: one person, both orders.
    bea = factories.customer(external_id="bea")
    people.add_contact_points([NewContact(bea.pk, "loyalty", "card-2")])
    assert match_all().merged == 1
    assert Order.objects.get(external_id="r-2").customer == bea
    with pytest.raises(ImportRefused, match="were merged"):
        import_undo.undo(batch.pk, actor=None, reason="The wrong night.")
    merge.undo(bea.merges.get().pk, actor=factories.staff("officer"), reason="Another bea.")
    bea.contact_points.all().delete()
    import_undo.undo(batch.pk, actor=None, reason="The wrong night.")
    Customer.objects.filter(external_id="bea").delete()
    assert everything() == before


def test_an_order_in_two_parts_of_a_long_file_is_refused_where_it_comes_again(monkeypatch):
    monkeypatch.setattr(import_run, "BLOCK", 2)
    factories.product(external_id="oats")
    line = "card-1,{},2026-05-01 09:30,s-7,oats,1,2.50\n"
    head = TILL.splitlines(keepends=True)[0]
    batch = loaded("purchases", head + "".join(line.format(name) for name in ("a", "a", "a", "b", "c", "a")))
    assert counts(batch) == (6, 5, 0, 1)
    assert refused(batch) == [(7, "order", "Its lines do not stand together.")]
    assert Order.objects.get(external_id="a").lines.count() == 3


# --- social

SOCIAL = """handle,network,action,timestamp,post_id,comment
@Ann,instagram,like,2026-05-01T10:00:00Z,p-1,
ann,Instagram,comment,2026-05-01T10:01:00Z,p-1,my secret gift
ann,instagram,follow,2026-05-01T10:02:00Z,,
,instagram,share,2026-05-01T10:03:00Z,p-1,
ann,instagram,poke,2026-05-01T10:04:00Z,p-1,
an n,instagram,like,2026-05-01T10:05:00Z,p-1,
"""


def test_interactions_become_events_and_comments_rest_sealed():
    ann = factories.customer(external_id="ann")
    people.add_contact_points([NewContact(ann.pk, "social", "instagram:ann")])
    before = everything()
    batch = loaded("social", SOCIAL)
    assert counts(batch) == (6, 3, 0, 3)
    assert [(line, field) for line, field, _ in refused(batch)] == [(5, "handle"), (6, "action"), (7, "handle")]
    assert sorted(Event.objects.values_list("name", "channel", "customer_id")) == [
        (name, "social", ann.pk) for name in ("Social Account Followed", "Social Post Commented", "Social Post Liked")
    ]
    comment = Event.objects.get(name="Social Post Commented")
    assert "secret" not in str(comment.properties) + comment.message_id
    assert "my secret gift" in str(personal(ann.pk)["events"])
    assert loaded("social", SOCIAL + "\n").known == 3
    import_undo.undo(batch.pk, actor=None, reason="The wrong network.")
    assert everything() == before


# --- files


def test_parquet_goes_the_same_way():
    data = io.BytesIO()
    mapping = {"customer": "customer", "email": "email", "first_seen_at": "first_seen_at", "attribute.age": "age"}
    pl.DataFrame(
        {
            "customer": ["ann", "ben"],
            "email": ["ann@example.com", None],
            "first_seen_at": [timezone.now()] * 2,
            "age": [31, 32],
        }
    ).write_parquet(data)
    batch = loaded("people", data.getvalue(), name="people.parquet", mapping=mapping)
    assert counts(batch) == (2, 2, 0, 0)
    assert Customer.objects.get(external_id="ben").attributes == {"age": "32"}
    assert Customer.objects.get(external_id="ann").first_seen_at is not None


def test_each_bad_line_of_a_csv_file_is_named_and_the_others_go_in():
    data = b'customer;email\nann;ann@example.com\nben;b;c\nc\xe4y;\n"dan"x;\n"two\nlines";\neve;eve@example.com\n'
    batch = loaded("people", data)
    assert [(line, field) for line, field, _ in refused(batch)] == [
        (3, "line"), (4, "customer"), (5, "line"), (6, "customer"),
    ]  # fmt: skip
    assert set(Customer.objects.values_list("external_id", flat=True)) == {"ann", "eve"}


def test_a_record_without_an_end_is_refused_by_line_and_limit_and_never_held_whole(monkeypatch):
    monkeypatch.setattr(import_files, "MAX_RECORD", 100)
    monkeypatch.setattr(import_files, "TOO_LONG", "It is longer than 100 characters.")
    asked = []
    readline = io.TextIOWrapper.readline

    class Watched(io.TextIOWrapper):
        def readline(self, size=-1):
            asked.append(size)
            return readline(self, size)

    monkeypatch.setattr(import_files.io, "TextIOWrapper", Watched)
    quoted = '"' + "z\n" * 60 + '"'
    data = f"customer,email\nann,{'x' * 250}\nben,ben@example.com\ndan,dan@example.com\n{quoted},a\n".encode()
    batch = loaded("people", data)
    assert refused(batch)[0] == (2, "line", "It is longer than 100 characters.")
    assert (5, "line", "It is longer than 100 characters.") in refused(batch)
    assert set(Customer.objects.values_list("external_id", flat=True)) == {"ben", "dan"}
    assert 0 < max(asked) <= 101
    assert min(asked) > 0

    batch = imports.receive("people", "a.csv", [b"customer" * 40])
    sweep_imports()
    batch.refresh_from_db()
    assert (batch.state, batch.message) == (
        "failed", "Line 1: It is longer than 100 characters. Save it as CSV anew, one record a line.",
    )  # fmt: skip


def test_a_large_upload_lies_in_no_file_that_has_a_name(monkeypatch, settings):
    """Above 2.5 MB Django would leave it in a named file in /tmp, in clear, should the process be killed."""
    canary = b"customer,email\nann,ann@example.com\n"
    data = canary + b"x" * 3_000_000
    seen = {}
    receive = imports.receive

    def look(kind, name, pieces, **more):
        folders = (Path(tempfile.gettempdir()), settings.DATA_DIR / "imports")
        paths = [path for folder in folders for path in folder.iterdir() if path.is_file()]
        seen["named"] = [
            path for path in paths if path.stat().st_size >= len(data) and canary in path.read_bytes()[:99]
        ]
        return receive(kind, name, pieces, **more)

    monkeypatch.setattr("customers.views.imports.service.receive", look)
    client = Client()
    client.force_login(factories.staff("officer"))
    answer = client.post(
        reverse("customers:imports"), {"kind": "people", "file": SimpleUploadedFile("people.csv", data)}
    )
    batch = ImportBatch.objects.get()
    assert answer.url == reverse("customers:import", args=[batch.pk])
    assert seen == {"named": []}
    assert (batch.size, bytes(batch.sha256)) == (len(data), hashlib.sha256(data).digest())


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.parquet", b"no parquet", "no Parquet file"),
        ("a.csv", b"\n\n", "no line of column names"),
        ("a.csv", b"a,a\n1,2\n", "the same name"),
    ],
)
def test_a_file_that_is_not_what_it_says_fails_with_the_reason(name, data, words):
    batch = imports.receive("people", name, [data])
    sweep_imports()
    batch.refresh_from_db()
    assert batch.state == "failed"
    assert words in batch.message


def test_what_cannot_be_an_import_is_refused_at_once():
    for name, pieces, words in (("a.xlsx", [b"x"], "Files end in"), ("a.csv", [], "is empty")):
        with pytest.raises(ImportRefused, match=words):
            imports.receive("people", name, pieces)
    assert not ImportBatch.objects.exists()
    batch = imports.receive("purchases", "a.csv", [b"card,order\n1,2\n"])
    sweep_imports()
    for mapping, options, words in (
        ({"card": "card"}, {}, "Name the column for: Receipt or order id"),
        ({"card": "other"}, {}, "no column other"),
        ({"face": "card"}, {}, "No field is called face"),
    ):
        with pytest.raises(ImportRefused, match=words):
            imports.choose(batch.pk, mapping, options)
    person = imports.receive("people", "p.csv", [b"customer,email\n1,2\n"])
    sweep_imports()
    with pytest.raises(ImportRefused, match="email: a column that is something else"):
        imports.choose(person.pk, {"customer": "customer", "email": "email", "attribute.email": "email"}, {})
    whole = {"card": "card", "order": "order", "ordered_at": "card", "product": "card", "amount": "card"}
    with pytest.raises(ImportRefused, match="no such time zone"):
        imports.choose(batch.pk, whole, {"zone": "Mars/Base"})


def test_a_killed_worker_is_followed_by_one_that_goes_on_behind_the_last_block(monkeypatch):
    monkeypatch.setattr(import_run, "BLOCK", 2)
    batch = upload("people", "customer\n" + "".join(f"p-{n}\n" for n in range(7)))
    sweep_imports()
    imports.load(batch.pk)

    class Killed(BaseException):
        """As hard as a signal: nothing catches it."""

    def die(lines: int) -> None:
        if Customer.objects.count() == 4:
            raise Killed

    with pytest.raises(Killed):
        import_run.run(batch.pk, progress=die)
    assert import_run.waiting() == []  # the lease still runs
    assert import_run.run(batch.pk) is False
    ImportBatch.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    sweep_imports()
    assert counts(batch) == (7, 7, 0, 0)
    assert ImportedRow.objects.filter(what="customer").count() == 7


def test_no_piece_of_an_upload_rests_in_clear_and_pieces_keep_their_places():
    batch = upload("people", f"customer,email\nann,{CANARY}\n")
    chunk = ImportChunk.objects.get()
    assert b"canary" not in bytes(chunk.sealed)
    ImportChunk.objects.update(sealed=seal.seal_install(b"0" * 12 + b"customer\neve\n"))
    sweep_imports()
    batch.refresh_from_db()
    assert (batch.state, batch.message) == (
        "failed",
        "The pieces of this file are not in their places. Upload it again.",
    )


def test_no_address_stands_in_rejects_messages_or_logs(caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    batch = loaded("people", f"customer,email,phone\nann,{CANARY},{CANARY}\n,{CANARY},\nben,{CANARY}x y,\n")
    said = str(list(ImportReject.objects.values())) + "".join(imports.reject_lines(batch.pk))
    assert len(list(csv.reader(imports.reject_lines(batch.pk)))) == 4

    def fail(lines, way):
        raise ValueError(f"could not store {CANARY}")

    monkeypatch.setitem(import_run.TAKE, "people", fail)
    broken = upload("people", f"customer,email\nann,{CANARY}\nx,\n")
    sweep_imports()
    broken.refresh_from_db()
    assert broken.message == "It stopped after 0 lines (ValueError). What came in before stands."
    assert "canary" not in said + caplog.text + str(list(ImportBatch.objects.values()))


# --- commands


def test_the_commands_load_a_file_where_it_is(tmp_path, capsys):
    factories.product(external_id="oats")
    files = {
        "import_people": ("customer,email\nann,ann@example.com\nben,bad\n", []),
        "import_store_purchases": (TILL, ["--currency", "CHF"]),
        "import_social": (re.sub(",network|,instagram", "", SOCIAL, flags=re.I), ["--network", "instagram"]),
    }  # fmt: skip
    for command, (text, more) in files.items():
        path, rejects = tmp_path / f"{command}.csv", tmp_path / "rejects.csv"
        path.write_text(text)
        call_command(command, path, "--dry-run", *more)
        assert "would be taken in" in capsys.readouterr().out
        call_command(command, path, "--rejects", str(rejects), *more)
        assert " taken in, 0 known before" in capsys.readouterr().out
        assert rejects.read_text().startswith("line,field,reason,remedy")
        call_command(command, path, *more)
        assert "nothing changed" in capsys.readouterr().out
    assert Order.objects.count() == 1
    with pytest.raises(CommandError, match="Name the column for"):
        path.write_text("a,b\n1,2\n")
        call_command("import_people", path)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_people", tmp_path / "none.csv")
