"""Noise, holes, blur and low resolution: brute force, laws, what is gained on photographs, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

import qimg
from qimg import images, metrics, restoration
from qimg.core import Array
from qimg.operators import CorrelationOperator, conditional_expectation
from qimg.prior import GaussianMixture, JointMixture, View
from qimg.restoration.degradations import patch_posterior
from qimg.restoration.degradations.half_quadratic import smooth
from qimg.restoration.degradations.linear_maps import CircularBlur, Convolution, Identity, LinearMap, conditional_mean
from qimg.restoration.degradations.patch_posterior import condition
from qimg.restoration.degradations.patches import cut, places
from qimg.restoration.degradations.planes import OPPONENT

VIEW = View("patch8")
SINGLE = 2e-4
"""Single precision on values of some hundred code values, through sums of 64 products."""

FEW = settings(max_examples=10)


def covariance(seed: int) -> Array:
    """Of 63 coefficients, full rank, spectrum falling as that of pictures."""
    generator = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(generator.normal(size=(63, 63)))
    return (turn * (3000.0 / np.arange(1, 64) ** 1.5)) @ turn.T


def one_class(seed: int = 0) -> JointMixture:
    return JointMixture(VIEW, GaussianMixture.from_covariances([1.0], covariance(seed)[None]))


def several(seed: int = 0, count: int = 4) -> JointMixture:
    scales = np.geomspace(0.02, 2, count)[:, None, None]
    covariances = np.stack([covariance(seed + k) for k in range(count)]) * scales
    return JointMixture(VIEW, GaussianMixture.from_covariances(np.full(count, 1 / count), covariances))


def mirror_symmetric(model: JointMixture) -> JointMixture:
    """A mixture whose classes are as likely mirrored and turned."""
    square = np.arange(64).reshape(8, 8)
    found = np.zeros_like(model.mixture.covariances)
    for turned in (square, square[::-1], square[:, ::-1], square[::-1, ::-1]):
        for one in (turned, turned.T):
            change = VIEW.analysis @ np.eye(64)[one.ravel()] @ VIEW.synthesis
            found += change @ model.mixture.covariances @ change.T / 8
    return JointMixture(VIEW, GaussianMixture.from_covariances(model.mixture.weights, found))


def photograph(name: str = "chelsea", side: int = 64, *, gray: bool = True) -> Array:
    """A square from the middle of a bundled photograph, as `uint8`."""
    picture = images.bundled(name)
    top, left = (length // 2 - side // 2 for length in picture.shape[:2])
    crop = picture[top : top + side, left : left + side]
    return images.to_uint8(images.luma(crop)) if gray else crop


def with_noise(picture: Array, sigma: float) -> Array:
    return images.to_uint8(picture + np.random.default_rng(5).normal(0, sigma, picture.shape))


def gaussian_kernel(side: int = 5, deviation: float = 1.2) -> Array:
    line = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * deviation**2))
    return np.outer(line, line) / line.sum() ** 2


# --- the posterior of a patch ---


@FEW
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 63), noise=st.floats(0.1, 1000))
def test_gate_and_estimate_are_those_of_the_joint_gaussians(seed: int, size: int, noise: float) -> None:
    """Bayes' rule written out: densities N(y; 0, A C Aᵀ + σ²), conditional means C Aᵀ S⁻¹ y."""
    generator = np.random.default_rng(seed)
    mixture = several(seed % 100).mixture
    matrix = generator.normal(size=(size, 63)) / 8
    observed = mixture.sample(20, generator) @ matrix.T + generator.normal(0, math.sqrt(noise), (20, size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patch_posterior, "NEGLIGIBLE", 0.0)
        patch.setattr(patch_posterior, "SHARE", 0.0)
        posterior = condition(mixture, matrix=matrix, noise_variance=noise, pixels=VIEW.synthesis)
        shares = posterior.gate(observed)
        values, variance = posterior.estimate(observed, shares)
    seen = matrix @ mixture.covariances @ matrix.T + noise * np.eye(size)
    expected = GaussianMixture.from_covariances(mixture.weights, seen).responsibilities(observed)
    # Exponents of some hundred nats in single precision.
    assert_allclose(shares, expected, atol=2e-3)
    across = mixture.covariances @ matrix.T @ np.linalg.inv(seen)
    by_class = np.einsum("kdm,nm->nkd", across, observed)
    assert_allclose(values, np.einsum("nk,nkd->nd", shares, by_class), atol=SINGLE * max(1, np.abs(by_class).max()))
    left = mixture.covariances - across @ matrix @ mixture.covariances
    pixels = np.einsum("pd,kde,pe->kp", VIEW.synthesis, left, VIEW.synthesis)
    assert_allclose(variance, shares @ pixels, rtol=1e-3)


def test_directions_that_are_left_out_change_the_gate_little() -> None:
    model = patch_posterior.patch_model(None)
    rng = np.random.default_rng(1)
    observed = model.mixture.sample(200, rng) + rng.normal(0, 25.0, (200, 63))
    seen = GaussianMixture.from_covariances(model.mixture.weights, model.mixture.covariances + 625 * np.eye(63))
    posterior = patch_posterior.noisy(model, 625.0)
    assert posterior.probes.shape[1] < 0.6 * 63 * model.classes
    # Half the sum of the differences is the probability that is moved to other classes.
    moved = np.abs(posterior.gate(observed) - seen.responsibilities(observed)).sum(axis=1) / 2
    assert moved.mean() < 0.1


def test_directions_that_are_left_out_change_pictures_less_than_a_fiftieth_of_a_decibel(raw) -> None:
    noisy = raw + np.random.default_rng(0).normal(0, 25, raw.shape)
    fast = restoration.denoise_plane(noisy, sigma=25, effort=1).values
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patch_posterior, "NEGLIGIBLE", 0.0)
        patch_posterior.noisy.cache_clear()
        exact = restoration.denoise_plane(noisy, sigma=25, effort=1).values
    patch_posterior.noisy.cache_clear()
    assert abs(metrics.psnr_db(raw, fast, data_range=255) - metrics.psnr_db(raw, exact, data_range=255)) < 0.02


