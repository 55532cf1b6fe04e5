"""`qimg.prior.sample`: patches have the mixture's moments, blocks of textures the conditional law, seeds repeat."""

import math

import numpy as np
import pytest

from qimg.operators import CorrelationOperator
from qimg.prior import GaussianMixture, MissingPartError, Prior, View, sample
from qimg.prior.sampling import Levels, Noise, Painter, _chosen
from qimg.transforms import unitary


def random_mixture(dimension: int, classes: int, seed: int) -> GaussianMixture:
    """Classes of different energy and shape, smooth enough that textures do not explode."""
    rng = np.random.default_rng(seed)
    roots = rng.standard_normal((classes, dimension, dimension)) / math.sqrt(dimension) + 0.5 * np.eye(dimension)
    scales = 4.0 * (1 + np.arange(classes))[:, None, None]
    matrices = scales * (roots @ np.swapaxes(roots, 1, 2) + 0.1 * np.eye(dimension))
    return GaussianMixture.from_covariances(rng.dirichlet(np.full(classes, 5.0)), matrices)


def stationary(view: View, classes: int = 1) -> GaussianMixture:
    """What windows of stationary fields see: correlation falls with distance, each class with its own strength."""
    distances = np.hypot(*np.moveaxis(view.offsets[:, None] - view.offsets, -1, 0))
    planes = np.eye(view.planes) + 0.3 * (1 - np.eye(view.planes))
    covariances = []
    for k in range(classes):
        pixels = 100.0 * 2**k * np.exp(-distances / (3 + 5 * k)) + np.eye(len(distances))
        covariances.append(view.analysis @ np.kron(planes, pixels) @ view.analysis.T)
    return GaussianMixture.from_covariances(np.full(classes, 1 / classes), np.array(covariances))


def prior_with(mixtures: dict[str, GaussianMixture], *, colour: bool = True) -> Prior:
    rng = np.random.default_rng(7)
    names = ("luma", "colour") if colour else ("luma",)
    operators = {}
    for name in names:
        planes = rng.normal(100.0, 30.0, (64, 64, 3)).repeat(8, 0).repeat(8, 1)
        operators[f"{name} a@1"] = CorrelationOperator.from_planes(planes[..., 0] if name == "luma" else planes)
    return Prior.assemble(
        operators=operators, mixtures=mixtures, provenance={"inputs": [], "recipe": {"scales": [1], "operator": ""}}
    )


@pytest.fixture(scope="module")
def prior() -> Prior:
    return prior_with(
        {
            "patch8": random_mixture(63, 3, 1),
            "patch4": random_mixture(15, 2, 2),
            "luma8": stationary(View("luma8"), 3),
            "luma4": stationary(View("luma4"), 2),
            "colour4": stationary(View("colour4"), 2),
        }
    )


@pytest.mark.parametrize("view", ["patch8", "patch4"])
def test_patches_have_the_moments_of_the_mixture(prior, view):
    model = prior.mixtures[view]
    count = 40_000
    vectors = sample(prior, rng=np.random.default_rng(0), patches=count, view=view) @ model.view.analysis.T
    truth = model.mixture.covariance()
    fourth = np.einsum("k,kii,kjj->ij", model.mixture.weights, model.mixture.covariances, model.mixture.covariances)
    fourth += 2 * np.einsum("k,kij->ij", model.mixture.weights, model.mixture.covariances**2)
    error = np.sqrt((fourth - truth**2) / count)
    # The largest of up to 2016 nearly normal deviations: 5 standard errors are exceeded once in a thousand.
    assert np.abs((vectors.T @ vectors / count - truth) / error).max() < 5
    assert np.abs(vectors.mean(axis=0) / np.sqrt(np.diag(truth) / count)).max() < 5


def test_patches_have_the_tails_of_the_mixture(prior):
    mixture = prior.mixtures["patch8"].mixture
    vectors = sample(prior, rng=np.random.default_rng(1), patches=40_000) @ View("patch8").analysis.T
    variances = np.diagonal(mixture.covariances, axis1=1, axis2=2)
    truth = 3 * (mixture.weights @ variances**2) / (mixture.weights @ variances) ** 2
    found = (vectors**4).mean(axis=0) / (vectors**2).mean(axis=0) ** 2
    # E x⁸ is about 300 σ⁸ here, so that one standard error is √(300/40 000) = 0.09.
    np.testing.assert_allclose(found, truth, atol=0.45)
    # One Gaussian would have 3.
    assert truth.mean() > 3.3
    assert found.mean() > 3.3


