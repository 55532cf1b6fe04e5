"""Sweeps over the cuts of a train, from left to right: over a dense vector, over a chain, or fitting a vector."""

import math
from collections.abc import Sequence

import numpy as np

from qimg.core import Array
from qimg.tensor_train.canonical import reverse
from qimg.tensor_train.ranks import Cut, Rule, Sweep, Swept
from qimg.tensor_train.train import TensorTrain

_BLOCK = 128
"""Levels of the first sites together that are swept in their Gram matrix alone."""

_ZERO = 1e-14
"""Singular values below this share of the largest are rounding: 45 units of the last digit."""

_NOISE = 1e-15
"""The same for eigenvalues of Gram matrices: squares of singular values."""


def over_vector(vector: Array, dims: Sequence[int], *, precise: bool) -> Sweep:
    """Splits one site after the other off a dense vector: every core an isometry, the last one what is left.

    `precise` goes by SVD, otherwise by Gram matrices. The Gram matrices of the first cuts are partial traces of the one
    behind them, so that the whole vector is multiplied only once before it is small.
    """
    first = 0 if precise else _first_block(dims)
    block = vector.reshape(math.prod(dims[:first]), -1)
    gram = block @ _adjoint(block)

    def sweep(rule: Rule) -> Swept:
        cores, lost = _over_gram(gram, dims[:first], rule)
        rest, left = block, 1
        if cores:
            basis = np.ones((1, 1))
            for core in cores:
                basis = np.tensordot(basis, core, axes=1).reshape(-1, core.shape[2])
            left = basis.shape[1]
            rest = block if left == len(block) else _adjoint(basis) @ block
        for k, levels in enumerate(dims[first:-1], start=first):
            matrix = rest.reshape(left * levels, -1)
            basis, rest, loss = split(matrix, k, left, lost, rule, precise=precise)
            cores.append(basis.reshape(left, levels, -1))
            left, lost = basis.shape[1], lost + loss
        return _swept([*cores, rest.reshape(left, dims[-1], 1)], lost)

    return Sweep(tuple(dims), sweep)


def _first_block(dims: Sequence[int]) -> int:
    """Sites from the left that are swept in their Gram matrix alone, fewer than all of them."""
    count = 0
    while count < len(dims) - 1 and math.prod(dims[: count + 1]) <= min(_BLOCK, math.prod(dims[count + 1 :])):
        count += 1
    return count


def _over_gram(gram: Array, dims: Sequence[int], rule: Rule) -> tuple[list[Array], float]:
    """Cores of the first sites from their Gram matrix, and the weight lost."""
    cores: list[Array] = []
    lost, left = 0.0, 1
    for k, levels in enumerate(dims):
        size = left * levels
        behind = len(gram) // size
        pairs = gram.reshape(size, behind, size, behind)
        weights, vectors = _spectrum(np.trace(pairs, axis1=1, axis2=3))
        kept = rule(Cut(k, weights[: _some(weights, _NOISE)], left, lost))
        lost += float(weights[kept:].sum())
        if kept == size:  # nothing is lost in any basis, so none is changed
            cores.append(np.eye(size, dtype=gram.dtype).reshape(left, levels, kept))
        else:
            basis = vectors[:, :kept]
            half = np.tensordot(basis.conj(), pairs, axes=([0], [0]))
            whole = np.tensordot(half, basis, axes=([2], [0]))  # (kept, behind, behind, kept)
            gram = whole.transpose(0, 1, 3, 2).reshape(kept * behind, -1)
            cores.append(basis.reshape(left, levels, kept))
        left = kept
    return cores, lost


def over_chain(cores: Sequence[Array]) -> Sweep:
    """The same over a right-canonical train: the Schmidt values at a cut are those of the core before it."""

    def sweep(rule: Rule) -> Swept:
        centre, done, lost = cores[0], [], 0.0
        for k, following in enumerate(cores[1:]):
            left, levels, _ = centre.shape
            matrix = centre.reshape(left * levels, -1)
            basis, rest, loss = split(matrix, k, left, lost, rule, precise=True)
            done.append(basis.reshape(left, levels, -1))
            centre = np.tensordot(rest, following, axes=1)
            lost += loss
        return _swept([*done, centre], lost)

    return Sweep(tuple(core.shape[1] for core in cores), sweep)


