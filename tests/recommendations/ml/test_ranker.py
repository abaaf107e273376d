import subprocess
import sys

import lightgbm
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from recommendations.ml import ranker as ranker_module
from recommendations.ml.interactions import TooFewData
from recommendations.ml.pair_features import Features
from recommendations.ml.ranker import Lesson, Ranker, RankerConfig
from recommendations.ml.trees import MANY, of_lightgbm, of_scikit_learn

NAMES = ("loyalty", "noise", "often missing")


def lesson(seed: int, people: int = 60, each: int = 40) -> Lesson:
    """A candidate is bought when its loyalty is above 0.8 or its third fact is missing; the level differs by person."""
    rng = np.random.default_rng(seed)
    rows = people * each
    values = rng.random((rows, 3)).astype(np.float32)
    values[rng.random(rows) < 0.05, 2] = np.nan
    bought = (values[:, 0] > 0.8) | np.isnan(values[:, 2])
    return Lesson(Features(values, NAMES), bought, np.repeat(np.arange(people), each))


def test_trees_as_arrays_score_as_lightgbm_does():
    taught = lesson(0)
    x, y = taught.features.values, taught.bought.astype(int)
    model = lightgbm.train({"verbose": -1, "num_leaves": 12, "objective": "binary"}, lightgbm.Dataset(x, y), 30)
    other = lesson(1).features.values
    found = of_lightgbm(model.dump_model()).predict(other)
    assert np.abs(found - model.predict(other, raw_score=True)).max() < 1e-9


def test_a_missing_value_that_training_never_saw_goes_where_lightgbm_sends_it():
    taught = lesson(0)
    x = np.nan_to_num(taught.features.values, nan=0.5) - 0.5  # thresholds on both sides of 0
    model = lightgbm.train({"verbose": -1}, lightgbm.Dataset(x, taught.bought.astype(int)), 10)
    holes = np.full((1, 3), np.nan, dtype=np.float32)
    assert of_lightgbm(model.dump_model()).predict(holes) == pytest.approx(model.predict(holes, raw_score=True))


def test_trees_as_arrays_score_as_scikit_learn_does():
    taught = lesson(0)
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(taught.features.values, taught.bought)
    other = lesson(1).features.values
    assert np.abs(of_scikit_learn(model).predict(other) - model.decision_function(other)).max() < 1e-9


@pytest.mark.parametrize("objective", ["lambdarank", "binary", "lambdarank binary"])
@pytest.mark.parametrize("with_lightgbm", [True, False])
def test_it_ranks_what_is_bought_first(objective, with_lightgbm, monkeypatch):
    if not with_lightgbm:
        monkeypatch.setattr(ranker_module, "lightgbm", None)
    model = Ranker(RankerConfig(objectives=objective, trees=40, least_in_leaf=10)).fit([lesson(0), lesson(1)])
    judged = lesson(2)
    scores = model.predict(judged.features)
    bought, passed = scores[judged.bought], scores[~judged.bought]
    assert (bought[:, None] > passed[None, :]).mean() > 0.99
    restored = Ranker.from_state(model.state())
    assert np.array_equal(restored.predict(judged.features), scores)
    assert {value.dtype.kind for value in model.state().values()} <= {"i", "u", "f", "b"}
    assert restored.config == model.config


def test_two_seeds_are_averaged():
    config = RankerConfig("binary", trees=5, least_in_leaf=10)
    each = [
        Ranker(RankerConfig(**vars(config) | {"seed": seed})).fit([lesson(0)]).predict(lesson(2).features)
        for seed in (0, 1)
    ]
    both = Ranker(RankerConfig(**{**vars(config), "seeds": 2})).fit([lesson(0)]).predict(lesson(2).features)
    assert both == pytest.approx((each[0] + each[1]) / 2)
    assert not np.allclose(each[0], each[1])


def test_hardly_any_purchase_is_too_few():
    taught = lesson(0)
    nothing = Lesson(taught.features, np.zeros(len(taught.bought), dtype=bool), taught.user)
    with pytest.raises(TooFewData, match="ranker: fewer than 50 candidates were bought"):
        Ranker().fit([nothing])


def test_other_features_are_refused_by_name():
    model = Ranker(RankerConfig(trees=2)).fit([lesson(0)])
    other = Features(lesson(1).features.values, ("loyalty", "noise", "price"))
    with pytest.raises(ValueError, match=r"they differ in \['often missing', 'price'\]"):
        model.predict(other)


def test_without_its_system_library_one_line_says_what_to_do():
    """As in a slim image: the import of lightgbm raises OSError; the module still loads and ranks."""
    code = (
        "import sys, logging; logging.basicConfig(format='%(message)s')\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'lightgbm': raise OSError('libgomp.so.1: cannot open shared object file')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from recommendations.ml import ranker; print(ranker.lightgbm)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "None"
    assert done.stderr.strip().splitlines() == [
        "lightgbm cannot be loaded (libgomp.so.1: cannot open shared object file): scikit-learn's boosting ranks "
        "instead; apt-get install libgomp1 brings lambdarank back"
    ]


def test_many_rows_asked_at_once_reach_the_leaves_that_each_row_walks_to():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 6)).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    y = (np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) > 0.1).astype(int)
    params = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1}
    trees = of_lightgbm(lightgbm.train(params, lightgbm.Dataset(x, y), 40).dump_model())
    assert len(x) >= MANY
    walked = np.concatenate([trees.predict(x[start : start + 500]) for start in range(0, len(x), 500)])
    assert trees.predict(x) == pytest.approx(walked, abs=1e-12)
