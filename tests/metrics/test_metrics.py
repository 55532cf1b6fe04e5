"""Picture quality, rate curves, distances of density matrices."""

import math
from collections.abc import Callable

import bjontegaard
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from qiskit import quantum_info
from scipy.linalg import block_diag
from scipy.signal import convolve2d
from scipy.stats import multivariate_normal
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from qimg import images, metrics
from qimg.core import Array

SEEDS = st.integers(0, 2**32 - 1)
PICTURE_METRICS = [metrics.psnr_db, metrics.ssim, metrics.ms_ssim, metrics.psnr_b]


def noisy_pair(plane: Array, shape: tuple[int, ...], dtype: type = np.float64) -> tuple[Array, Array]:
    """A crop of a photograph, with as many shifted copies as there are channels, and a noisy version of it."""
    channels = shape[2] if len(shape) == 3 else 1
    crops = [plane[k : k + shape[0], 2 * k : 2 * k + shape[1]] for k in range(channels)]
    scale = 257 if dtype == np.uint16 else 1
    first = np.stack(crops, axis=-1).reshape(shape)
    second = np.clip(first + np.random.default_rng(0).normal(0, 8, shape), 0, 255)
    if dtype == np.float64:
        return first, second
    return np.rint(scale * first).astype(dtype), np.rint(scale * second).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
