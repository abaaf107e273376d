"""Gradient boosted trees beside the regressions: LightGBM (Ke et al. 2017), or scikit-learn's where it cannot be loaded.

Several small models of one setting and different seeds are averaged: each draws rows and columns, and with some thousand
rows one draw is worth a point of AUC. Contributions are TreeSHAP's (Lundberg et al. 2018), exact in log-odds.
"""

from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from recommendations.ml.recommender import State

try:
    import lightgbm
except OSError:  # its wheel brings no OpenMP: a slim image may lack libgomp
    lightgbm = None


@dataclass(frozen=True)
class BoostingConfig:
    trees: int = 150
    rate: float = 0.03
    leaves: int = 7
    rows_in_leaf: int = 30
    columns: float = 0.4  # share of the features that a tree looks at
    rows: float = 0.7
    l2: float = 5.0
    models: int = 3
    seed: int = 0


class Boosting:
    """Learned: `models_`, LightGBM's boosters or scikit-learn's classifiers."""

    kind = "propensity_boosting"
    Config = BoostingConfig

    def __init__(self, config: BoostingConfig | None = None, *, use_lightgbm: bool = True) -> None:
        self.config = config or BoostingConfig()
        self.use_lightgbm = use_lightgbm and lightgbm is not None

    def fit(self, features: np.ndarray, label: np.ndarray) -> Self:
        """features: (n, n_features) float, NaN where unknown; label: (n,) 0 or 1."""
        one = self._light if self.use_lightgbm else self._scikit
        self.models_ = [one(features, label, self.config.seed + place) for place in range(self.config.models)]
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(n,) probabilities: the mean of the log-odds, so that `contributions` add up to it."""
        return 1.0 / (1.0 + np.exp(-self.margin(features)))

    def margin(self, features: np.ndarray) -> np.ndarray:
        read = _light_margin if self.use_lightgbm else _scikit_margin
        return np.mean([read(model, features) for model in self.models_], axis=0)

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """(n, n_features) log-odds; with each row's expected value they sum to the margin.

        Raises NotImplementedError without LightGBM: scikit-learn has no TreeSHAP, and a guess would be no reason.
        """
        if not self.use_lightgbm:
            raise NotImplementedError("contributions need LightGBM; take the regression's")
        # The last column is the expected value.
        return np.mean([model.predict(features, pred_contrib=True)[:, :-1] for model in self.models_], axis=0)

    def state(self) -> State:
        """Each booster as its text in bytes. Raises NotImplementedError without LightGBM: only pickle could store it."""
        if not self.use_lightgbm:
            raise NotImplementedError("scikit-learn's boosting can be stored by pickle alone, which is never read here")
        texts = {
            f"model.{place}": np.frombuffer(model.model_to_string().encode(), dtype=np.uint8)
            for place, model in enumerate(self.models_)
        }
        return texts | {f"config.{name}": np.asarray(value) for name, value in asdict(self.config).items()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        config = {name.removeprefix("config."): state[name].item() for name in state if name.startswith("config.")}
        model = cls(BoostingConfig(**config))
        texts = [state[f"model.{place}"].tobytes().decode() for place in range(model.config.models)]
        model.models_ = [lightgbm.Booster(model_str=text) for text in texts]
        return model

    def _light(self, features: np.ndarray, label: np.ndarray, seed: int):
        config = self.config
        params = {
            "objective": "binary", "learning_rate": config.rate, "num_leaves": config.leaves, "num_threads": 1,
            "min_data_in_leaf": config.rows_in_leaf, "feature_fraction": config.columns, "lambda_l2": config.l2,
            "bagging_fraction": config.rows, "bagging_freq": 1, "seed": seed, "deterministic": True, "verbose": -1,
        }  # fmt: skip
        return lightgbm.train(params, lightgbm.Dataset(features, label), num_boost_round=config.trees)

    def _scikit(self, features: np.ndarray, label: np.ndarray, seed: int):
        config = self.config
        model = HistGradientBoostingClassifier(
            max_iter=config.trees, learning_rate=config.rate, max_leaf_nodes=config.leaves, random_state=seed,
            min_samples_leaf=config.rows_in_leaf, l2_regularization=config.l2, max_features=config.columns,
            early_stopping=False,
        )  # fmt: skip
        # Trees this small are slower on several threads, and far slower beside another training.
        with threadpool_limits(1):
            return model.fit(features, label)


def _light_margin(model, features: np.ndarray) -> np.ndarray:
    return model.predict(features, raw_score=True)


def _scikit_margin(model, features: np.ndarray) -> np.ndarray:
    return model.decision_function(features)
