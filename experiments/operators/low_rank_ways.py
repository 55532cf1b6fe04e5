"""Ways to the leading eigenvectors of second moments, each with its time, the entries that it reads and its bound."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import nan, sqrt
from typing import Any

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, svds

from experiments._run import Array
from qimg.operators import FrequentDirections, LowRankOperator, RowSample, SampleQuery, length_squared_basis


def import_peers() -> None:
    """Import scikit-learn, so that no way is timed with it."""
    try:
        import sklearn.decomposition
        import sklearn.utils.extmath  # noqa: F401
    except ImportError:
        raise ModuleNotFoundError("low_rank_methods needs the package scikit-learn (extra `peers`)") from None


BATCH = 1000
"""Vectors of a batch where a way reads a stream."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """A basis of k orthonormal rows, the leading ones first, and what it took."""

    basis: Array
    entries: int
    """Entries of the vectors that were read, as often as they were."""
    estimate: float = nan
    """Discarded weight by the way's own account."""
    bound: Callable[[int], float] = lambda rank: nan
    """Rank → most of the energy, as a share of the trace, that it falls short of the best, by its theorem."""


Way = Callable[[Array, int, int], Found]
"""(vectors (n, d), k, seed) → basis."""


def full_eigh(vectors: Array, rank: int, _: int) -> Found:
    """The whole matrix in single precision, and all of its eigenvectors in double precision."""
    matrix = (vectors.T @ vectors).astype(np.float64)
    return Found(basis=linalg.eigh(matrix, overwrite_a=True)[1][:, ::-1][:, :rank].T, entries=vectors.size)


def scipy_svds(vectors: Array, rank: int, seed: int) -> Found:
    """Lanczos iterations of SciPy, where each product reads the vectors once."""
    readings = 0

    def product(matrix: Array) -> Callable[[Array], Array]:
        def apply(x: Array) -> Array:
            nonlocal readings
            readings += 1
            return np.asarray(matrix @ x)

        return apply

    wrapped = LinearOperator(vectors.shape, matvec=product(vectors), rmatvec=product(vectors.T), dtype=vectors.dtype)
    start = np.random.default_rng(seed).normal(size=min(vectors.shape)).astype(vectors.dtype)
    rows = svds(wrapped, min(rank, min(vectors.shape) - 1), v0=start, return_singular_vectors="vh")[2]
    return Found(basis=rows[::-1], entries=readings * vectors.size)


def scikit_learn(iterations: int) -> Way:
    """scikit-learn's randomized SVD."""

    def way(vectors: Array, rank: int, seed: int) -> Found:
        from sklearn.utils.extmath import randomized_svd

        options: dict[str, Any] = {"n_oversamples": 32, "n_iter": iterations, "random_state": seed}
        rows = randomized_svd(vectors, rank, **options)[2]
        return Found(basis=rows, entries=(2 * iterations + 2) * vectors.size)

    return way


def incremental_pca(vectors: Array, rank: int, _: int) -> Found:
    """scikit-learn's IncrementalPCA, which subtracts the mean: the mean and k − 1 components span the basis."""
    from sklearn.decomposition import IncrementalPCA

    components = max(rank - 1, 1)
    size = max(4 * rank, components)
    model = IncrementalPCA(components)
    for first in range(0, len(vectors) - size + 1, size):
        last = len(vectors) if first + 2 * size > len(vectors) else first + size
        model.partial_fit(vectors[first:last])
    spanned = np.vstack([model.mean_, model.components_])[:rank]
    return Found(basis=np.linalg.qr(spanned.T)[0].T, entries=vectors.size)


def batches(vectors: Array) -> Iterator[Array]:
    """The vectors in batches, to be read once."""
    return (vectors[first : first + BATCH] for first in range(0, len(vectors), BATCH))


def range_finder(*, passes: int = 1, start: int = 0) -> Way:
    """The range finder of qimg with its verification."""

    def way(vectors: Array, rank: int, seed: int) -> Found:
        made = LowRankOperator.from_patches(vectors, rank, passes=passes, start=start, seed=seed)
        return Found(
            basis=made.basis, entries=(passes + 1 + bool(start)) * vectors.size, estimate=made.discarded_weight
        )

    return way


def one_pass(*, oversampling: int) -> Way:
    """The range finder of qimg on vectors that are read once."""

    def way(vectors: Array, rank: int, seed: int) -> Found:
        made = LowRankOperator.from_patches(batches(vectors), rank, seed=seed, oversampling=oversampling)
        return Found(basis=made.basis, entries=vectors.size, estimate=made.discarded_weight)

    return way


