import numpy as np
import pytest

from recommendations.ml.blend import Blend, BlendConfig, standardise, tune
from recommendations.ml.ease import Ease, EaseConfig
from recommendations.ml.metrics import evaluate
from recommendations.ml.popularity import Popularity
from recommendations.ml.recency import Recency
from tests.recommendations.ml.known_answers import checkerboard

SMALL = EaseConfig(regularisation=1.0)


def blend(**weights: float) -> Blend:
    models = {"recency": Recency(), "ease": Ease(SMALL), "popularity": Popularity()}
    return Blend(BlendConfig(tuple(weights.items())), {kind: models[kind] for kind in weights})


def test_rows_get_mean_0_and_deviation_1_and_constant_rows_0():
    scores = np.array([[1.0, 2.0, 3.0], [7.0, 7.0, 7.0]], dtype=np.float32)
    assert np.abs(standardise(scores) - [[-1.2247449, 0.0, 1.2247449], [0.0, 0.0, 0.0]]).max() < 1e-6


def test_the_score_is_the_weighted_sum_of_its_parts():
    split = checkerboard(31)
    model = blend(recency=2.0, ease=1.0, popularity=0.5).fit(split.history)
    users, items = np.array([0, 5]), np.array([[0, 3, 39], [8, 1, 2]])
    parts = model.parts(users, items)
    total = sum(parts.values())
    assert sorted(parts) == ["ease", "popularity", "recency"]
    assert np.abs(total - np.take_along_axis(model.score(users), items, axis=1)).max() < 1e-5


def test_tuning_leaves_out_a_model_that_only_harms():
    """Popularity knows no colours: the smallest weight of the grid wins; without EASE no new item is found."""
    split = checkerboard(61)
    model = blend(recency=1.0, ease=1.0, popularity=1.0).fit(split.history)
    grid = {"recency": (1.0,), "ease": (0.0, 1.0), "popularity": (10.0, 0.01)}
    tuned = dict(tune(model, split, grid).weights)
    assert tuned == {"recency": 1.0, "ease": 1.0, "popularity": 0.01}


def test_tuned_blend_is_as_good_as_the_best_of_its_models_in_each_view():
    split = checkerboard(61)
    config = tune(blend(recency=1.0, ease=1.0, popularity=1.0).fit(split.history), split)
    tuned = blend(**dict(config.weights)).fit(split.history)
    for view in ("all", "novel"):
        best = max(
            evaluate(model.fit(split.history), split, view).mean("ndcg@10")
            for model in (Recency(), Ease(SMALL), Popularity())
        )
        assert evaluate(tuned, split, view).mean("ndcg@10") >= best


def test_tuning_is_repeatable():
    split = checkerboard(31)
    model = blend(recency=1.0, ease=1.0, popularity=1.0).fit(split.history)
    assert tune(model, split) == tune(model, split)


def test_a_blend_of_fitted_models_scores_like_one_that_fits_them():
    split = checkerboard(31)
    models = {kind: model.fit(split.history) for kind, model in blend(recency=2.0, ease=1.0).models.items()}
    fitted = Blend.of_fitted(BlendConfig((("recency", 2.0), ("ease", 1.0))), {**models, "popularity": Popularity()})
    whole = blend(recency=2.0, ease=1.0).fit(split.history)
    assert np.array_equal(fitted.score(np.arange(31)), whole.score(np.arange(31)))


def test_models_of_different_data_do_not_blend():
    models = {"recency": Recency().fit(checkerboard(31).history), "ease": Ease(SMALL).fit(checkerboard(33).history)}
    with pytest.raises(ValueError, match="different data"):
        Blend.of_fitted(BlendConfig((("recency", 2.0), ("ease", 1.0))), models)
