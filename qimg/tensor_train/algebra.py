"""Inner products, norms and reduced states of tensor trains, without writing a vector out."""

from collections.abc import Sequence

import numpy as np

from qimg.core import Array, require
from qimg.tensor_train.train import TensorTrain, same_sites, several_sites

REDUCED_LIMIT = 4096
"""Levels of the sites together up to which their reduced density matrix is written out."""


def inner(first: TensorTrain, second: TensorTrain) -> complex:
    """⟨first|second⟩ = Σ conj(first) · second; a float where both are real. Cost: O(sites · dims · bond³)."""
    same_sites(first, second)
    carried = np.ones((1, 1))
    for bra, ket in zip(first.cores, second.cores, strict=True):
        half = np.tensordot(carried, ket, axes=1)
        carried = np.tensordot(bra.conj(), half, axes=([0, 1], [0, 1]))
    return carried[0, 0].item()


def norm(train: TensorTrain) -> float:
    """Euclidean norm. Accurate to rounding of the norm itself, also where it is a small difference of trains."""
    carried: Array = np.ones((1, 1))
    for core in train.cores:
        absorbed = np.tensordot(carried, core, axes=1)
        carried = np.asarray(np.linalg.qr(absorbed.reshape(-1, core.shape[2]), mode="r"))
    return float(np.abs(carried[0, 0]))


def normalize(train: TensorTrain) -> TensorTrain:
    """The train divided by its norm: a state.

    Raises:
        ValueError: it is zero.
    """
    length = norm(train)
    require(length > 0, "train", "must not be zero to be a state", length)
    return train * (1.0 / length)


def reduced_density_matrix(train: TensorTrain, keep: int | Sequence[int]) -> Array:
    """Density matrix of a few sites, the others traced out; its trace is 1. Cost: O(sites · bond³ · levels kept²).

    Args:
        train: not zero; it is normalised.
        keep: one site or several, counted from 0; they stay in their order, the first the most significant digit.

    Returns:
        (d, d) with d the product of the levels kept.
    """
    kept = several_sites(keep, len(train.cores))
    size = int(np.prod([train.dims[site] for site in kept], dtype=object))
    require(size <= REDUCED_LIMIT, "keep", f"must be sites of at most {REDUCED_LIMIT} levels together", kept)
    # carried: (levels kept of the ket, of the bra, bond of the ket, bond of the bra)
    carried = np.ones((1, 1, 1, 1))
    for site, core in enumerate(train.cores):
        half = np.tensordot(carried, core, axes=([2], [0]))  # (m, n, bra bond, d, ket bond)
        if site in kept:
            whole = np.tensordot(half, core.conj(), axes=([2], [0]))  # (m, n, d, ket bond, d', bra bond)
            m, n, d, r, _, r_bra = whole.shape
            carried = whole.transpose(0, 2, 1, 4, 3, 5).reshape(m * d, n * d, r, r_bra)
        else:
            carried = np.tensordot(half, core.conj(), axes=([2, 3], [0, 1]))
    rho = carried[:, :, 0, 0]
    trace = float(np.trace(rho).real)
    require(trace > 0, "train", "must not be zero to be a state", trace)
    return np.asarray((rho + rho.conj().T) / (2 * trace))