# --- a class alone: closed forms by brute force ---


def wiener(plane: Array, model: JointMixture, variance: float, *, stride: int) -> tuple[Array, Array]:
    """Averages of the conditional means of all patches, weighted with their precisions, by definition."""
    (moments,) = VIEW.synthesis @ model.mixture.covariances @ VIEW.synthesis.T
    away = np.eye(64) - 1 / 64  # takes the mean off
    gain = moments @ np.linalg.pinv(moments + variance * away)
    residual = np.diag(moments - gain @ moments) + variance / 64
    total, precision, count = (np.zeros(plane.shape) for _ in range(3))
    for row in places(plane.shape[0], stride):
        for column in places(plane.shape[1], stride):
            at = np.s_[row : row + 8, column : column + 8]
            patch = plane[at].ravel()
            estimate = gain @ (patch - patch.mean()) + patch.mean()
            total[at] += (estimate / residual).reshape(8, 8)
            precision[at] += (1 / residual).reshape(8, 8)
            count[at] += 1
    return total / precision, np.sqrt(count / precision)


@FEW
@given(seed=st.integers(0, 100), shape=st.tuples(st.integers(8, 14), st.integers(8, 14)), sigma=st.floats(1, 60))
def test_one_class_denoises_as_wiener_filters_do(seed: int, shape: tuple[int, int], sigma: float) -> None:
    plane = np.random.default_rng(seed).uniform(0, 255, shape)
    model = one_class(seed)
    estimate = restoration.denoise_plane(plane, sigma=sigma, effort=1, model=model)
    values, deviation = wiener(plane, model, sigma**2, stride=3)
    assert_allclose(estimate.values, values, atol=255 * SINGLE)
    assert_allclose(estimate.deviation, deviation, rtol=1e-4)
    # With one class there is nothing to gate: the second pass differs in its stride alone.
    second = restoration.denoise_plane(plane, sigma=sigma, effort=5, model=model)
    assert_allclose(second.values, wiener(plane, model, sigma**2, stride=2)[0], atol=255 * SINGLE)


