"""Confidence intervals: exact ones for probabilities, and the resulting ones for amplitudes, angles and pixels."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from circuits.counts import Counts, checked_counts
from circuits.representation.positions import picture_of_levels
from circuits.representation.protocol import EncodedImage, PixelProbabilities
from circuits.representation.registry import representation_of
from qimg.core import Array, one_of, real, require, vectors

METHODS = ("clopper-pearson", "wilson")


def probability_interval(
    successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95, method: str = "clopper-pearson"
) -> tuple[Array, Array]:
    """Lower and upper ends of confidence intervals for binomial probabilities.

    "clopper-pearson" inverts the exact test; its coverage is at least the level for every probability and number of
    trials. "wilson" inverts the normal test; it is shorter, and its coverage is about the level on average over the
    probabilities, but not for each one: it is lower for some near 0 and 1, where few successes or failures are
    expected. Without trials the interval is [0, 1]. It begins at 0 without successes and ends at 1 without failures.

    Args:
        successes: (...) counts, at most the trials.
        trials: (...) counts.
        level: in (0, 1).
        method: "clopper-pearson" or "wilson".
    """
    z = normal_quantile(level)
    one_of("method", method, METHODS)
    k, n = np.broadcast_arrays(real("successes", successes), real("trials", trials))
    require(bool((k >= 0).all() and (k <= n).all()), "successes", "must be in [0, trials]", (k.min(), k.max()))
    tail = (1 - level) / 2
    if method == "clopper-pearson":
        low = np.where(k > 0, stats.beta.ppf(tail, np.maximum(k, 1e-9), n - k + 1), 0.0)
        high = np.where(k < n, stats.beta.ppf(1 - tail, k + 1, np.maximum(n - k, 1e-9)), 1.0)
        return low, high
    weight = 1 + z**2 / np.maximum(n, 1)
    share = k / np.maximum(n, 1)
    centre = (share + z**2 / (2 * np.maximum(n, 1))) / weight
    half = z / weight * np.sqrt(share * (1 - share) / np.maximum(n, 1) + z**2 / (4 * np.maximum(n, 1) ** 2))
    return np.where(k > 0, np.clip(centre - half, 0, 1), 0.0), np.where(k < n, np.clip(centre + half, 0, 1), 1.0)


def amplitude_interval(
    counts: ArrayLike, *, level: float = 0.95, method: str = "clopper-pearson"
) -> tuple[Array, Array]:
    """Intervals of the moduli √p of amplitudes: the square roots of the ends for p, with the same coverage.

    Args:
        counts: (..., d) of all outcomes.
        level: in (0, 1), for each amplitude separately.
        method: as in `probability_interval`.
    """
    numbers = vectors("counts", counts)
    low, high = probability_interval(numbers, numbers.sum(axis=-1, keepdims=True), level=level, method=method)
    return np.sqrt(low), np.sqrt(high)


def decode_intervals(
    encoded: EncodedImage, counts: Counts, *, level: float = 0.95, method: str = "clopper-pearson"
) -> tuple[Array, Array]:
    """Pictures of the lower and upper ends of every pixel's interval, in code values and not rounded.

    Each pixel is determined by one probability p or several. The interval of p gives that of the pixel with the same
    coverage: norm·√p of an amplitude; 2·255/π·asin √p of an FRQI angle, where p is the share of 1 among the shots at
    the pixel. Of several probabilities, such as those of the qubits of a digital code, each has an interval of the
    level 1 − (1 − level)/q, so that all q hold with the level; the pixel's interval extends from the smallest to the
    largest level whose digits agree with them. A pixel without counts has the whole range.

    Args:
        encoded: a picture that was not compressed. Only its shape, order and norm are used. The intervals of "dct" are
            those of the moduli of the picture reconstructed from the loaded coefficients.
        counts: counts of all qubits, as in `decode_counts`.
        level: in (0, 1), for each pixel separately.
        method: as in `probability_interval`.

    Raises:
        ValueError: a representation of your own without `outcomes`.
    """
    representation = representation_of(encoded)
    if not isinstance(representation, PixelProbabilities):
        raise ValueError(f"encoded must be in a representation with outcomes, but encoded={encoded.representation!r}")
    successes, trials = representation.outcomes(encoded, checked_counts(counts, 2**encoded.n_qubits))
    together = len(successes) if successes.ndim == 2 else 1
    normal_quantile(level)  # checks the level that the caller gave
    successes = np.minimum(successes, trials)  # counts of amplitudes in the padding
    ends = probability_interval(successes, trials, level=1 - (1 - level) / together, method=method)
    low, high = (
        picture_of_levels(np.asarray(one, float), representation, encoded)
        for one in representation.levels_between(encoded, *ends)
    )
    return low, high


def normal_quantile(level: float) -> float:
    """Half of the width of a two-sided normal interval of this level, in standard errors."""
    require(bool(0 < level < 1), "level", "must be in (0, 1)", level)
    return float(stats.norm.ppf(0.5 + level / 2))
