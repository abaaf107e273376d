"""An adapter learns what it is shown, over a break as without one, and fits the model that it was made for alone."""

from dataclasses import replace

import pytest
import torch

from copywriting.exceptions import ModelUnsuitable
from copywriting.llm import finetune, model
from copywriting.llm.corpus import Pair
from copywriting.llm.finetune import Recipe
from tests.copywriting import tiny

PAIRS = [
    Pair(f"people {word}; dairy\nSubject:", f" {word} is here\nBody: Enjoy {{product}}.", word, "grammar")
    for word in ("here", "again", "soon", "today", "there", "often", "once", "back")
]
RECIPE = Recipe(rank=4, alpha=8, steps=12, batch=4, learning_rate=1e-2, warm_up=2, save_every=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.folder(tmp_path_factory.mktemp("tiny"))


def load(folder):
    return model.load(folder, torch.float32)


def test_the_loss_on_what_it_is_shown_falls_and_the_base_stays_as_it_is(folder):
    language = load(folder)
    before = finetune.held_out_loss(language, PAIRS)

    tuned = finetune.tune(language, PAIRS, replace(RECIPE, steps=80, learning_rate=3e-2))

    assert finetune.held_out_loss(language, PAIRS) == pytest.approx(before, abs=1e-6)
    attached = finetune.attach(load(folder), tuned.adapter, RECIPE, "d" * 64)
    assert finetune.held_out_loss(attached, PAIRS) < before - 0.3
    assert attached.provenance["adapter"] == "d" * 64


def test_a_training_that_broke_off_gives_the_same_bytes_as_one_that_did_not(folder):
    kept = []
    whole = finetune.dump(finetune.tune(load(folder), PAIRS, RECIPE, keep=kept.append).adapter)
    done = []

    again = finetune.tune(load(folder), PAIRS, RECIPE, resume=kept[0], progress=lambda step, loss: done.append(step))

    assert done == list(range(5, 13))  # the first four are not done twice
    assert finetune.dump(again.adapter) == whole
    assert len(again.losses) == 12


def test_an_adapter_survives_its_bytes_and_fits_no_other_model(folder, tmp_path):
    tuned = finetune.tune(load(folder), PAIRS, replace(RECIPE, steps=2))
    payload = finetune.dump(tuned.adapter)

    assert finetune.dump(finetune.load(payload)) == payload
    with pytest.raises(ModelUnsuitable, match="tuned on another model"):
        finetune.attach(load(folder), {"other": torch.zeros(1)}, RECIPE, "d" * 64)
    with pytest.raises(ModelUnsuitable, match="other sizes"):
        finetune.attach(load(folder), tuned.adapter, replace(RECIPE, rank=2), "d" * 64)


def test_a_checkpoint_of_another_recipe_is_refused(folder):
    kept = []
    finetune.tune(load(folder), PAIRS, RECIPE, keep=kept.append)

    with pytest.raises((ModelUnsuitable, RuntimeError)):
        finetune.tune(load(folder), PAIRS, replace(RECIPE, rank=2), resume=kept[0])


def test_too_few_pairs_are_named(folder):
    with pytest.raises(ValueError, match="2 pairs are fewer than one batch of 4"):
        finetune.tune(load(folder), PAIRS[:2], RECIPE)
