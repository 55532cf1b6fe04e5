"""Von Neumann entropy of operators that are never formed, by stochastic Lanczos quadrature."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from qimg.core import Array, arguments, integer
from qimg.core.records import short_repr
from qimg.core.workers import HERE, Workers
from qimg.operators.correlation import Weights
from qimg.operators.low_rank.operator import LowRankOperator
from qimg.operators.low_rank.range_finder import orthonormal
from qimg.operators.low_rank.streams import Patches, Stream
from qimg.operators.low_rank.sums import Products, accumulate

CONFIDENCE = 0.95
"""Probability with which the interval of an estimate contains the entropy."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class EntropyEstimate:
    """An estimated entropy in bits."""

    bits: float
    """Mean over the probes."""
    interval: tuple[float, float]
    """Interval of Student's t over the probes, with the confidence of 0.95."""
    quadrature_change: float
    """Change of the estimate by the last Lanczos step: the size of the error of the quadrature, which the interval does
    not contain."""
    probes: int
    passes: int
    """Readings of the vectors."""


def entropy_estimate(
    patches: Patches,
    *,
    basis: LowRankOperator | None = None,
    probes: int = 16,
    steps: int = 16,
    seed: int = 0,
    shift: float = 0.0,
    weights: Weights = "energy",
    workers: Workers = HERE,
) -> EntropyEstimate:
    """Von Neumann entropy S(ρ) in bits by stochastic Lanczos quadrature (Ubaru, Chen and Saad, 2017), without a matrix.

    With random signs z in d dimensions, and the eigenvalues θ and first components τ of the Lanczos matrix of ρ from z,

        tr f(ρ) ≈ mean over z of ‖z‖² Σ τ² f(θ),  f(w) = −w log₂ w.

    With a `basis` the leading eigenvalues are taken from it, and probes estimate only what lies outside of its span,
    which leaves a much smaller variance: the estimate is that of ρ without the elements between span and rest, whose
    entropy is at least S(ρ), and equal where the basis is one of eigenvectors.

    Cost: one pass for each step, 4 n d m operations for m probes; memory for steps · m vectors.

    Args:
        patches: as in `LowRankOperator.from_patches`, of more than one pass.
        basis: leading eigenvectors of the same vectors, with their exact trace; none when left out.
        probes: m ≥ 2.
        steps: Lanczos steps, at most the dimension.
        seed: of the signs.
        shift: as in `LowRankOperator.from_patches`.
        weights: as there.
        workers: as there.
    """
    stream = Stream(patches, shift=shift, weights=weights if basis is None else basis.weights)
    dimension = stream.rule.dimension
    arguments.allow(stream.repeatable, "patches", "must be readable once for each step, but are an iterator")
    probes, steps = integer("probes", probes, 2), integer("steps", steps, 1, dimension)
    if basis is not None:
        arguments.require(basis.dimension == dimension, "basis", f"must have {dimension} components", basis.dimension)
        if np.iscomplexobj(basis.basis) and stream.rule.dtype[0] == "f":
            stream.rule = replace(stream.rule, dtype={"f4": "c8", "f8": "c16"}[stream.rule.dtype])
    head: Array = np.zeros((dimension, 0)) if basis is None else orthonormal(basis.eigenbasis(), stream.rule)
    rng = np.random.default_rng(integer("seed", seed, 0))
    signs = (rng.integers(0, 2, size=(dimension, probes)) * 2.0 - 1.0).astype(stream.rule.accumulator)
    signs = signs - head @ (head.conj().T @ signs)
    lengths = (np.abs(signs) ** 2).sum(axis=0)
    leading = 0.0 if basis is None else float(_bits(basis.spectrum()).sum())
    if not float(lengths.max()) > 1e-9 * dimension:  # the basis spans everything
        return EntropyEstimate(
            bits=leading, interval=(leading, leading), quadrature_change=0.0, probes=probes, passes=0
        )
    diagonals, neighbours = _lanczos(stream, head, signs / np.sqrt(lengths), steps, workers)
    sizes = sorted({max(1, len(diagonals) - 1), len(diagonals)})
    estimates = [lengths * _quadrature(diagonals[:size], neighbours[: size - 1]) + leading for size in sizes]
    mean = float(estimates[-1].mean())
    error = float(estimates[-1].std(ddof=1)) / math.sqrt(probes)
    width = float(special.stdtrit(probes - 1, (1 + CONFIDENCE) / 2)) * error
    return EntropyEstimate(
        bits=mean,
        interval=(mean - width, mean + width),
        quadrature_change=abs(mean - float(estimates[0].mean())),
        probes=probes,
        passes=len(diagonals),
    )


def _lanczos(stream: Stream, head: Array, start: Array, steps: int, workers: Workers) -> tuple[Array, Array]:
    """Diagonals (s, m) and neighbours (s − 1, m) of the Lanczos matrices of m vectors, which share the passes.

    Every new vector is made orthogonal to all before it, so that rounding leaves no copies of eigenvalues.
    """
    known = [start]
    diagonals: list[Array] = []
    neighbours: list[Array] = []
    for _ in range(steps):
        products = accumulate(stream, Products(np.ascontiguousarray(known[-1], stream.rule.dtype)), workers)
        trace = products.totals.trace
        arguments.require(trace > 0, "patches", "must hold a vector that is not zero", products.totals.count)
        new = np.asarray(products.product / trace, start.dtype)
        new = new - head @ (head.conj().T @ new)
        diagonals.append((known[-1].conj() * new).sum(axis=0).real)
        for _ in range(2):
            for vectors in known:
                new = new - vectors * (vectors.conj() * new).sum(axis=0)
            new = new - head @ (head.conj().T @ new)
        norms = np.linalg.norm(new, axis=0)
        neighbours.append(norms)
        # An exhausted probe continues with zeros: its matrix is a direct sum, and the rest has no weight.
        alive = norms > 1e-10
        if not alive.any():
            break
        known.append(np.where(alive, new / np.where(alive, norms, 1.0), 0.0))
    return np.array(diagonals), np.array(neighbours)


def _quadrature(diagonals: Array, neighbours: Array) -> Array:
    """(m,) Σ τ² f(θ) of Lanczos matrices with these diagonals (s, m) and neighbours (s − 1, m)."""
    probes = diagonals.shape[1]
    result = np.empty(probes)
    for probe in range(probes):
        side = np.where(neighbours[:, probe] > 1e-10, neighbours[:, probe], 0.0)
        matrix = np.diag(diagonals[:, probe]) + np.diag(side, 1) + np.diag(side, -1)
        values, vectors = np.linalg.eigh(matrix)
        result[probe] = float((vectors[0] ** 2 * _bits(values)).sum())
    return result


def _bits(weights: Array) -> Array:
    """−w log₂ w, and 0 for weights that are not positive."""
    positive = np.maximum(weights, 1e-300)
    return np.asarray(np.where(weights > 0, -positive * np.log2(positive), 0.0))
