"""What a campaign gets for its briefs, and what is kept of how it came about."""

from datetime import date

import pytest

from copywriting import generation
from copywriting.contracts import CopyBrief
from copywriting.models import Draft, Finding, Generation

pytestmark = pytest.mark.django_db

GOOD = "Subject: A good start to the day\nBody: Your fridge is about to thank you. Enjoy {product} with {offer} until {end}."


class Script:
    """A writer with a script: the pipeline takes any callable that answers (brief, n, seed) with texts."""

    provenance = {"model": "script", "digest": "d" * 64, "prompt": "script-1"}

    def __init__(self, *texts: str):
        self.texts = texts

    def __call__(self, brief: CopyBrief, n: int, seed: int) -> list[str]:
        return [self.texts[place % len(self.texts)] for place in range(n)]


def brief(seed: int = 1) -> CopyBrief:
    return CopyBrief(
        product="White Milk",
        product_class="FLUID MILK PRODUCTS",
        store="Attune demo store",
        segment="regular",
        audience="people who come in every week",
        seed=seed,
        offer="15% off",
        ends_on=date(2026, 12, 5),
    )


def test_a_draft_that_passes_is_kept_with_its_provenance_and_returned_as_liquid(monkeypatch):
    monkeypatch.setattr(generation, "_generator", lambda folder: Script(GOOD))
    heard = []

    (copy,) = generation.write_copy([brief()], progress=heard.append)

    row = Generation.objects.get()
    assert copy.writer == "model"
    assert "{{ product.title }}" in copy.body
    assert "{{ offer }} until {{ ends_on }}" in copy.body
    assert (row.model_digest, row.prompt, row.drafted, row.passed) == (
        "d" * 64,
        "script-1",
        generation.CANDIDATES,
        generation.CANDIDATES,
    )
    assert row.brief["product"] == "White Milk"
    assert Draft.objects.get().is_chosen
    assert heard == [1.0]


def test_when_nothing_passes_the_written_template_answers_and_says_so(monkeypatch):
    monkeypatch.setattr(
        generation, "_generator", lambda folder: Script("Subject: SAVE 80%!\nBody: Only $1, best ever!!!")
    )

    (copy,) = generation.write_copy([brief()])

    row = Generation.objects.get()
    assert copy.writer == "template"
    assert (row.drafted, row.passed, row.writer) == (generation.CANDIDATES * generation.TRIES, 0, "template")
    assert not Finding.objects.filter(severity="error").exists()


def test_two_segments_of_one_campaign_do_not_get_the_same_text(monkeypatch):
    other = "Subject: Room in the fridge again\nBody: A full fridge is a happy one. Enjoy {product} with {offer} until {end}."
    monkeypatch.setattr(generation, "_generator", lambda folder: Script(GOOD, other))

    first, second = generation.write_copy([brief(), brief(seed=2)])

    assert first.body != second.body
