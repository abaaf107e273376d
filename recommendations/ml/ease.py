"""EASE on decayed counts: a linear item-to-item model with zero diagonal, solved exactly.

H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (arXiv:1905.03375):

    min over B of |X - XB|^2 + lam |B|^2 with diag(B) = 0   =>   P = (X'X + lam I)^-1,  B = I - P / diag(P)

(column j of P divided by P_jj). B is items x items. With fewer people than items the same B comes from an inverse of
people x people, by the matrix inversion lemma:

    K = (XX' + lam I)^-1,   P = (I - X'KX) / lam,   XP = KX,   scores XB = X - KX / diag(P)

Which inverse: the smaller side, as long as it is at most `max_side`. Where both sides are larger, `max_side` people
drawn by the seed stand in for all: B is theirs, and everyone is scored with it. So nothing grows with the square of
the people, and memory has a bound: max_side 6,000 costs 144 MB for the model and three times 288 MB while fitting.

X is (2^-(days/half-life), summed over orders) ** damping. Damping 1 mostly repeats the own counts, 0 is the binary
EASE of the paper; between them lies a model that is good for both repeats and discoveries.

People may weigh differently (H. Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020, trains each
person's loss under a weight): min over B of sum over u of w_u |x_u - x_u B|^2 + lam |B|^2. With Y = W^(1/2) X nothing else
changes: P = (Y'Y + lam I)^-1 = (I - Y'KY) / lam, K = (YY' + lam I)^-1, and x_u P = (KY)_u / sqrt(w_u). The weight is
w_u = (n_u / mean n) ** -user_power over the n_u products of a person's history: at 0 who buys much decides, as in the
paper of 2019; at 1 everybody's loss counts about alike.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import linalg, sparse

from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.popularity import Popularity, PopularityConfig
from recommendations.ml.recommender import BLOCK_CELLS, Recommender, State


@dataclass(frozen=True)
class EaseConfig:
    """Defaults chosen on the demo store with weeks 38-41 and 46-49 as truth, at product and product-type level.

    Weights of people (`user_power`) were tried at 0.25, 0.5 and 1 and helped in no view, level or cut; at 1 they hurt.
    The regularisation is in units of X'X: it belongs to some 2,500 people and wants tuning where they are far fewer.
    """

    half_life_days: float = 84.0
    damping: float = 0.25
    regularisation: float = 500.0
    user_power: float = 0.0
    popularity_window_days: float = 14.0
    max_side: int = 6000
    seed: int = 0


class Ease(Recommender):
    """Learned: X (`rows_`), the roots of the people's weights (`roots_`), diag(P), popularity, and either B (`weights_`) or K
    of the people `sample_` (`kernel_`). The one that is not used has no cells.
    """

    kind = "ease"
    Config = EaseConfig

    def fit(self, interactions: Interactions) -> Self:
        self._begin(interactions)
        self.rows_ = interactions.counts(self.config.half_life_days)
        self.rows_.data **= self.config.damping
        window = PopularityConfig(self.config.popularity_window_days)
        self.popular_ = Popularity(window).fit(interactions).buyers_
        self.roots_ = self._roots()
        active = np.flatnonzero(np.diff(self.rows_.indptr))
        if len(active) < 2:
            raise TooFewData("ease: fewer than 2 people have a history")
        if self.n_items_ <= min(len(active), self.config.max_side):
            self._fit_items()
        else:
            self._fit_people(active)
        return self

    def _fit_items(self) -> None:
        rows = self._weighted(np.arange(self.n_users_))
        inverse = _regularised_inverse((rows.T @ rows).toarray(), self.config.regularisation)
        self.diagonal_ = np.diag(inverse).copy()
        inverse /= -self.diagonal_
        np.fill_diagonal(inverse, 0.0)
        self.weights_ = inverse.astype(np.float32)
        self.sample_ = np.empty(0, dtype=np.int32)
        self.kernel_ = np.empty((0, 0), dtype=np.float32)

    def _fit_people(self, active: np.ndarray) -> None:
        limit = self.config.max_side
        if len(active) > limit:
            active = np.sort(np.random.default_rng(self.config.seed).choice(active, size=limit, replace=False))
        self.weights_ = np.empty((0, 0), dtype=np.float32)
        self.sample_ = active.astype(np.int32)
        sample = self._sample()
        gram = (sample @ sample.T).toarray()
        kernel = _regularised_inverse(gram, self.config.regularisation)
        self.kernel_ = kernel.astype(np.float32)
        # diag(X'KX), a block of people at a time: KX itself would be people x items. In float64, because for an item
        # that everybody buys it comes close to the 1 it is subtracted from.
        quadratic = np.zeros(self.n_items_)
        size = max(1, BLOCK_CELLS // self.n_items_)
        for start in range(0, len(active), size):
            block = slice(start, start + size)
            quadratic += sample[block].multiply(_dense_times_sparse(kernel[block], sample)).sum(axis=0)
        self.diagonal_ = (1.0 - quadratic) / self.config.regularisation

    def _score(self, users: np.ndarray) -> np.ndarray:
        rows = self.rows_[users]
        if self.weights_.size:
            return self.score_rows(rows)
        # Who was trained on has YP = KY: no product with K and no cancellation.
        place = np.full(self.n_users_, -1)
        place[self.sample_] = np.arange(len(self.sample_))
        trained = place[users] >= 0
        projected = np.empty((len(users), self.n_items_), dtype=np.float32)
        projected[trained] = _dense_times_sparse(self.kernel_[place[users[trained]]], self._sample())
        projected[trained] /= self.roots_[users[trained], None]
        if not trained.all():
            projected[~trained] = self._project(rows[~trained])
        return self._from_projection(rows, projected)

    def score_rows(self, rows: sparse.csr_array) -> np.ndarray:
        """Scores for any histories, (len(rows), n_items) float32: people of the training or who came later.

        rows: sparse (m, n_items) of damped decayed counts, as in the module's X. A row without any history gets
        popularity, scaled to at most 1.
        """
        if self.weights_.size:
            return self._popular_without_history(rows, rows @ self.weights_)
        return self._from_projection(rows, self._project(rows))

    def _project(self, rows: sparse.csr_array) -> np.ndarray:
        """xP = (x - (xS'K)S) / lam for any history x, S the rows of the sample."""
        sample = self._sample()
        people = (rows @ sample.T).toarray() @ self.kernel_
        return (rows.toarray() - _dense_times_sparse(people, sample)) / np.float32(self.config.regularisation)

    def _from_projection(self, rows: sparse.csr_array, projected: np.ndarray) -> np.ndarray:
        """xB = x - xP / diag(P); takes over the memory of `projected`."""
        projected /= -self.diagonal_.astype(np.float32)
        users, cells = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.indices
        projected[users, cells] += rows.data
        return self._popular_without_history(rows, projected)

    def _popular_without_history(self, rows: sparse.csr_array, scores: np.ndarray) -> np.ndarray:
        scores[np.diff(rows.indptr) == 0] = self.popular_ / self.popular_.max()
        return scores

    def weights(self, items: np.ndarray) -> np.ndarray:
        """The columns of B for these items, (n_items, len(items)) float32: what each own item adds per unit of X."""
        items = np.asarray(items, dtype=np.int64)
        if self.weights_.size:
            return self.weights_[:, items]
        sample = self._sample()
        columns = sample[:, items].toarray()
        weights = sample.T @ (self.kernel_ @ columns)
        weights /= (self.config.regularisation * self.diagonal_[items]).astype(np.float32)
        weights[items, np.arange(len(items))] = 0.0
        return weights

    def contributions(self, user: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The user's own items and what each adds to the item whose column of B is `weights` (n_items,).

        They sum to the item's score, exactly but for float32.
        """
        cells = slice(self.rows_.indptr[user], self.rows_.indptr[user + 1])
        own = self.rows_.indices[cells]
        return own, self.rows_.data[cells] * weights[own]

    def _roots(self) -> np.ndarray:
        """sqrt(w) of each person, (n_users,) float32, 1 for who has no history."""
        held = np.diff(self.rows_.indptr).astype(np.float64)
        usual = held.sum() / max(1, np.count_nonzero(held))
        relative = np.where(held > 0, held / max(usual, 1.0), 1.0)
        return (relative ** (-self.config.user_power / 2)).astype(np.float32)

    def _weighted(self, users: np.ndarray) -> sparse.csr_array:
        """Y of these people."""
        rows = self.rows_ if len(users) == self.n_users_ else self.rows_[users]
        if not self.config.user_power:
            return rows
        scaled = rows.copy()
        scaled.data *= np.repeat(self.roots_[users], np.diff(rows.indptr))
        return scaled

    def _sample(self) -> sparse.csr_array:
        return self._weighted(self.sample_)

    def state(self) -> State:
        """As the base says; K is symmetric, so its lower triangle is enough: half of the artifact."""
        return super().state() | {"kernel_": self.kernel_[np.tri(len(self.kernel_), dtype=bool)]}

    @classmethod
    def from_state(cls, state: State) -> Self:
        # Artifacts from before people had weights.
        unweighted = {"config.user_power": np.asarray(0.0), "roots_": np.ones(int(state["n_users_"]), np.float32)}
        model = super().from_state(unweighted | dict(state))
        side = len(model.sample_)
        lower = np.zeros((side, side), dtype=np.float32)
        lower[np.tri(side, dtype=bool)] = state["kernel_"]
        model.kernel_ = lower + np.tril(lower, -1).T
        return model


def _regularised_inverse(gram: np.ndarray, regularisation: float) -> np.ndarray:
    """(gram + lam I)^-1 in float64, exactly symmetric. Raises TooFewData when it is not positive definite."""
    gram = np.asarray(gram, dtype=np.float64)
    gram[np.diag_indices_from(gram)] += regularisation
    # Transposed: LAPACK overwrites column order in place and would copy row order; the matrix is its own transpose.
    factor, failed = linalg.lapack.dpotrf(gram.T, lower=1, overwrite_a=1)
    if not failed:
        factor, failed = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise TooFewData("ease: the regularised matrix cannot be inverted; raise the regularisation")
    return np.tril(factor) + np.tril(factor, -1).T


def _dense_times_sparse(dense: np.ndarray, matrix: sparse.csr_array) -> np.ndarray:
    """dense @ matrix, by the product with the sparse side first, which scipy does without copies."""
    return (matrix.T @ dense.T).T
