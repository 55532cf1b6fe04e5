"""Joint operators over ring and block: every map against brute force on pixels, samples or Bayes' rule."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter
from scipy.stats import multivariate_normal

from qimg.core import Array
from qimg.prior.joint import JointMixture
from qimg.prior.mixture import GaussianMixture
from qimg.prior.views import View, random_places

VIEWS = [
    View("luma2"),
    View("luma3").raster(),
    View("colour2"),
    View("colour2").keeping([0, 3, 5, 6]),
    View("patch3"),
    View("luma8"),
]
RINGS = [view for view in VIEWS if view.observed]
NOISE = 0.05


def smooth_planes(seed: int, view: View, *, side: int = 60) -> Array:
    """Planes whose neighbours resemble each other, and, for colour, whose planes do."""
    rng = np.random.default_rng(seed)
    planes = [gaussian_filter(rng.normal(0, 100, (side, side)), width) for width in (1.5, 2.0, 1.0)]
    if view.planes == 1:
        return planes[0]
    mixing = np.array([[1.0, 0.5, 0.2], [0.3, 1.0, -0.4], [0.0, 0.6, 1.0]])
    return np.stack(planes, axis=-1) @ mixing


def sample_vectors(seed: int, view: View, count: int = 900) -> Array:
    planes = smooth_planes(seed, view)
    return view.vectors(planes, *random_places(view, planes.shape, count, np.random.default_rng(seed)))


def second_moments(vectors: Array) -> Array:
    return vectors.T @ vectors / len(vectors) + NOISE * np.eye(vectors.shape[1])


def joint_mixture(view: View, classes: int = 3) -> JointMixture:
    covariances = [(k + 1) ** 2 * second_moments(sample_vectors(k, view)) for k in range(classes)]
    weights = np.arange(1, classes + 1) / (classes * (classes + 1) / 2)
    return JointMixture(view, GaussianMixture.from_covariances(weights, covariances))


def names(views: list[View]) -> list[str]:
    return [f"{view.name} {view.kept or ''}" for view in views]


def split(view: View, covariance: Array) -> tuple[Array, Array, Array]:
    """C_zz, C_xz, C_xx."""
    m = view.observed
    return covariance[:m, :m], covariance[m:, :m], covariance[m:, m:]


@pytest.mark.parametrize("view", RINGS, ids=names(RINGS))
def test_predictor_keeps_the_level_of_each_plane(view: View) -> None:
    model = joint_mixture(view)
    m, block = len(view.ring), view.size**2
    for k in range(model.classes):
        predictor = model.predictor(k)
        assert predictor.shape == (view.planes * block, view.planes * m)
        sums = predictor.reshape(view.planes, block, view.planes, m).sum(axis=3)
        expected = np.broadcast_to(np.eye(view.planes)[:, None], sums.shape)
        assert_allclose(sums, expected, atol=1e-10)


@pytest.mark.parametrize("view", RINGS, ids=names(RINGS))
def test_predictor_in_pixels_is_the_estimator_in_coefficients(view: View) -> None:
    model = joint_mixture(view)
    planes = smooth_planes(9, view) + 128
    places = random_places(view, planes.shape, 15, np.random.default_rng(9))
    windows = view.windows(planes, *places).reshape(15, view.planes, -1)
    m = len(view.ring)
    z = view.vectors(planes, *places)[:, : view.observed]
    for k in range(model.classes):
        coefficients = np.hstack([z, model.estimator(k).apply(z)])
        relative = (coefficients @ view.synthesis.T).reshape(15, view.planes, -1)[..., m:]
        level = windows[..., :m].mean(axis=2, keepdims=True)
        predicted = windows[..., :m].reshape(15, -1) @ model.predictor(k).T
        assert_allclose(predicted, (relative + level).reshape(15, -1), atol=1e-9)


@pytest.mark.parametrize("view", [View("luma2"), View("colour2"), View("luma3").raster()])
def test_predictor_of_a_single_class_is_least_squares_on_pixels(view: View) -> None:
    planes = smooth_planes(4, view)
    places = random_places(view, planes.shape, 2000, np.random.default_rng(4))
    vectors = view.vectors(planes, *places)
    covariance = vectors.T @ vectors / len(vectors)
    model = JointMixture(view, GaussianMixture.from_covariances([1.0], [covariance]))
    m = len(view.ring)
    windows = view.windows(planes, *places).reshape(len(vectors), view.planes, -1)
    windows = windows - windows[..., :m].mean(axis=2, keepdims=True)
    ring, block = (part.reshape(len(vectors), -1) for part in (windows[..., :m], windows[..., m:]))
    # Centred rings leave constants free; the shortest solution has none, and the level comes on top.
    weights = np.linalg.lstsq(ring, block, rcond=1e-9)[0].T
    level = np.kron(np.eye(view.planes), np.full((view.size**2, m), 1 / m))
    # Normal equations square the condition number, about 1e4 here.
    assert_allclose(model.predictor(0), weights + level, atol=1e-7)
    missed = block - ring @ weights.T
    assert_allclose(model.residual_covariance(0), missed.T @ missed / len(missed), atol=1e-7 * np.abs(covariance).max())


@pytest.mark.parametrize("view", VIEWS, ids=names(VIEWS))
def test_residual_covariance_is_a_schur_complement_in_pixels(view: View) -> None:
    model = joint_mixture(view)
    m, width = len(view.ring), len(view.offsets)
    index = np.arange(view.planes * width).reshape(view.planes, width)
    ring, block = index[:, :m].ravel(), index[:, m:].ravel()
    for k in range(model.classes):
        pixels = view.synthesis @ model.mixture.covariances[k] @ view.synthesis.T
        expected = pixels[np.ix_(block, block)]
        if len(ring):
            # The ring's pixels sum to zero plane by plane, hence the pseudo-inverse.
            across = pixels[np.ix_(block, ring)]
            expected = expected - across @ np.linalg.pinv(pixels[np.ix_(ring, ring)], 1e-10, hermitian=True) @ across.T
        assert_allclose(model.residual_covariance(k), expected, atol=1e-8 * np.abs(pixels).max())


@pytest.mark.parametrize("view", VIEWS, ids=names(VIEWS))
def test_class_basis_diagonalises_the_residual(view: View) -> None:
    model = joint_mixture(view)
    for k in range(model.classes):
        basis, spectrum, covariance = model.basis(k), model.spectrum(k), model.residual_covariance(k)
        size = view.planes * view.size**2
        assert_allclose(basis.T @ basis, np.eye(size), atol=1e-12)
        assert_allclose(basis.T @ covariance @ basis, np.diag(spectrum), atol=1e-11 * spectrum[0])
        assert (np.diff(spectrum) <= 0).all()
        assert spectrum.min() >= 0
        assert_allclose(spectrum.sum(), np.trace(covariance), rtol=1e-10)


@pytest.mark.parametrize("view", VIEWS, ids=names(VIEWS))
def test_rank_holds_the_energy_and_no_less_does(view: View) -> None:
    model = joint_mixture(view)
    energies = [0.01, 0.3, 0.5, 0.9, 0.99, 1.0]
    ranks = [model.rank(1, energy=energy) for energy in energies]
    assert ranks == sorted(ranks)
    assert 1 <= ranks[0] <= ranks[-1] <= view.planes * view.size**2
    shares = np.cumsum(model.spectrum(1)) / model.spectrum(1).sum()
    for energy, rank in zip(energies, ranks, strict=True):
        assert shares[rank - 1] >= energy - 1e-11
        assert rank == 1 or shares[rank - 2] < energy


def test_conditional_mean_of_one_class_is_its_estimator() -> None:
    view = View("luma2")
    model = joint_mixture(view, classes=1)
    z = sample_vectors(7, view, 30)[:, : view.observed]
    c_zz, c_xz, _ = split(view, model.mixture.covariances[0])
    assert_allclose(model.conditional_mean(z), model.estimator(0).apply(z), atol=1e-12)
    assert_allclose(model.conditional_mean(z), z @ np.linalg.solve(c_zz, c_xz.T), atol=1e-8)


@pytest.mark.parametrize("view", [View("luma2"), View("colour2").keeping([0, 3, 5, 6])])
def test_conditional_mean_by_bayes_rule(view: View) -> None:
    model = joint_mixture(view)
    z = 2 * sample_vectors(8, view, 20)[:, : view.observed]
    kept = z.copy()
    likelihoods, means = [], []
    for weight, covariance in zip(model.mixture.weights, model.mixture.covariances, strict=True):
        c_zz, c_xz, _ = split(view, covariance)
        likelihoods.append(np.log(weight) + multivariate_normal(np.zeros(view.observed), c_zz).logpdf(z))
        means.append(z @ np.linalg.solve(c_zz, c_xz.T))
    shares = np.exp(np.array(likelihoods) - np.logaddexp.reduce(likelihoods, axis=0))
    assert_allclose(model.gate(z), shares.T, atol=1e-8)
    assert_allclose(model.conditional_mean(z), np.einsum("kn,knd->nd", shares, means), atol=1e-6)
    assert 0.01 < shares.max(axis=0).min() < 0.99  # the classes do compete
    assert_array_equal(z, kept)


def test_no_other_estimate_has_less_error_on_samples(rng: np.random.Generator) -> None:
    """Half a million squared errors: the mixture's mean beats each class's own, which the classes alone would use."""
    view = View("luma2")
    model = joint_mixture(view)
    vectors = model.mixture.sample(20000, rng)
    z, x = vectors[:, : view.observed], vectors[:, view.observed :]
    best = ((x - model.conditional_mean(z)) ** 2).sum(axis=1)
    for k in range(model.classes):
        excess = ((x - model.estimator(k).apply(z)) ** 2).sum(axis=1) - best
        assert excess.mean() > 5 * excess.std() / np.sqrt(len(excess))


def test_chain_rule() -> None:
    view = View("luma3")
    model = joint_mixture(view)
    vectors = sample_vectors(3, view, 25)
    total = model.ring_mixture.log_likelihood(vectors[:, : view.observed]) + model.conditional_log_likelihood(vectors)
    assert_allclose(total, model.mixture.log_likelihood(vectors), rtol=1e-13)


def test_conditional_likelihood_of_one_class_is_gaussian() -> None:
    view = View("colour2")
    model = joint_mixture(view, classes=1)
    vectors = sample_vectors(3, view, 25)
    estimator = model.estimator(0)
    missed = vectors[:, view.observed :] - estimator.apply(vectors[:, : view.observed])
    expected = multivariate_normal(np.zeros(12), estimator.residual).logpdf(missed)
    assert_allclose(model.conditional_log_likelihood(vectors), expected, atol=1e-6)
    # Without the levels: rows and columns 0, 4 and 8 of the residual are left out.
    rest = np.setdiff1d(np.arange(12), [0, 4, 8])
    expected = multivariate_normal(np.zeros(9), estimator.residual[np.ix_(rest, rest)]).logpdf(missed[:, rest])
    assert_allclose(model.conditional_log_likelihood(vectors, level=False), expected, atol=1e-6)


def test_leaving_the_level_out_integrates_over_it() -> None:
    view = View("luma2")
    model = joint_mixture(view)
    vector = sample_vectors(5, view, 1)
    spread = np.sqrt(model.mixture.covariances[:, view.observed, view.observed].max())
    # The trapezoid rule on a smooth density that vanishes at both ends converges faster than any power of the step.
    grid = np.linspace(-12 * spread, 12 * spread, 20001)
    vectors = np.repeat(vector, len(grid), axis=0)
    vectors[:, view.observed] = grid
    density = np.exp(model.conditional_log_likelihood(vectors))
    integral = density.sum() * (grid[1] - grid[0])
    assert_allclose(np.log(integral), model.conditional_log_likelihood(vector, level=False)[0], atol=1e-8)


LARGE_AND_SMALL = [
    (View("luma3"), View("luma3").raster()),
    (View("luma3").raster(), View("luma3").keeping([0, 2, 5])),
    (View("luma3"), View("luma3").keeping([4])),
    (View("colour2"), View("colour2").raster()),
    (View("colour2").keeping([8, 1, 3]), View("colour2").keeping([3, 8])),
    (View("luma2"), View("luma2").keeping([5, 0, 7])),
]


@pytest.mark.parametrize(("large", "small"), LARGE_AND_SMALL)
def test_restricted_is_the_mixture_of_the_vectors_of_the_smaller_view(large: View, small: View) -> None:
    planes = smooth_planes(6, large) + 50
    places = random_places(large, planes.shape, 700, np.random.default_rng(6))
    wide, narrow = large.vectors(planes, *places), small.vectors(planes, *places)
    covariance = wide.T @ wide / len(wide)
    model = JointMixture(large, GaussianMixture.from_covariances([0.2, 0.8], [covariance, 4 * covariance]))
    restricted = model.restricted(small)
    assert restricted.view == small
    expected = narrow.T @ narrow / len(narrow)
    assert_allclose(restricted.mixture.covariances, [expected, 4 * expected], atol=1e-10 * np.abs(covariance).max())
    assert_array_equal(restricted.mixture.weights, model.mixture.weights)


@pytest.mark.parametrize(("large", "small"), LARGE_AND_SMALL)
def test_small_vectors_are_linear_in_large_ones(large: View, small: View) -> None:
    planes = smooth_planes(2, large)
    places = random_places(large, planes.shape, 20, np.random.default_rng(2))
    width = large.size**2
    have = range(4 * large.size + 1) if large.kept is None else large.kept
    rows = [list(have).index(pixel) for pixel in small.kept or ()]
    inside = np.r_[rows, len(have) : len(have) + width].astype(int)
    pixels = np.concatenate([plane * len(large.offsets) + inside for plane in range(large.planes)])
    matrix = small.analysis @ large.synthesis[pixels]
    assert_allclose(large.vectors(planes, *places) @ matrix.T, small.vectors(planes, *places), atol=1e-10)


def test_restricting_in_two_steps_is_restricting_at_once() -> None:
    model = joint_mixture(View("luma3"))
    raster, few = View("luma3").raster(), View("luma3").keeping([0, 1, 6])
    twice = model.restricted(raster).restricted(few)
    assert_allclose(twice.mixture.covariances, model.restricted(few).mixture.covariances, rtol=1e-9, atol=1e-9)
    assert model.restricted(View("luma3")) is model
    assert model.restricted(View("luma3").keeping(range(13))) is model


def test_operator_is_the_class() -> None:
    model = joint_mixture(View("luma2"))
    operator = model.operator(2)
    assert_array_equal(operator.matrix, model.mixture.covariances[2])
    assert (operator.count, operator.sum.tolist()) == (1, [0.0] * 12)


LUMA, PATCH = joint_mixture(View("luma2")), joint_mixture(View("patch2"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LUMA.estimator(3), r"k must be in \[0, 2\], but k=3"),
        (lambda: LUMA.operator(-1), r"k must be in \[0, 2\], but k=-1"),
        (lambda: LUMA.basis(3), r"k must be in \[0, 2\], but k=3"),
        (lambda: PATCH.estimator(0), "view must have a ring, but view='patch2'"),
        (lambda: LUMA.rank(0, energy=0), r"energy must be in \(0, 1\], but energy=0"),
        (lambda: LUMA.rank(0, energy=1.5), r"energy must be in \(0, 1\], but energy=1.5"),
        (lambda: LUMA.restricted(View("luma3")), "view must be one of luma2, but view='luma3'"),
        (
            lambda: LUMA.restricted(View("luma2").raster()).restricted(View("luma2")),
            "view must keep pixels that this one keeps, but view=None",
        ),
        (lambda: LUMA.gate(np.ones((2, 3))), r"vectors must have shape \(n, 8\), but has shape \(2, 3\)"),
        (lambda: LUMA.conditional_mean([[np.nan] * 8]), "ring must be finite"),
        (lambda: LUMA.conditional_log_likelihood(np.ones((2, 11))), r"vectors must have shape \(n, 12\)"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_class_number_is_checked_where_there_is_no_ring() -> None:
    with pytest.raises(ValueError, match=r"k must be in \[0, 2\], but k=-1"):
        PATCH.residual_covariance(-1)
