"""Randomized range finder: products of M with random vectors, Nyström in one pass, power iterations over several."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from qimg.core import Array
from qimg.core.workers import HERE, Workers
from qimg.operators.low_rank.streams import Rule, Stream
from qimg.operators.low_rank.sums import Energies, Products, Totals, accumulate


@dataclass(frozen=True, eq=False, kw_only=True)
class Approximation:
    """Leading eigenvalues and eigenvectors of M, approximate, with an interval of the energy that they hold."""

    values: Array
    """(k,) descending."""
    vectors: Array
    """(d, k) orthonormal columns."""
    energy: tuple[float, float]
    """Interval that contains tr V† M V."""
    totals: Totals


def test_vectors(rule: Rule, columns: int, seed: int) -> Array:
    """(d, ℓ) orthonormal random columns that depend on the seed alone, so that products of several parts add."""
    rng = np.random.default_rng(seed)
    shape = (rule.dimension, columns)
    gaussian: Array = rng.standard_normal(shape, dtype=np.float32).astype(rule.accumulator)
    if rule.dtype[0] == "c":
        gaussian += 1j * rng.standard_normal(shape, dtype=np.float32)
    return orthonormal(gaussian, rule)


def orthonormal(columns: Array, rule: Rule) -> Array:
    """Orthonormal columns of the same span, in the precision of products."""
    return np.asarray(linalg.qr(columns, mode="economic", check_finite=False)[0], rule.dtype)


def nystroem(products: Products, test: Array, rank: int) -> Approximation:
    """Best approximation of rank k of the Nyström approximation Y (Q† Y)⁻¹ Y† (Tropp and others, 2017, algorithm 3).

    It lies below M in the order of operators, so that its eigenvalues sum to at most the energy of its eigenvectors,
    and the trace that it misses bounds what they hold in addition.
    """
    product = np.asarray(product_of(products, test))
    shift = np.sqrt(len(test)) * float(np.finfo(test.dtype).eps) * float(np.linalg.norm(product))
    shifted = product + shift * test
    if not shift > 0:
        return _nothing(test, rank, products.totals)
    core = test.conj().T.astype(shifted.dtype) @ shifted
    core = (core + core.conj().T) / 2
    while True:
        try:
            root = linalg.cholesky(core)
            break
        except linalg.LinAlgError:  # rounding: a larger shift
            core[np.diag_indices_from(core)] += shift
            shifted = shifted + shift * test
            shift *= 2
    factor = linalg.solve_triangular(root, shifted.T, trans="T").T
    vectors, values, _ = linalg.svd(factor, full_matrices=False)
    energies = np.maximum(values**2 - shift, 0.0)
    kept, missed = float(energies[:rank].sum()), products.totals.trace - float(energies.sum())
    kept = min(kept, products.totals.trace)
    return Approximation(
        values=energies[:rank],
        vectors=vectors[:, :rank],
        energy=(kept, max(kept, min(kept + missed, products.totals.trace))),
        totals=products.totals,
    )


def rayleigh_ritz(energies: Energies, basis: Array, rank: int) -> Approximation:
    """Eigenvectors of M within the span of a basis, with their energies, which one pass measured."""
    matrix = energies.matrix
    values, inner = np.linalg.eigh((matrix + matrix.conj().T) / 2)
    values, inner = np.maximum(values[::-1][:rank], 0.0), inner[:, ::-1][:, :rank]
    kept = min(float(values.sum()), energies.totals.trace)
    vectors = basis.astype(matrix.dtype) @ inner
    return Approximation(values=values, vectors=vectors, energy=(kept, kept), totals=energies.totals)


def verified(stream: Stream, vectors: Array, rank: int, workers: Workers = HERE) -> Approximation:
    """Rayleigh–Ritz of a basis by a pass of its own: eigenvalues and energies are those of the vectors themselves."""
    basis = orthonormal(vectors, stream.rule)
    return rayleigh_ritz(accumulate(stream, Energies(basis), workers), basis, rank)


def power_iteration(stream: Stream, test: Array, workers: Workers = HERE) -> Array:
    """An orthonormal basis of the span of M Q, by one pass."""
    products = accumulate(stream, Products(test, with_totals=False), workers)
    return orthonormal(product_of(products, test), stream.rule)


def product_of(products: Products, test: Array) -> Array:
    """M Q; zeros where there were no vectors."""
    return np.zeros_like(test) if products.product is None else np.asarray(products.product)


def start_basis(vectors: Array, test: Array, rule: Rule, iterations: int) -> Array:
    """Basis of a few vectors in memory by power iterations, from which the passes over all vectors start."""
    basis = test
    for _ in range(iterations):
        products = Products(basis, with_totals=False)
        step = max(1, (1 << 25) // (4 * rule.dimension))
        for first in range(0, len(vectors), step):
            products.add(rule.prepared(vectors[first : first + step]), rule)
        basis = orthonormal(product_of(products, basis), rule)
    return basis


def _nothing(test: Array, rank: int, totals: Totals) -> Approximation:
    """The approximation where every vector is zero."""
    return Approximation(values=np.zeros(rank), vectors=test[:, :rank], energy=(0.0, 0.0), totals=totals)
