"""Takes one person's row out of a fitted model's arrays, so that nothing in them is theirs alone."""

from collections.abc import Mapping

import numpy as np


def without_row(arrays: Mapping[str, np.ndarray], row: int) -> dict[str, np.ndarray] | None:
    """The same arrays with one person fewer; None when rows of people and of products cannot be told apart.

    `customer_ids` (n) and `product_ids` (m) name the rows. Matrices in three parts lose the row, dense arrays lose it on
    every axis of length n, and every `n_users_` counts one less. What was learned of all stays until the next training.
    """
    n = len(arrays["customer_ids"])
    if n == len(arrays["product_ids"]):
        return None
    sparse = {name.removesuffix(".indptr") for name in arrays if name.endswith(".indptr")}
    left = {}
    for name, array in arrays.items():
        matrix, _, part = name.rpartition(".")
        if matrix in sparse and part in ("data", "indices", "indptr"):
            left[name] = _part(arrays[f"{matrix}.indptr"], array, part, row, n)
        elif name.rpartition(".")[2] == "n_users_":
            left[name] = np.asarray(array - 1)
        else:
            left[name] = _dense(array, row, n)
    return left


def _part(indptr: np.ndarray, array: np.ndarray, part: str, row: int, n: int) -> np.ndarray:
    if len(indptr) - 1 != n:
        return array
    start, end = int(indptr[row]), int(indptr[row + 1])
    if part == "indptr":
        return np.concatenate([array[: row + 1], array[row + 2 :] - (end - start)]).astype(array.dtype)
    return np.delete(array, np.s_[start:end])


def _dense(array: np.ndarray, row: int, n: int) -> np.ndarray:
    for axis, length in enumerate(array.shape):
        if length == n:
            array = np.delete(array, row, axis=axis)
    return array
