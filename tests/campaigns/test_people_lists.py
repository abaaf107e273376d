"""Lists of people: of a file, with its dry run, rejects and undo; and look-alikes of a segment."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from campaigns.exceptions import RuleRefused
from campaigns.models import PeopleList, Segment
from campaigns.queries import membership as kept
from campaigns.services import lists, segments
from customers.models import ConsentState, Customer, ImportBatch
from customers.services import import_run, import_undo, imports
from customers.services.consent import publish_notice
from recommendations.models import Profile
from registry.models import ModelVersion
from tests import factories
from tests.campaigns.pages import signed_in

pytestmark = pytest.mark.django_db

FILE = """customer,consent,consent_purpose,consent_channel,consent_basis,consent_source,consent_notice
ann,yes,marketing,email,consent,fair stand,v1
ben,,,,,,
cat,yes,marketing,email,,fair stand,v1
,yes,marketing,email,consent,fair stand,v1
"""


def imported(name: str = "Fair guests") -> ImportBatch:
    """The file above, through columns, dry run and load, as an officer would bring it in."""
    publish_notice("v1", "en", "We write to you about offers.")
    officer = factories.staff("officer")
    batch = imports.receive("people", "fair.csv", [FILE.encode()], actor=officer)
    import_run.run(batch.pk)
    columns = ImportBatch.objects.get(pk=batch.pk).columns
    imports.choose(batch.pk, {column: column for column in columns}, {"list": name})
    import_run.run(batch.pk)
    imports.load(batch.pk, actor=officer)
    import_run.run(batch.pk)
    return ImportBatch.objects.get(pk=batch.pk)


def names(segment: Segment) -> list[str]:
    segments.refresh()
    return sorted(kept.kept(segment).values_list("external_id", flat=True))


def test_a_file_becomes_a_segment_of_everybody_in_it_known_or_new_and_only_of_lines_that_hold():
    factories.customer(external_id="ben")  # known before: the list holds them all the same
    batch = imported()
    assert [(r.line, r.field) for r in imports.rejects(batch.pk)] == [(4, "consent_basis"), (5, "customer")]

    segment = lists.of_file(batch.pk, name="Fair guests", audience_phrase="guests of the fair", actor=None)

    assert names(segment) == ["ann", "ben"]
    assert ConsentState.objects.get().customer.external_id == "ann"
    assert segment.rule == {"field": "list", "op": "=", "value": "fair-guests"}


def test_taking_the_import_back_empties_the_segment():
    batch = imported()
    segment = lists.of_file(batch.pk, name="Fair guests", audience_phrase="guests of the fair", actor=None)
    factories.customer(external_id="dan")
    assert names(segment) == ["ann", "ben"]

    import_undo.undo(batch.pk, actor=factories.staff("officer"), reason="The wrong fair.")

    assert names(segment) == []
    assert not Customer.objects.filter(external_id="ann").exists()


def test_a_file_that_was_no_list_keeps_nobody_and_is_not_offered():
    batch = imported(name="")
    assert kept.unlisted_files() == []
    with pytest.raises(RuleRefused, match="This file is no list, or is one already"):
        lists.of_file(batch.pk, name="Fair", audience_phrase="guests", actor=None)


def test_the_page_offers_the_file_once_and_refuses_at_the_field():
    batch = imported()
    client, page = signed_in(factories.staff("marketer")), reverse("campaigns:lists")
    fields = {"make": f"file-{batch.pk}", f"file-{batch.pk}-name": "???", f"file-{batch.pk}-audience_phrase": "guests"}

    refused = client.post(page, fields)
    assert refused.status_code == 400
    assert "This name has no letter or digit of the Latin alphabet. Add one." in refused.content.decode()
    assert 'value="guests"' in refused.content.decode()

    made = client.post(page, fields | {f"file-{batch.pk}-name": "Fair guests"})
    assert made.url == reverse("campaigns:segment", args=[Segment.objects.get().pk])
    assert client.post(page, fields).status_code == 303  # offered no more
    assert Segment.objects.count() == 1


def test_the_import_page_asks_for_the_name_of_the_list():
    officer = factories.staff("officer")
    client = signed_in(officer)
    client.post(reverse("customers:imports"), {"kind": "people", "file": SimpleUploadedFile("fair.csv", FILE.encode())})
    batch = ImportBatch.objects.get()
    import_run.run(batch.pk)

    client.post(
        reverse("customers:import_choose", args=[batch.pk]),
        {"map_customer": "customer", "zone": "UTC", "list": "Fair guests"},
    )

    batch.refresh_from_db()
    assert (batch.state, batch.options["list"]) == ("to_check", "Fair guests")


@pytest.fixture
def shoppers():
    """Six who come weekly, six much like them, and six who came once long ago."""
    model = ModelVersion.objects.create(kind="clusters", artifact_digest="0" * 64)
    found = []
    for place in range(18):
        weekly = place < 12
        found.append(factories.customer())
        Profile.objects.create(
            customer=found[-1], recency_days=3 if weekly else 300, frequency=50 + place % 3 if weekly else 1,
            monetary=900 if weekly else 9, affinities={"DAIRY": 1.0} if weekly else {"TOYS": 1.0}, as_of=timezone.now(),
            model_version=model, cluster=1 if place < 6 else 2,
        )  # fmt: skip
    return found


def test_look_alikes_are_the_nearest_to_the_seed_and_none_of_it(shoppers):
    seed = segments.save_segment(
        slug="weekly", name="Weekly", rule={"field": "cluster", "op": "=", "value": 1}, audience_phrase="guests"
    )
    client = signed_in(factories.staff("marketer"))
    fields = {"seed": seed.pk, "wanted": 6, "name": "Like weekly", "audience_phrase": "people like you"}

    made = client.post(reverse("campaigns:lists"), {"make": "alike"} | {f"alike-{k}": v for k, v in fields.items()})
    segment = Segment.objects.get(slug="like-weekly")
    assert made.url == reverse("campaigns:segment", args=[segment.pk])
    assert names(segment) == []
    assert "is worked out" in client.get(reverse("campaigns:lists")).content.decode()

    for pk in lists.waiting():
        assert lists.work_out(pk)
        assert not lists.work_out(pk)

    assert names(segment) == sorted(person.external_id for person in shoppers[6:12])
    row = PeopleList.objects.get()
    assert (row.state, row.people) == ("ready", 6)
    lists.ask_again()
    assert lists.waiting() == [row.pk]


def test_too_small_a_seed_says_so(shoppers):
    seed = segments.save_segment(
        slug="few", name="Few", rule={"field": "frequency", "op": ">", "value": 500}, audience_phrase="guests"
    )
    lists.look_alike(seed.pk, name="Like few", wanted=6, audience_phrase="x", actor=None)
    for pk in lists.waiting():
        lists.work_out(pk)

    row = PeopleList.objects.get()
    assert row.state == "failed"
    assert row.message
    page = signed_in(factories.staff("marketer")).get(reverse("campaigns:lists")).content.decode()
    assert row.message.split(",")[0][:20] in page


def test_a_list_may_be_part_of_another_rule_and_an_unknown_one_is_refused(shoppers):
    batch = imported()
    lists.of_file(batch.pk, name="Fair guests", audience_phrase="guests of the fair", actor=None)
    rule = {"all": [{"field": "list", "op": "=", "value": "fair-guests"},
                    {"field": "consent_email", "op": "in", "value": ["given"]}]}  # fmt: skip
    both = segments.save_segment(slug="both", name="Both", rule=rule, audience_phrase="guests")
    assert names(both) == ["ann"]
    with pytest.raises(RuleRefused, match="No such list"):
        segments.save_segment(
            slug="x", name="X", rule={"field": "list", "op": "=", "value": "nobody"}, audience_phrase="guests"
        )