def frequent_directions(factor: int) -> Way:
    """Frequent Directions with so many times k rows, read once."""

    def way(vectors: Array, rank: int, _: int) -> Found:
        sketch = FrequentDirections(factor * rank)
        for batch in batches(vectors):
            sketch.add(batch)
        made = LowRankOperator.of_approximation(sketch.approximation(rank))
        share = sketch.shrinkage / made.trace
        return Found(
            basis=made.basis, entries=vectors.size, estimate=made.discarded_weight, bound=lambda k: min(k * share, 1.0)
        )

    return way


def sampled(probabilities: Any, share: float) -> Way:
    """A sample of vectors with replacement; the norms for length-squared draws are read in addition."""

    def way(vectors: Array, rank: int, seed: int) -> Found:
        count = draws(vectors, share)
        if probabilities == "uniform":
            chosen = vectors[np.random.default_rng(seed).integers(len(vectors), size=count)]
            return Found(basis=_leading(chosen, rank), entries=count * vectors.shape[1])
        sample = RowSample(count, probabilities, seed=seed)
        for batch in batches(vectors):
            sample.add(batch)
        made = LowRankOperator.of_approximation(sample.approximation(rank))
        return Found(
            basis=made.basis,
            entries=count * vectors.shape[1],
            estimate=made.discarded_weight,
            bound=lambda k: min(2 * sqrt(k / count), 1.0),
        )

    return way


def subsample(share: float) -> Way:
    """An SVD of different vectors, drawn with equal probabilities."""

    def way(vectors: Array, rank: int, seed: int) -> Found:
        chosen = np.random.default_rng(seed).permutation(len(vectors))[: draws(vectors, share)]
        rows = np.linalg.svd(vectors[np.sort(chosen)], full_matrices=False)[2]
        return Found(basis=rows[:rank], entries=len(chosen) * vectors.shape[1])

    return way


def rows_and_entries(share: float) -> Way:
    """Frieze, Kannan and Vempala on the sample-and-query structure, with as many columns as rows, or all."""

    def way(vectors: Array, rank: int, seed: int) -> Found:
        count = draws(vectors, share)
        access = SampleQuery(vectors)
        columns = min(count, vectors.shape[1])
        kept = min(rank, columns)
        found = length_squared_basis(access, rank=kept, rows=count, columns=columns, rng=np.random.default_rng(seed))
        return Found(basis=found.basis, entries=found.entries_read)

    return way


def draws(vectors: Array, share: float) -> int:
    """Number of vectors in a share of all."""
    return max(1, round(share * len(vectors)))


def _leading(chosen: Array, rank: int) -> Array:
    squares, inner = np.linalg.eigh((chosen @ chosen.T).astype(np.float64))
    terms = min(rank, len(squares))
    return np.asarray(np.linalg.qr(chosen.T.astype(np.float64) @ inner[:, ::-1][:, :terms])[0].T)


def ways(shares: tuple[float, ...], start: int) -> Mapping[tuple[str, str], tuple[Way, bool]]:
    """(method, setting) → way, and whether it is repeated with other seeds."""
    percents = {f"{100 * share:g} % of the vectors": share for share in shares}
    return {
        ("full eigh", ""): (full_eigh, False),
        ("SciPy svds", ""): (scipy_svds, False),
        **{("scikit-learn randomized_svd", f"{q} iterations"): (scikit_learn(q), False) for q in (0, 2, 4)},
        ("scikit-learn IncrementalPCA", ""): (incremental_pca, False),
        **{
            ("range finder, verified", f"{p} product{'s' * (p > 1)}"): (range_finder(passes=p), False)
            for p in (1, 2, 4)
        },
        ("range finder, verified", f"start of {start}, 1 product"): (range_finder(start=start), False),
        **{("range finder, one pass", f"ℓ = k + {more}"): (one_pass(oversampling=more), True) for more in (32, 192)},
        **{("Frequent Directions", f"ℓ = {f} k"): (frequent_directions(f), False) for f in (2, 4)},
        **{("length-squared sampling", name): (sampled("length_squared", p), True) for name, p in percents.items()},
        **{("uniform sampling", name): (sampled("uniform", p), True) for name, p in percents.items()},
        **{("subsample and SVD", name): (subsample(p), True) for name, p in percents.items()},
        **{("sampled rows and entries", name): (rows_and_entries(p), True) for name, p in percents.items()},
    }