@FEW
@given(seed=st.integers(0, 100), missing=arrays(bool, (8, 8)))
def test_one_class_fills_a_patch_with_its_conditional_mean(seed: int, missing: Array) -> None:
    """A plane of one patch: E[missing | known] with a free level, in one linear system."""
    missing[3, 3], missing[4, 4], missing[0] = True, False, False
    plane = np.random.default_rng(seed).uniform(0, 255, (8, 8))
    model = one_class(seed)
    estimate = restoration.inpaint_plane(np.where(missing, np.nan, plane), missing, effort=1, model=model)
    gone = missing.ravel()
    (moments,) = VIEW.synthesis @ model.mixture.covariances @ VIEW.synthesis.T + 1e4
    known = plane.ravel()[~gone]
    gain = moments[np.ix_(gone, ~gone)] @ np.linalg.inv(moments[np.ix_(~gone, ~gone)] + np.eye(len(known)) / 12)
    assert_allclose(estimate.values.ravel()[gone], gain @ (known - known.mean()) + known.mean(), rtol=1e-6, atol=1e-6)
    left = np.diag(moments[np.ix_(gone, gone)] - gain @ moments[np.ix_(~gone, gone)])
    assert_allclose(estimate.deviation.ravel()[gone], np.sqrt(left), rtol=1e-6)
    assert_array_equal(estimate.values[~missing], plane[~missing])
    assert_array_equal(estimate.deviation[~missing], 0)


@FEW
@given(seed=st.integers(0, 100), sigma=st.floats(0, 20))
def test_one_class_enlarges_a_patch_to_its_conditional_mean(seed: int, sigma: float) -> None:
    small = np.random.default_rng(seed).uniform(0, 255, (4, 4))
    model = one_class(seed)
    (moments,) = VIEW.synthesis @ model.mixture.covariances @ VIEW.synthesis.T
    means = np.zeros((16, 64))
    for row, column in np.ndindex(8, 8):
        means[4 * (row // 2) + column // 2, 8 * row + column] = 1 / 4
    noise = (sigma**2 + 1 / 12) * (np.eye(16) - 1 / 16)
    gain = moments @ means.T @ np.linalg.pinv(means @ moments @ means.T + noise)
    expected = (gain @ (small.ravel() - small.mean()) + small.mean()).reshape(8, 8)
    assert_allclose(restoration.upscale_plane(small, sigma=sigma, model=model).values, expected, atol=255 * SINGLE)


# --- linear maps ---


def maps() -> list[tuple[LinearMap, tuple[int, int]]]:
    """Maps, and the shape of the planes that they are applied to."""
    rng = np.random.default_rng(0)
    return [
        (Identity(), (9, 10)),
        (CircularBlur(rng.uniform(0, 1, (3, 5)) / 7.5, (9, 10)), (9, 10)),
        (CircularBlur(rng.uniform(0, 1, (4, 2)) / 4, (9, 10)), (9, 10)),
        (Convolution(rng.uniform(0, 1, (3, 5)) / 7.5), (9, 10)),
        (Convolution(np.full((2, 2), 0.25), step=2), (10, 8)),
        (Convolution(rng.uniform(0, 1, (4, 4)) / 8, step=2), (10, 8)),
        (Convolution(rng.uniform(0, 1, (6, 2)) / 6, step=2), (10, 8)),
    ]


def dense(degradation: LinearMap, shape: tuple[int, int]) -> Array:
    """The matrix of a map, column by column."""
    units = np.eye(math.prod(shape)).reshape(-1, *shape)
    return np.stack([degradation.apply(unit).ravel() for unit in units], axis=1)


@pytest.mark.parametrize(("degradation", "shape"), maps())
@pytest.mark.parametrize("ratio", [0.02, 3.0])
def test_conditional_means_of_planes_are_those_of_the_joint_operator(degradation, shape, ratio, rng) -> None:
    matrix = dense(degradation, shape)
    observed = rng.normal(0, 50, degradation.apply(np.zeros(shape)).shape)
    mean = rng.normal(0, 50, shape)
    assert_allclose(degradation.adjoint(observed).ravel(), matrix.T @ observed.ravel(), atol=1e-9)
    joint = np.block([[matrix @ matrix.T, matrix], [matrix.T, np.eye(matrix.shape[1])]])
    operator = CorrelationOperator(matrix=joint, sum=np.zeros(len(joint)), count=1, weights="energy")
    estimator = conditional_expectation(operator, observed=len(matrix), noise_variance=ratio)
    expected = mean + estimator.apply((observed - degradation.apply(mean)).ravel()).reshape(shape)
    # Conjugate gradients stop at a residual of 1e-6 of some hundred code values, amplified by at most 1 / ratio.
    assert_allclose(conditional_mean(degradation, observed, mean, ratio=ratio), expected, atol=1e-2)


def test_a_circular_blur_is_a_convolution_with_the_far_side(rng) -> None:
    from scipy.ndimage import convolve

    kernel, plane = rng.uniform(0, 1, (3, 5)), rng.normal(size=(12, 11))
    assert_allclose(CircularBlur(kernel, plane.shape).apply(plane), convolve(plane, kernel, mode="wrap"), atol=1e-12)


@given(length=st.integers(8, 60), stride=st.integers(1, 8), offset=st.integers(0, 7))
def test_patches_cover_a_side_and_lie_mirror_symmetric(length: int, stride: int, offset: int) -> None:
    found = places(length, stride, offset % stride)
    assert found[0] == 0
    assert found[-1] == length - 8
    assert_array_equal(found, (length - 8 - found)[::-1])
    assert np.diff(found).max(initial=0) <= 2 * stride - 1
    if stride <= 4:
        assert np.diff(found).max(initial=0) <= 8


def test_patches_are_cut_row_by_row() -> None:
    plane = np.arange(200).reshape(10, 20)
    patches = cut(plane, np.array([0, 2]), np.array([1, 5, 12]))
    assert_array_equal(patches[4].reshape(8, 8), plane[2:10, 5:13])


# --- laws on pictures ---


def every_way(picture: Array, **options) -> list[Array]:
    """All four functions at little cost."""
    mask = np.zeros(picture.shape[:2], bool)
    mask[::3, ::2] = True
    return [
        qimg.denoise(picture, sigma=12, **options),
        qimg.denoise(picture, sigma=12, effort=9, **options),
        qimg.inpaint(picture, mask, effort=1, **options),
        qimg.deblur(picture, gaussian_kernel(), sigma=2, effort=1, **options),
        qimg.deblur(picture, gaussian_kernel(), sigma=2, effort=1, boundary="wrap", **options),
        qimg.upscale(picture, **options),
        qimg.upscale(picture, kernel=np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64, **options),
    ]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(12, 9), (8, 15, 3)])
