"""Intervals cover as often as they say: exactly by summing the binomial law, and over seeds on pictures."""

import numpy as np
import pytest
from scipy import stats

import circuits
from benchmarks.reliability.coverage import LEVEL
from benchmarks.reliability.coverage import binomial_coverage as coverage
from qimg import images


def patch() -> np.ndarray:
    return images.to_uint8(images.luma(images.bundled("coffee")))[80:88, 80:88]


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


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson"])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999999])
def test_intervals_begin_at_0_without_successes_and_end_at_1_without_failures(method, level):
    trials = np.array([1, 2, 3, 7, 10, 100, 1000, 12_345, 10**6, 10**9])
    low, high = circuits.probability_interval(0 * trials, trials, method=method, level=level)
    assert (low == 0).all()
    assert ((high > 0) & (high < 1)).all()
    low, high = circuits.probability_interval(trials, trials, method=method, level=level)
    assert (high == 1).all()
    assert ((low > 0) & (low < 1)).all()
    # The ends themselves are therefore always covered.
    assert coverage(method, 40, np.array([0.0, 1.0])).tolist() == [1, 1]


ENDS = {
    1: np.array([[0, 255, 7], [128, 64, 255]], np.uint8),  # padded to 4×4
    3: np.array([[[0, 255, 9], [255, 255, 255]], [[0, 0, 0], [77, 128, 200]], [[1, 2, 3], [250, 0, 0]]], np.uint8),
}


@pytest.mark.parametrize("shots", [1, 2, 10, 300, 5000])
@pytest.mark.parametrize("name", [name for name in circuits.REPRESENTATIONS if name != "dct"])
def test_pixels_are_covered_at_the_ends_and_with_few_shots(name, shots):
    pixels = ENDS[circuits.REPRESENTATIONS[name].channels[0]]
    encoded = circuits.encode_image(pixels, name)
    weights = circuits.image_state(encoded) ** 2
    runs = 40
    rng, held = np.random.default_rng(shots), []
    for counts in rng.multinomial(shots, weights / weights.sum(), size=runs):
        low, high = circuits.decode_intervals(encoded, counts)
        held.append((low <= pixels) & (pixels <= high))
    # Pixels of one run are nearly independent; three standard errors of all.
    assert np.mean(held) >= LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / np.size(held))
    # Of one pixel: five standard errors of 40 runs.
    assert np.mean(held, axis=0).min() >= LEVEL - 5 * np.sqrt(LEVEL * (1 - LEVEL) / runs)


def test_moduli_of_a_picture_from_few_coefficients_are_covered():
    encoded = circuits.encode_image(patch().astype(float), "dct", kept=4)
    wanted = np.abs(circuits.decode_state(encoded, circuits.image_state(encoded)))
    weights = circuits.image_state(encoded) ** 2
    held = []
    for counts in np.random.default_rng(0).multinomial(3000, weights / weights.sum(), size=40):
        low, high = circuits.decode_intervals(encoded, counts)
        held.append((low <= wanted) & (wanted <= high))
    assert np.mean(held) >= LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / np.size(held))


def test_one_shot_determines_the_pixel_of_a_binary_code_and_disagreement_nothing():
    pixels = np.array([[100, 200], [50, 60]], np.uint8)
    encoded = circuits.encode_image(pixels, "neqr")
    counts = np.zeros(2**10)
    counts[100 * 4 + 0] = 1
    counts[[200 * 4 + 1, 201 * 4 + 1]] = 3
    low, high = circuits.decode_intervals(encoded, counts)
    np.testing.assert_array_equal(low, [[100, 200], [0, 0]])
    np.testing.assert_array_equal(high, [[100, 201], [255, 255]])


@pytest.mark.parametrize("name", ["ifrqi", "frqci", "ineqr"])
def test_intervals_of_digits_narrow_to_the_pixel(name):
    pixels = ENDS[circuits.REPRESENTATIONS[name].channels[0]]
    encoded = circuits.encode_image(pixels, name)
    counts = np.rint(circuits.image_state(encoded) ** 2 * 1e17)
    low, high = circuits.decode_intervals(encoded, counts)
    np.testing.assert_array_equal([low, high], [pixels, pixels])


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
            lambda: circuits.decode_intervals(circuits.encode_image(patch(), "neqr"), np.ones(2**14), level=0),
            r"level must be in \(0, 1\), but level=0",
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
