"""Powers of two kept apart from products of many cores, so that these neither overflow nor underflow.

All scaling is by powers of two and therefore exact. Arrays of ordinary size are left unchanged.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from qimg.core import Array, require

_ORDINARY = 128
"""Binary exponent up to which arrays are not scaled: products of four such numbers are finite."""

_LARGEST, _SMALLEST = 1024, -1073
"""Binary exponents of the largest and of the smallest positive number in double precision."""


def scaled(array: Array) -> tuple[Array, int]:
    """The array divided by a power of two, and its exponent; 0 unless the largest entry is huge or tiny."""
    exponent = exponent_of(array)
    return (array, 0) if abs(exponent) <= _ORDINARY else (times_power(array, -exponent), exponent)


def exponent_of(array: Array) -> int:
    """The binary exponent of the largest real or imaginary part; 0 for zeros."""
    parts = array.view(np.float64) if array.flags.c_contiguous else np.stack([array.real, array.imag])
    return int(np.frexp(np.abs(parts).max(initial=0.0))[1])


def times_power(array: Array, exponent: int) -> Array:
    """The array times 2**exponent; overflow gives infinities and underflow zeros."""
    with np.errstate(over="ignore", under="ignore"):
        if np.iscomplexobj(array):
            return np.asarray(np.ldexp(array.real, exponent) + 1j * np.ldexp(array.imag, exponent))
        return np.asarray(np.ldexp(array, exponent))


def fits(exponent: int) -> bool:
    """Whether numbers of this binary exponent are in the range of double precision."""
    return _SMALLEST <= exponent <= _LARGEST


def number(mantissa: Array, exponent: int, name: str, instead: str) -> complex:
    """The number `mantissa` · 2**exponent.

    Raises:
        ValueError: it is too large or too small for double precision; the message gives its natural logarithm.
    """
    if mantissa != 0:
        size = exponent_of(np.atleast_1d(mantissa)) + exponent
        if not fits(size):
            logarithm = float(np.log(np.abs(mantissa)) + exponent * np.log(2))
            raise ValueError(
                f"{name} must be in the range of double precision (see {instead}), "
                f"but the natural logarithm of its magnitude is {logarithm:.6g}"
            )
    return times_power(np.asarray(mantissa), exponent).item()


def spread(cores: Iterable[Array], exponent: int) -> list[Array]:
    """The cores with a factor 2**exponent: on the last one where that is an ordinary number, otherwise on all.

    Raises:
        ValueError: the cores are then outside the range of double precision.
    """
    result = list(cores)
    if abs(exponent + exponent_of(result[-1])) <= 4 * _ORDINARY:
        result[-1] = times_power(result[-1], exponent) if exponent else result[-1]
        return result
    share, rest = divmod(exponent, len(result))
    sizes = [exponent_of(core) + share + (site < rest) for site, core in enumerate(result)]
    require(all(map(fits, sizes)), "train", "must have cores in the range of double precision", f"about 2**{share}")
    return [times_power(core, share + (site < rest)) for site, core in enumerate(result)]


def ordinary(cores: Sequence[Array]) -> tuple[list[Array], int]:
    """Cores of ordinary size, and the exponent of the power of two that they are to be multiplied by."""
    pairs = [scaled(core) for core in cores]
    return [core for core, _ in pairs], sum(exponent for _, exponent in pairs)
