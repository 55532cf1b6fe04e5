"""Marginal statistics of uniformly quantized coefficients: counts and sums per bin, which add over sets of samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments
from qimg.core.records import short_repr

MAX_BINS = 1 << 24
"""Limit on the bins of all coefficients together: 256 MiB of counts and sums."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class QuantizerMarginals:
    """Marginal statistics of coefficients under a uniform quantizer.

    The marginals of two sets of samples under the same steps add, and a set can be subtracted again: the marginals of
    all pictures except one cost one subtraction.
    """

    step: Array
    """(d,) quantization steps Δ."""
    count: int
    """Number of sample vectors."""
    energy: Array
    """(d,) Σ c²."""
    bin_counts: Array
    """(2 B + 1, d) samples in each bin; row B + q holds bin q."""
    bin_sums: Array
    """(2 B + 1, d) Σ c over the samples of each bin."""

    @classmethod
    def measure(cls, coefficients: ArrayLike, step: ArrayLike) -> "QuantizerMarginals":
        """Marginals of sample coefficients. Exact; cost: O(n d) and one pass.

        Args:
            coefficients: (n, d) real samples, n ≥ 1.
            step: (d,) steps Δ > 0, in the units of the coefficients.
        """
        samples, steps = checked_samples(coefficients, step)
        indices = bin_indices(samples, steps)
        reach = int(np.abs(indices).max())
        rows, d = 2 * reach + 1, len(steps)
        arguments.require(rows * d <= MAX_BINS, "step", f"must give at most {MAX_BINS} bins in all", rows * d)
        places = ((indices.astype(np.int64) + reach) * d + np.arange(d)).ravel()
        return cls(
            step=steps,
            count=len(samples),
            energy=(samples**2).sum(axis=0),
            bin_counts=np.bincount(places, minlength=rows * d).reshape(rows, d),
            bin_sums=np.bincount(places, samples.ravel(), minlength=rows * d).reshape(rows, d),
        )

    def __add__(self, other: "QuantizerMarginals") -> "QuantizerMarginals":
        """The marginals of the union of both sets of samples."""
        return self._combined(other, 1)

    def __sub__(self, other: "QuantizerMarginals") -> "QuantizerMarginals":
        """The marginals without a subset of the samples."""
        rest = self._combined(other, -1)
        arguments.require(
            rest.bin_counts.min() >= 0, "other", "must be part of the set that it is taken from", other.count
        )
        return rest

    @property
    def bins(self) -> Array:
        """(2 B + 1, 1) index q of each row."""
        reach = len(self.bin_counts) // 2
        return np.arange(-reach, reach + 1)[:, None]

    @property
    def centroids(self) -> Array:
        """(2 B + 1, d) mean of the samples in each bin; the midpoint where a bin is empty."""
        filled = np.maximum(self.bin_counts, 1)
        return np.where(self.bin_counts > 0, self.bin_sums / filled, self.bins * self.step)

    def rebuild(self, coefficients: ArrayLike) -> Array:
        """Coefficients (n, d) replaced by the centroids of their bins, or by the midpoints of bins without samples."""
        samples, steps = checked_samples(coefficients, self.step)
        indices = bin_indices(samples, steps)
        reach = len(self.bin_counts) // 2
        rows = np.clip(indices.astype(np.int64) + reach, 0, 2 * reach)
        centroids = np.take_along_axis(self.centroids, rows, axis=0)
        return np.asarray(np.where(np.abs(indices) <= reach, centroids, indices * steps))

    def _combined(self, other: "QuantizerMarginals", sign: int) -> "QuantizerMarginals":
        same = self.step.shape == other.step.shape and bool((self.step == other.step).all())
        if not same:
            raise ValueError("marginals of different steps do not add")
        reach = max(len(self.bin_counts), len(other.bin_counts)) // 2
        counts, sums = (
            _padded(mine, reach) + sign * _padded(theirs, reach)
            for mine, theirs in ((self.bin_counts, other.bin_counts), (self.bin_sums, other.bin_sums))
        )
        return QuantizerMarginals(
            step=self.step,
            count=self.count + sign * other.count,
            energy=np.maximum(self.energy + sign * other.energy, 0.0),
            bin_counts=counts,
            bin_sums=sums,
        )


def checked_samples(coefficients: ArrayLike, step: ArrayLike) -> tuple[Array, Array]:
    """Samples (n, d) and steps (d,) after validation; raises `ValueError` with the violated rule."""
    samples = arguments.vectors("coefficients", coefficients)
    ok = samples.ndim == 2 and len(samples) > 0 and not np.iscomplexobj(samples)
    arguments.require_shape(ok, "coefficients", "(n, d), real, with n >= 1", samples)
    steps = arguments.real("step", step)
    arguments.require_shape(steps.shape == samples.shape[1:], "step", f"({samples.shape[1]},)", steps)
    arguments.require(bool(steps.min() > 0), "step", "must be positive", float(steps.min()))
    return samples, steps


def bin_indices(samples: Array, steps: Array) -> Array:
    """round(c / Δ), halves away from zero as in libjpeg; integers as floats."""
    with np.errstate(over="ignore"):
        largest = float(np.max(np.abs(samples).max(axis=0) / steps))
    arguments.require(largest < 2**53, "step", "must be large enough to count bins exactly, up to 2**53", largest)
    return np.asarray(np.copysign(np.floor(np.abs(samples) / steps + 0.5), samples))


def _padded(table: Array, reach: int) -> Array:
    missing = reach - len(table) // 2
    return np.pad(table, [(missing, missing), (0, 0)])
