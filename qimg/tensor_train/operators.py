"""Matrix-product operators: matrices over several sites as chains of cores with two levels per site."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, dimensions, require, require_shape, square
from qimg.core.records import short_repr
from qimg.tensor_train.algebra import inner
from qimg.tensor_train.decomposition import compress, decompose
from qimg.tensor_train.scale import number, ordinary, scaled, spread
from qimg.tensor_train.train import TensorTrain, several_sites


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class TrainOperator:
    """O[(i₁…iₙ), (j₁…jₙ)] = B₁[i₁, j₁] … Bₙ[iₙ, jₙ]: a train whose sites are the pairs (row digit, column digit).

    Sums, scalar multiples, rounding and the Hilbert–Schmidt product are those of `train`.
    """

    train: TensorTrain
    """Site s has dims_out[s] · dims_in[s] levels; the row digit is the more significant one."""
    dims_out: tuple[int, ...]
    """Levels of the row digits."""
    dims_in: tuple[int, ...]
    """Levels of the column digits."""

    def __post_init__(self) -> None:
        pairs = tuple(m * n for m, n in zip(self.dims_out, self.dims_in, strict=True))
        require(self.train.dims == pairs, "train", f"must have sites of {pairs} levels", self.train.dims)

    @property
    def bonds(self) -> tuple[int, ...]:
        """Bond dimension of each cut."""
        return self.train.bonds

    @property
    def parameters(self) -> int:
        """Numbers stored, gauge included."""
        return self.train.parameters

    @property
    def cores(self) -> list[Array]:
        """Site s: (left bond, row digit, column digit, right bond)."""
        digits = zip(self.train.cores, self.dims_out, self.dims_in, strict=True)
        return [core.reshape(core.shape[0], m, n, core.shape[2]) for core, m, n in digits]

    def dense(self) -> Array:
        """The matrix (∏ dims_out, ∏ dims_in)."""
        n = len(self.dims_in)
        pairs = [size for pair in zip(self.dims_out, self.dims_in, strict=True) for size in pair]
        tensor = self.train.dense().reshape(pairs).transpose([*range(0, 2 * n, 2), *range(1, 2 * n, 2)])
        return np.ascontiguousarray(tensor.reshape(math.prod(self.dims_out), -1))

    def trace(self) -> complex:
        """Σ of the diagonal; a float where the cores are real.

        Raises:
            ValueError: the value is too large or too small for double precision.
        """
        self._require_square()
        carried, exponent = np.ones(1), 0
        for core in self.cores:
            matrix, size = scaled(core)
            carried, one = scaled(carried @ np.trace(matrix, axis1=1, axis2=2))
            exponent += size + one
        return number(carried[0], exponent, "trace", "TrainOperator.partial_trace")

    def partial_trace(self, keep: int | Sequence[int]) -> "TrainOperator":
        """The operator on the sites in `keep`, the others traced out, as a matrix-product operator.

        Args:
            keep: one site or several, counted from 0; they stay in their order.
        """
        self._require_square()
        sites = several_sites(keep, len(self.dims_in))
        carried, cores, exponent = np.ones((1, 1)), [], 0
        for site, core in enumerate(self.cores):
            matrix, size = scaled(core)
            exponent += size
            if site in sites:
                cores.append(np.tensordot(carried, matrix, axes=1))
                carried = np.eye(matrix.shape[3])
            else:
                carried, one = scaled(carried @ np.trace(matrix, axis1=1, axis2=2))
                exponent += one
        cores[-1] = np.tensordot(cores[-1], carried, axes=1)
        cores = spread(cores, exponent)
        dims = tuple(self.dims_in[site] for site in sites)
        flat = [core.reshape(core.shape[0], -1, core.shape[3]) for core in cores]
        return TrainOperator(train=TensorTrain(flat), dims_out=dims, dims_in=dims)

    def compress(
        self, *, bond: int | None = None, discarded_weight: float | None = None, parameters: int | None = None
    ) -> "OperatorTruncation":
        """Reduce the bonds by `compress` of the train; the discarded weight refers to the Frobenius norm."""
        train, lost = compress(self.train, bond=bond, discarded_weight=discarded_weight, parameters=parameters)
        return OperatorTruncation(TrainOperator(train=train, dims_out=self.dims_out, dims_in=self.dims_in), lost)

    def __add__(self, other: "TrainOperator") -> "TrainOperator":
        """The sum; bonds add."""
        if (self.dims_out, self.dims_in) != (other.dims_out, other.dims_in):
            shapes = f"{self.dims_out} × {self.dims_in} and {other.dims_out} × {other.dims_in}"
            raise ValueError(f"both operators must have the same sites, but have {shapes}")
        return TrainOperator(train=self.train + other.train, dims_out=self.dims_out, dims_in=self.dims_in)

    def __mul__(self, factor: complex) -> "TrainOperator":
        """The operator times a number."""
        return TrainOperator(train=self.train * factor, dims_out=self.dims_out, dims_in=self.dims_in)

    __rmul__ = __mul__

    def _require_square(self) -> None:
        rule = "must be those of the rows to trace over them"
        require(self.dims_out == self.dims_in, "dims_in", rule, self.dims_in)


@short_repr
class OperatorTruncation(NamedTuple):
    """A truncated matrix-product operator and its discarded weight."""

    operator: TrainOperator
    discarded_weight: float
    """Squared Frobenius norm of the error as a share of that of the matrix."""


def operator_train(
    matrix: ArrayLike,
    dims: Sequence[int],
    *,
    bond: int | None = None,
    discarded_weight: float | None = None,
    parameters: int | None = None,
) -> OperatorTruncation:
    """Matrix-product operator of a square matrix, exact if no limit is set.

    Truncation preserves Hermiticity up to rounding, but neither trace nor positivity.

    Args:
        matrix: (d, d).
        dims: levels of the sites, the first the most significant digit of both indices; their product is d.
        bond, discarded_weight, parameters: as in `decompose`.
    """
    data = square("matrix", matrix)
    require_shape(data.ndim == 2, "matrix", "(d, d)", data)
    sizes = dimensions("dims", dims, len(data))
    n = len(sizes)
    paired = data.reshape(*sizes, *sizes).transpose([axis for k in range(n) for axis in (k, n + k)])
    pairs = tuple(size**2 for size in sizes)
    train, lost = decompose(paired, pairs, bond=bond, discarded_weight=discarded_weight, parameters=parameters)
    return OperatorTruncation(TrainOperator(train=train, dims_out=sizes, dims_in=sizes), lost)


def apply(operator: TrainOperator, train: TensorTrain) -> TensorTrain:
    """O|ψ⟩, exactly; bonds multiply, and `compress` reduces them. Cost: O(sites · dims² · bonds²)."""
    require(train.dims == operator.dims_in, "train", f"must have dims {operator.dims_in}", train.dims)
    (matrices, before), (vectors, after) = ordinary(operator.cores), ordinary(train.cores)
    cores = []
    for matrix, core in zip(matrices, vectors, strict=True):
        both = np.einsum("aijb,cjd->acibd", matrix, core)
        a, c, levels, b, d = both.shape
        cores.append(both.reshape(a * c, levels, b * d))
    return TensorTrain(spread(cores, before + after))


def expectation(operator: TrainOperator, train: TensorTrain) -> complex:
    """⟨ψ|O|ψ⟩ of the train without normalisation; a float where everything is real. O|ψ⟩ is not computed.

    Raises:
        ValueError: the value is too large or too small for double precision.
    """
    require(train.dims == operator.dims_in, "train", f"must have dims {operator.dims_in}", train.dims)
    operator._require_square()
    (matrices, before), (vectors, after) = ordinary(operator.cores), ordinary(train.cores)
    carried, exponent = np.ones((1, 1, 1)), before + 2 * after
    for matrix, core in zip(matrices, vectors, strict=True):
        half = np.tensordot(carried, core, axes=([2], [0]))  # (bra, operator, digit, ket)
        half = np.tensordot(half, matrix, axes=([1, 2], [0, 2]))  # (bra, ket, row digit, operator)
        carried, one = scaled(np.tensordot(core.conj(), half, axes=([0, 1], [0, 2])).transpose(0, 2, 1))
        exponent += one
    return number(carried[0, 0, 0], exponent, "expectation", "normalize")


def hilbert_schmidt(first: TrainOperator, second: TrainOperator) -> complex:
    """tr(first† second)."""
    return inner(first.train, second.train)
