"""Canonical forms, Schmidt values and entanglement entropies of a tensor train."""

from collections.abc import Sequence

import numpy as np

from qimg.core import Array, one_blas_thread, require
from qimg.tensor_train.scale import exponent_of, fits, ordinary, scaled, times_power
from qimg.tensor_train.train import TensorTrain


def left_canonical(train: TensorTrain) -> TensorTrain:
    """The same vector with every core but the last an isometry: Σ_d A[d]† A[d] = 1; the last core holds the norm.

    Raises:
        ValueError: the norm is too large or too small for double precision (see `normalize`).
    """
    cores, exponent = left_isometries(train.cores)
    size = exponent + exponent_of(cores[-1])
    rule = "must have a norm in the range of double precision (see normalize)"
    require(fits(size) or not cores[-1].any(), "train", rule, f"about 2**{size}")
    return TensorTrain([*cores[:-1], times_power(cores[-1], exponent)] if exponent else cores)


def right_canonical(train: TensorTrain) -> TensorTrain:
    """The same vector with every core but the first an isometry from its left bond: Σ_d A[d] A[d]† = 1.

    Raises:
        ValueError: the norm is too large or too small for double precision (see `normalize`).
    """
    return reverse(left_canonical(reverse(train)))


def left_isometries(cores: Sequence[Array]) -> tuple[list[Array], int]:
    """Cores of the left-canonical form, the last one of ordinary size, and the exponent of the factor that it lacks."""
    cores, exponent = ordinary(cores)
    carried, done = np.ones((1, 1)), []
    for core in cores[:-1]:
        absorbed = np.tensordot(carried, core, axes=1)
        left, levels, right = absorbed.shape
        basis, rest = np.linalg.qr(absorbed.reshape(left * levels, right))
        done.append(basis.reshape(left, levels, -1))
        carried, one = scaled(rest)
        exponent += one
    last, one = scaled(np.tensordot(carried, cores[-1], axes=1))
    return [*done, last], exponent + one


def right_isometries(train: TensorTrain) -> tuple[list[Array], int]:
    """`left_isometries` from the other side: the first core lacks the factor."""
    cores, exponent = left_isometries(reverse(train).cores)
    return [core.transpose(2, 1, 0) for core in cores[::-1]], exponent


def reverse(train: TensorTrain) -> TensorTrain:
    """The train with its sites in reverse order."""
    return TensorTrain([core.transpose(2, 1, 0) for core in train.cores[::-1]])


def schmidt_values(train: TensorTrain) -> list[Array]:
    """Schmidt values at each cut, descending; their squares sum to the squared norm. Cost: O(sites · dims · bond³).

    They include zeros where a bond is larger than the rank.

    Raises:
        ValueError: the norm is too large or too small for double precision (see `normalize`).
    """
    with one_blas_thread():
        return _schmidt_values(right_canonical(train).cores)


def entanglement_entropy(train: TensorTrain) -> Array:
    """Entanglement entropy (cuts,) in bits, −Σ λ log₂ λ with λ the squared Schmidt values of the normalised vector."""
    entropies = []
    with one_blas_thread():
        at_each_cut = _schmidt_values(right_isometries(train)[0])
    for values in at_each_cut:
        total = float((values**2).sum())
        require(total > 0, "train", "must not be zero: it has no state", total)
        shares = values**2 / total
        shares = shares[shares > 0]
        entropies.append(max(0.0, -float((shares * np.log2(shares)).sum())))
    return np.array(entropies)


def _schmidt_values(cores: Sequence[Array]) -> list[Array]:
    """Schmidt values of right-canonical cores."""
    centre, schmidt = cores[0], []
    for following in cores[1:]:
        left, levels, _ = centre.shape
        _, values, right = np.linalg.svd(centre.reshape(left * levels, -1), full_matrices=False)
        schmidt.append(values)
        centre = np.tensordot(values[:, None] * right, following, axes=1)
    return schmidt
