"""Functions of a density matrix for `apply_function`: Wiener filter, low-rank projection, root, inverse and others."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf

from circuits.algorithms.block_encoding import BlockEncoding
from circuits.algorithms.polynomials import Parity, Polynomial, approximate
from qimg.core import Array, hermitian, one_of, real, require
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class OperatorFunction:
    """A function f of the eigenvalues of a positive matrix ρ: f(ρ) = Σ f(λ_k) |v_k⟩⟨v_k|.

    Of an encoding of ρ itself, the singular value is s = λ/α, and f is continued to negative s by `parity`. Of an
    encoding of the root, s = √λ/α, so that f(α² s²) is even and as smooth as f.
    """

    function: Callable[[Array], Array]
    """f of an array of eigenvalues λ ≥ 0, in the units of the matrix."""
    name: str
    """Name for messages and figures."""
    parity: Parity = "odd"
    """Parity of the polynomial for an encoding of ρ itself; "odd" suits functions with f(0) = 0."""
    interval: tuple[float, float] = (0.0, np.inf)
    """Eigenvalues for which f is approximated; the upper end is α or α² if it is larger."""
    eigenvalues: Array | None = None
    """Eigenvalues at which f is approximated instead, such as the spectrum of a fixed prior."""
    weights: Array | None = None
    """Weights of the errors at these eigenvalues."""

    def __call__(self, eigenvalues: ArrayLike) -> Array:
        """f(λ), elementwise."""
        return np.asarray(self.function(real("eigenvalues", eigenvalues)))

    def at(self, eigenvalues: ArrayLike, weights: ArrayLike | None = None) -> "OperatorFunction":
        """The same function, approximated at given eigenvalues with weights, which takes a lower degree.

        Args:
            eigenvalues: (n,) ≥ 0.
            weights: (n,) of the error at each of them; by default 1.
        """
        values = real("eigenvalues", eigenvalues)
        require(values.ndim == 1 and bool(values.min(initial=0) >= 0), "eigenvalues", "must be (n,) and >= 0", values)
        return replace(self, eigenvalues=values, weights=None if weights is None else real("weights", weights))

    def polynomial(
        self, encoding: BlockEncoding, *, degree: int | None = None, error: float | None = None
    ) -> Polynomial:
        """The polynomial of the singular values of the encoded matrix, divided by α.

        Args:
            encoding: of a positive matrix or its root.
            degree: of the parity; even for a root.
            error: largest error instead of a degree.
        """
        alpha, power = encoding.subnormalisation, encoding.power
        low, high = ((max(0.0, one) ** power / alpha) for one in self.interval)
        points = None if self.eigenvalues is None else np.minimum(self.eigenvalues**power / alpha, 1.0)
        return approximate(
            lambda s: self((alpha * s) ** (1 / power)),
            parity=self.parity if power == 1 else "even",
            degree=degree,
            error=error,
            interval=(low, min(high, 1.0)),
            points=points,
            weights=self.weights,
        )

    def matrix(self, rho: ArrayLike) -> Array:
        """f(ρ) by an eigendecomposition, O(d³): the classical reference.

        Args:
            rho: (d, d) Hermitian, positive semidefinite.
        """
        values, basis = np.linalg.eigh(hermitian("rho", rho))
        return np.asarray((basis * self(np.maximum(values, 0))) @ basis.conj().T)


def wiener_filter(*, noise: float) -> OperatorFunction:
    """λ / (λ + noise): the conditional mean of x given y = x + n, for x with second moments ρ and white noise n.

    Args:
        noise: variance of each component of the noise, in the units of ρ: σ² for C = M / count in squared code values.
    """
    _positive("noise", noise)
    return OperatorFunction(function=lambda value: value / (value + noise), name=f"Wiener filter, noise {noise:g}")


def low_rank_projection(*, threshold: float, width: float) -> OperatorFunction:
    """½ (1 + erf((λ − threshold) / width)): a smoothed step that keeps the eigenvectors above the threshold.

    Args:
        threshold: eigenvalue where the function is ½.
        width: distance in which it goes from 0.5 to 0.92.
    """
    _positive("threshold", threshold)
    _positive("width", width)
    return OperatorFunction(
        function=lambda value: 0.5 * (1 + erf((value - threshold) / width)), name=f"projection above {threshold:g}"
    )


def matrix_square_root(*, smallest: float) -> OperatorFunction:
    """√λ for eigenvalues of at least `smallest`; the root of smaller ones is a smooth continuation.

    Args:
        smallest: eigenvalue from which on the root is approximated.
    """
    _positive("smallest", smallest)
    return OperatorFunction(function=np.sqrt, name="square root", interval=(smallest, np.inf))


def matrix_inverse(*, smallest: float) -> OperatorFunction:
    """Smallest / λ for eigenvalues of at least `smallest`: the inverse times its smallest eigenvalue, at most 1.

    The degree grows with the condition number.

    Args:
        smallest: smallest eigenvalue that is inverted.
    """
    _positive("smallest", smallest)
    return OperatorFunction(
        function=lambda value: smallest / np.maximum(value, smallest), name="inverse", interval=(smallest, np.inf)
    )


def operator_function(
    function: Callable[[Array], Array], *, parity: Parity = "odd", name: str = "function"
) -> OperatorFunction:
    """Any real function of the eigenvalues.

    Args:
        function: elementwise function of an array of eigenvalues.
        parity: parity of the polynomial for encodings of ρ itself: "odd" for functions that vanish at 0.
        name: name for messages and figures.
    """
    one_of("parity", parity, ("even", "odd"))
    return OperatorFunction(function=function, name=name, parity=parity)


def _positive(name: str, value: float) -> None:
    require(bool(0 < value < np.inf), name, "must be positive", value)
