"""Groups of people by what they follow, like, share and comment on.

A person is a row of weights over targets: the networks, and the departments and categories of the products that their
deeds were about. Rows are weighed by TF-IDF (`weighting`), so that what everybody likes tells nobody apart, brought to a few
dimensions by a truncated SVD where there are more targets than those, and grouped by spherical k-means (unit rows; I.
Dhillon, D. Modha, Machine Learning 2001). Nothing is quadratic in people: likeness is asked within a group and of a
sample of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.utils.extmath import randomized_svd

from recommendations.ml import weighting
from recommendations.ml.deeds import LEAST_DEEDS, LEAST_PEOPLE, PEOPLE_A_GROUP
from recommendations.ml.interactions import TooFewData
from recommendations.ml.recommender import State

NAMED = 2  # targets that a group is called by
LIKE_SAMPLE = 500


@dataclass(frozen=True)
class SocialConfig:
    most_groups: int = 6
    dims: int = 16
    starts: int = 10
    seed: int = 0


class SocialGroups:
    """Learned: `axes_` (targets, d), `centers_` (k, d) unit rows, `sizes_` (k,), `lift_` (k, targets) how many times the
    share that a target has of everybody's deeds it has of the group's, `idf_` (targets,).
    """

    def __init__(self, config: SocialConfig | None = None) -> None:
        self.config = config or SocialConfig()

    def fit(self, deeds: sparse.csr_array) -> "SocialGroups":
        """deeds: (people, targets) summed weights, each person with LEAST_DEEDS deeds or more. Raises TooFewData."""
        people, targets = deeds.shape
        if people < LEAST_PEOPLE:
            raise TooFewData(
                f"social groups: {people} people with {LEAST_DEEDS} or more follows, likes, shares and comments, "
                f"{LEAST_PEOPLE} needed"
            )
        config = self.config
        held = np.bincount(deeds.indices, minlength=targets)
        self.idf_ = np.log(people / np.maximum(held, 1)) * (held > 0)
        rows = weighting.tf_idf(deeds)
        dims = min(config.dims, targets - 1, people - 1)
        if dims >= 1:
            _, _, axes = randomized_svd(rows, dims, random_state=config.seed)
            self.axes_ = axes.T
        else:
            self.axes_ = np.eye(targets)
        places = _unit(rows @ self.axes_)
        groups = min(config.most_groups, people // PEOPLE_A_GROUP, len(np.unique(places.round(6), axis=0)))
        means = KMeans(max(groups, 1), n_init=config.starts, random_state=config.seed).fit(places)
        self.sizes_ = np.bincount(means.labels_, minlength=len(means.cluster_centers_))
        order = np.argsort(-self.sizes_, kind="stable")
        self.centers_, self.sizes_ = _unit(means.cluster_centers_[order]), self.sizes_[order]
        self.lift_ = _lift(deeds, self.predict(deeds), len(order))
        return self

    def place(self, deeds: sparse.csr_array) -> np.ndarray:
        """(people, d) unit rows; zero for who did nothing that is known."""
        rows = deeds.copy().astype(np.float64)
        rows.data = np.sqrt(rows.data) * self.idf_[rows.indices]
        return _unit(rows @ self.axes_)

    def predict(self, deeds: sparse.csr_array) -> np.ndarray:
        """The group of the nearest centre, (people,); -1 for who did nothing that is known."""
        places = self.place(deeds)
        return np.where((places != 0).any(axis=1), (places @ self.centers_.T).argmax(axis=1), -1)

    def explained(self, deeds: sparse.csr_array, group: np.ndarray) -> np.ndarray:
        """Per person: cosine to the mean direction of the own group, less that to everybody's. 0 for one group of all."""
        places = self.place(deeds)
        whole = places @ _unit(places.mean(axis=0, keepdims=True))[0]
        found = np.zeros(len(places))
        for number in np.unique(group[group >= 0]):
            mine = group == number
            found[mine] = places[mine] @ _unit(places[mine].mean(axis=0, keepdims=True))[0] - whole[mine]
        return found

    def renumbered(self, order: np.ndarray) -> "SocialGroups":
        """The same groups under other numbers: the new number i is what was order[i]."""
        model = SocialGroups(self.config)
        parts = {name: getattr(self, name)[order] for name in ("centers_", "sizes_", "lift_")}
        vars(model).update(vars(self) | parts)
        return model

    def names(self, targets: list[str]) -> list[str]:
        """A readable, distinct name per group: the targets that stand out most in it, such as "bakery, on instagram"."""
        found: list[str] = []
        for lift in self.lift_:
            best = [place for place in np.argsort(-lift, kind="stable")[:NAMED] if lift[place] > 1.0]
            name = ", ".join(targets[place] for place in best) or "a bit of everything"
            twins = sum(other.split(" (")[0] == name for other in found)
            found.append(f"{name} ({twins + 1})" if twins else name)
        return found

    def state(self) -> State:
        learned = {name: np.asarray(value) for name, value in vars(self).items() if name.endswith("_")}
        return learned | {f"config.{name}": np.asarray(value) for name, value in vars(self.config).items()}

    @classmethod
    def from_state(cls, state: State) -> "SocialGroups":
        config = {
            name.removeprefix("config."): value.item() for name, value in state.items() if name.startswith("config.")
        }
        model = cls(SocialConfig(**config))
        vars(model).update({name: value for name, value in state.items() if name.endswith("_")})
        return model


def alike(places: np.ndarray, group: np.ndarray, *, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """For each person the k likest of a sample of LIKE_SAMPLE of their group: positions (n, k), -1 where there are fewer,
    and cosines.
    """
    found = np.full((len(places), k), -1, dtype=np.int64)
    cosine = np.zeros((len(places), k))
    rng = np.random.default_rng(seed)
    for number in np.unique(group[group >= 0]):
        mine = np.flatnonzero(group == number)
        sample = np.sort(rng.choice(mine, min(len(mine), LIKE_SAMPLE), replace=False))
        for start in range(0, len(mine), LIKE_SAMPLE):
            block = mine[start : start + LIKE_SAMPLE]
            near = places[block] @ places[sample].T
            near[block[:, None] == sample[None, :]] = -np.inf
            width = min(k, len(sample) - 1)
            best = np.argsort(-near, axis=1, kind="stable")[:, :width]
            found[block, :width] = sample[best]
            cosine[block, :width] = np.take_along_axis(near, best, axis=1)
    cosine[found < 0] = 0.0
    return found, cosine


def _lift(deeds: sparse.csr_array, group: np.ndarray, groups: int) -> np.ndarray:
    """Share of a group's deeds over the share of everybody's, both drawn to it."""
    whole = np.asarray(deeds.sum(axis=0), dtype=np.float64).reshape(-1)
    usual = whole / whole.sum()
    found = np.ones((groups, len(usual)))
    for number in range(groups):
        mine = np.asarray(deeds[group == number].sum(axis=0), dtype=np.float64).reshape(-1)
        # Ten deeds of everybody's mix: what two people did is no trait of a group.
        drawn = (mine + 10 * usual) / (mine.sum() + 10)
        found[number] = np.divide(drawn, usual, out=np.ones_like(usual), where=usual > 0)
    return found


def _unit(rows: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, size, out=np.zeros_like(rows, dtype=np.float64), where=size > 1e-12)
