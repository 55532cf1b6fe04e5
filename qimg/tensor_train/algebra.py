"""Inner products, norms and reduced states of tensor trains, computed from the cores."""

from collections.abc import Sequence

import numpy as np

from qimg.core import Array, require
from qimg.tensor_train.train import TensorTrain, same_sites, several_sites

REDUCED_LIMIT = 4096
"""Largest dimension of a reduced density matrix."""


def inner(first: TensorTrain, second: TensorTrain) -> complex:
    """⟨first|second⟩ = Σ conj(first) · second; a float where both are real. Cost: O(sites · dims · bond³)."""
    same_sites(first, second)
    carried = np.ones((1, 1))
    for bra, ket in zip(first.cores, second.cores, strict=True):
        half = np.tensordot(carried, ket, axes=1)
        carried = np.tensordot(bra.conj(), half, axes=([0, 1], [0, 1]))
    return carried[0, 0].item()


def norm(train: TensorTrain) -> float:
    """Euclidean norm, with full relative accuracy even for a small difference of trains."""
    carried: Array = np.ones((1, 1))
    for core in train.cores:
        absorbed = np.tensordot(carried, core, axes=1)
        carried = np.asarray(np.linalg.qr(absorbed.reshape(-1, core.shape[2]), mode="r"))
    return float(np.abs(carried[0, 0]))


def normalize(train: TensorTrain) -> TensorTrain:
    """The train divided by its norm: a state.

    Raises:
        ValueError: the train is zero.
    """
    length = norm(train)
    require(length > 0, "train", "must not be zero to be a state", length)
    return train * (1.0 / length)


def reduced_density_matrix(train: TensorTrain, keep: int | Sequence[int]) -> Array:
    """Density matrix of the sites in `keep`, the others traced out; its trace is 1. Cost: O(sites · bond³ · d²).

    Args:
        train: not zero; it is normalised.
        keep: one site or several, counted from 0; they stay in their order, the first the most significant digit.

    Returns:
        (d, d) with d the product of the levels of these sites.
    """
    sites = several_sites(keep, len(train.cores))
    size = int(np.prod([train.dims[site] for site in sites], dtype=object))
    require(size <= REDUCED_LIMIT, "keep", f"must be sites of at most {REDUCED_LIMIT} levels together", sites)
    # carried: (levels of `sites` in the ket, in the bra, bond of the ket, bond of the bra)
    carried = np.ones((1, 1, 1, 1))
    for site, core in enumerate(train.cores):
        half = np.tensordot(carried, core, axes=([2], [0]))  # (m, n, bra bond, d, ket bond)
        if site in sites:
            whole = np.tensordot(half, core.conj(), axes=([2], [0]))  # (m, n, d, ket bond, d', bra bond)
            m, n, d, r, _, r_bra = whole.shape
            carried = whole.transpose(0, 2, 1, 4, 3, 5).reshape(m * d, n * d, r, r_bra)
        else:
            carried = np.tensordot(half, core.conj(), axes=([2, 3], [0, 1]))
    rho = carried[:, :, 0, 0]
    trace = float(np.trace(rho).real)
    require(trace > 0, "train", "must not be zero to be a state", trace)
    return np.asarray((rho + rho.conj().T) / (2 * trace))