def test_constant_pictures_stay_constant(dtype, shape) -> None:
    for value in (0, 97, np.iinfo(dtype).max):
        picture = np.full(shape, value, dtype)
        for restored in every_way(picture, model=several()):
            assert restored.dtype == dtype
            assert_array_equal(restored, value)


def test_mirrored_pictures_are_restored_mirrored() -> None:
    model = mirror_symmetric(several())
    picture = photograph(side=27)
    for flip in (np.flipud, np.fliplr, np.transpose):
        pairs = zip(every_way_symmetric(picture, model), every_way_symmetric(flip(picture), model), strict=True)
        for restored, again in pairs:
            # Rounding to whole code values may fall to either side, nothing else differs.
            difference = np.abs(flip(restored).astype(int) - again)
            assert difference.max() <= 1
            assert (difference > 0).mean() < 0.01


def every_way_symmetric(picture: Array, model: JointMixture) -> list[Array]:
    """As `every_way`, with a mask and sides that mirroring leaves alone."""
    mask = np.zeros(picture.shape, bool)
    mask[::2, ::2] = True
    return [
        qimg.denoise(picture, sigma=12, model=model),
        qimg.denoise(picture, sigma=12, effort=9, model=model),
        qimg.inpaint(picture, mask, effort=1, model=model),
        qimg.deblur(picture, gaussian_kernel(), sigma=2, effort=1, model=model),
        qimg.upscale(picture, model=model),
    ]


def test_the_order_of_colours_does_not_matter_where_planes_are_alike() -> None:
    """Orthogonal planes of equal noise: a gray picture in three channels keeps them equal."""
    gray = with_noise(photograph(side=24), 10)
    for restored in every_way(np.dstack([gray] * 3), model=several()):
        # The two difference planes are zero and stay so.
        assert_array_equal(restored[..., 0], restored[..., 1])
        assert_array_equal(restored[..., 0], restored[..., 2])


