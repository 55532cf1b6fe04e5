"""Rates of compressed files and the average rate difference between two codecs."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer


def bits_per_pixel(n_bytes: int, shape: tuple[int, ...]) -> float:
    """8 · bytes of the whole file / (H · W).

    >>> bits_per_pixel(1024, (64, 64))
    2.0
    """
    return 8.0 * integer("n_bytes", n_bytes, 0) / (shape[0] * shape[1])


def bd_rate(
    rate_anchor: ArrayLike,
    quality_anchor: ArrayLike,
    rate_test: ArrayLike,
    quality_test: ArrayLike,
    *,
    quality_range: tuple[float, float] | None = None,
) -> float:
    """Bjøntegaard delta rate in percent: average rate change at equal quality, negative if the test codec is better.

    Akima interpolation of log rate over quality, integrated over the qualities that both curves cover
    (Bjøntegaard, VCEG-M33, with the interpolation of the `bjontegaard` package), or over `quality_range` alone. Rates
    of several codecs are comparable only over a common `quality_range`.

    Args:
        rate_anchor: (n,) rates of the reference codec, positive, n ≥ 4, in any order.
        quality_anchor: (n,) its qualities, for instance PSNR in dB; they increase strictly with the rate.
        rate_test: (m,) rates of the codec under test, m ≥ 4.
        quality_test: (m,) its qualities.
        quality_range: (low, high) of the qualities to average over, which both curves must cover; if omitted, the whole
            common range.

    Raises:
        ValueError: the curves share no range, one of them does not cover `quality_range`, or one is not strictly
            increasing.

    >>> quality = [30, 32, 34, 36]
    >>> round(bd_rate([1, 2, 4, 8], quality, [2, 4, 8, 16], quality, quality_range=(31, 33)), 9)
    100.0
    """
    from scipy.interpolate import Akima1DInterpolator

    curves = [_curve("anchor", rate_anchor, quality_anchor), _curve("test", rate_test, quality_test)]
    low = max(quality[0] for _, quality in curves)
    high = min(quality[-1] for _, quality in curves)
    if not low < high:
        raise ValueError(
            f"the curves must share a range of quality, but one ends at {high:.4g} and one begins at {low:.4g}"
        )
    if quality_range is not None:
        first, last = (float(end) for end in quality_range)
        arguments.require(first < last, "quality_range", "must be (low, high) with low < high", quality_range)
        if not low <= first < last <= high:
            raise ValueError(
                f"the curves must cover quality_range={quality_range}, "
                f"but their common range is {low:.4g} to {high:.4g}"
            )
        low, high = first, last
    anchor, test = (float(Akima1DInterpolator(quality, np.log(rate)).integrate(low, high)) for rate, quality in curves)
    return 100.0 * float(np.expm1((test - anchor) / (high - low)))


def _curve(name: str, rate: ArrayLike, quality: ArrayLike) -> tuple[Array, Array]:
    rates, qualities = arguments.vectors(f"rate_{name}", rate), arguments.vectors(f"quality_{name}", quality)
    ok = rates.ndim == 1 and rates.shape == qualities.shape and len(rates) >= 4
    arguments.require_shape(ok, f"rate_{name}", "(n,) with n >= 4 and as many qualities", rates)
    arguments.require(bool(rates.min() > 0), f"rate_{name}", "must be positive", float(rates.min()))
    order = np.argsort(qualities)
    rates, qualities = rates[order], qualities[order]
    for sequence, label in ((qualities, "quality"), (rates, "rate")):
        if any(b <= a for a, b in pairwise(sequence)):
            raise ValueError(f"{label}_{name} must grow strictly along the curve, but is {sequence.tolist()}")
    return rates, qualities
