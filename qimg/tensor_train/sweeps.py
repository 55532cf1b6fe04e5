"""Sweeps over the cuts of a train: decomposition of a dense vector, compression of a train, fit to a vector."""

import math
from collections.abc import Sequence

import numpy as np

from qimg.core import Array
from qimg.tensor_train.canonical import reverse
from qimg.tensor_train.ranks import Cut, Rule, Sweep, Swept
from qimg.tensor_train.train import TensorTrain

_BLOCK = 128
"""Largest dimension of the Gram matrix of the first sites, which are swept without the vector."""

_ZERO = 1e-14
"""Singular values below this share of the largest are rounding errors: 45 times the machine epsilon."""

_NOISE = 1e-15
"""The same for eigenvalues of Gram matrices: squares of singular values."""


def over_vector(vector: Array, dims: Sequence[int], *, precise: bool) -> Sweep:
    """Sweep that splits one site after another off a dense vector; every core but the last is an isometry.

    `precise` uses SVD, otherwise Gram matrices. The Gram matrices of the first cuts are partial traces of the Gram
    matrix of a later cut, so that only one product involves the whole vector.
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
    """Number of sites from the left that are swept in their Gram matrix, fewer than all sites."""
    count = 0
    while count < len(dims) - 1 and math.prod(dims[: count + 1]) <= min(_BLOCK, math.prod(dims[count + 1 :])):
        count += 1
    return count


def _over_gram(gram: Array, dims: Sequence[int], rule: Rule) -> tuple[list[Array], float]:
    """Cores of the first sites from their Gram matrix, and the discarded weight."""
    cores: list[Array] = []
    lost, left = 0.0, 1
    for k, levels in enumerate(dims):
        size = left * levels
        behind = len(gram) // size
        pairs = gram.reshape(size, behind, size, behind)
        weights, vectors = _spectrum(np.trace(pairs, axis1=1, axis2=3))
        bond = rule(Cut(k, weights[: _significant(weights, _NOISE)], left, lost))
        lost += float(weights[bond:].sum())
        if bond == size:  # nothing is discarded, so the basis stays
            cores.append(np.eye(size, dtype=gram.dtype).reshape(left, levels, bond))
        else:
            basis = vectors[:, :bond]
            half = np.tensordot(basis.conj(), pairs, axes=([0], [0]))
            whole = np.tensordot(half, basis, axes=([2], [0]))  # (bond, behind, behind, bond)
            gram = whole.transpose(0, 1, 3, 2).reshape(bond * behind, -1)
            cores.append(basis.reshape(left, levels, bond))
        left = bond
    return cores, lost


def over_chain(cores: Sequence[Array]) -> Sweep:
    """Sweep over a right-canonical train; the Schmidt values at a cut are those of the core before it."""

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
    """Sweep that fits a train to a dense vector, two neighbouring cores at a time (as in DMRG).

    All other cores are fixed, so each step is optimal for its neighbours. A rule gets the weights that remain after the
    truncation at the *other* cuts, and a previously discarded weight of 0.

    Args:
        vector: as large as the train.
        train: left canonical if the sweep is backwards, right canonical otherwise.
        backwards: sweep from the last site to the first.
    """
    tensor = vector.reshape(train.dims)
    tensor = tensor.transpose().copy() if backwards else tensor
    dims = tensor.shape
    cores = reverse(train).cores if backwards else train.cores
    total = float(np.vdot(tensor, tensor).real)
    ahead: list[Array] = [np.empty(0)] * (len(dims) - 1)
    projected = tensor.reshape(-1, 1)
    for k in range(len(dims) - 2, -1, -1):
        # (levels before site k, d_k · d_{k+1} · bond): the sites after k + 1 are projected onto the train.
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
        # All cores before the last one are isometries, so the squared error is total − ‖last‖².
        return _swept([*done, last], max(total - float(np.vdot(last, last).real), 0.0), backwards=backwards)

    return Sweep(dims, sweep)


def _swept(cores: Sequence[Array], lost: float, *, backwards: bool = False) -> Swept:
    train = TensorTrain(cores)
    return Swept(reverse(train) if backwards else train, train.bonds, lost)


def split(
    matrix: Array, number: int, left: int, lost: float, rule: Rule, *, precise: bool
) -> tuple[Array, Array, float]:
    """Split a matrix into isometry · rest by a rule for the number of columns; also the discarded weight."""
    if precise:
        columns, values, rows = np.linalg.svd(matrix, full_matrices=False)
        weights = values**2
        bond = rule(Cut(number, weights[: _significant(values, _ZERO)], left, lost))
        return columns[:, :bond], values[:bond, None] * rows[:bond], float(weights[bond:].sum())
    tall = matrix.shape[0] > matrix.shape[1]
    weights, vectors = _spectrum(_adjoint(matrix) @ matrix if tall else matrix @ _adjoint(matrix))
    bond = rule(Cut(number, weights[: _significant(weights, _NOISE)], left, lost))
    # For a tall matrix M the eigenvectors are the right Schmidt vectors V; M V, orthonormalised, spans the left ones.
    basis = np.linalg.qr(matrix @ vectors[:, :bond])[0] if tall else vectors[:, :bond]
    return basis, _adjoint(basis) @ matrix, float(weights[bond:].sum())


def _adjoint(matrix: Array) -> Array:
    """The conjugate transpose; a view for a real matrix, whose product with itself BLAS computes at half the cost."""
    return matrix.conj().T if np.iscomplexobj(matrix) else matrix.T


def _spectrum(gram: Array) -> tuple[Array, Array]:
    """Eigenvalues of a Gram matrix, descending and not negative, and its eigenvectors as columns."""
    weights, vectors = np.linalg.eigh(gram)
    return np.clip(weights[::-1], 0.0, None), vectors[:, ::-1]


def _significant(descending: Array, least: float) -> int:
    """Number of values above rounding level relative to the first; at least one."""
    return max(1, int((descending > descending[0] * least).sum()))
