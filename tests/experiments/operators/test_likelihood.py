"""Densities of patches against SciPy and against known ones, and the likelihood table's laws."""

import dataclasses
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from experiments._run.pictures import gather
from experiments.operators import likelihood
from experiments.operators.densities import EXPONENTS, IndependentDensity, fit_ica, fit_laplace, fit_marginals
from experiments.operators.patch_models import LEVEL, NOISE, RASTER, VIEW, fit_models, joint_models
from qimg import images, prior

pytestmark = pytest.mark.slow


def laplace(seed: int, count: int, scales: np.ndarray) -> np.ndarray:
    return np.random.default_rng(seed).laplace(size=(count, len(scales))) * scales


def test_a_density_is_the_product_of_scipys_laws() -> None:
    rng = np.random.default_rng(1)
    density = IndependentDensity(
        matrix=rng.normal(size=(4, 4)), scales=rng.uniform(0.5, 3, 4), exponents=np.array([0.5, 1.0, 1.5, 2.0])
    )
    x = rng.normal(size=(50, 4))
    laws = stats.gennorm.logpdf(x @ density.matrix.T, density.exponents, scale=density.scales).sum(axis=1)
    assert_allclose(density.log_likelihood(x), laws + np.log(abs(np.linalg.det(density.matrix))), rtol=1e-12)


def test_a_density_has_mass_one() -> None:
    density = IndependentDensity(
        matrix=np.array([[1.0, 0.5], [-0.3, 2.0]]), scales=np.array([1.0, 0.7]), exponents=np.array([1.0, 1.6])
    )
    edge = np.linspace(-30, 30, 2401)
    grid = np.stack(np.meshgrid(edge, edge), axis=-1).reshape(-1, 2)
    # The cusp of Laplace's law costs the sum of boxes of 1/40 about one part in 10⁴.
    assert np.exp(density.log_likelihood(grid)).sum() * (edge[1] - edge[0]) ** 2 == pytest.approx(1, abs=1e-3)


def test_laplace_scales_are_those_of_largest_likelihood() -> None:
    x = laplace(2, 4000, np.array([1.0, 5.0, 0.2]))
    fitted = fit_laplace(x, noise_variance=1e-9)
    expected = sum(stats.laplace.logpdf(x[:, i], *stats.laplace.fit(x[:, i], floc=0)) for i in range(3))
    assert_allclose(fitted.log_likelihood(x), expected, rtol=1e-9)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_marginals_find_their_exponent(exponent: float) -> None:
    x = stats.gennorm.rvs(exponent, scale=3.0, size=(40_000, 2), random_state=3)
    scales, exponents = fit_marginals(x, np.full(2, 1e-9))
    # Neighbouring exponents differ by 3.5 %; the standard error at 40 000 is below 2 %, and scales follow exponents.
    assert_allclose(exponents, exponent, rtol=0.08)
    assert_allclose(scales, 3.0, rtol=0.2)
    assert set(exponents) <= set(EXPONENTS)


def test_ica_finds_mixed_sources() -> None:
    rng = np.random.default_rng(4)
    mixing = rng.normal(size=(6, 6)) + 2 * np.eye(6)
    scales = np.array([1.0, 2.0, 0.5, 3.0, 1.5, 0.8])
    train, test = (laplace(seed, 30_000, scales) @ mixing.T for seed in (5, 6))
    truth = IndependentDensity(matrix=np.linalg.inv(mixing), scales=scales, exponents=np.ones(6))
    fitted = fit_ica(train, rng=rng, noise_variance=1e-9)
    gap = truth.log_likelihood(test).mean() - fitted.log_likelihood(test).mean()
    # The true density is the best there is; 48 parameters fitted on 30 000 vectors lose about 48 / 60 000 nats.
    assert -0.001 < gap < 0.01
    # One source per component: each row of W A holds one number.
    shares = np.abs(fitted.matrix @ mixing)
    assert (shares.max(axis=1) / shares.sum(axis=1)).min() > 0.9


