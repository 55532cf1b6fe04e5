"""Argument checks with uniform messages, such as `rank must be in [1, 64], but rank=0`."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

TOLERANCE = 1e-8
"""Largest deviation from Hermiticity, unit trace or positivity that is attributed to rounding."""


_SPELLINGS: ContextVar[Mapping[str, str]] = ContextVar("spellings", default=MappingProxyType({}))


class ArgumentError(ValueError):
    """A value that an argument does not allow.

    The message spells arguments as Python does, such as `bits_per_pixel`; within `spelled_as`, as another interface
    does, such as the command line with `--bits-per-pixel`.

    Args:
        template: the message, with `{0}`, `{1}`, … for the arguments, and other braces doubled (`literal`).
        names: of the arguments.
    """

    def __init__(self, template: str, *names: str) -> None:
        spellings = _SPELLINGS.get()
        super().__init__(template.format(*(spellings.get(name, name) for name in names)))
        self.template, self.names = template, names

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        return ArgumentError, (self.template, *self.names)

    def renamed(self, names: Mapping[str, str]) -> "ArgumentError":
        """The same error about arguments of other names."""
        return ArgumentError(self.template, *(names.get(name, name) for name in self.names))

    def of_file(self, name: str | os.PathLike[str]) -> "ArgumentError":
        """The same error, with the file's name before the message."""
        return ArgumentError(f"{literal(os.fspath(name))}: {self.template}", *self.names)


def literal(text: object) -> str:
    """Text for the template of an `ArgumentError`."""
    return str(text).replace("{", "{{").replace("}", "}}")


@contextmanager
def spelled_as(spellings: Mapping[str, str]) -> Iterator[None]:
    """Spell arguments in the errors of the block as an interface does: `spelled_as({"psnr_db": "--psnr"})`."""
    token = _SPELLINGS.set(spellings)
    try:
        yield
    finally:
        _SPELLINGS.reset(token)


@contextmanager
def arguments_named(**names: str) -> Iterator[None]:
    """Name arguments in the errors of the block as its caller does: `arguments_named(name="backend")`."""
    try:
        yield
    except ArgumentError as error:
        raise error.renamed(names) from None


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raise `ArgumentError("{name} {rule}, but {name}={value}")` unless the rule holds."""
    if not holds:
        raise ArgumentError(f"{{0}} {literal(rule)}, but {{0}}={literal(repr(value))}", name)


def allow(holds: bool, name: str, rule: str) -> None:
    """Raise `ArgumentError("{name} {rule}")` unless the rule holds, where the value would explain nothing."""
    if not holds:
        raise ArgumentError(f"{{0}} {literal(rule)}", name)


def require_shape(holds: bool, name: str, expected: str, array: Array) -> None:
    """Raise `ArgumentError` with the expected and the actual shape unless the rule holds."""
    if not holds:
        raise ArgumentError(f"{{0}} must have shape {literal(expected)}, but has shape {array.shape}", name)


def integer(name: str, value: int, low: int, high: int | None = None) -> int:
    """`value` as an int in [low, high], both ends included; `high=None` means no upper limit."""
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if high is None:
        require(is_integer and value >= low, name, f"must be an integer of at least {low}", value)
    else:
        require(is_integer, name, f"must be an integer in [{low}, {high}]", value)
        require(low <= value <= high, name, f"must be in [{low}, {high}]", value)
    return int(value)


def fraction(name: str, value: float) -> float:
    """`value` as a float in [0, 1]."""
    require(bool(0.0 <= value <= 1.0), name, "must be in [0, 1]", value)
    return float(value)


def one_of(name: str, value: str, options: Iterable[str]) -> str:
    """`value`, which must be one of the named options."""
    options = sorted(options)
    require(value in options, name, f"must be one of {', '.join(options)}", value)
    return value


def plain(name: str, value: ArrayLike) -> Array:
    """`value` as an array in the byte order of the machine, without a copy if it is one already.

    Raises:
        ValueError: elements of a masked array are masked; NumPy would drop the mask and use what lies below it.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        count = int(np.ma.getmaskarray(value).sum())
        raise ValueError(f"{name} must not have masked elements, but {count} of {value.size} are masked")
    array = np.asarray(value)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def numeric(name: str, value: ArrayLike) -> Array:
    """`value` as a finite `float64` or `complex128` array; single precision is converted to double."""
    array = plain(name, value)
    if array.dtype.kind not in "biufc":
        kind = f"is a {type(value).__name__}" if array.dtype == object else f"has dtype {array.dtype}"
        raise ValueError(f"{name} must be numeric, but {kind}")
    array = np.asarray(array, np.complex128 if array.dtype.kind == "c" else np.float64)
    # A finite sum means finite elements: one pass, no temporary. The elements are checked only where the sum is not.
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(array.sum()) and not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, but holds NaN or infinity")
    return array