def test_colour_planes_are_orthogonal_and_keep_noise_white() -> None:
    assert_allclose(OPPONENT @ OPPONENT.T, np.eye(3) / 3, atol=1e-15)
    assert_allclose(OPPONENT.sum(axis=1), [1, 0, 0], atol=1e-15)


def test_without_noise_or_holes_the_picture_comes_back() -> None:
    for picture in (photograph(side=20), photograph(side=20, gray=False), photograph(side=20).astype(np.uint16) * 257):
        assert_array_equal(qimg.denoise(picture, sigma=0), picture)
        assert_array_equal(qimg.inpaint(picture, np.zeros(picture.shape[:2], bool)), picture)
        # A thousandth of a code value of noise explains nothing that is seen.
        assert_array_equal(qimg.denoise(picture, sigma=1e-3, model=several()), picture)
        identity = np.zeros((3, 3))
        identity[1, 1] = 1
        # Half a code value is the least noise that the last round assumes.
        unchanged = qimg.deblur(picture, identity, sigma=0.01, model=several(), effort=1)
        assert_array_equal(unchanged, picture)


def test_an_enlarged_picture_has_nearly_the_box_means_it_came_from() -> None:
    small = images.box_mean(photograph(), 2)
    large = restoration.upscale_plane(small.astype(float)).values
    means = large.reshape(32, 2, 32, 2).mean(axis=(1, 3))
    # Rounding has deviation 0.29, which the prior takes for noise; averaging of patches adds as much.
    assert np.sqrt(np.mean((means - small) ** 2)) < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 2), (7, 8), (8, 1, 3), (5, 5, 3)])
def test_small_pictures(shape) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    model = several()
    mask = np.zeros(shape[:2], bool)
    mask[-1, -1] = shape[:2] != (1, 1)
    for restored in (
        qimg.denoise(picture, sigma=20, model=model),
        qimg.inpaint(picture, mask, model=model),
        qimg.deblur(picture, [[1.0]], sigma=20, effort=1, model=model),
    ):
        assert restored.shape == shape
        assert restored.dtype == np.uint8
    assert qimg.upscale(picture, model=model).shape == (2 * shape[0], 2 * shape[1], *shape[2:])


def test_a_hole_larger_than_patches_is_filled_inwards() -> None:
    """Of a ramp, which the prior knows well, the middle of a hole of 24×24 comes back."""
    ramp = np.add.outer(1.5 * np.arange(48), np.arange(48)) + 30
    mask = np.zeros(ramp.shape, bool)
    mask[12:36, 12:36] = True
    filled = restoration.inpaint_plane(np.where(mask, np.nan, ramp), mask)
    assert np.isfinite(filled.values).all()
    # The mean of the border is off by 17 code values on average.
    assert np.abs(filled.values - ramp)[mask].mean() < 3
    assert filled.deviation[24, 24] > 0


def test_a_single_known_pixel_is_enough() -> None:
    mask = np.ones((20, 21), bool)
    mask[3, 4] = False
    picture = np.full((20, 21), 77, np.uint8)
    picture[mask] = 5
    assert_array_equal(qimg.inpaint(picture, mask, model=several()), 77)


def test_inputs_are_not_changed() -> None:
    picture = photograph(side=16)
    before = picture.copy()
    picture.setflags(write=False)
    every_way(picture, model=several())
    assert_array_equal(picture, before)


# --- photographs ---


@pytest.fixture(scope="module")
def raw() -> Array:
    return photograph("astronaut", side=96)


def test_denoising_beats_non_local_means(raw) -> None:
    from skimage.restoration import denoise_nl_means

    noisy = raw + np.random.default_rng(0).normal(0, 25, raw.shape)
    peer = max(
        metrics.psnr_db(
            raw, denoise_nl_means(noisy, patch_size=5, patch_distance=6, h=share * 25, sigma=25), data_range=255
        )
        for share in (0.6, 0.8)
    )
    passes = [restoration.denoise_plane(noisy, sigma=25, effort=effort).values for effort in (1, 5, 9)]
    one, two, splitting = (metrics.psnr_db(raw, values, data_range=255) for values in passes)
    assert one > peer + 0.5
    assert two > one - 0.02
    assert splitting > one


