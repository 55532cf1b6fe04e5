"""The tensor train: a vector over several sites as a chain of cores, one core for each site."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments
from qimg.core.records import short
from qimg.tensor_train.scale import exponent_of, fits, ordinary, scaled, times_power

DENSE_LIMIT = 2**28
"""Largest number of components of a dense vector."""


_SHOWN = 24
"""Largest number of sites whose sizes are all written into the text of a train."""


@dataclass(frozen=True, eq=False)
class TensorTrain:
    """x[i₁, …, iₙ] = A₁[i₁] A₂[i₂] … Aₙ[iₙ], a matrix-product state with open ends that need not be normalised.

    The components are numbered as `numpy.reshape` does: the first site is the most significant digit. With binary
    sites, site s of n therefore holds bit n − 1 − s of the train's index.

    >>> train = TensorTrain([np.array([[[1.0], [2.0]]]), np.array([[[3.0], [4.0]]])])
    >>> train.dense()
    array([3., 4., 6., 8.])
    """

    cores: Sequence[Array]
    """Core of each site: (left bond, levels of the site, right bond); the first and the last bond are 1."""

    def __post_init__(self) -> None:
        cores = tuple(arguments.numeric(f"cores[{s}]", core) for s, core in enumerate(self.cores))
        arguments.require(len(cores) > 0, "cores", "must hold at least one site", self.cores)
        left = 1
        for s, core in enumerate(cores):
            ok = core.ndim == 3 and core.shape[0] == left and core.size > 0
            arguments.require_shape(ok, f"cores[{s}]", f"({left}, d, r)", core)
            left = core.shape[2]
        arguments.require_shape(left == 1, f"cores[{len(cores) - 1}]", "(l, d, 1)", cores[-1])
        object.__setattr__(self, "cores", cores)

    @property
    def dims(self) -> tuple[int, ...]:
        """Levels of each site."""
        return tuple(core.shape[1] for core in self.cores)

    @property
    def bonds(self) -> tuple[int, ...]:
        """Bond dimension of each cut between neighbours, one fewer than the number of sites."""
        return tuple(core.shape[2] for core in self.cores[:-1])

    @property
    def parameters(self) -> int:
        """Number of stored numbers: Σ l d r over the cores, gauge included."""
        return sum(core.size for core in self.cores)

    @property
    def degrees_of_freedom(self) -> int:
        """`parameters` minus the gauge freedom: an invertible r×r matrix at every cut, Σ r² numbers."""
        return self.parameters - sum(bond**2 for bond in self.bonds)

    def dense(self) -> Array:
        """All components (∏ dims,). Cost: O(∏ dims · bond).

        Raises:
            ValueError: more than `DENSE_LIMIT` components, or the largest is outside the range of double precision.
        """
        size = int(np.prod(self.dims, dtype=object))
        arguments.require(size <= DENSE_LIMIT, "dims", f"must multiply to at most {DENSE_LIMIT} to be dense", size)
        cores, exponent = ordinary(self.cores)
        result = cores[0].reshape(self.dims[0], -1)
        for core in cores[1:]:
            result, one = scaled((result @ core.reshape(core.shape[0], -1)).reshape(-1, core.shape[2]))
            exponent += one
        if not exponent:
            return np.asarray(result[:, 0]).copy()
        largest = exponent_of(result) + exponent
        rule = "must have components in the range of double precision (see normalize)"
        arguments.require(fits(largest) or not result.any(), "train", rule, f"about 2**{largest}")
        return times_power(result[:, 0], exponent)

    def __repr__(self) -> str:
        """Sites, bonds and size."""
        dims, bonds = (sizes if len(sizes) <= _SHOWN else short(sizes) for sizes in (self.dims, self.bonds))
        return f"TensorTrain(dims={dims}, bonds={bonds}, parameters={self.parameters})"

    def __mul__(self, factor: complex) -> "TensorTrain":
        """The train times a number."""
        value = arguments.numeric("factor", factor)
        arguments.require_shape(value.ndim == 0, "factor", "()", value)
        return TensorTrain([self.cores[0] * value, *self.cores[1:]])

    __rmul__ = __mul__

    def __neg__(self) -> "TensorTrain":
        """The train times −1."""
        return self * -1.0

    def __add__(self, other: "TensorTrain") -> "TensorTrain":
        """The sum; bonds add, and `compress` reduces them."""
        same_sites(self, other)
        if len(self.cores) == 1:
            return TensorTrain([self.cores[0] + other.cores[0]])
        pairs = list(zip(self.cores, other.cores, strict=True))
        first = np.concatenate(pairs[0], axis=2)
        last = np.concatenate(pairs[-1], axis=0)
        return TensorTrain([first, *(_direct_sum(a, b) for a, b in pairs[1:-1]), last])

    def __sub__(self, other: "TensorTrain") -> "TensorTrain":
        """The difference; bonds add."""
        return self + (-other)

    def conj(self) -> "TensorTrain":
        """The complex conjugate."""
        return TensorTrain([core.conj() for core in self.cores])


def product_train(vectors: Sequence[ArrayLike]) -> TensorTrain:
    """The product state v₁ ⊗ v₂ ⊗ … with bonds of 1.

    Args:
        vectors: one vector (d,) for each site.
    """
    return TensorTrain([arguments.vectors("vectors", vector).reshape(1, -1, 1) for vector in vectors])


def same_sites(first: TensorTrain, second: TensorTrain) -> None:
    """Raise `ValueError` unless both trains have the same sites."""
    if first.dims != second.dims:
        raise ValueError(f"both trains must have the same sites, but have dims {first.dims} and {second.dims}")


def several_sites(keep: int | Sequence[int], count: int) -> list[int]:
    """One site or several of `count` as an ascending list, not empty."""
    sites = sorted({keep} if isinstance(keep, int | np.integer) else set(keep))
    arguments.require(len(sites) > 0, "keep", "must hold at least one site", keep)
    return [arguments.integer("keep", site, 0, count - 1) for site in sites]


def _direct_sum(first: Array, second: Array) -> Array:
    left, levels, right = first.shape
    shape = (left + second.shape[0], levels, right + second.shape[2])
    both = np.zeros(shape, np.result_type(first, second))
    both[:left, :, :right] = first
    both[left:, :, right:] = second
    return both
