"""The optional engine: without its package an install that asks for it is told what to install, and nothing is lost."""

from datetime import date

import pytest

from copywriting import generation
from copywriting.contracts import CopyBrief
from copywriting.exceptions import ModelMissing, ModelUnsuitable
from copywriting.llm import engine
from copywriting.models import Generation, Piece
from copywriting.services import jobs
from tests.copywriting import tiny

pytestmark = pytest.mark.django_db


@pytest.fixture
def on_engine(settings, tmp_path, monkeypatch):
    """An install that writes on the engine and has not installed it, whatever this machine has."""
    monkeypatch.setattr(engine, "runtime", None)
    settings.COPY_WRITER = "onnx"
    generation._on_engine.cache_clear()
    yield
    generation._on_engine.cache_clear()


def brief(**changed) -> CopyBrief:
    facts = {"product": "White Milk", "product_class": "dairy", "store": "S", "segment": "regular", "audience": "our regulars",
             "seed": 5, "offer": "15% off", "ends_on": date(2026, 12, 5)}  # fmt: skip
    return CopyBrief(**{**facts, **changed})


def test_the_missing_package_is_named_on_the_text_and_nothing_is_kept(on_engine):
    job = jobs.ask("brief", "one text", [(brief(), None)], actor=None)

    generation.write_job(job.run_id)

    piece = Piece.objects.get(job=job)
    assert "pip install --no-deps onnxruntime-genai onnxruntime" in piece.error
    assert piece.generation is None and not Generation.objects.exists()


def test_a_text_of_the_engine_is_not_replayed_on_another(on_engine):
    with pytest.raises(ModelMissing, match="onnxruntime-genai"):
        generation._recorded({"engine": "onnxruntime-genai 0.18.0", "adapter": "gone", "dtype": "int8"})


def test_an_untuned_model_is_refused(settings, tmp_path):
    settings.COPY_MODEL, settings.COPY_WRITER = str(tiny.folder(tmp_path / "tiny")), "onnx"
    generation._loaded.cache_clear()
    with pytest.raises(ModelUnsuitable, match="train_copywriter"):
        generation._writer("en")
    generation._loaded.cache_clear()


def test_an_unknown_precision_and_a_folder_of_something_else_are_named(tmp_path, monkeypatch):
    with pytest.raises(ModelUnsuitable, match="int4, int8, fp32"):
        engine.exported(None, tmp_path, "int3")
    monkeypatch.setattr(engine, "runtime", object())
    with pytest.raises(ModelUnsuitable, match=r"attune\.json"):
        engine.EngineGenerator(tmp_path, None)