def test_ica_of_gaussians_is_the_gaussian() -> None:
    x = np.random.default_rng(7).normal(size=(20_000, 3)) @ np.array([[2, 0, 0], [1, 1, 0], [0.5, 0.3, 0.4]])
    gaussian = prior.GaussianMixture.from_covariances([1.0], (x.T @ x / len(x))[None])
    fitted = fit_ica(x, rng=np.random.default_rng(8), noise_variance=1e-9)
    assert fitted.log_likelihood(x).mean() == pytest.approx(gaussian.log_likelihood(x).mean(), abs=0.002)


def test_our_ica_is_as_likely_as_scikit_learns() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    luma = images.luma(images.bundled("astronaut"))
    view = prior.View("patch4")
    rng = np.random.default_rng(9)
    x = view.vectors(luma, rng.integers(500, size=8000), rng.integers(500, size=8000))
    ours = fit_ica(x, rng=rng, noise_variance=NOISE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not settled is no matter here
        peer = decomposition.FastICA(whiten="unit-variance", random_state=0).fit(x)
    scales, exponents = fit_marginals(x @ peer.components_.T, np.full(15, 1e-9))
    theirs = IndependentDensity(matrix=peer.components_, scales=scales, exponents=exponents)
    # Fixed points differ from start to start.
    assert ours.log_likelihood(x).mean() > theirs.log_likelihood(x).mean() - 0.2


def test_constant_patches_are_finite_under_every_model() -> None:
    vectors = np.zeros((500, VIEW.dimension))
    found = {
        (kind, model.known): model.log_density(vectors[:3], np.zeros((3, RASTER.dimension)))
        for kind in ("mixture", "DCT-Laplace", "ICA", "joint mixture")
        for model in fit_models(kind, 2, vectors, seed=0, epochs=2, sklearn_patches=10)
    }
    assert len(found) == 6
    assert all(np.isfinite(values).all() for values in found.values())
    # Nothing is narrower than the noise of rounding: these are the laws of its variance at their centre.
    gaussian, narrowest = stats.norm.logpdf(0, scale=NOISE**0.5), stats.laplace.logpdf(0, scale=(NOISE / 2) ** 0.5)
    assert_allclose(found["DCT-Laplace", "nothing"], 63 * narrowest)
    # Twice the noise where the pooled covariance, which has it already, is shrunk to.
    for kind in ("mixture", "joint mixture"):
        assert (found[kind, "nothing"] <= 63 * gaussian + 1e-6).all()
        assert (found[kind, "nothing"] >= 63 * (gaussian - np.log(2))).all()


def test_heavy_tails_are_told_from_gaussians() -> None:
    """Patches with a hidden contrast: a mixture finds it, independent components find less, one Gaussian nothing."""
    rng = np.random.default_rng(10)

    def draw(count: int) -> np.ndarray:
        shape = np.geomspace(30, 3, VIEW.dimension)
        return rng.normal(size=(count, VIEW.dimension)) * shape * rng.choice([0.1, 1.0, 3.0], size=(count, 1))

    train, test = draw(6000), draw(2000)
    options = {"seed": 0, "epochs": 6, "sklearn_patches": 1000}
    nats = {
        (kind, k): fit_models(kind, k, train, **options)[0].log_density(test, test[:, :0]).mean()
        for kind, k in (("mixture", 1), ("mixture", 4), ("DCT-Laplace", 0))
    }
    assert nats["mixture", 1] + 5 < nats["DCT-Laplace", 0] < nats["mixture", 4] - 5


def test_all_models_are_densities_of_the_same_variable() -> None:
    """One Gaussian, its joint form and scikit-learn agree where they are the same law."""
    rng = np.random.default_rng(11)
    vectors = rng.normal(size=(4000, VIEW.dimension)) * np.geomspace(20, 2, VIEW.dimension)
    options = {"seed": 0, "epochs": 2, "sklearn_patches": 4000}
    (alone,) = fit_models("mixture", 1, vectors, **options)
    nothing, _, whole = fit_models("joint mixture", 1, vectors, **options)
    raster = np.zeros((len(vectors), RASTER.dimension))
    expected = alone.log_density(vectors, raster).mean()
    # Shrinkage of 63 or 96 pseudo-vectors in 4000 moves the covariance a little.
    assert nothing.log_density(vectors, raster).mean() == pytest.approx(expected, abs=0.1)
    # The ring is independent of the block here; 32 × 63 fitted weights gain half a nat per 4000 vectors each.
    assert whole.log_density(vectors, raster).mean() == pytest.approx(expected, abs=0.6)
    pytest.importorskip("sklearn")
    (peer,) = fit_models("scikit-learn", 1, vectors, **options)
    assert peer.log_density(vectors, raster).mean() == pytest.approx(expected, abs=0.1)


def test_the_table_is_the_prior_s_own_likelihood() -> None:
    """Nats per patch are those of `Prior.log_likelihood`: luma / 255, 63 dimensions."""
    params = dataclasses.replace(likelihood.TINY, components=(4,))
    (tested, fitted) = params.folds()[0]
    _, vectors = likelihood._fit_vectors(fitted, params)
    *_, mixture = prior.fit_mixture(
        vectors[:, LEVEL + 1 :], 4, rng=np.random.default_rng([0, 4]), noise_variance=NOISE, epochs=params.epochs
    )
    provenance = {"inputs": [], "recipe": prior.Recipe().to_json()}
    kept = prior.Prior.assemble(operators={}, mixtures={"patch8": mixture}, provenance=provenance)
    whole, _ = likelihood._vectors(tested[0], params.patches_per_picture, params.seed)
    # A block's pixels from its 64 coefficients, whatever their level.
    pixels = (whole @ VIEW.synthesis.T)[:, -64:] / 255 + 0.3
    row = next(row for row in likelihood.run(params) if row.image == tested[0].name and row.model == "mixture")
    # The prior's file holds factors as 16-bit numbers.
    assert kept.log_likelihood(pixels).mean() == pytest.approx(row.nats_per_patch, abs=0.05)


def test_who_knows_more_of_the_ring_is_never_worse_on_what_the_model_draws() -> None:
    """E ln p(x | z) rises with what z holds: an identity of the law itself, whatever photographs do."""
    rng = np.random.default_rng(12)
    halves = rng.normal(size=(3, VIEW.dimension, VIEW.dimension)) * np.array([5.0, 10.0, 40.0])[:, None, None]
    truth = prior.JointMixture(VIEW, prior.GaussianMixture.from_covariances([0.5, 0.3, 0.2], halves @ halves.mT))
    whole = truth.mixture.sample(3000, rng)
    pixels = [*range(3 * VIEW.size + 1), *range(4 * VIEW.size + 1, 4 * VIEW.size + 1 + VIEW.size**2)]
    raster = whole @ (RASTER.analysis @ VIEW.synthesis[pixels]).T
    nothing, some, most = (model.log_density(whole, raster) for model in joint_models("joint mixture", truth))
    for less, more in ((nothing, some), (some, most)):
        gain = more - less
        assert gain.mean() > 4 * gain.std() / np.sqrt(len(gain))


@pytest.mark.slow
def test_neighbours_and_more_classes_make_photographs_likelier() -> None:
    params = likelihood.Params(
        box_mean=2, components=(1, 8), joint_components=8, fit_patches=6000, patches_per_picture=200, epochs=4
    )
    rows = likelihood.run(params)
    nats = {key: values.mean() for key, values in likelihood._by_model(rows).items()}
    assert nats["mixture", 1, "nothing"] + 10 < nats["mixture", 8, "nothing"]
    assert nats["mixture", 1, "nothing"] + 10 < nats["ICA", 0, "nothing"]
    assert nats["joint mixture", 8, "nothing"] + 1 < nats["joint mixture", 8, "raster ring"]
    assert {row.fitted_on for row in rows} == {2}


def test_no_picture_is_tested_under_a_model_that_saw_it(tmp_path: Path) -> None:
    for k in range(3):
        images.save(images.bundled("coffee")[60 * k : 60 * k + 40, 100:140], tmp_path / f"{k}.png")
    for images_, fit_on in (((), ()), ((str(tmp_path),), ()), ((str(tmp_path / "0.png"),), (str(tmp_path),))):
        params = dataclasses.replace(likelihood.TINY, box_mean=1, images=images_, fit_on=fit_on)
        for tested, fitted in params.folds():
            assert not {picture.sha256 for picture in tested} & {picture.sha256 for picture in fitted}
    assert [picture.name for _, fitted in params.folds() for picture in fitted] == ["1", "2"]
    alone = dataclasses.replace(params, fit_on=(str(tmp_path / "0.png"),))
    with pytest.raises(ValueError, match="fit_on must hold a picture that images does not"):
        alone.folds()
    with pytest.raises(ValueError, match="only must be part of the path of a picture, but only='nosuch'"):
        dataclasses.replace(params, only="nosuch").gather()
    assert {p.name for p in dataclasses.replace(params, only="0").inputs().pictures} == {"0", "1", "2"}


def test_jpeg_files_are_averaged_and_others_are_not(tmp_path: Path) -> None:
    pixels = images.bundled("coffee")[:80, :80]
    images.save(pixels, tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(images.jpeg_round_trip(pixels, quality=95).file)
    params = dataclasses.replace(likelihood.TINY, box_mean=1, images=(str(tmp_path),))
    assert {picture.name: picture.box_mean for picture in params.gather().pictures} == {"a": 1, "b": 2}


def test_lists_name_pictures_and_their_entries(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "set").mkdir()
    for k in range(3):
        images.save(images.bundled("coffee")[60 * k : 60 * k + 40, 100:140], tmp_path / "set" / f"{k}.png")
    (tmp_path / "splits.json").write_text(json.dumps({"fit": {"A": ["set/0.png"], "B": ["set/1.png"]}}))
    monkeypatch.setenv("QIMG_DATA", str(tmp_path))
    assert [picture.name for picture in gather(["splits.json#fit"]).pictures] == ["0", "1"]
    assert [picture.name for picture in gather([f"{tmp_path}/splits.json#fit/B", "set"]).pictures] == ["1", "0", "2"]
    with pytest.raises(images.ImageError, match="has no entry 'C'; it holds A, B"):
        gather(["splits.json#fit/C"])


def test_a_missing_scikit_learn_matters_only_where_it_is_asked_for(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.mixture", None)
    assert len(likelihood.run(likelihood.TINY)) == 4 * 7
    with pytest.raises(ModuleNotFoundError, match=r"sklearn_components needs the package scikit-learn \(extra `peers`"):
        likelihood.run(dataclasses.replace(likelihood.TINY, sklearn_components=(2,)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"components": ()}, "components must hold at least one value"),
        ({"components": (0,)}, "components must be an integer of at least 1, but components=0"),
        ({"joint_components": 0}, "joint_components must be an integer of at least 1"),
        ({"sklearn_components": (0,)}, "sklearn_components must be an integer of at least 1"),
        ({"fit_patches": 0}, "fit_patches must be an integer of at least 1"),
        ({"patches_per_picture": 0}, "patches_per_picture must be an integer of at least 1"),
        ({"jpeg_box_mean": 0}, "jpeg_box_mean must be an integer of at least 1"),
        ({"epochs": 0}, "epochs must be an integer of at least 1"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
    ],
)
def test_bad_parameters_are_named(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        likelihood.run(dataclasses.replace(likelihood.TINY, **change))