@pytest.mark.parametrize(("shape", "channel_axis"), [((24, 30), None), ((24, 30, 3), 2)])
def test_psnr_and_ssim_are_scikit_images(
    bundled_luma: Array, dtype: type, shape: tuple[int, ...], channel_axis: int | None
) -> None:
    first, second = noisy_pair(bundled_luma, shape, dtype)
    kept = first.copy(), second.copy()
    span = 65535.0 if dtype == np.uint16 else 255.0
    theirs = peak_signal_noise_ratio(first, second, data_range=span)
    assert_allclose(metrics.psnr_db(first, second, data_range=span), theirs, rtol=1e-12)
    theirs = structural_similarity(
        first,
        second,
        data_range=span,
        channel_axis=channel_axis,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    # Variances are differences of squares of size 255² · 1e-16 over variances of about 1.
    assert_allclose(metrics.ssim(first, second, data_range=span, channel_axis=channel_axis), theirs, rtol=1e-9)
    assert_array_equal(first, kept[0])
    assert_array_equal(second, kept[1])


def ms_ssim_by_definition(first: Array, second: Array) -> float:
    """Wang, Simoncelli and Bovik (2003), with one dense window and nothing shared with the library."""
    offsets = np.arange(11) - 5
    window = np.exp(-np.add.outer(offsets**2, offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(plane: Array) -> Array:
        return convolve2d(plane, window, mode="valid")

    c1, c2, product = 2.55**2, 7.65**2, 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        m1, m2 = mean(first), mean(second)
        v1, v2, v12 = mean((first) ** 2) - m1**2, mean(second**2) - m2**2, mean(first * second) - m1 * m2
        term = (2 * v12 + c2) / (v1 + v2 + c2)
        if scale == 4:
            term = term * (2 * m1 * m2 + c1) / (m1**2 + m2**2 + c1)
        product *= term.mean() ** weight
        height, width = (side // 2 * 2 for side in first.shape)
        first, second = (
            sum(plane[r:height:2, c:width:2] for r in (0, 1) for c in (0, 1)) / 4 for plane in (first, second)
        )
    return float(product)


@pytest.mark.parametrize("shape", [(176, 176), (187, 193)])
def test_ms_ssim_by_definition(bundled_luma: Array, shape: tuple[int, int]) -> None:
    first, second = noisy_pair(bundled_luma, shape)
    assert_allclose(metrics.ms_ssim(first, second, data_range=255), ms_ssim_by_definition(first, second), rtol=1e-9)


@pytest.mark.parametrize("metric", [metrics.ssim, metrics.ms_ssim])
def test_channels_are_averaged(bundled_luma: Array, metric: Callable[..., float]) -> None:
    first, second = noisy_pair(bundled_luma, (180, 177, 3))
    mean = np.mean([metric(first[..., k], second[..., k], data_range=255) for k in range(3)])
    assert_allclose(metric(first, second, data_range=255, channel_axis=-1), mean, rtol=1e-12)
    moved = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
    assert_allclose(metric(*moved, data_range=255, channel_axis=0), mean, rtol=1e-12)


def psnr_b_by_definition(first: Array, second: Array, block: int) -> float:
    """Yim and Bovik (2011), equations 14 to 21, neighbour by neighbour."""
    height, width = second.shape
    at_boundary, elsewhere = [], []
    for r in range(height):
        for c in range(width):
            if c + 1 < width:
                (at_boundary if (c + 1) % block == 0 else elsewhere).append((second[r, c] - second[r, c + 1]) ** 2)
            if r + 1 < height:
                (at_boundary if (r + 1) % block == 0 else elsewhere).append((second[r, c] - second[r + 1, c]) ** 2)
    excess = sum(at_boundary) / len(at_boundary) - sum(elsewhere) / len(elsewhere)
    factor = math.log2(block) / math.log2(min(height, width)) if excess > 0 else 0.0
    return 10 * math.log10(255**2 / (((first - second) ** 2).mean() + factor * excess))


@pytest.mark.parametrize("block", [2, 4, 8])
@pytest.mark.parametrize("quality", [5, 60])
def test_psnr_b_by_definition(bundled_luma: Array, block: int, quality: int) -> None:
    first = images.to_uint8(bundled_luma[:37, :45])
    second = images.jpeg_round_trip(first, quality=quality).image
    expected = psnr_b_by_definition(first.astype(float), second.astype(float), block)
    assert_allclose(metrics.psnr_b(first, second, data_range=255, block=block), expected, rtol=1e-12)


def test_psnr_b_punishes_blocks_and_only_those_of_the_image(bundled_luma: Array) -> None:
    smooth = images.to_uint8(bundled_luma[:64, :64])
    blocky = images.jpeg_round_trip(smooth, quality=5).image
    assert metrics.psnr_b(smooth, blocky, data_range=255) < metrics.psnr_db(smooth, blocky, data_range=255) - 0.1
    # A ramp differs across boundaries as it does elsewhere: nothing is added to its error.
    ramp = np.add.outer(np.arange(32.0), np.arange(32.0))
    assert_allclose(
        metrics.psnr_b(ramp + 1, ramp, data_range=255), metrics.psnr_db(ramp + 1, ramp, data_range=255), rtol=1e-12
    )


def gmsd_by_definition(first: Array, second: Array, c: float = 170.0) -> float:
    """Xue, Zhang, Mou and Bovik (2014), pixel by pixel: 2×2 means, Prewitt gradients with zeros outside, deviation."""
    steep = []
    for plane in (first, second):
        small = [
            [plane[2 * r : 2 * r + 2, 2 * k : 2 * k + 2].mean() for k in range(plane.shape[1] // 2)]
            for r in range(plane.shape[0] // 2)
        ]
        padded = np.pad(small, 1)
        magnitudes = np.zeros(np.shape(small))
        for r, k in np.ndindex(magnitudes.shape):
            window = padded[r : r + 3, k : k + 3]
            across, down = window[:, 2] - window[:, 0], window[2] - window[0]
            magnitudes[r, k] = math.hypot(across.sum() / 3, down.sum() / 3)
        steep.append(magnitudes)
    similarity = (2 * steep[0] * steep[1] + c) / (steep[0] ** 2 + steep[1] ** 2 + c)
    return math.sqrt(((similarity - similarity.mean()) ** 2).mean())


@pytest.mark.parametrize("shape", [(4, 4), (33, 46), (64, 64)])
def test_gmsd_by_definition(bundled_luma: Array, shape: tuple[int, int]) -> None:
    first, second = noisy_pair(bundled_luma, shape)
    assert_allclose(metrics.gmsd(first, second, data_range=255), gmsd_by_definition(first, second), rtol=1e-9)


def test_gmsd_of_equal_pictures_is_zero_and_grows_with_noise(bundled_luma: Array) -> None:
    plane = bundled_luma[:180, :180]
    noise = np.random.default_rng(0).normal(size=plane.shape)
    assert metrics.gmsd(plane, plane, data_range=255) == 0
    values = [metrics.gmsd(plane, plane + sigma * noise, data_range=255) for sigma in (2, 5, 12, 30)]
    assert values[0] > 0
    assert (np.diff(values) > 0).all()


def test_gmsd_is_symmetric_and_free_of_scale_and_orientation(bundled_luma: Array) -> None:
    first, second = noisy_pair(bundled_luma, (64, 96))
    value = metrics.gmsd(first, second, data_range=255)
    assert_allclose(metrics.gmsd(second, first, data_range=255), value, rtol=1e-12)
    assert_allclose(metrics.gmsd(first.T, second.T, data_range=255), value, rtol=1e-12)
    assert_allclose(metrics.gmsd(first[::-1, ::-1], second[::-1, ::-1], data_range=255), value, rtol=1e-12)
    assert_allclose(metrics.gmsd(first / 255, second / 255, data_range=1.0), value, rtol=1e-9)
    bytes_ = [images.to_uint8(plane) for plane in (first, second)]
    deep = [plane.astype(np.uint16) * 257 for plane in bytes_]
    assert_allclose(metrics.gmsd(*deep), metrics.gmsd(*bytes_), rtol=1e-12)


def test_gmsd_sees_edges_that_a_blur_removes_and_no_equal_loss_everywhere() -> None:
    # One edge of two is gone: the map is 1 but there, c / (g² + c).
    first = np.zeros((16, 40))
    first[:, 12:] += 60.0
    first[:, 28:] += 60.0
    second = first.copy()
    second[:, 28:] -= 60.0
    assert metrics.gmsd(first, second, data_range=255) > 0.2
    # Flat but for the noise of an 8-bit code value, which c hides.
    flat = np.full((16, 40), 100.0)
    assert metrics.gmsd(flat, flat + 0.1 * np.random.default_rng(0).normal(size=flat.shape), data_range=255) < 1e-3


@pytest.mark.parametrize("metric", PICTURE_METRICS)
def test_equal_pictures_are_perfect(bundled_luma: Array, metric: Callable[..., float]) -> None:
    plane = np.zeros((180, 180)) if metric is metrics.psnr_b else bundled_luma[:180, :180]
    perfect = 1.0 if metric in (metrics.ssim, metrics.ms_ssim) else math.inf
    assert_allclose(metric(plane, plane, data_range=255), perfect, rtol=1e-12)


@pytest.mark.parametrize("metric", PICTURE_METRICS)
def test_quality_falls_with_noise_and_is_free_of_scale(bundled_luma: Array, metric: Callable[..., float]) -> None:
    plane = bundled_luma[:180, :180]
    noise = np.random.default_rng(0).normal(size=plane.shape)
    values = [metric(plane, plane + sigma * noise, data_range=255) for sigma in (2, 5, 12, 30)]
    assert (np.diff(values) < 0).all()
    scaled = metric(plane / 255, (plane + 5 * noise) / 255, data_range=1.0)
    assert_allclose(scaled, values[1], rtol=1e-9)


@given(seed=SEEDS, power=st.integers(-3, 3))
def test_psnr_is_the_logarithm_of_the_mean_square(seed: int, power: int) -> None:
    first = np.random.default_rng(seed).uniform(0, 255, (3, 4, 5))
    second = first + 10.0**power
    # 10^power is added to values of size 255, which leaves 1e-16 · 255 / 1e-3 of relative error.
    assert_allclose(metrics.mean_squared_error(first, second), 100.0**power, rtol=1e-9)
    assert_allclose(metrics.psnr_db(first, second, data_range=1), -20.0 * power, atol=1e-8)


ZERO = np.zeros((200, 200))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.psnr_db(ZERO, ZERO[:9]),
            r"image must have shape \(200, 200\) as reference, but has shape \(9",
        ),
        (lambda: metrics.psnr_db(ZERO[:0], ZERO[:0]), "reference must have shape with at least one pixel"),
        (lambda: metrics.psnr_db(ZERO, ZERO * np.nan), "image must be finite, but holds NaN or infinity"),
        (lambda: metrics.psnr_db(ZERO, ZERO + 1, data_range=0), "data_range must be positive, but data_range=0"),
        (
            lambda: metrics.psnr_db(ZERO.astype(np.uint16), ZERO + 1),
            r"data_range must be given .* uint16 and float64",
        ),
        (
            lambda: metrics.ssim(ZERO[:10], ZERO[:10], data_range=255),
            "image must have shape .* both sides at least 11, but has",
        ),
        (lambda: metrics.ssim(ZERO[:33].reshape(11, 200, 3), ZERO[:33].reshape(11, 200, 3)), "image must have shape"),
        (lambda: metrics.ms_ssim(ZERO[:175], ZERO[:175]), "both sides at least 176, but has shape"),
        (lambda: metrics.psnr_b(ZERO[:8], ZERO[:8]), "image must have shape .* both sides above 8, but has shape"),
        (lambda: metrics.gmsd(ZERO[:3], ZERO[:3]), "image must have shape .* both sides at least 4, but has shape"),
        (lambda: metrics.gmsd(ZERO[:9], ZERO), r"image must have shape \(9, 200\) as reference, but has shape \(200"),
        (lambda: metrics.psnr_b(ZERO, ZERO, block=1), "block must be an integer of at least 2, but block=1"),
        (lambda: metrics.bits_per_pixel(-1, (2, 2)), "n_bytes must be an integer of at least 0, but n_bytes=-1"),
        (lambda: metrics.fidelity(np.eye(2) / 2, np.eye(3) / 3), r"sigma must have shape \(\.\.\., 2, 2\), but has"),
        (lambda: metrics.trace_distance(np.eye(2), np.eye(2) / 2), "rho must have trace 1, but its trace is 2"),
        (lambda: metrics.fidelity(np.diag([1.5, -0.5]), np.eye(2) / 2), "must be positive semidefinite, .* -0.5"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def rate_curve(seed: int, points: int) -> tuple[Array, Array]:
    """Rates that double and qualities between 28 and 42 dB, jittered but growing."""
    generator = np.random.default_rng(seed)
    rates = 0.1 * 2.0 ** (np.linspace(0, 4, points) + generator.uniform(-0.2, 0.2, points))
    return rates, np.linspace(28, 42, points) + generator.uniform(-1, 1, points)


@given(seed=SEEDS, anchor=st.integers(4, 7), test=st.integers(4, 7))
def test_bd_rate_is_that_of_the_bjontegaard_package(seed: int, anchor: int, test: int) -> None:
    curves = (*rate_curve(seed, anchor), *rate_curve(seed + 1, test))
    theirs = bjontegaard.bd_rate(*curves, method="akima", require_matching_points=False, min_overlap=0)
    assert_allclose(metrics.bd_rate(*curves), theirs, rtol=1e-9, atol=1e-9)


@given(seed=SEEDS, ends=st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted))
def test_bd_rate_over_a_range_is_the_mean_of_the_bjontegaard_packages_curves(seed: int, ends: list[float]) -> None:
    curves = (*rate_curve(seed, 6), *rate_curve(seed + 1, 5))
    options = {"method": "akima", "require_matching_points": False, "min_overlap": 0, "interpolators": True}
    _, anchor, test = bjontegaard.bd_rate(*curves, **options)
    shared = max(curves[1].min(), curves[3].min()), min(curves[1].max(), curves[3].max())
    low, high = np.interp(ends, [0, 1], shared)
    assume(high - low > 1e-3)
    # The package's curves are cubics in log₁₀ of the rate between knots: three Gauss nodes integrate each exactly.
    knots = np.unique(np.clip([low, high, *curves[1], *curves[3]], low, high))
    nodes, weights = np.polynomial.legendre.leggauss(3)
    halves, middles = np.diff(knots)[:, None] / 2, (knots[1:] + knots[:-1])[:, None] / 2
    places = (middles + halves * nodes).ravel()
    mean = np.dot((halves * weights).ravel(), np.ravel(test(places)) - np.ravel(anchor(places))) / (high - low)
    ours = metrics.bd_rate(*curves, quality_range=(low, high))
    assert_allclose(ours, 100 * (10**mean - 1), rtol=1e-9, atol=1e-9)


@given(seed=SEEDS, share=st.floats(0.01, 0.99))
def test_bd_rate_over_two_ranges_makes_that_over_both(seed: int, share: float) -> None:
    curves = (*rate_curve(seed, 5), *rate_curve(seed + 1, 7))
    low, high = max(curves[1].min(), curves[3].min()), min(curves[1].max(), curves[3].max())
    middle = low + share * (high - low)
    lower, upper = (metrics.bd_rate(*curves, quality_range=ends) for ends in ((low, middle), (middle, high)))
    logarithm = share * np.log1p(lower / 100) + (1 - share) * np.log1p(upper / 100)
    assert_allclose(100 * np.expm1(logarithm), metrics.bd_rate(*curves), rtol=1e-9, atol=1e-9)


@given(seed=SEEDS, points=st.integers(4, 7), factor=st.floats(0.2, 5))
def test_bd_rate_laws(seed: int, points: int, factor: float) -> None:
    rates, qualities = rate_curve(seed, points)
    assert_allclose(metrics.bd_rate(rates, qualities, factor * rates, qualities), 100 * (factor - 1), atol=1e-9)
    other = rate_curve(seed + 1, points)
    there, back = metrics.bd_rate(rates, qualities, *other), metrics.bd_rate(*other, rates, qualities)
    assert_allclose((1 + there / 100) * (1 + back / 100), 1, rtol=1e-12)
    order = np.random.default_rng(seed).permutation(points)
    assert metrics.bd_rate(rates[order], qualities[order], *other) == there


@pytest.mark.parametrize(
    ("rates", "qualities", "message"),
    [
        ([1, 2, 3], [1, 2, 3], r"rate_test must have shape \(n,\) with n >= 4"),
        ([1, 2, 3, 4], [1, 2, 3], r"rate_test must have shape \(n,\) with n >= 4 and as many qualities"),
        ([0, 2, 3, 4], [1, 2, 3, 4], "rate_test must be positive, but rate_test=0.0"),
        ([1, 2, 3, 4], [1, 2, 2, 4], r"quality_test must grow strictly along the curve, but is \[1.0, 2.0, 2.0, 4.0\]"),
        ([1, 3, 2, 4], [1, 2, 3, 4], r"rate_test must grow strictly along the curve, but is \[1.0, 3.0, 2.0, 4.0\]"),
        ([1, 2, 3, 4], [50, 51, 52, 53], "the curves must share a range of quality, but one ends at 4 and .* at 50"),
        ([1, 2, 3, np.nan], [1, 2, 3, 4], "rate_test must be finite"),
    ],
)
def test_bd_rate_refuses_curves_that_cannot_be_compared(rates: Array, qualities: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.bd_rate([1, 2, 3, 4], [1, 2, 3, 4], rates, qualities)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ((0.5, 3), r"must cover quality_range=\(0.5, 3\), but their common range is 1 to 4"),
        ((2, 4.5), r"must cover quality_range=\(2, 4.5\), but their common range is 1 to 4"),
        ((3, 3), r"quality_range must be \(low, high\) with low < high"),
    ],
)
def test_bd_rate_over_a_range_that_is_not_covered_is_refused(ends: tuple[float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.bd_rate([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 3, 4], quality_range=ends)


@given(seed=SEEDS, dimension=st.integers(1, 6), data=st.data())
def test_fidelity_is_qiskits_squared(
    density_matrices: Callable[..., Array], seed: int, dimension: int, data: st.DataObject
) -> None:
    ranks = data.draw(st.tuples(st.integers(1, dimension), st.integers(1, dimension)))
    rho, sigma = (density_matrices(seed + k, dimension, rank=rank) for k, rank in enumerate(ranks))
    value = metrics.fidelity(rho, sigma)
    theirs = quantum_info.state_fidelity(quantum_info.DensityMatrix(rho), quantum_info.DensityMatrix(sigma))
    # Square roots of eigenvalues of 1e-16 that should be zero: 1e-8 each, in their computation as in ours.
    assert_allclose(value, theirs, atol=2e-7)
    assert 0 <= value <= 1
    distance = metrics.trace_distance(rho, sigma)
    assert 1 - math.sqrt(value) <= distance + 1e-7
    assert distance <= math.sqrt(1 - value) + 1e-7


@given(seed=SEEDS, dimension=st.integers(1, 6))
def test_trace_distance_is_a_metric_without_preferred_basis(
    density_matrices: Callable[..., Array], unitaries: Callable[[int, int], Array], seed: int, dimension: int
) -> None:
    rho, sigma, tau = density_matrices(seed, dimension, batch=(3,))
    distance = metrics.trace_distance(rho, sigma)
    assert_allclose(distance, np.linalg.svd(rho - sigma, compute_uv=False).sum() / 2, atol=1e-14)
    assert_allclose(distance, metrics.trace_distance(sigma, rho), atol=1e-14)
    assert distance <= metrics.trace_distance(rho, tau) + metrics.trace_distance(tau, sigma) + 1e-14
    unitary = unitaries(seed, dimension)
    turned = unitary @ np.stack([rho, sigma]) @ unitary.conj().T
    assert_allclose(metrics.trace_distance(*turned), distance, atol=1e-13)
    assert_allclose(metrics.fidelity(*turned), metrics.fidelity(rho, sigma), atol=1e-7)


@given(seed=SEEDS, dimension=st.integers(2, 6))
def test_pure_states(density_matrices: Callable[..., Array], seed: int, dimension: int) -> None:
    """F = |⟨ψ|φ⟩|² = tr ρσ, and T = √(1 − F)."""
    rho, sigma = density_matrices(seed, dimension, rank=1, batch=(2,))
    overlap = np.trace(rho @ sigma).real
    assert_allclose(metrics.fidelity(rho, sigma), overlap, atol=1e-7)
    assert_allclose(metrics.trace_distance(rho, sigma), math.sqrt(1 - overlap), atol=1e-7)


@pytest.mark.parametrize("metric", [metrics.fidelity, metrics.trace_distance])
@settings(max_examples=10)
@given(seed=SEEDS)
def test_batches_are_compared_one_by_one(
    density_matrices: Callable[..., Array], metric: Callable[[Array, Array], Array], seed: int
) -> None:
    rho, sigma = density_matrices(seed, 3, batch=(4,)), density_matrices(seed + 1, 3)
    looped = [metric(one, sigma) for one in rho]
    assert_allclose(metric(rho, sigma), looped, atol=1e-14)
    assert_allclose(metric(rho[:, None], rho[None])[1, 2], metric(rho[1], rho[2]), atol=1e-14)


def test_pictures_are_real():
    with pytest.raises(ValueError, match="image must be real, but image='complex128'"):
        metrics.psnr_db(np.zeros((2, 2)), np.full((2, 2), 1j))


def covariance(seed: int, dimension: int, batch: tuple[int, ...] = ()) -> Array:
    factor = np.random.default_rng(seed).normal(size=(*batch, dimension, dimension))
    return factor @ np.swapaxes(factor, -1, -2)


@given(SEEDS, st.integers(1, 6), st.floats(0.01, 10))
def test_excess_code_length_is_the_mean_difference_of_code_lengths(seed: int, dimension: int, noise: float) -> None:
    """By brute force: E[−log₂ p_model(x)] − E[−log₂ p_truth(x)] with every law from SciPy and E exact on 2d points."""
    model, truth = covariance(seed, dimension), covariance(seed + 1, dimension)
    excess = metrics.excess_code_length(model, truth, noise_variance=noise)
    # ±√d times the columns of a root of Q: equally likely points whose second moments are Q.
    total = truth + noise * np.eye(dimension)
    points = np.sqrt(dimension) * np.linalg.cholesky(total).T
    bits = [
        -multivariate_normal(cov=cov).logpdf(np.concatenate([points, -points])).mean() / math.log(2)
        for cov in (model + noise * np.eye(dimension), total)
    ]
    assert_allclose(excess, bits[0] - bits[1], rtol=1e-7, atol=1e-7)


@given(SEEDS, st.integers(1, 8))
def test_excess_code_length_laws(seed: int, dimension: int) -> None:
    model, truth = covariance(seed, dimension), covariance(seed + 1, dimension)
    excess = metrics.excess_code_length(model, truth, noise_variance=0.1)
    assert excess > 0
    # Rounding of logarithms and of a solve whose condition number the noise bounds.
    assert_allclose(metrics.excess_code_length(truth, truth, noise_variance=0.1), 0, atol=1e-9)
    turned = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))[0]
    both = (turned @ matrix @ turned.T for matrix in (model, truth))
    assert_allclose(metrics.excess_code_length(*both, noise_variance=0.1), excess, rtol=1e-6)
    scaled = metrics.excess_code_length(9 * model, 9 * truth, noise_variance=0.9)
    assert_allclose(scaled, excess, rtol=1e-6)
    # A joint code is as long as the sum of codes for independent parts.
    joined = [block_diag(matrix, matrix) for matrix in (model, truth)]
    assert_allclose(metrics.excess_code_length(*joined, noise_variance=0.1), 2 * excess, rtol=1e-6)


def test_excess_code_length_is_batched() -> None:
    model, truth = covariance(0, 4, (3, 1)), covariance(1, 4, (2,))
    together = metrics.excess_code_length(model, truth, noise_variance=0.1)
    apart = [[metrics.excess_code_length(a, b, noise_variance=0.1) for b in truth] for a in model[:, 0]]
    assert_allclose(together, apart, rtol=1e-10)


@pytest.mark.parametrize(
    ("model", "truth", "noise", "message"),
    [
        (np.eye(2), np.eye(3), 0.1, r"truth must have shape \(\.\.\., 2, 2\), but has shape \(3, 3\)"),
        (np.eye(2), np.eye(2), -1.0, "noise_variance must not be negative, but noise_variance=-1.0"),
        (np.eye(2), np.diag([1.0, 0.0]), 0.0, "truth must be positive definite with noise_variance=0.0 added"),
        (np.diag([1.0, -2.0]), np.eye(2), 0.5, "model must be positive definite with noise_variance=0.5 added"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), np.eye(2), 0.5, "model must be Hermitian"),
        (1j * np.eye(2), np.eye(2), 0.5, "model must be real"),
    ],
)
def test_excess_code_length_names_what_is_wrong(model: Array, truth: Array, noise: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.excess_code_length(model, truth, noise_variance=noise)


def test_trace_normalised_excess_does_not_see_contrast(rng):
    factor = rng.normal(size=(2, 5, 5))
    model, truth = factor @ np.swapaxes(factor, 1, 2)
    equal = model * (np.trace(truth) / np.trace(model))
    expected = metrics.excess_code_length(equal, truth, noise_variance=0.1)
    for contrast in (1.0, 7.0):
        found = metrics.excess_code_length(contrast * model, truth, noise_variance=0.1, trace_normalised=True)
        assert float(found) == pytest.approx(float(expected), rel=1e-12)
    with pytest.raises(ValueError, match="model must have a positive trace"):
        metrics.excess_code_length(np.zeros((5, 5)), truth, noise_variance=0.1, trace_normalised=True)
