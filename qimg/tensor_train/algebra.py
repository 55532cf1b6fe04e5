"""Inner products, norms and reduced states of tensor trains, computed from the cores."""

import math
from collections.abc import Sequence

import numpy as np

from qimg.core import Array, require
from qimg.tensor_train.scale import number, ordinary, scaled, times_power
from qimg.tensor_train.train import TensorTrain, same_sites, several_sites

REDUCED_LIMIT = 4096
"""Largest dimension of a reduced density matrix."""


def inner(first: TensorTrain, second: TensorTrain) -> complex:
    """⟨first|second⟩ = Σ conj(first) · second; a float where both are real. Cost: O(sites · dims · bond³).

    Raises:
        ValueError: the value is too large or too small for double precision (see `log_fidelity`).
    """
    same_sites(first, second)
    return number(*_overlap(first, second), "inner product", "log_fidelity")


def fidelity(first: TensorTrain, second: TensorTrain) -> float:
    """|⟨first|second⟩|² / (‖first‖² ‖second‖²), the fidelity of the normalised trains.

    Raises:
        ValueError: a train is zero, or the value is too small for double precision (see `log_fidelity`).
    """
    cosine, exponent = _cosine(first, second)
    logarithm = _log_square(cosine, exponent)
    require(logarithm > -700 or cosine == 0, "fidelity", "must not underflow (see log_fidelity)", logarithm)
    return min(math.ldexp(cosine, exponent) ** 2, 1.0)


def log_fidelity(first: TensorTrain, second: TensorTrain) -> float:
    """Natural logarithm of `fidelity`, also of one too small for double precision; −∞ for orthogonal trains.

    Raises:
        ValueError: a train is zero.
    """
    return _log_square(*_cosine(first, second))


def norm(train: TensorTrain) -> float:
    """Euclidean norm, with full relative accuracy even for a small difference of trains.

    Raises:
        ValueError: the norm is too large or too small for double precision (see `log_norm`).
    """
    return float(np.real(number(*_length(train.cores), "norm", "log_norm")))


def log_norm(train: TensorTrain) -> float:
    """Natural logarithm of the norm, also of one outside the range of double precision; −∞ for a train of zeros."""
    length, exponent = _length(train.cores)
    return float(np.log(length) + exponent * np.log(2)) if length > 0 else -np.inf


def normalize(train: TensorTrain) -> TensorTrain:
    """The train divided by its norm: a state. Cores are scaled one by one where the norm would overflow or underflow.

    Raises:
        ValueError: the train is zero.
    """
    cores = ordinary(train.cores)[0]
    by_site: list[int] = []
    length = float(_length(cores, by_site)[0])
    require(length > 0, "train", "must not be zero to be a state", length)
    if any(by_site):
        cores = [times_power(core, -one) for core, one in zip(cores, by_site, strict=True)]
    return TensorTrain(cores) * (1.0 / length)


def _length(cores: Sequence[Array], by_site: list[int] | None = None) -> tuple[Array, int]:
    """The norm as a number and a binary exponent, and the exponents that each site contributes."""
    cores, exponent = ordinary(cores)
    carried: Array = np.ones((1, 1))
    for core in cores:
        absorbed = np.tensordot(carried, core, axes=1)
        carried, one = scaled(np.asarray(np.linalg.qr(absorbed.reshape(-1, core.shape[2]), mode="r")))
        exponent += one
        if by_site is not None:
            by_site.append(one)
    return np.abs(carried[0, 0]), exponent


def _overlap(first: TensorTrain, second: TensorTrain) -> tuple[Array, int]:
    """⟨first|second⟩ as a number and a binary exponent."""
    (bras, before), (kets, after) = ordinary(first.cores), ordinary(second.cores)
    carried, exponent = np.ones((1, 1)), before + after
    for bra, ket in zip(bras, kets, strict=True):
        half = np.tensordot(carried, ket, axes=1)
        carried, one = scaled(np.tensordot(bra.conj(), half, axes=([0, 1], [0, 1])))
        exponent += one
    return carried[0, 0], exponent


def _cosine(first: TensorTrain, second: TensorTrain) -> tuple[float, int]:
    """|⟨first|second⟩| / (‖first‖ ‖second‖) as a number and a binary exponent; raises if a train is zero."""
    same_sites(first, second)
    (one, before), (other, after) = _length(first.cores), _length(second.cores)
    require(bool(one > 0 and other > 0), "train", "must not be zero to be a state", 0.0)
    overlap, exponent = _overlap(first, second)
    return float(np.abs(overlap) / (one * other)), exponent - before - after


def _log_square(cosine: float, exponent: int) -> float:
    """Ln of the square of a cosine, at most 0; −∞ for 0."""
    return min(2 * (math.log(cosine) + exponent * math.log(2)), 0.0) if cosine > 0 else -math.inf


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
    for site, core in enumerate(ordinary(train.cores)[0]):
        half = np.tensordot(carried, core, axes=([2], [0]))  # (m, n, bra bond, d, ket bond)
        if site in sites:
            whole = np.tensordot(half, core.conj(), axes=([2], [0]))  # (m, n, d, ket bond, d', bra bond)
            m, n, d, r, _, r_bra = whole.shape
            carried = whole.transpose(0, 2, 1, 4, 3, 5).reshape(m * d, n * d, r, r_bra)
        else:
            carried = np.tensordot(half, core.conj(), axes=([2, 3], [0, 1]))
        carried, _ = scaled(carried)  # the trace is set to 1 below
    rho = carried[:, :, 0, 0]
    trace = float(np.trace(rho).real)
    require(trace > 0, "train", "must not be zero to be a state", trace)
    return np.asarray((rho + rho.conj().T) / (2 * trace))