def test_inpainting_beats_biharmonic_equations(raw) -> None:
    from skimage.restoration import inpaint_biharmonic

    missing = np.zeros(raw.shape, bool)
    missing[4:-4, 4:-4] = np.random.default_rng(0).random((88, 88)) < 0.5
    ours = restoration.inpaint_plane(raw.astype(float), missing)
    peer = 255 * inpaint_biharmonic(raw / 255, missing)
    assert metrics.psnr_db(raw, ours.values, data_range=255) > metrics.psnr_db(raw, peer, data_range=255) + 0.5
    more = metrics.psnr_db(raw, restoration.inpaint_plane(raw.astype(float), missing, effort=1).values, data_range=255)
    assert metrics.psnr_db(raw, ours.values, data_range=255) > more


@pytest.mark.slow
def test_deblurring_beats_wiener_filters(raw) -> None:
    from scipy.ndimage import convolve
    from skimage.restoration import wiener as wiener_filter

    kernel = gaussian_kernel(9, 1.6)
    blurred = convolve(raw.astype(float), kernel, mode="wrap") + np.random.default_rng(0).normal(0, 2, raw.shape)
    # The very boundary that the filter assumes.
    peer = max(
        metrics.psnr_db(raw, 255 * wiener_filter(blurred / 255, kernel, balance, clip=False), data_range=255)
        for balance in (0.0003, 0.001, 0.003, 0.01)
    )
    wrapped = restoration.deblur_plane(blurred, kernel, sigma=2, boundary="wrap").values
    assert metrics.psnr_db(raw, wrapped, data_range=255) > peer + 0.5
    # Where nothing is known beyond the edges, the middle is as good.
    unknown = restoration.deblur_plane(blurred, kernel, sigma=2).values
    inner = np.s_[12:-12, 12:-12]
    assert (
        abs(
            metrics.psnr_db(raw[inner], unknown[inner], data_range=255)
            - metrics.psnr_db(raw[inner], wrapped[inner], data_range=255)
        )
        < 0.3
    )


def test_enlarging_beats_bicubic_interpolation(raw) -> None:
    from PIL import Image

    small = images.box_mean(raw, 2)
    bicubic = np.asarray(Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC))
    assert metrics.psnr_db(raw, qimg.upscale(small)) > metrics.psnr_db(raw, bicubic) + 0.5


def test_enlarging_knows_another_kernel(raw) -> None:
    """Told of the kernel that was used, the picture comes closer than told of the box mean."""
    kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    small = Convolution(kernel, step=2).apply(np.pad(raw.astype(float), 1, mode="edge"))
    told, box = (restoration.upscale_plane(small, kernel=given_kernel).values for given_kernel in (kernel, None))
    assert metrics.psnr_db(raw, told, data_range=255) > metrics.psnr_db(raw, box, data_range=255) + 0.3


def test_deviations_are_those_of_the_errors_of_passes(raw) -> None:
    """A 90 % interval holds about 90 %: one picture, so within 5 %."""
    noisy = raw + np.random.default_rng(0).normal(0, 20, raw.shape)
    estimate = restoration.denoise_plane(noisy, sigma=20)
    assert abs(np.mean(np.abs(estimate.values - raw) < 1.645 * estimate.deviation) - 0.9) < 0.05


@pytest.mark.parametrize("sigma", [8.0, 20.0, 40.0])
@pytest.mark.parametrize("gray", [True, False])
def test_noise_is_measured(sigma, gray) -> None:
    """Within 10 % on a picture without clipping, which takes noise away."""
    picture = photograph("chelsea", side=128, gray=gray) * 0.4 + 76
    found = restoration.estimate_sigma(with_noise(picture, sigma))
    assert found == pytest.approx(sigma, rel=0.1)


def test_denoising_measures_noise_that_it_is_not_told() -> None:
    noisy = with_noise(photograph(side=32), 15)
    told = qimg.denoise(noisy, sigma=restoration.estimate_sigma(noisy))
    assert_array_equal(qimg.denoise(noisy), told)


# --- bad input ---

