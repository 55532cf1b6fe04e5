"""Canonical forms, Schmidt values and entanglement entropies of a tensor train."""

import numpy as np

from qimg.core import Array, one_blas_thread, require
from qimg.tensor_train.train import TensorTrain


def left_canonical(train: TensorTrain) -> TensorTrain:
    """The same vector with every core but the last an isometry: Σ_d A[d]† A[d] = 1; the last core holds the norm."""
    carried, cores = np.ones((1, 1)), []
    for core in train.cores[:-1]:
        absorbed = np.tensordot(carried, core, axes=1)
        left, levels, right = absorbed.shape
        basis, carried = np.linalg.qr(absorbed.reshape(left * levels, right))
        cores.append(basis.reshape(left, levels, -1))
    return TensorTrain([*cores, np.tensordot(carried, train.cores[-1], axes=1)])


def right_canonical(train: TensorTrain) -> TensorTrain:
    """The same vector with every core but the first an isometry from its left bond: Σ_d A[d] A[d]† = 1."""
    return reverse(left_canonical(reverse(train)))


def reverse(train: TensorTrain) -> TensorTrain:
    """The train with its sites in reverse order."""
    return TensorTrain([core.transpose(2, 1, 0) for core in train.cores[::-1]])


def schmidt_values(train: TensorTrain) -> list[Array]:
    """Schmidt values at each cut, descending; their squares sum to the squared norm. Cost: O(sites · dims · bond³).

    They include zeros where a bond is larger than the rank.
    """
    with one_blas_thread():
        cores = right_canonical(train).cores
        centre, schmidt = cores[0], []
        for following in cores[1:]:
            left, levels, _ = centre.shape
            _, values, right = np.linalg.svd(centre.reshape(left * levels, -1), full_matrices=False)
            schmidt.append(values)
            centre = np.tensordot(values[:, None] * right, following, axes=1)
    return schmidt


def entanglement_entropy(train: TensorTrain) -> Array:
    """Entanglement entropy (cuts,) in bits, −Σ λ log₂ λ with λ the squared Schmidt values of the normalised vector."""
    entropies = []
    for values in schmidt_values(train):
        total = float((values**2).sum())
        require(total > 0, "train", "must not be zero: it has no state", total)
        shares = values**2 / total
        shares = shares[shares > 0]
        entropies.append(max(0.0, -float((shares * np.log2(shares)).sum())))
    return np.array(entropies)
