"""Each family comes back from what was kept with the same chances, calibrated on moments that it did not see."""

import numpy as np
import pytest

from recommendations.ml.calibrated import FAMILIES, Calibrated
from recommendations.ml.classification import calibration_error


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(1500, 4))
    label = (rng.random(1500) < 1 / (1 + np.exp(2 - 1.5 * features[:, 0]))).astype(float)
    return features, label, np.arange(1500) % 3


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_calibrated_and_can_be_kept(rows, family):
    features, label, fold = rows
    model = Calibrated.fit(family, features[:1000], label[:1000], fold[:1000])
    said = model.predict(features[1000:])
    assert calibration_error(label[1000:], said) < 0.08
    assert (Calibrated.from_state(model.state()).predict(features[1000:]) == said).all()
