"""Intervals cover as often as they say: exactly by summing the binomial law, and over seeds on pictures."""

import numpy as np
import pytest
from scipy import stats

import circuits
from qimg import images

LEVEL = 0.95


def patch() -> np.ndarray:
    return images.to_uint8(images.luma(images.bundled("coffee")))[80:88, 80:88]


def coverage(method: str, trials: int, probabilities: np.ndarray) -> np.ndarray:
    """The exact probability that the interval of a binomial holds its own p."""
    k = np.arange(trials + 1)
    low, high = circuits.probability_interval(k, trials, level=LEVEL, method=method)
    holds = (low[:, None] <= probabilities) & (probabilities <= high[:, None])
    return (stats.binom.pmf(k[:, None], trials, probabilities) * holds).sum(axis=0)


@pytest.mark.parametrize("trials", [1, 7, 40, 300])
def test_clopper_pearson_never_covers_less(trials):
    # Rounding of the sum of up to 301 terms.
    assert coverage("clopper-pearson", trials, np.linspace(0, 1, 501)).min() >= LEVEL - 1e-12


def test_wilson_covers_on_average_and_is_shorter():
    grid = np.linspace(0.001, 0.999, 999)
    # It oscillates around the level; on average over p it is right to half a percent at 40 trials.
    assert coverage("wilson", 40, grid).mean() == pytest.approx(LEVEL, abs=0.005)
    low, high = circuits.probability_interval([3, 20], 40, method="wilson")
    wide = circuits.probability_interval([3, 20], 40)
    assert (high - low < wide[1] - wide[0]).all()
    reference = stats.binomtest(3, 40).proportion_ci(0.95, method="wilson")
    assert (low[0], high[0]) == pytest.approx((reference.low, reference.high))


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (2, 5), (30, 100)])
def test_clopper_pearson_is_scipys(k, n):
    reference = stats.binomtest(k, n).proportion_ci(0.9, method="exact")
    found = circuits.probability_interval(k, n, level=0.9)
    assert [float(end) for end in found] == pytest.approx([reference.low, reference.high], abs=1e-12)


def test_without_a_trial_nothing_is_known():
    for method in ("wilson", "clopper-pearson"):
        low, high = circuits.probability_interval(0, 0, method=method)
        assert (float(low), float(high)) == (0, 1)


@pytest.mark.parametrize("representation", ["amplitude", "frqi", "mcrqi"])
def test_pixels_are_covered_over_seeds(representation):
    pixels = patch()
    if representation == "mcrqi":
        pixels = images.bundled("coffee")[80:84, 80:84, :3]
    encoded = circuits.encode_image(pixels, representation)
    weights = circuits.image_state(encoded) ** 2
    rng = np.random.default_rng(0)
    held = []
    for _ in range(60):
        counts = rng.multinomial(2000, weights / weights.sum())
        low, high = circuits.decode_intervals(encoded, counts, level=LEVEL)
        assert low.shape == pixels.shape
        held.append(((low <= pixels) & (pixels <= high)).mean())
    # Over 60 runs the mean scatters by at most √(0.05·0.95/60) = 0.028 even were all pixels of a run to err together:
    # 3 of these below the level would be a fault; far above it the intervals would be useless.
    assert LEVEL - 0.085 < np.mean(held) <= 0.995
    # The runs are binomial pixel by pixel and nearly independent, so in fact the level itself is kept.
    assert np.mean(held) >= LEVEL - 3 * np.sqrt(0.05 * 0.95 / (60 * pixels.size))


def test_amplitudes_are_the_roots_of_probabilities():
    counts = np.array([[0, 5, 15, 80], [1, 1, 1, 1]])
    low, high = circuits.amplitude_interval(counts)
    expected = circuits.probability_interval(counts, counts.sum(axis=1, keepdims=True))
    np.testing.assert_allclose([low**2, high**2], expected, atol=1e-15)
    single = circuits.amplitude_interval(counts[1])
    np.testing.assert_array_equal(single, [low[1], high[1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.probability_interval(3, 2), r"successes must be in \[0, trials\], but successes="),
        (lambda: circuits.probability_interval(1, 2, level=1.0), r"level must be in \(0, 1\), but level=1.0"),
        (lambda: circuits.probability_interval(1, 2, method="wald"), "method must be one of clopper-pearson, wilson"),
        (
            lambda: circuits.decode_intervals(circuits.encode_image(patch(), "neqr"), np.ones(2**14)),
            "encoded must be one of amplitude, frqi, mcrqi for intervals, but encoded='neqr'",
        ),
        (
            lambda: circuits.decode_intervals(circuits.encode_image(patch(), "frqi"), np.ones(64)),
            r"counts must have shape \(128,\), but has shape \(64,\)",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
