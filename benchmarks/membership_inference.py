"""Whether a released propensity model tells who was in its training: `python -m benchmarks.membership_inference`.

One row per household and coupon campaign of the real demo store; households are halved by chance into members, whom the
models train on, and others. The attack is one for all models: how much better than 8 reference models, each trained on a
random half, the released model fits a household's rows (Watson et al. 2022, difficulty calibration), and its loss alone
(Yeom et al. 2018); the better of the two counts. 0.5 is guessing. Averaged over SPLITS halvings, the standard error of an
attack's AUC is near 0.005. Utility is the ROC-AUC on households that no model saw. Some four CPU minutes on one core.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import nn

from benchmarks.propensity import FIRST, read_past
from recommendations.ml.classification import roc_auc
from recommendations.ml.dp import DpConfig, DpLogistic, public_limits, scaled
from recommendations.ml.propensity import Propensity, PropensityConfig
from recommendations.ml.redemption import feature_names, matrix, rows_of

SPLITS, REFERENCES = 8, 8
MOST_DP, LEAST_OVERFITTED = 0.53, 0.60
# A model is released at the default; the looser ones are measured to show where the protection ends.
RELEASED, LOOSER = DpConfig().epsilon, (8.0, 3.0)


@dataclass(frozen=True)
class Rows:
    x: np.ndarray
    y: np.ndarray
    household: np.ndarray

    def of(self, households: np.ndarray) -> "Rows":
        keep = np.isin(self.household, households)
        return Rows(self.x[keep], self.y[keep], self.household[keep])


def read_rows() -> Rows:
    past = read_past()
    starts = past.campaigns.filter(pl.col("starts") >= FIRST)["campaign_id"].to_list()
    table = pl.concat([rows_of(past, campaign_id) for campaign_id in starts])
    names = feature_names(table)
    x = scaled(matrix(table, names), public_limits(names))
    return Rows(x, table["redeemed"].to_numpy().astype(float), table["household_id"].to_numpy())


def plain(rows: Rows):
    return Propensity(PropensityConfig(loss="logistic", l2=0.01)).fit(rows.x, rows.y).predict


def private(epsilon: float):
    def fit(rows: Rows):
        model = DpLogistic(DpConfig(epsilon=epsilon)).fit(rows.x, rows.y, rows.household)
        assert model.epsilon_ <= epsilon, model.epsilon_
        return model.predict

    return fit


def overfitted(rows: Rows):
    """256 hidden units and no brake: it learns its rows by heart, on purpose."""
    torch.manual_seed(int(rows.household.sum()) % 2**31)
    model = nn.Sequential(nn.Linear(rows.x.shape[1], 256), nn.ReLU(), nn.Linear(256, 1))
    x, y = torch.tensor(rows.x, dtype=torch.float32), torch.tensor(rows.y, dtype=torch.float32)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(400):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(-1), y).backward()
        optimizer.step()
    return lambda new: (
        torch.sigmoid(model(torch.tensor(new, dtype=torch.float32))).squeeze(-1).detach().double().numpy()
    )


def household_loss(predict, rows: Rows, households: np.ndarray) -> np.ndarray:
    """Mean log loss of each household's rows, in the order of `households` (sorted)."""
    p = np.clip(predict(rows.x), 1e-7, 1 - 1e-7)
    loss = -(rows.y * np.log(p) + (1 - rows.y) * np.log(1 - p))
    place = np.searchsorted(households, rows.household)
    return np.bincount(place, weights=loss) / np.bincount(place)


def attack(fit, rows: Rows, households: np.ndarray, draw: np.random.Generator) -> tuple[float, float]:
    """(the better attack's AUC, utility: ROC-AUC on the households left out)."""
    member = np.zeros(len(households))
    member[draw.permutation(len(households))[: len(households) // 2]] = 1
    predict = fit(rows.of(households[member > 0]))
    loss = household_loss(predict, rows, households)
    expected = np.zeros(len(households))
    for _ in range(REFERENCES):
        half = draw.permutation(households)[: len(households) // 2]
        expected += household_loss(fit(rows.of(half)), rows, households) / REFERENCES
    others = rows.of(households[member == 0])
    found = max(roc_auc(member, -loss), roc_auc(member, expected - loss))
    return found, roc_auc(others.y, predict(others.x))


def main(splits: int) -> None:
    started = time.process_time()
    torch.set_num_threads(1)
    rows = read_rows()
    households = np.unique(rows.household)
    print(f"{len(rows.y):,} rows of {len(households):,} households, {rows.y.mean():.3f} redeem; {splits} halvings")
    print(f"{'model':30}{'attack AUC':>12}{'± s.e.':>9}{'utility':>10}")
    models = {"logistic, not private": plain, "overfitted on purpose": overfitted}
    models |= {f"logistic, epsilon {e:g} a household": private(e) for e in (*LOOSER, RELEASED)}
    found = {}
    for name, fit in models.items():
        # The same halvings for every model.
        figures = np.array([attack(fit, rows, households, np.random.default_rng(split)) for split in range(splits)])
        found[name] = figures.mean(axis=0)
        error = figures[:, 0].std(ddof=1) / np.sqrt(splits)
        print(f"{name:30}{found[name][0]:12.4f}{error:9.4f}{found[name][1]:10.4f}", flush=True)
    utility = found["logistic, not private"][1]
    for name, (advantage, useful) in found.items():
        if "epsilon" in name:
            print(f"{name}: utility lost {utility - useful:+.4f}; attack at most {MOST_DP}: {advantage <= MOST_DP}")
    released = found[f"logistic, epsilon {RELEASED:g} a household"][0]
    print(f"{time.process_time() - started:.0f} CPU seconds")
    assert released <= MOST_DP, f"the released model gives its members away: {released:.4f}"
    assert found["overfitted on purpose"][0] >= LEAST_OVERFITTED, "the attack is too weak to say anything"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=SPLITS)
    main(parser.parse_args().splits)