def test_patches_have_no_mean(prior):
    patches = sample(prior, rng=np.random.default_rng(0), patches=50)
    assert patches.shape == (50, 64)
    # Sums of 64 values below a hundred.
    np.testing.assert_allclose(patches.mean(axis=1), 0.0, atol=1e-12)
    assert sample(prior, rng=np.random.default_rng(0), patches=0).shape == (0, 64)


def windows_of(texture: np.ndarray, view: View) -> np.ndarray:
    """Vectors of the blocks that have a whole ring in raster order."""
    size = view.size
    down, across = (length // size for length in texture.shape[:2])
    rows, columns = np.mgrid[1:down, 1 : across - 1].reshape(2, -1) * size
    return view.vectors(texture, rows, columns)


@pytest.mark.parametrize("name", ["luma4", "colour4"])
def test_blocks_of_one_class_follow_the_conditional_law(name):
    view = View(name)
    single = prior_with({name: stationary(view)})
    raster = view.raster()
    model = single.mixtures[name].restricted(raster)
    # Levels are left free here: what holds them is tested below.
    painter = Painter(
        single.mixtures[name], Levels(mean=np.full(view.planes, 128.0), variance=np.full(view.planes, np.inf))
    )
    texture = painter.paint(Noise.drawn(90, 90, painter.block, np.random.default_rng(3)))
    vectors = windows_of(texture if view.planes > 1 else texture[..., 0], raster)
    z, x = vectors[:, : raster.observed], vectors[:, raster.observed :]
    truth = model.estimator(0)
    residual = x - truth.apply(z)
    count = len(z)
    # Residuals are independent normals of covariance R: standard error of R_ij is √((R_ii R_jj + R_ij²)/n).
    variances = np.diag(truth.residual)
    error = np.sqrt((np.outer(variances, variances) + truth.residual**2) / count)
    assert np.abs((residual.T @ residual / count - truth.residual) / error).max() < 5.5
    # And the regression of blocks on rings is W: standard error of W_ij is √(R_ii (zᵀz)⁻¹_jj).
    inverse = np.linalg.inv(z.T @ z)
    weights = x.T @ z @ inverse
    error = np.sqrt(np.outer(variances, np.diag(inverse)))
    assert np.abs((weights - truth.weights) / error).max() < 5.5


def test_classes_are_drawn_from_the_gate():
    """Two classes that the ring tells apart only in part: how often each is drawn is its probability."""
    view = View("luma4")
    model = prior_with({"luma4": stationary(view, 2)}).mixtures["luma4"]
    z = model.mixture.sample(1, np.random.default_rng(0))[:, : view.observed]
    shares = model.gate(np.repeat(z, 20_000, axis=0))
    chosen = _chosen(shares, np.random.default_rng(1).random(20_000))
    probability = shares[0, 1]
    assert abs((chosen == 1).mean() - probability) < 5 * math.sqrt(probability * (1 - probability) / 20_000) + 1e-12


@pytest.mark.parametrize("name", ["luma8", "colour4"])
def test_fronts_draw_what_raster_order_draws(prior, name):
    model = prior.mixtures[name]
    painter = Painter(
        model, Levels(mean=np.full(model.view.planes, 110.0), variance=np.full(model.view.planes, 2000.0))
    )
    for down, across in ((1, 1), (1, 4), (5, 1), (2, 2), (5, 7)):
        noise = Noise.drawn(down, across, painter.block, np.random.default_rng(down))
        together, alone = (painter.paint(noise, one_by_one=order) for order in (False, True))
        # The same sums in products of different height.
        np.testing.assert_allclose(together, alone, atol=1e-8)


def test_levels_keep_their_spread():
    """ρ is such that block means keep the variance they are given; left free they walk away with the distance."""
    view = View("luma4")
    model = prior_with({"luma4": stationary(view)}).mixtures["luma4"]
    spread = {}
    for name, variance in (("held", 400.0), ("free", np.inf)):
        painter = Painter(model, Levels(mean=np.array([90.0]), variance=np.array([variance])))
        textures = [painter.paint(Noise.drawn(40, 40, 16, np.random.default_rng(seed)))[..., 0] for seed in range(5)]
        means = np.array(textures).reshape(5, 40, 4, 40, 4).mean(axis=(2, 4))[:, 10:]
        spread[name] = math.sqrt(((means - 90) ** 2).mean())
    # Five fields, each of some dozens of independent regions, and a law for one step, not for the field.
    assert spread["held"] == pytest.approx(20.0, rel=0.35)
    assert spread["free"] > 1.3 * spread["held"]


def test_the_first_block_has_the_law_of_blocks_alone(prior):
    model = prior.mixtures["luma4"]
    painter = Painter(model, Levels(mean=np.array([90.0]), variance=np.array([400.0])))
    # A texture of one row and one column, four thousand times.
    noise = Noise.drawn(4000, 1, 16, np.random.default_rng(5))
    blocks = painter._drawn(
        np.zeros((4, 4, 1)), np.zeros((4000, 2), int), (), noise.classes[:, 0], noise.coefficients[:, 0]
    )
    blocks = blocks.reshape(-1, 16)
    means = blocks.mean(axis=1)
    assert abs(means.mean() - 90) < 5 * 20 / math.sqrt(4000)
    assert means.var() == pytest.approx(400, rel=5 * math.sqrt(2 / 4000))
    found = ((blocks @ unitary("dct_2d", 16).T)[:, 1:] ** 2).mean(axis=0)
    observed = model.view.observed
    covariances = np.diagonal(model.mixture.covariances, axis1=1, axis2=2)[:, observed + 1 :]
    # Two classes a factor two apart: kurtosis below 4, standard error of a variance below √(3/n) of it.
    np.testing.assert_allclose(found, model.mixture.weights @ covariances, rtol=5 * math.sqrt(3 / 4000))


def test_levels_are_those_of_the_operator():
    """A prior that has seen one shade with little spread draws textures of that shade."""
    view = View("luma8")
    flat = np.full((64, 64), 40.0) + np.random.default_rng(0).normal(0, 0.5, (8, 8)).repeat(8, 0).repeat(8, 1)
    prior = Prior.assemble(
        operators={"luma a@1": CorrelationOperator.from_planes(flat)},
        mixtures={"luma8": stationary(view)},
        provenance={"inputs": [], "recipe": {"scales": [1], "operator": ""}},
    )
    texture = sample(prior, rng=np.random.default_rng(0), texture=(128, 128))
    means = texture.reshape(16, 8, 16, 8).mean(axis=(1, 3))
    # Nothing of the past is kept where a step is wider than all levels: means spread by their residual alone.
    assert abs(means.mean() - 40) < 5
    assert 1 < means.std() < 12


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (5, 40), (33, 17), (40, 9)])
def test_textures_of_any_shape(prior, shape):
    for view, planes in (("luma8", ()), ("luma4", ()), ("colour4", (3,))):
        texture = sample(prior, rng=np.random.default_rng(0), texture=shape, view=view)
        assert texture.shape == (*shape, *planes)
        assert np.isfinite(texture).all()
        # A multiple of the block holds it: what is cut off is drawn too.
        size = View(view).size
        whole = tuple(-(-length // size) * size for length in shape)
        larger = sample(prior, rng=np.random.default_rng(0), texture=whole, view=view)
        np.testing.assert_array_equal(larger[: shape[0], : shape[1]], texture)


def test_seeds_repeat_and_differ(prior):
    for options in ({"patches": 20}, {"texture": (24, 24)}, {"texture": (12, 12), "view": "colour4"}):
        first, same, other = (sample(prior, rng=np.random.default_rng(seed), **options) for seed in (3, 3, 4))
        np.testing.assert_array_equal(first, same)
        assert np.abs(first - other).max() > 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "patches or texture must be given, and not both"),
        ({"patches": 3, "texture": (8, 8)}, ValueError, "patches or texture must be given, and not both"),
        ({"patches": -1}, ValueError, "patches must be an integer of at least 0, but patches=-1"),
        ({"texture": (8, 0)}, ValueError, "texture must be an integer of at least 1, but texture=0"),
        ({"patches": 3, "view": "luma8"}, ValueError, "view must be one for patches, such as patch8"),
        ({"texture": (8, 8), "view": "patch8"}, ValueError, "view must be one for texture, such as luma8"),
        ({"texture": (8, 8), "view": "luma16"}, MissingPartError, "the prior holds no mixture 'luma16'"),
    ],
)
def test_what_cannot_be_drawn_is_said(prior, options, error, message):
    with pytest.raises(error, match=message):
        sample(prior, rng=np.random.default_rng(0), **options)


def test_missing_parts_are_named():
    bare = prior_with({"colour4": stationary(View("colour4"))}, colour=False)
    with pytest.raises(MissingPartError, match="no mixture 'patch8'"):
        sample(bare, rng=np.random.default_rng(0), patches=1)
    with pytest.raises(MissingPartError, match="no colour operator"):
        sample(bare, rng=np.random.default_rng(0), texture=(8, 8), view="colour4")
