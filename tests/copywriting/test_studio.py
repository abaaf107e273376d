"""The studio: a brief typed in, drafts written by a worker, edited with the linter at hand, compared and accepted."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from catalog.models import Product
from catalog.services.offers import save_offer
from copywriting import generation
from copywriting.contracts import CopyBrief, Fact
from copywriting.models import Draft, Generation, Job, Piece, StatedFact
from copywriting.services import drafts
from copywriting.services.briefs import unbacked
from copywriting.services.jobs import JOB
from registry import queries as registry
from tests import factories
from tests.campaigns.pages import signed_in
from tests.copywriting.script import Script

pytestmark = pytest.mark.django_db

FIRST = "Subject: A good start to the day\nBody: Your fridge is about to thank you. Enjoy {product} with {offer} until {end}."
OTHER = (
    "Subject: Room in the fridge again\nBody: A full fridge is a happy one. Pick up {product} with {offer} until {end}."
)


@pytest.fixture(autouse=True)
def writer(monkeypatch):
    monkeypatch.setattr(generation, "_generator", lambda folder: Script(FIRST, OTHER))


@pytest.fixture
def milk() -> Product:
    return factories.product("White Milk", category="FLUID MILK PRODUCTS", price="2.49")


def offer():
    return save_offer(
        external_id="spring", title="Spring", kind="percent", value=Decimal(15),
        starts_at=timezone.now(), ends_at=timezone.now() + timedelta(days=10),
    )  # fmt: skip


def brief_form(milk: Product, **changed) -> dict:
    return {
        "name": "Milk for Friday", "product": milk.pk, "offer": offer().pk, "channels": ["email"],
        "readers": ["regular"], "locale": "en", "tone": "friendly", "must_say": "", "never_say": "",
    } | changed  # fmt: skip


def worked() -> None:
    for run_id in registry.waiting((JOB,)):
        generation.write_job(run_id)


def written(milk, client, **changed) -> Piece:
    client.post(reverse("copywriting:new"), brief_form(milk, **changed))
    worked()
    return Piece.objects.select_related("generation").order_by("pk").first()


def text_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


@pytest.fixture
def client():
    return signed_in(factories.staff("marketer"))


def test_a_brief_becomes_a_text_for_each_channel_and_kind_of_readers(client, milk):
    answer = client.post(
        reverse("copywriting:new"), brief_form(milk, channels=["email", "sms"], readers=["regular", "lapsing"])
    )

    job = Job.objects.get()
    assert (answer.status_code, answer.url) == (303, reverse("copywriting:job", args=[job.pk]))
    assert "Waiting for a worker." in text_of(client.get(answer.url))
    worked()
    page = client.get(answer.url)
    assert [(one.brief.channel, one.brief.segment) for one in page.context["pieces"]] == [
        ("email", "regular"), ("email", "lapsing"), ("sms", "regular"), ("sms", "lapsing"),
    ]  # fmt: skip
    assert all(one.drafts for one in page.context["pieces"])
    assert not page.context["is_moving"]


def test_every_fact_of_a_draft_names_its_row_in_the_text_and_in_the_table(client, milk):
    piece = written(milk, client)

    page = client.get(reverse("copywriting:draft", args=[piece.generation.drafts.first().pk]))

    body = page.context["shown"].parts[1]
    assert [(one.text, one.slot, one.source) for one in body.passages if one.slot][:2] == [
        ("White Milk", "product", f"catalog.product:{milk.pk}@1"),
        ("15% off", "offer", next(f.source for f in page.context["brief"].facts if f.name == "offer")),
    ]
    said = {row.fact.name: row.is_said for row in page.context["origins"]}
    assert (said["product"], said["offer"], said["price"]) == (True, True, False)


def test_a_number_that_is_typed_in_asks_for_its_source_and_keeps_it(client, milk):
    piece = written(milk, client)
    first = piece.generation.drafts.first()
    edit, check = (reverse(f"copywriting:{name}", args=[first.pk]) for name in ("edit", "check"))
    typed = {"subject": first.subject, "body": first.body + " See it on 24 shelves."}

    asked = client.post(check, typed, headers={"HX-Request": "true"})
    assert asked.context["editor"].waiting == ("24",)
    assert "Source of “24”" in text_of(asked)
    refused = client.post(edit, typed)
    assert refused.status_code == 400
    assert "Say where “24” comes from" in text_of(refused)
    assert Draft.objects.filter(writer="person").count() == 0

    kept = client.post(edit, {**typed, "fact_value": ["24"], "fact_source": ["Dairy list of 3 November"]})
    new = Draft.objects.get(writer="person")
    fact = StatedFact.objects.get()
    assert (kept.status_code, new.parent, fact.draft) == (303, first, new)
    assert (fact.value, fact.source) == ("24", "Dairy list of 3 November")
    page = client.get(reverse("copywriting:draft", args=[new.pk]))
    stated = [one for one in page.context["shown"].parts[1].passages if one.slot == "stated"]
    assert [(one.text, one.source) for one in stated] == [("24", "Dairy list of 3 November")]


def test_a_stated_fact_backs_its_own_number_and_no_other(client, milk):
    piece = written(milk, client)
    first = piece.generation.drafts.first()
    fact = Fact("stated", "2", "the list")
    body = first.body + " Now 2 of 20."

    assert unbacked(CopyBrief.of(piece.brief), first.subject, body, [fact]) == ("20",)


def test_the_check_works_without_javascript_and_loses_nothing(client, milk):
    piece = written(milk, client)
    first = piece.generation.drafts.first()

    page = client.post(
        reverse("copywriting:edit", args=[first.pk]), {"subject": "The best milk", "body": first.body, "do": "check"}
    )

    assert page.status_code == 200
    assert page.context["form"]["subject"].value() == "The best milk"
    assert "absolute" in {one.rule for one in page.context["editor"].findings}
    marked = [one for one in page.context["editor"].parts[0].passages if one.severity]
    assert [one.text for one in marked if one.severity == "error"] == ["best"]
    assert not Draft.objects.filter(writer="person").exists()


def test_a_draft_is_accepted_once_somebody_says_so_and_an_unusable_one_is_not(client, milk):
    piece = written(milk, client)
    good = piece.generation.drafts.first()
    bad = drafts.edit(good, subject="The best milk", body=good.body, stated=[], actor=None)
    accept = reverse("copywriting:accept", args=[piece.pk])

    refused = client.post(accept, {"draft": bad.pk})
    assert refused.status_code == 409
    assert "absolute" in text_of(refused)
    client.post(accept, {"draft": good.pk})

    piece.refresh_from_db()
    assert piece.accepted == good
    stranger = written(factories.product("Rye", category="BREAD"), client, offer="")
    assert client.post(accept, {"draft": stranger.generation.drafts.first().pk + 1000}).status_code == 409


def test_what_the_catalogue_changed_after_the_brief_is_not_accepted(client, milk):
    piece = written(milk, client)
    Product.objects.filter(pk=milk.pk).update(price="9.99", version=2)

    refused = client.post(reverse("copywriting:accept", args=[piece.pk]), {"draft": piece.generation.drafts.first().pk})

    assert refused.status_code == 409
    assert "the catalogue has changed since the brief" in text_of(refused)
    piece.refresh_from_db()
    assert piece.accepted is None


def test_one_text_is_asked_for_again_with_what_is_to_be_different(client, milk):
    piece = written(milk, client)
    prefix = f"p{piece.pk}-"

    answer = client.post(
        reverse("copywriting:again", args=[piece.pk]),
        {prefix + "tone": "calm", prefix + "must_say": "", prefix + "never_say": "fridge", prefix + "festival": ""},
    )

    assert answer.status_code == 303
    again = Piece.objects.order_by("-pk").first()
    assert (again.brief["never_say"], again.brief["tone"], again.brief["seed"]) == (
        ["fridge"], "calm", piece.brief["seed"] + 1,
    )  # fmt: skip
    worked()
    again.refresh_from_db()
    assert "fridge" not in again.generation.drafts.first().body


def test_two_drafts_stand_side_by_side_word_by_word(client, milk):
    piece = written(milk, client)
    one, other = piece.generation.drafts.order_by("pk")[:2]

    page = client.get(reverse("copywriting:compare"), {"one": one.pk, "other": other.pk})

    changes = page.context["changes"]
    assert " ".join(words for what, words in changes if what != "new") == f"{one.subject} {one.body}"
    assert " ".join(words for what, words in changes if what != "gone") == f"{other.subject} {other.body}"
    assert ("gone", "Room in") in changes
    assert client.get(reverse("copywriting:compare"), {"one": one.pk, "other": "x"}).status_code == 404


def test_a_brief_that_cannot_be_written_names_the_field_and_keeps_what_was_typed(client, milk):
    page = client.post(
        reverse("copywriting:new"),
        brief_form(milk, product="", readers=[], channels=["wechat_moments"], must_say="a\n" * 9),
    )

    assert page.status_code == 400
    assert page.context["form"].errors.keys() == {"product", "readers", "channels", "must_say"}
    assert page.context["form"]["name"].value() == "Milk for Friday"
    assert Job.objects.count() == 0


def test_a_product_is_found_by_its_words_without_losing_what_was_typed(client, milk):
    factories.product("Rye rolls")
    typed = brief_form(milk, product="", do="find", find="white milk")

    page = client.post(reverse("copywriting:new"), typed)

    assert list(page.context["form"].products) == [str(milk.pk)]
    assert page.context["hide_errors"]
    assert page.context["form"]["name"].value() == "Milk for Friday"


def test_a_job_page_costs_the_same_for_one_text_and_for_many(client, milk, django_assert_max_num_queries):
    written(milk, client)
    written(milk, client, channels=["push", "sms"], readers=["regular", "lapsing", "new"], offer="")
    small, large = Job.objects.order_by("pk")
    address = reverse("copywriting:job", args=[small.pk])
    client.get(address)
    with django_assert_max_num_queries(60) as one:
        client.get(address)
    with django_assert_max_num_queries(len(one.captured_queries)):
        client.get(reverse("copywriting:job", args=[large.pk]))


def test_a_reader_without_the_right_to_write_sees_and_changes_nothing(milk, client):
    piece = written(milk, client)
    officer = signed_in(factories.staff("officer"))
    draft = piece.generation.drafts.first()

    assert officer.get(reverse("copywriting:draft", args=[draft.pk])).status_code == 200
    assert officer.post(reverse("copywriting:edit", args=[draft.pk]), {"body": "x"}).status_code == 403
    assert Generation.objects.count() == 1