def fitting(vector: Array, train: TensorTrain, *, backwards: bool) -> Sweep:
    """Fits a train to a dense vector, two neighbouring cores at a time (as in DMRG).

    What the train keeps beyond the two cores is held, so each step is the best one given its neighbours, and the
    weights that a rule gets are those that the *other* cuts have left, and the weight lost before is given as 0.

    Args:
        vector: as large as the train.
        train: left canonical where the sweep goes backwards, right canonical otherwise.
        backwards: go from the last site to the first.
    """
    tensor = vector.reshape(train.dims)
    tensor = tensor.transpose().copy() if backwards else tensor
    dims = tensor.shape
    cores = reverse(train).cores if backwards else train.cores
    total = float(np.vdot(tensor, tensor).real)
    ahead: list[Array] = [np.empty(0)] * (len(dims) - 1)
    projected = tensor.reshape(-1, 1)
    for k in range(len(dims) - 2, -1, -1):
        # (levels before site k, d_k · d_{k+1} · bond): sites beyond k + 1 are projected onto the train.
        ahead[k] = projected.reshape(math.prod(dims[:k]), -1)
        core = cores[k + 1]
        projected = projected.reshape(-1, core.shape[1] * core.shape[2]) @ core.reshape(core.shape[0], -1).conj().T

    def sweep(rule: Rule) -> Swept:
        done, rest = [], tensor
        behind = np.ones((1, 1))  # columns: the train's basis of the sites before
        for k, levels in enumerate(dims[:-1]):
            before = behind.shape[1]
            matrix = (behind.conj().T @ ahead[k]).reshape(before * levels, -1)
            basis, rest, _ = split(matrix, k, before, 0.0, rule, precise=False)
            done.append(basis.reshape(before, levels, -1))
            behind = np.tensordot(behind, done[-1], axes=1).reshape(-1, basis.shape[1])
        last = rest.reshape(-1, dims[-1], 1)
        # Everything before the last core is an isometry, so the error is what its norm lacks.
        return _swept([*done, last], max(total - float(np.vdot(last, last).real), 0.0), backwards=backwards)

    return Sweep(dims, sweep)


def _swept(cores: Sequence[Array], lost: float, *, backwards: bool = False) -> Swept:
    train = TensorTrain(cores)
    return Swept(reverse(train) if backwards else train, train.bonds, lost)


def split(
    matrix: Array, number: int, left: int, lost: float, rule: Rule, *, precise: bool
) -> tuple[Array, Array, float]:
    """An isometry of as many columns as the rule gives, the rest with matrix ≈ isometry · rest, and the weight lost."""
    if precise:
        columns, values, rows = np.linalg.svd(matrix, full_matrices=False)
        weights = values**2
        kept = rule(Cut(number, weights[: _some(values, _ZERO)], left, lost))
        return columns[:, :kept], values[:kept, None] * rows[:kept], float(weights[kept:].sum())
    tall = matrix.shape[0] > matrix.shape[1]
    weights, vectors = _spectrum(_adjoint(matrix) @ matrix if tall else matrix @ _adjoint(matrix))
    kept = rule(Cut(number, weights[: _some(weights, _NOISE)], left, lost))
    # Of a tall matrix the right Schmidt vectors V are known: M V, made orthonormal, spans the left ones.
    basis = np.linalg.qr(matrix @ vectors[:, :kept])[0] if tall else vectors[:, :kept]
    return basis, _adjoint(basis) @ matrix, float(weights[kept:].sum())


def _adjoint(matrix: Array) -> Array:
    """The conjugate transpose; a view where it is real, which BLAS multiplies with itself at half the cost."""
    return matrix.conj().T if np.iscomplexobj(matrix) else matrix.T


def _spectrum(gram: Array) -> tuple[Array, Array]:
    """Eigenvalues of a Gram matrix, descending and not negative, and its eigenvectors as columns."""
    weights, vectors = np.linalg.eigh(gram)
    return np.clip(weights[::-1], 0.0, None), vectors[:, ::-1]


def _some(descending: Array, least: float) -> int:
    """How many values are more than rounding of the first; at least one."""
    return max(1, int((descending > descending[0] * least).sum()))