def vectors(name: str, value: ArrayLike) -> Array:
    """`value` as finite vectors of shape (..., d), d >= 1."""
    array = numeric(name, value)
    require_shape(array.ndim >= 1 and array.shape[-1] >= 1, name, "(..., d)", array)
    return array


def real(name: str, value: ArrayLike) -> Array:
    """`value` as a finite `float64` array."""
    array = numeric(name, value)
    require(array.dtype.kind == "f", name, "must be real", array.dtype.name)
    return array


def square(name: str, value: ArrayLike) -> Array:
    """`value` as finite square matrices of shape (..., d, d)."""
    array = numeric(name, value)
    ok = array.ndim >= 2 and array.shape[-1] == array.shape[-2] >= 1
    require_shape(ok, name, "(..., d, d)", array)
    require_shape(array.size > 0, name, "(..., d, d) with at least one matrix", array)
    return array


def hermitian(name: str, value: ArrayLike) -> Array:
    """`value` as Hermitian matrices of shape (..., d, d)."""
    array = square(name, value)
    scale = max(float(np.abs(array).max()), 1e-300)
    deviation = float(np.abs(array - np.swapaxes(array, -1, -2).conj()).max()) / scale
    if deviation > TOLERANCE:
        raise ValueError(f"{name} must be Hermitian, but deviates by {deviation:.3g} of its scale")
    return array


def density_matrix(name: str, value: ArrayLike) -> Array:
    """`value` as Hermitian matrices of unit trace; positivity is not checked (see `populations`)."""
    array = hermitian(name, value)
    trace = np.trace(array, axis1=-2, axis2=-1).real
    worst = np.ravel(trace)[np.argmax(np.abs(np.ravel(trace) - 1.0))]
    if abs(worst - 1.0) > TOLERANCE:
        raise ValueError(f"{name} must have trace 1, but its trace is {worst:.12g}")
    return array


def populations(name: str, value: ArrayLike) -> Array:
    """Eigenvalues (..., d) of density matrices, ascending; negative values within `TOLERANCE` become 0."""
    weights: Array = np.linalg.eigvalsh(density_matrix(name, value))
    if weights.min() < -TOLERANCE:
        raise ValueError(f"{name} must be positive semidefinite, but has the eigenvalue {weights.min():.3g}")
    return np.clip(weights, 0.0, None)


def unitary(name: str, value: ArrayLike) -> Array:
    """`value` as one unitary matrix (d, d)."""
    array = square(name, value)
    require_shape(array.ndim == 2, name, "(d, d)", array)
    deviation = float(np.abs(array @ array.conj().T - np.eye(len(array))).max())
    if deviation > TOLERANCE:
        raise ValueError(f"{name} must be unitary, but U U† deviates from 1 by {deviation:.3g}")
    return array


def dimensions(name: str, dims: Sequence[int], total: int) -> tuple[int, ...]:
    """Subsystem dimensions whose product is `total`."""
    sizes = tuple(integer(name, size, 1) for size in dims)
    ok = len(sizes) > 0 and int(np.prod(sizes)) == total
    require(ok, name, f"must be positive and multiply to {total}", sizes)
    return sizes


EFFORT, BEST = 5, 9
"""Default and highest effort of every command; 1 is the fastest."""


def effort(value: int) -> int:
    """`value` as an effort: 1 fast, 5 default, 9 best; each function documents which values differ."""
    return integer("effort", value, 1, BEST)
