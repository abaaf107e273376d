"""Trees find what a straight line cannot, their contributions add up, and scikit-learn stands in without LightGBM."""

import subprocess
import sys

import numpy as np
import pytest

from recommendations.ml.boosting import Boosting, BoostingConfig
from recommendations.ml.classification import roc_auc
from recommendations.ml.propensity import Propensity


@pytest.fixture(scope="module")
def either_but_not_both():
    """1,000 people: who has exactly one of two habits answers nine times in ten; a third figure means nothing."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(1000, 3))
    chance = np.where((features[:, 0] > 0) ^ (features[:, 1] > 0), 0.9, 0.1)
    return features, (rng.random(1000) < chance).astype(float)


@pytest.mark.parametrize("use_lightgbm", [True, False])
def test_trees_learn_either_but_not_both_and_the_line_does_not(either_but_not_both, use_lightgbm):
    features, label = either_but_not_both
    model = Boosting(BoostingConfig(columns=1.0), use_lightgbm=use_lightgbm).fit(features[:600], label[:600])
    line = Propensity().fit(features[:600], label[:600])
    assert roc_auc(label[600:], model.predict(features[600:])) > 0.85
    assert roc_auc(label[600:], line.predict(features[600:])) < 0.65


def test_contributions_add_up_and_name_what_matters(either_but_not_both):
    features, label = either_but_not_both
    model = Boosting(BoostingConfig(columns=1.0)).fit(features, label)
    parts = model.contributions(features)
    left = model.margin(features) - parts.sum(axis=1)
    assert left == pytest.approx(np.full(1000, left[0]))  # the expected value, the same for all
    size = np.abs(parts).mean(axis=0)
    assert min(size[0], size[1]) > 5 * size[2]


def test_what_is_kept_predicts_the_same(either_but_not_both):
    features, label = either_but_not_both
    model = Boosting(BoostingConfig(trees=20)).fit(features, label)
    assert (Boosting.from_state(model.state()).predict(features) == model.predict(features)).all()


def test_without_lightgbm_nothing_is_pickled_or_guessed(either_but_not_both):
    model = Boosting(BoostingConfig(trees=5, models=1), use_lightgbm=False).fit(*either_but_not_both)
    with pytest.raises(NotImplementedError, match="pickle"):
        model.state()
    with pytest.raises(NotImplementedError, match="LightGBM"):
        model.contributions(either_but_not_both[0])


def test_trees_are_read_back_where_the_index_was_loaded_first():
    """The nearest-neighbour index carries a C++ library of its own, under which LightGBM once wrote numbers as nothing."""
    code = (
        "import recommendations.ml.nearest\n"
        "import numpy as np\n"
        "from recommendations.ml.boosting import Boosting, BoostingConfig\n"
        "x = np.random.default_rng(0).normal(size=(200, 3))\n"
        "model = Boosting(BoostingConfig(trees=3, models=1)).fit(x, (x[:, 0] > 0) * 1.0)\n"
        "assert (Boosting.from_state(model.state()).predict(x) == model.predict(x)).all()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