PICTURE = np.zeros((9, 10), np.uint8)
ALPHA = np.zeros((9, 10, 4), np.uint8)
HOLE = np.eye(9, 10, dtype=bool)
KERNEL = np.full((3, 3), 1 / 9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: qimg.denoise(PICTURE, sigma=-1), "sigma must be finite and not negative, but sigma=-1"),
        (lambda: qimg.denoise(PICTURE, sigma=np.nan), "sigma must be finite and not negative, but sigma=nan"),
        (lambda: qimg.denoise(PICTURE, sigma=5, effort=10), r"effort must be in \[1, 9\], but effort=10"),
        (lambda: qimg.denoise(ALPHA, sigma=5), "image must have no alpha channel .* but has shape"),
        (
            lambda: qimg.denoise(PICTURE.astype(float), sigma=5),
            "image: pixels must be uint8 or uint16, but are float64",
        ),
        (lambda: qimg.denoise(PICTURE[:7]), r"image must have shape at least \(8, 8\), but has shape \(7, 10\)"),
        (
            lambda: qimg.denoise(PICTURE, sigma=5, model=JointMixture(View("luma8"), one_class().mixture)),
            "model must be a mixture of view patch8, but model=JointMixture",
        ),
        (
            lambda: restoration.denoise_plane(np.full((9, 9), np.nan), sigma=5),
            "plane must be finite, but holds NaN or infinity",
        ),
        (lambda: restoration.denoise_plane(np.zeros(9), sigma=5), r"plane must have shape \(H, W\)"),
        (lambda: qimg.inpaint(PICTURE, HOLE.T), r"mask must have shape \(9, 10\) as the picture, but has shape"),
        (lambda: qimg.inpaint(PICTURE, HOLE.astype(int)), "mask must be bool, True where a pixel is missing"),
        (
            lambda: qimg.inpaint(PICTURE, np.ones((9, 10), bool)),
            "mask must be False for at least one pixel, but all pixels are missing",
        ),
        (lambda: qimg.inpaint(PICTURE, HOLE, effort=0), r"effort must be in \[1, 9\], but effort=0"),
        (lambda: qimg.inpaint(ALPHA, HOLE), "image must have no alpha channel"),
        (
            lambda: restoration.inpaint_plane(np.full((9, 10), np.nan), HOLE),
            "plane must be finite, but holds NaN or infinity",
        ),
        (lambda: qimg.deblur(PICTURE, KERNEL, sigma=0), "sigma must be finite and positive, but sigma=0"),
        (
            lambda: qimg.deblur(PICTURE, np.full((11, 1), 1 / 11), sigma=1),
            r"kernel must have shape no larger than the picture, \(9, 10\), but has shape \(11, 1\)",
        ),
        (lambda: qimg.deblur(PICTURE, KERNEL[:2] * 1.5, sigma=1), "kernel must have shape of two odd sides"),
        (lambda: qimg.deblur(PICTURE, 2 * KERNEL, sigma=1), "kernel must sum to 1, but kernel="),
        (lambda: qimg.deblur(PICTURE, KERNEL * np.nan, sigma=1), "kernel must be finite"),
        (lambda: qimg.deblur(PICTURE, [1.0], sigma=1), r"kernel must have shape \(h, w\)"),
        (lambda: qimg.deblur(PICTURE, KERNEL, sigma=1, boundary="zero"), "boundary must be one of unknown, wrap"),
        (lambda: qimg.deblur(PICTURE, KERNEL, sigma=1, effort=0), r"effort must be in \[1, 9\], but effort=0"),
        (
            lambda: qimg.deblur(PICTURE[:7], KERNEL, sigma=1, boundary="wrap"),
            r"plane must have shape at least \(8, 8\) for boundary wrap",
        ),
        (lambda: qimg.deblur(ALPHA, KERNEL, sigma=1), "image must have no alpha channel"),
        (lambda: qimg.upscale(PICTURE, sigma=-1), "sigma must be finite and not negative, but sigma=-1"),
        (lambda: qimg.upscale(PICTURE, kernel=KERNEL), "kernel must have shape of two even sides"),
        (lambda: qimg.upscale(ALPHA), "image must have no alpha channel"),
    ],
)
def test_bad_input_is_named(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_plane_smaller_than_a_patch_cannot_be_smoothed_alone() -> None:
    """`smooth` works on whole patches; the public functions continue the plane."""
    plane = np.random.default_rng(0).normal(100, 20, (8, 8))
    values = smooth(one_class(), plane, deviation=10.0).values
    assert_allclose(values, wiener(plane, one_class(), 100.0, stride=3)[0], atol=255 * SINGLE)
