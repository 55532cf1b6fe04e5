"""Distributions in integers: probabilities of references, round trips, escapes, damaged words."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qimg.core import Array
from qimg.entropy import range_coder
from qimg.entropy.distributions import SCALES, SMALLEST, Distribution, bits_of

LAPLACE, GAUSSIAN = Distribution(kind="laplace"), Distribution(kind="gaussian")
MIXTURE, LEVELS = Distribution(kind="mixture", size=3), Distribution(kind="categorical", size=5)
ALL = (LAPLACE, GAUSSIAN, MIXTURE, LEVELS, Distribution(kind="categorical", size=256))


def drawn(distribution: Distribution, count: int, seed: int) -> tuple[Array, Array]:
    """Random parameters, and symbols of which some need an escape."""
    rng = np.random.default_rng(seed)
    size = distribution.size
    if distribution.kind == "categorical":
        return rng.integers(0, size, count), rng.integers(-300, 300, (count, size))
    means, scales = rng.integers(-400, 400, (count, size)), rng.integers(-3, SCALES + 3, (count, size))
    logits = rng.integers(-300, 300, (count, size if size > 1 else 0))
    symbols = np.rint(means[:, 0] / 16 + rng.standard_t(2, count) * 5).astype(int)
    symbols[:4] = [-(1 << 20), 1 << 20, 70_000, -70_000][: len(symbols)]
    return symbols, np.concatenate([means, scales, logits], axis=1)


def coded(distribution: Distribution, symbols: Array, parameters: Array) -> Array:
    return range_coder.encode_intervals(*distribution.intervals(symbols, parameters))


@given(seed=st.integers(0, 1 << 30), count=st.integers(0, 40), number=st.integers(0, len(ALL) - 1))
def test_symbols_are_decoded(seed: int, count: int, number: int) -> None:
    distribution = ALL[number]
    symbols, parameters = drawn(distribution, count, seed)
    words = coded(distribution, symbols, parameters)
    state = range_coder.start(words)
    np.testing.assert_array_equal(distribution.decode(state, words, parameters), symbols)
    assert range_coder.is_complete(state, words)


@given(seed=st.integers(0, 1 << 30), number=st.integers(0, len(ALL) - 1))
def test_any_words_decode_to_integers(seed: int, number: int) -> None:
    distribution = ALL[number]
    _, parameters = drawn(distribution, 30, seed)
    words = np.random.default_rng(seed).integers(0, 1 << 32, 6, dtype=np.uint32)
    state = range_coder.start(words)
    symbols = distribution.decode(state, words, parameters)
    assert np.abs(symbols).max() <= 1 << 20


@pytest.mark.parametrize(("distribution", "law"), [(LAPLACE, stats.laplace), (GAUSSIAN, stats.norm)])
def test_probabilities_are_those_of_the_distribution(distribution: Distribution, law: Any) -> None:
    """Of SciPy, up to 2^-20: interpolation is exact to 2^-22, and each symbol of the window has a unit of 2^-24."""
    for mean in (0, 5, -13):
        for index in (0, 20, 40, 60, 90):
            scale = SMALLEST * 2 ** (index / 8)
            radius = int(2 * scale) + 1
            symbols = np.arange(-radius, radius + 1)
            parameters = np.tile([mean, index], (len(symbols), 1))
            _, widths = distribution.intervals(symbols, parameters)
            edges = law.cdf(np.arange(-radius, radius + 2) - 0.5, loc=mean / 16, scale=scale)
            # Means are exact; reciprocal scales are rounded to 2^-16 of 128 fine steps, an eighth of a unit or more.
            np.testing.assert_allclose(widths / (1 << 24), np.diff(edges), atol=2e-4, rtol=0)


def test_probabilities_of_a_mixture_and_of_logits() -> None:
    logits, scales, means = np.array([0, 16, -16]), np.array([30, 45, 60]), np.array([-32, 0, 40])
    weights = np.exp(logits / 16) / np.exp(logits / 16).sum()
    edges = np.arange(-4, 5) - 0.5
    cumulative = stats.norm.cdf(edges[:, None], loc=means / 16, scale=SMALLEST * 2 ** (scales / 8)) @ weights
    parameters = np.tile(np.concatenate([means, scales, logits]), (8, 1))
    _, widths = MIXTURE.intervals(np.arange(-4, 4), parameters)
    np.testing.assert_allclose(widths / (1 << 24), np.diff(cumulative), atol=2e-4, rtol=0)
    _, widths = LEVELS.intervals(np.arange(5), np.tile([0, 16, -16, 5, -100], (5, 1)))
    exact = np.exp(np.array([0, 16, -16, 5, -100]) / 16)
    np.testing.assert_allclose(widths / (1 << 24), exact / exact.sum(), atol=1e-5, rtol=0)
    assert bits_of(widths) == pytest.approx(-np.log2(exact / exact.sum()).sum(), abs=0.01)


def test_all_intervals_fill_the_numbers_below_the_total() -> None:
    """The symbols of a window and both escapes, without gaps."""
    for distribution, low, high in ((GAUSSIAN, -8, 8), (LEVELS, 0, 4)):
        symbols = np.arange(low, high + 1)
        parameters = np.tile([3, 30] if distribution is GAUSSIAN else [1, 2, 3, 4, 5], (len(symbols), 1))
        lefts, widths = distribution.intervals(symbols, parameters)
        inside = lefts > 1 if distribution is GAUSSIAN else lefts >= 1
        window = np.flatnonzero(inside & (np.append(lefts[1:], -1) == lefts + widths))
        assert len(window) >= 3
    lefts, widths = LEVELS.intervals(np.arange(5), np.tile([1, 2, 3, 4, 5], (5, 1)))
    np.testing.assert_array_equal(lefts[1:], (lefts + widths)[:-1])
    assert (lefts[0], lefts[-1] + widths[-1]) == (1, (1 << 24) - 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Distribution(kind="student"), "kind must be one of categorical, gaussian, laplace, mixture"),
        (lambda: Distribution(kind="mixture"), r"size must be in \[2, 16\], but size=1"),
        (lambda: Distribution(kind="gaussian", size=2), "size must be 1 for kind=gaussian, but size=2"),
        (lambda: LEVELS.intervals([5], np.zeros((1, 5), int)), r"symbols must be in \[0, 4\], but symbols=5"),
        (lambda: LAPLACE.intervals([0.5], [[0, 0]]), "symbols must be integers"),
        (lambda: LAPLACE.intervals([1], [[0, 0, 0]]), r"parameters must be of shape|parameters"),
        (lambda: LAPLACE.intervals([1 << 21], [[0, 0]]), "symbols must be at most 1048576 in magnitude"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", ["laplace", "gaussian", "mixture", "categorical"])
def test_lengths_of_symbols_are_those_of_their_intervals(name):
    rng = np.random.default_rng(5)
    size = {"mixture": 3, "categorical": 5}.get(name, 1)
    distribution = Distribution(kind=name, size=size)
    if name == "categorical":
        symbols, parameters = rng.integers(0, 5, 50), rng.integers(-40, 40, (50, 5))
    else:
        symbols = rng.integers(-90, 90, 50)  # some beyond the windows of small scales
        parts = [
            rng.integers(-300, 300, (50, size)),
            rng.integers(0, 60, (50, size)),
            rng.integers(-20, 20, (50, size)),
        ]
        parameters = np.concatenate(parts[: 3 if name == "mixture" else 2], axis=1)
    lengths = distribution.lengths(symbols, parameters)
    for n in range(50):
        _, widths = distribution.intervals(symbols[n : n + 1], parameters[n : n + 1])
        assert abs(lengths[n] - bits_of(widths)) < 1e-9
