"""Orthonormal transforms as unitary matrices and as fast algorithms on batches: DCT, DFT, Haar, Walsh, KLT.

A unitary U maps a vector x to its coefficients c = U x; the basis vectors are the columns of U†. Two-dimensional
separable transforms are kron(rows, columns), in the row-major order of a patch.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer, one_of
from qimg.operators import eigenbasis
from qimg.states import partial_trace

NAMES = ("dct", "dft", "haar", "walsh")
"""Transforms of one axis; the suffix `_2d` applies them to rows and columns of a square patch."""


def unitary(name: str, dimension: int) -> Array:
    """The unitary matrix (d, d) of a named transform. Cost: O(d²) or O(d³); not cached.

    | name | matrix |
    |---|---|
    | `identity` | 1 |
    | `dct` | DCT-II, orthonormal: c_k = √((2 − δ_k0)/d) Σ_j x_j cos(π k (2j + 1) / 2d) |
    | `dft` | e^{+2πi jk/d} / √d, NumPy's inverse FFT: the quantum Fourier transform |
    | `haar` | Haar wavelets from coarse to fine, d a power of two |
    | `walsh` | Hadamard matrix in natural order, H ⊗ H ⊗ …, d a power of two |
    | `…_2d` | kron(U, U) with U of √d rows |

    >>> unitary("walsh", 2) * math.sqrt(2)
    array([[ 1.,  1.],
           [ 1., -1.]])
    """
    one_of("name", name, ["identity", *NAMES, *(f"{one}_2d" for one in NAMES)])
    dimension = integer("dimension", dimension, 1)
    if name == "identity":
        return np.eye(dimension)
    if name.endswith("_2d"):
        side = math.isqrt(dimension)
        arguments.require(side * side == dimension, "dimension", "must be a square for a 2-D transform", dimension)
        return separable(unitary(name[:-3], side), unitary(name[:-3], side))
    return np.asarray(forward(name, np.eye(dimension)).T)


def basis(name: str, dimension: int) -> Array:
    """Basis vectors of a named transform as columns, U†, for instance for `l1_coherence(rho, basis=…)`."""
    return np.asarray(unitary(name, dimension).conj().T)


def separable(rows: ArrayLike, columns: ArrayLike) -> Array:
    """kron(rows, columns): `rows` acts on the row index r and `columns` on the column index c of amplitude 8r + c."""
    return np.kron(arguments.unitary("rows", rows), arguments.unitary("columns", columns))


def klt(rho: ArrayLike) -> Array:
    """Karhunen–Loève transform V† of a density matrix or operator: ρ becomes diagonal, eigenvalues descending.

    Not centred: the first basis vector is the leading eigenvector of second moments. The component of largest modulus
    of each basis vector is real and positive.

    Args:
        rho: (d, d) Hermitian.
    """
    return np.asarray(eigenbasis(rho).conj().T)


def separable_klt(rho: ArrayLike, side: int) -> Array:
    """kron(rows, columns) of the KLTs of the row and the column register: the separable KLT of side×side patches."""
    return np.kron(*separable_klt_factors(rho, side))


def separable_klt_factors(rho: ArrayLike, side: int) -> tuple[Array, Array]:
    """KLTs (side, side) of the row register and of the column register, in this order.

    Args:
        rho: (side², side²) density matrix.
        side: rows (and columns) of a patch.
    """
    matrix = arguments.density_matrix("rho", rho)
    rows, columns = (klt(partial_trace(matrix, (side, side), keep=axis)) for axis in (0, 1))
    return rows, columns


def apply(unitary_matrix: ArrayLike, vectors: ArrayLike) -> Array:
    """Coefficients c = U x of a batch of vectors: one matrix product.

    Args:
        unitary_matrix: (d, d).
        vectors: (..., d).
    """
    matrix = arguments.plain("unitary_matrix", unitary_matrix)
    batch = arguments.plain("vectors", vectors)
    arguments.require_shape(batch.ndim >= 1, "vectors", "(..., d)", batch)
    expected = (batch.shape[-1], batch.shape[-1])
    arguments.require_shape(matrix.shape == expected, "unitary_matrix", f"{expected}", matrix)
    return np.asarray(batch @ matrix.T)


def in_basis(unitary_matrix: ArrayLike, rho: ArrayLike) -> Array:
    """U ρ U†: a density matrix in the basis of a transform."""
    matrix = arguments.unitary("unitary_matrix", unitary_matrix)
    return np.asarray(matrix @ arguments.square("rho", rho) @ matrix.conj().T)


def ac_block(moments: ArrayLike, *, planes: int = 1) -> Array:
    """Second moments of the 2-D DCT's AC coefficients from those of a patch's pixels, plane by plane.

    Args:
        moments: (..., planes · side², planes · side²) real symmetric, pixels row-major, planes outermost.
        planes: 3 for Y'CbCr.

    Returns:
        (..., planes · (side² − 1), planes · (side² − 1)), symmetric to the last bit.
    """
    matrix = arguments.real("moments", arguments.square("moments", moments))
    pixels = matrix.shape[-1] // integer("planes", planes, 1)
    ac = np.kron(np.eye(planes), unitary("dct_2d", pixels)[1:])
    block = ac @ matrix @ ac.T
    return np.asarray((block + np.swapaxes(block, -1, -2)) / 2)


def forward(name: str, vectors: ArrayLike) -> Array:
    """Coefficients of a named transform along the last axis, by a fast algorithm: O(d log d), Haar O(d).

    Faster than `apply` from a few hundred components on; at 64 components one matrix product is faster.

    Args:
        name: "dct", "dft", "haar" or "walsh".
        vectors: (..., d); d a power of two for "haar" and "walsh".
    """
    return _fast(name, vectors, inverse=False)


def inverse(name: str, coefficients: ArrayLike) -> Array:
    """Vectors from the coefficients of `forward`."""
    return _fast(name, coefficients, inverse=True)


def _fast(name: str, values: ArrayLike, *, inverse: bool) -> Array:
    algorithm = _ALGORITHMS[one_of("name", name, NAMES)][inverse]
    batch = arguments.vectors("vectors", values)
    length = batch.shape[-1]
    if name in ("haar", "walsh"):
        arguments.require(length & (length - 1) == 0, "dimension", f"must be a power of two for {name}", length)
    return algorithm(batch)


def _scipy(name: str) -> Callable[[Array], Array]:
    """A function of `scipy.fft`, orthonormal, along the last axis; SciPy transforms real and imaginary parts apart."""

    def transform(x: Array) -> Array:
        from scipy import fft

        return np.asarray(getattr(fft, name)(x, norm="ortho"))

    return transform


def _haar(x: Array) -> Array:
    low, details = x, []
    while low.shape[-1] > 1:
        even, odd = low[..., 0::2], low[..., 1::2]
        details.append((even - odd) / math.sqrt(2))
        low = (even + odd) / math.sqrt(2)
    return np.concatenate([low, *reversed(details)], axis=-1)


def _ihaar(c: Array) -> Array:
    low = c[..., :1]
    while low.shape[-1] < c.shape[-1]:
        half = low.shape[-1]
        detail = c[..., half : 2 * half]
        pairs = np.stack([low + detail, low - detail], axis=-1) / math.sqrt(2)
        low = pairs.reshape(*c.shape[:-1], 2 * half)
    return np.asarray(low)


def _walsh(x: Array) -> Array:
    length = x.shape[-1]
    out = x
    half = 1
    while half < length:
        pairs = out.reshape(*x.shape[:-1], length // (2 * half), 2, half)
        first, second = pairs[..., 0, :], pairs[..., 1, :]
        out = np.stack([first + second, first - second], axis=-2).reshape(x.shape)
        half *= 2
    return np.asarray(out / math.sqrt(length))


_ALGORITHMS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "dct": (_scipy("dct"), _scipy("idct")),
    "dft": (partial(np.fft.ifft, norm="ortho"), partial(np.fft.fft, norm="ortho")),
    "haar": (_haar, _ihaar),
    "walsh": (_walsh, _walsh),
}
