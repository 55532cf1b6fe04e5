"""Degradations as linear maps y = A x + n of planes, and the conditional mean of a plane given y.

With x ~ N(z, τ² 1) and noise n of variance σ², for every linear map,

    E[x | y] = z + Aᵀ (A Aᵀ + r 1)⁻¹ (y − A z),   r = σ² / τ²,

which is `qimg.operators.conditional_expectation` for a joint operator that is too large to be formed. A map implements
A, Aᵀ and the inverse.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qimg.core import Array
from qimg.core.cached import cached_property
from qimg.core.records import short_repr

_TOLERANCE = 1e-6  # relative, of conjugate gradients: about a ten-thousandth of a code value
_ITERATIONS = 200


class LinearMap(Protocol):
    """A linear map of planes."""

    def apply(self, plane: Array) -> Array:
        """A x."""

    def adjoint(self, observed: Array) -> Array:
        """Aᵀ y."""

    def solve(self, residual: Array, ratio: float) -> Array:
        """(A Aᵀ + ratio · 1)⁻¹ residual."""


def conditional_mean(degradation: LinearMap, observed: Array, mean: Array, *, ratio: float) -> Array:
    """E[x | y] for x ~ N(mean, τ² 1), y = A x + n. Exact, except for maps that use conjugate gradients (1e-6).

    Args:
        degradation: A.
        observed: y.
        mean: z, a plane that A can be applied to.
        ratio: σ² / τ² ≥ 0; for 0 the result satisfies A x = y.
    """
    return mean + degradation.adjoint(degradation.solve(observed - degradation.apply(mean), ratio))


@dataclass(frozen=True, eq=False)
class Identity:
    """Noise alone: y = x + n."""

    def apply(self, plane: Array) -> Array:
        """The plane."""
        return plane

    def adjoint(self, observed: Array) -> Array:
        """The same plane."""
        return observed

    def solve(self, residual: Array, ratio: float) -> Array:
        """Residual / (1 + ratio)."""
        return residual / (1 + ratio)


@short_repr
@dataclass(frozen=True, eq=False)
class CircularBlur:
    """Periodic convolution, y = k ∗ x + n on a torus. Diagonal in the Fourier basis."""

    kernel: Array
    """(h, w); the pixel (h // 2, w // 2) is the origin."""
    shape: tuple[int, int]

    @cached_property
    def _response(self) -> Array:
        padded = np.zeros(self.shape)
        padded[: self.kernel.shape[0], : self.kernel.shape[1]] = self.kernel
        middle = (-(self.kernel.shape[0] // 2), -(self.kernel.shape[1] // 2))
        return np.fft.rfft2(np.roll(padded, middle, axis=(0, 1)))

    def _filtered(self, plane: Array, response: Array) -> Array:
        return np.fft.irfft2(np.fft.rfft2(plane) * response, self.shape)

    def apply(self, plane: Array) -> Array:
        """K ∗ x."""
        return self._filtered(plane, self._response)

    def adjoint(self, observed: Array) -> Array:
        """The correlation of k with y."""
        return self._filtered(observed, self._response.conj())

    def solve(self, residual: Array, ratio: float) -> Array:
        """Division by |k̂|² + ratio, frequency by frequency."""
        return self._filtered(residual, 1 / (np.abs(self._response) ** 2 + ratio))


@short_repr
@dataclass(frozen=True, eq=False)
class Convolution:
    """Sampled convolution, y = (k ∗ x)[::step, ::step] + n where the kernel lies inside x: no boundary condition.

    For H rows of y and h rows of the kernel, planes x have step · (H − 1) + h rows; the same holds for columns.
    """

    kernel: Array
    """(h, w)."""
    step: int = 1

    def apply(self, plane: Array) -> Array:
        """The sampled convolution, where it needs no pixel beyond the plane."""
        from scipy.signal import oaconvolve

        blurred: Array = oaconvolve(plane, self.kernel, mode="valid")
        return blurred[:: self.step, :: self.step]

    def adjoint(self, observed: Array) -> Array:
        """The correlation of the kernel with the samples, between which zeros are inserted."""
        from scipy.signal import oaconvolve

        spread = np.zeros([self.step * (length - 1) + 1 for length in observed.shape])
        spread[:: self.step, :: self.step] = observed
        correlated: Array = oaconvolve(spread, self.kernel[::-1, ::-1], mode="full")
        return correlated

    def solve(self, residual: Array, ratio: float) -> Array:
        """Division if samples share no pixel; otherwise conjugate gradients, preconditioned by a circular blur."""
        if max(self.kernel.shape) <= self.step:
            return residual / ((self.kernel**2).sum() + ratio)
        from scipy.sparse.linalg import LinearOperator, cg

        shape, size = residual.shape, residual.size

        def normal(flat: Array) -> Array:
            plane = flat.reshape(shape)
            return (self.apply(self.adjoint(plane)) + ratio * plane).ravel()

        power = self._power(shape) + ratio + 1e-9 * (self.kernel.sum() ** 2)

        def nearly_inverse(flat: Array) -> Array:
            return np.fft.irfft2(np.fft.rfft2(flat.reshape(shape)) / power, shape).ravel()

        solved, _ = cg(
            LinearOperator((size, size), matvec=normal, dtype=float),
            residual.ravel(),
            M=LinearOperator((size, size), matvec=nearly_inverse, dtype=float),
            rtol=_TOLERANCE,
            maxiter=_ITERATIONS,
        )
        return solved.reshape(shape)

    def _power(self, shape: tuple[int, ...]) -> Array:
        """Spectrum of A Aᵀ for y on a torus: that of the sampled autocorrelation of the kernel."""
        from scipy.signal import correlate

        auto = correlate(self.kernel, self.kernel)
        rows, columns = ((np.arange(length) - length // 2) for length in auto.shape)
        chosen = np.ix_(rows % self.step == 0, columns % self.step == 0)
        ring = np.zeros(shape)
        at = np.ix_(
            rows[rows % self.step == 0] // self.step % shape[0],
            columns[columns % self.step == 0] // self.step % shape[1],
        )
        np.add.at(ring, at, auto[chosen])
        return np.clip(np.fft.rfft2(ring).real, 0.0, None)
