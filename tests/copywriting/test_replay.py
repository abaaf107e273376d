"""A kept text is written again word by word, or the command says what is not as it was."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from copywriting import generation
from copywriting.contracts import CopyBrief
from copywriting.llm import writer
from copywriting.models import Draft, Generation
from copywriting.services import drafts
from tests.copywriting import tiny

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    return tiny.folder(tmp_path_factory.mktemp("tiny-replay"))


@pytest.fixture(autouse=True)
def model(settings, tiny_folder):
    settings.COPY_MODEL = str(tiny_folder)
    generation._loaded.cache_clear()
    yield
    generation._loaded.cache_clear()


def brief(**changed) -> CopyBrief:
    facts = {"product": "White Milk", "product_class": "dairy", "store": "S", "segment": "regular", "audience": "our regulars",
             "seed": 5, "offer": "15% off", "ends_on": date(2026, 12, 5)}  # fmt: skip
    return CopyBrief(**{**facts, **changed})


def kept_by_model() -> Generation:
    """The third of four texts of the tiny model, kept as if it had passed."""
    asked = brief()
    generate = generation._loaded(generation.settings.COPY_MODEL, generation.BARE)
    source = {**generate.provenance, "checks": "2", "seed": 5, "batch": 4, "candidate": 2}
    draft = writer.judged(generate(asked, 4, 5)[2], asked, provenance=source)
    return drafts.keep(asked, [draft], drafted=4, passed=1, seconds=0.1).generation


def replay(pk: int) -> str:
    out = StringIO()
    call_command("replay_generation", pk, stdout=out)
    return out.getvalue()


def test_a_models_text_comes_back_word_by_word():
    row = kept_by_model()

    assert "The same words." in replay(row.pk)


def test_other_conditions_are_named():
    row = kept_by_model()
    Generation.objects.filter(pk=row.pk).update(
        environment={**row.environment, "torch": "1.0", "threads": 8, "digest": "0" * 64}
    )

    told = replay(row.pk)

    assert "differs: torch: '1.0' then" in told
    assert "differs: threads: 8 then" in told
    assert "differs: digest: '0000" in told


def test_words_that_are_not_those_of_the_seed_end_the_command():
    row = kept_by_model()
    Draft.objects.filter(generation=row).update(body="Somebody changed this.")

    with pytest.raises(CommandError, match="not those that were kept"):
        replay(row.pk)


def test_an_edit_that_was_accepted_since_does_not_stand_in_for_what_was_written():
    row = kept_by_model()
    edited = drafts.edit(row.drafts.get(), subject="Milk", body="Fresh milk.", stated=(), actor=None)
    Draft.objects.filter(generation=row).update(is_chosen=False)
    Draft.objects.filter(pk=edited.pk).update(is_usable=True, is_chosen=True)

    assert "The same words." in replay(row.pk)


def test_a_text_by_hand_is_named_as_such():
    row = drafts.by_hand(brief(), None, subject="Milk", body="Fresh milk.", stated=(), actor=None).generation

    with pytest.raises(CommandError, match="written by hand"):
        replay(row.pk)


@pytest.mark.parametrize("locale", ["en", "zh-Hans"])
def test_a_written_text_comes_back_from_its_phrases(locale):
    asked = brief(locale=locale)
    row = drafts.keep(asked, [writer.template(asked)], drafted=0, passed=0, seconds=0).generation

    assert "The same words." in replay(row.pk)


def test_an_endpoint_promises_nothing_and_an_unknown_id_is_named():
    row = kept_by_model()
    Generation.objects.filter(pk=row.pk).update(environment={"endpoint": True})

    with pytest.raises(CommandError, match="came from an endpoint"):
        replay(row.pk)
    with pytest.raises(CommandError, match="no generation 999999"):
        replay(999_999)
