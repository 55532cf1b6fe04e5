"""A prior as tables, pictures and a page, and two priors side by side."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.testing import assert_allclose, assert_array_equal

from qimg import images, metrics, prior, report
from qimg.core import Array
from qimg.operators import CorrelationOperator
from qimg.prior import GaussianMixture, JointMixture, Prior, Recipe, View
from qimg.prior import report as pages
from qimg.prior.report.comparison import relative_entropy
from qimg.prior.report.edges import most_oriented
from qimg.prior.report.figures import as_one_class, by_weight
from qimg.prior.report.orientation import nearest_cosine
from qimg.transforms import ac_block, basis

RECIPE = Recipe(mixtures={"patch8": 4, "luma8": 3, "colour8": 2}, rounds=2, windows=200, colour=True)
BUNDLED = ("astronaut", "chelsea", "coffee")


def pictures() -> list[Array]:
    return [images.box_mean(images.bundled(name), 4) for name in BUNDLED]


@pytest.fixture(scope="session")
def small() -> Prior:
    """A prior of three photographs, fitted in a second."""
    return prior.fit(pictures(), RECIPE)


@pytest.fixture(scope="session")
def plain() -> Prior:
    """Operators alone, of luma alone, of two of the three photographs."""
    return prior.fit(pictures()[:2], Recipe(mixtures={}))


@pytest.fixture(scope="session")
def tables(small: Prior) -> dict[str, report.Table]:
    """By the first word of their captions, and the view for the tables of classes."""
    found = pages.prior_tables(small, name="small")
    return {re.sub(r"^Classes of (\w+),.*", r"\1", table.caption).split(",")[0]: table for table in found}


@pytest.fixture
def ax() -> Iterator[Axes]:
    axes = plt.subplots()[1]
    yield axes
    plt.close("all")


def row_of(table: report.Table, key: object) -> dict[str, object]:
    (row,) = (row for row in table.rows if row[0] == key)
    return dict(zip(table.columns, row, strict=True))


def test_tables_say_what_and_from_what(small: Prior, tables: dict[str, report.Table]) -> None:
    assert list(tables) == ["small", "Pictures", "Operators", "Mixtures", "colour8", "luma8", "patch8"]
    facts = dict(tables["small"].rows)
    assert facts["SHA-256"] == small.sha256
    assert facts["pictures"] == 3
    assert facts["patches of the operators"] == "8×8 pixels, side by side"
    assert facts["mixtures"] == "colour8: 2, luma8: 3, patch8: 4"
    assert facts["colour"] == "yes"
    pixels = sum(picture.shape[0] * picture.shape[1] for picture in pictures())
    assert tables["Pictures"].rows == [["arrays", 3, pixels / 1e6]]
    likelihood = small.provenance["log_likelihood"]["luma8"]
    assert list(row_of(tables["Mixtures"], "luma8").values()) == [
        "luma8",
        3,
        96,
        small.provenance["vectors"]["luma8"],
        likelihood[0],
        likelihood[-1],
    ]


def test_operator_table_measures_the_operators(small: Prior, tables: dict[str, report.Table]) -> None:
    patches = np.concatenate(
        [
            (luma[: h // 8 * 8, : w // 8 * 8].reshape(h // 8, 8, w // 8, 8).swapaxes(1, 2).reshape(-1, 64)) - 128
            for luma in map(images.luma, pictures())
            for h, w in [luma.shape]
        ]
    )
    row = row_of(tables["Operators"], "luma arrays@1")
    assert row["patches"] == len(patches)
    # The prior rounds planes to sixteenths of a code value.
    assert_allclose(float(str(row["energy (tr M / patch)"])), (patches**2).sum(axis=1).mean(), rtol=1e-3)
    values = np.linalg.svd(patches, compute_uv=False) ** 2
    shares = values / values.sum()
    entropy = -(shares * np.log2(shares)).sum()
    assert_allclose(float(str(row["entropy of ρ (bit)"])), entropy, rtol=1e-3)
    assert_allclose(float(str(row["effective rank"])), 2**entropy, rtol=1e-2)


@pytest.mark.parametrize("view", ["patch8", "luma8", "colour8"])
def test_class_table_holds_energy_rank_and_gain(small: Prior, tables: dict[str, report.Table], view: str) -> None:
    model = small.mixtures[view]
    weights = [row[1] for row in tables[view].rows]
    assert weights == sorted(model.mixture.weights, reverse=True)
    for k in range(model.classes):
        row = list(row_of(tables[view], k).values())
        residual = model.residual_covariance(k)
        values = np.linalg.eigvalsh(residual)[::-1]
        needed = int((np.cumsum(values) < 0.9 * values.sum()).sum()) + 1
        # The block's pixels about the level of the window: S C Sᵀ.
        covariance = model.view.synthesis @ model.mixture.covariances[k] @ model.view.synthesis.T
        width = len(model.view.ring) + 64
        block = np.arange(model.view.planes * width) % width >= len(model.view.ring)
        energy = np.diagonal(covariance)[block].mean()
        assert_allclose(row[1:3], [model.mixture.weights[k], energy], rtol=1e-9)
        assert row[3] == needed
        if view == "patch8":
            assert len(row) == 4
        else:
            left = np.diagonal(residual).mean()
            assert_allclose(row[4:], [left, 10 * np.log10(energy / left)], rtol=1e-9)
            assert left < energy


def test_long_lists_are_cut_and_skipped_files_are_named(small: Prior) -> None:
    many = 30
    dimension = View("patch4").dimension
    covariances = np.eye(dimension) * np.arange(1.0, many + 1)[:, None, None]
    recipe = Recipe(mixtures={"patch4": many}, size=4).to_json()
    provenance = {
        "recipe": recipe,
        "inputs": [{"name": f"{k}.png", "group": "g", "sha256": f"{k:064x}", "shape": [8, 8]} for k in range(many)],
        "skipped": [{"name": f"bad{k}.png", "skipped": f"somewhere/bad{k}.png: is no image"} for k in range(many)],
    }
    mixture = GaussianMixture.from_covariances(np.full(many, 1 / many), covariances)
    made = Prior.assemble(operators={}, mixtures={"patch4": mixture}, provenance=provenance)
    found = pages.prior_tables(made, name="made")
    assert len(found[-2].rows) == 12
    assert "18 more rows are left out here" in found[-2].caption
    assert found[-1].rows[0] == ["bad0.png", "is no image"]
    assert "18 more rows" in found[-1].caption
    assert len(pages.class_table(made.mixtures["patch4"]).rows) == many
    page = report.render(pages.prior_page(made, name="made"))
    assert "bad11.png" in page
    assert "bad12.png" not in page
    assert "somewhere" not in page


@pytest.mark.slow
def test_page_needs_no_network_and_shows_every_part(small: Prior) -> None:
    page = pages.prior_page(small, name="a <prior>")
    titles = [section.title for section in page.sections]
    mixtures = ["Mixture colour8", "Mixture luma8", "Mixture patch8"]
    assert titles == ["Provenance", "Operators", *mixtures, "From frequencies to edges"]
    assert [len(section.figures) for section in page.sections] == [0, 2, 3, 3, 2, 2]
    before = plt.get_fignums()
    document = report.render(page)
    assert plt.get_fignums() == before
    without_names = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", document)
    assert re.findall(r"\w+://[^\s\"'<]*", without_names) == []
    assert document.count("<svg") == 2 * 12  # light and dark
    assert small.sha256 in document
    assert "a &lt;prior&gt;" in document
    assert len(document) < 6e6


def test_page_and_tables_of_operators_alone(plain: Prior) -> None:
    captions = [table.caption.split(",")[0] for table in pages.prior_tables(plain, name="plain")]
    assert captions == ["plain", "Pictures", "Operators"]
    page = pages.prior_page(plain, name="plain")
    assert [section.title for section in page.sections] == ["Provenance", "Operators"]
    registers = page.sections[1].tables[1]
    (row,) = registers.rows
    assert row[:2] == ["luma, scale 1", "row and column"]
    rho = plain.operators["luma arrays@1"].density_matrix().reshape(8, 8, 8, 8)

    def entropy(state: Array) -> float:
        values = np.clip(np.linalg.eigvalsh(state), 1e-300, None)
        return float(-(values * np.log2(values)).sum())

    parts = [np.einsum("ijkj->ik", rho), np.einsum("ijil->jl", rho), rho.reshape(64, 64)]
    entropies = [entropy(part) for part in parts]
    assert_allclose(row[2], entropies[0] + entropies[1] - entropies[2], atol=1e-9)
    assert "<svg" in report.render(page)


def test_operators_of_jpeg_settings_are_listed_and_compared() -> None:
    recipe = Recipe(mixtures={}, colour=True, jpeg_qualities=(10, 50), scales=(1,))
    made = prior.fit(pictures()[:1], recipe)
    names = [f"jpeg {quality} 4:2:0 arrays@1" for quality in (10, 50)]
    listed = pages.prior_tables(made, name="made")[2]
    assert [row[2] for row in listed.rows if row[0] in names] == [384, 384]
    page = pages.prior_page(made, name="made")
    assert len(page.sections[1].figures) == 2
    found = compared(made, made)
    assert [row[0] for row in found["Density matrices"].rows] == ["luma arrays@1", "colour arrays@1", *names]
    assert [row[0] for row in found["Excess code length"].rows] == ["luma arrays@1", "colour arrays@1"]


def test_black_pictures_have_no_spectrum_but_a_page() -> None:
    middle = prior.fit([np.full((16, 16), 128, np.uint8)], Recipe(mixtures={}, scales=(1,)))
    (row,) = pages.prior_tables(middle, name="gray")[2].rows
    assert row[1:4] == [4, 64, 0.0]
    assert np.isnan(row[4])
    assert "–" in report.render(pages.prior_page(middle, name="gray"))
    compared = pages.compare_priors(middle, middle, names=("a", "b"), rng=np.random.default_rng(0))
    assert len(compared) == 1


PLOTS: dict[str, Callable[[Prior, Axes | None], Axes]] = {
    "eigen_patches": lambda p, ax: pages.plot_class_eigen_patches(p.mixtures["luma8"], classes=[2, 0], count=3, ax=ax),
    "colour": lambda p, ax: pages.plot_class_eigen_patches(p.mixtures["colour8"], classes=[0, 1], count=4, ax=ax),
    "spectra": lambda p, ax: pages.plot_class_spectra(p.mixtures["patch8"], ax=ax),
    "predictors": lambda p, ax: pages.plot_predictors(p.mixtures["colour8"], classes=[1], plane=2, ax=ax),
    "edge_filters": lambda p, ax: pages.plot_edge_filters(p.mixtures["patch8"], classes=[0, 3], ax=ax),
    "orientations": lambda p, ax: pages.plot_orientations(
        {"a": pages.patch_orientation(np.eye(4)[None]), "b": pages.patch_orientation(np.eye(4)[None])},
        ax=ax,
    ),
}


@pytest.mark.parametrize("name", PLOTS)
def test_plots_draw_on_the_given_axes_or_open_one_figure(small: Prior, ax: Axes, name: str) -> None:
    before = plt.get_fignums()
    assert PLOTS[name](small, ax) is ax
    assert plt.get_fignums() == before
    assert ax.has_data()
    assert PLOTS[name](small, None) is not ax
    assert len(plt.get_fignums()) == len(before) + 1


@pytest.mark.parametrize("theme", [report.LIGHT, report.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", PLOTS)
def test_plots_are_drawn_in_both_themes(small: Prior, name: str, theme: dict[str, object]) -> None:
    svg = report.draw_svg(lambda: PLOTS[name](small, None).figure, theme)
    assert f"fill: {theme['figure.facecolor']}" in svg


def test_eigen_patches_stand_in_rows_of_classes(small: Prior, ax: Axes) -> None:
    model = small.mixtures["luma8"]
    pages.plot_class_eigen_patches(model, classes=[2, 0], count=3, ax=ax)
    board = np.asarray(ax.images[0].get_array())
    assert board.shape == (17, 26, 4)
    patch = model.basis(0)[:, 2].reshape(8, 8)
    assert_array_equal(board[9:, 18:, 0], np.rint(128 + 127 * patch / np.abs(patch).max()).astype(np.uint8))
    weights = model.mixture.weights
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        f"class {k}: {100 * weights[k]:.1f} %" for k in (2, 0)
    ]


def test_spectra_are_those_of_all_classes_and_of_one(small: Prior, ax: Axes) -> None:
    model = small.mixtures["patch8"]
    pages.plot_class_spectra(model, ax=ax)
    assert len(ax.lines) == model.classes + 1
    for k in range(model.classes):
        assert_allclose(ax.lines[k].get_ydata(), model.spectrum(k)[:63])
    whole = np.linalg.eigvalsh(model.mixture.covariance())[::-1]
    assert_allclose(ax.lines[-1].get_ydata(), whole, rtol=1e-9)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["4 classes", "one operator for all"]


def test_predictors_are_painted_where_the_pixels_lie(small: Prior, ax: Axes) -> None:
    model = small.mixtures["colour8"]
    plane, pixel, impulse = 1, 9, 20
    pages.plot_predictors(model, classes=[1], pixels=[pixel], impulses=[impulse], plane=plane, ax=ax)
    shown = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert shown.shape == (17, 17 + 2 + 17)
    own = model.predictor(1)[plane * 64 : (plane + 1) * 64, plane * 33 : (plane + 1) * 33]
    scale = max(1.0, np.abs(own[pixel]).max(), np.abs(own[:, impulse]).max())
    root = np.sign(own) * np.sqrt(np.abs(own) / scale)
    for (row, column), weight in zip(model.view.ring, root[pixel], strict=True):
        assert_allclose(shown[row + 1, column + 1], weight)
    assert np.isnan(shown[1:9, 1:9]).all()
    assert_allclose(shown[1:9, 20:28], root[:, impulse].reshape(8, 8))
    row, column = model.view.ring[impulse]
    assert_allclose(shown[row + 1, 19 + column + 1], 1 / np.sqrt(scale))
    assert np.isfinite(shown[:, 19:]).sum() == 64 + 1
    assert [label.get_text() for label in ax.get_xticklabels()] == ["block pixel\n(1, 1)", f"ring pixel\n({row}, −1)"]


def test_constant_rings_predict_their_own_level(small: Prior, ax: Axes) -> None:
    """The weights that are painted for a pixel sum to 1."""
    pages.plot_predictors(small.mixtures["luma8"], classes=[0], pixels=[27], impulses=[], ax=ax)
    image = ax.images[0]
    shown = np.ma.compressed(image.get_array())
    assert len(shown) == 33
    assert image.colorbar is not None
    own = small.mixtures["luma8"].predictor(0)[27]
    assert_allclose((np.sign(shown) * shown**2).sum() * np.abs(own).max(), 1.0, atol=1e-9)


@pytest.mark.parametrize("name", ["ramp", "noise"])
def test_orientation_turns_with_the_patch(rng: np.random.Generator, name: str) -> None:
    patch = np.add.outer(-np.arange(8.0), np.arange(8.0)) if name == "ramp" else rng.normal(size=(8, 8))
    one = pages.patch_orientation(patch)
    if name == "ramp":
        # Brighter to the right and upwards: edges run from the upper left to the lower right.
        assert_allclose([one.degrees, one.coherence], [135.0, 1.0])
    turned = pages.patch_orientation(np.rot90(patch))  # counter-clockwise
    mirrored = pages.patch_orientation(patch[:, ::-1])
    assert_allclose([turned.degrees, turned.coherence], [(one.degrees + 90) % 180, one.coherence])
    assert_allclose([mirrored.degrees, mirrored.coherence], [180 - one.degrees, one.coherence])
    other = pages.patch_orientation(-7 * patch + 100)
    assert_allclose([other.degrees, other.coherence], [one.degrees, one.coherence])


def test_orientation_of_batches_waves_and_nothing() -> None:
    cosines = basis("dct_2d", 64).T.reshape(64, 8, 8)
    found = pages.patch_orientation(cosines)
    assert found.degrees.shape == (64,)
    assert_allclose(found.coherence[0], 0.0)
    # Waves along one axis are perfectly oriented; those with equal frequencies along both not at all.
    assert_allclose(found.coherence[[1, 7, 8, 56]], 1.0)
    assert_allclose(found.degrees[[1, 7]], 90.0)
    assert_allclose(found.degrees[[8, 56]] % 180, 0.0)
    assert_allclose(found.coherence[[9, 18, 63]], 0.0, atol=1e-12)
    alone = pages.patch_orientation(cosines[11])
    assert_allclose([alone.degrees, alone.coherence], [found.degrees[11], found.coherence[11]])


def test_nearest_cosine_finds_the_cosine() -> None:
    cosines = basis("dct_2d", 16)
    index, overlap = nearest_cosine(np.stack([-3 * cosines[:, 6], cosines[:, 1] + 0.5 * cosines[:, 4]]))
    assert_array_equal(index, [6, 1])
    assert_allclose(overlap, [-1.0, 1 / np.sqrt(1.25)])


def test_edges_of_classes_are_found() -> None:
    """Two classes of stripes, one along each diagonal: their sum has lost the direction, the classes have not."""
    view = View("patch8")
    i, j = np.mgrid[:8, :8]
    waves = [np.cos(0.6 * (i + sign * j - 3.5 * (1 + sign))).reshape(1, 64) @ view.analysis.T for sign in (1, -1)]
    covariances = [1000 * wave.T @ wave + np.eye(63) for wave in waves]
    model = JointMixture(view, GaussianMixture.from_covariances([0.5, 0.5], covariances))
    assert sorted(most_oriented(model)) == [0, 1]
    found = pages.mean_orientation([model.residual_covariance(k) for k in range(2)])
    # Brightness is constant along i + j = const: those stripes run up to the right.
    assert_allclose(found.degrees, [45.0, 135.0], atol=1.0)
    assert found.coherence.min() > 0.9
    single = as_one_class(model)
    assert pages.mean_orientation(single.residual_covariance(0)).coherence < 1e-6
    # cos(a + b) cos(a + b)ᵀ + cos(a − b) cos(a − b)ᵀ has the eigenvectors cos a cos b and sin a sin b.
    assert pages.patch_orientation(single.basis(0)[:, :2].T.reshape(2, 8, 8)).coherence.max() < 1e-6


def test_mean_orientation_is_that_of_the_mean_structure_tensor(rng: np.random.Generator) -> None:
    patches = rng.normal(size=(3, 5, 6, 6)).cumsum(axis=-1)
    flat = patches.reshape(3, 5, 36)
    found = pages.mean_orientation(np.swapaxes(flat, 1, 2) @ flat)
    each = pages.patch_orientation(patches)
    one = pages.mean_orientation(flat[0, 0, :, None] * flat[0, 0])
    assert_allclose([one.degrees, one.coherence], [each.degrees[0, 0], each.coherence[0, 0]])
    # Double angles add as vectors, each as long as the energy of its patch's gradients times the coherence.
    across, down = np.diff(patches, axis=-1), np.diff(patches, axis=-2)
    right, up = across[..., 1:, :] + across[..., :-1, :], down[..., 1:] + down[..., :-1]
    energy = (right**2 + up**2).sum(axis=(-2, -1))
    total = (energy * each.coherence * np.exp(2j * np.radians(each.degrees))).sum(axis=1) / energy.sum(axis=1)
    assert_allclose(found.coherence, np.abs(total))
    assert_allclose(found.degrees, np.degrees(np.angle(total)) / 2 % 180)


def test_bars_sum_to_the_mean_coherence(ax: Axes, rng: np.random.Generator) -> None:
    found = pages.patch_orientation(rng.normal(size=(20, 8, 8)))
    pages.plot_orientations({"noise": found}, ax=ax)
    assert_allclose(sum(bar.get_height() for bar in ax.patches), found.coherence.mean())


def compared(a: Prior, b: Prior, **options: int) -> dict[str, report.Table]:
    found = pages.compare_priors(a, b, names=("a", "b"), rng=np.random.default_rng(1), **options)
    return {table.caption.split(",")[0].split(";")[0].split(":")[0].split(" in bit")[0]: table for table in found}


def test_a_prior_is_no_distance_from_itself(small: Prior) -> None:
    found = compared(small, small, samples=50)
    assert list(found) == ["a and b", "Density matrices", "Excess code length", "Mixtures"]
    assert row_of(found["a and b"], "pictures in common") == {"property": "pictures in common", "a": 3, "b": 3}
    states = found["Density matrices"]
    names = [row[0] for row in states.rows]
    assert sorted(names) == sorted(small.operators)
    assert names[:2] == ["luma arrays@1", "luma arrays@2"]
    for row in states.rows:
        assert_allclose(row[1:3], [1.0, 0.0], atol=1e-6)
        assert row[3] == row[4]
        assert_allclose(row[5], 1.0)
    assert_allclose([row[1:] for row in found["Excess code length"].rows], 0.0, atol=1e-9)
    assert [row[:3] for row in found["Mixtures"].rows] == [["colour8", 2, 2], ["luma8", 3, 3], ["patch8", 4, 4]]
    assert_array_equal([row[3:] for row in found["Mixtures"].rows], 0.0)


def test_comparison_measures_what_both_hold(small: Prior, plain: Prior) -> None:
    found = compared(small, plain)
    assert list(found) == ["a and b", "Recipes", "Density matrices", "Excess code length"]
    assert row_of(found["a and b"], "pictures in common")["a"] == 2
    assert [row[0] for row in found["Recipes"].rows] == ["colour", "mixtures", "rounds", "windows"]
    name = "luma arrays@1"
    one, other = small.operators[name], plain.operators[name]
    row = row_of(found["Density matrices"], name)
    assert row["fidelity"] == float(metrics.fidelity(one.density_matrix(), other.density_matrix()))
    assert row["trace distance"] == float(metrics.trace_distance(one.density_matrix(), other.density_matrix()))
    row = row_of(found["Excess code length"], name)
    model, truth = (ac_block(each.matrix / each.count) for each in (one, other))
    for key, (p, q) in {"a on b": (model, truth), "b on a": (truth, model)}.items():
        assert_allclose(row[key], metrics.excess_code_length(p, q, noise_variance=1 / 12) / 64)
        scaled = p * np.trace(q) / np.trace(p)
        assert_allclose(row[f"{key}, traces equal"], metrics.excess_code_length(scaled, q, noise_variance=1 / 12) / 64)


def test_ac_moments_are_those_of_the_coefficients_without_dc(rng: np.random.Generator) -> None:
    planes = rng.uniform(0, 255, (40, 48, 3))
    operator = CorrelationOperator.from_planes(planes)
    patches = (planes - 128).reshape(5, 8, 6, 8, 3).transpose(0, 2, 4, 1, 3).reshape(30, 3, 64)
    coefficients = (patches @ basis("dct_2d", 64))[..., 1:].reshape(30, 189)
    assert_allclose(
        ac_block(operator.matrix / operator.count, planes=operator.dimension // 64),
        coefficients.T @ coefficients / 30,
        atol=1e-8,
    )


def test_groups_of_other_names_are_pooled(small: Prior) -> None:
    def renamed(name: str, group: str) -> str:
        return name.replace("arrays", group)

    def with_groups(*groups: str) -> Prior:
        operators = {renamed(name, group): one for name, one in small.operators.items() for group in groups}
        return Prior.assemble(operators=operators, mixtures={}, provenance=small.provenance)

    states = compared(with_groups("left", "right"), with_groups("right", "x@y z"))["Density matrices"]
    assert [row[0] for row in states.rows][:3] == ["luma all groups@1", "luma right@1", "luma all groups@2"]
    assert_allclose([row[1] for row in states.rows], 1.0, atol=1e-6)


def test_relative_entropy_is_within_its_error_of_the_closed_form(rng: np.random.Generator) -> None:
    """One Gaussian each: ½ [tr Q⁻¹P − d − ln det P/Q]."""
    p, q = np.diag([1.0, 4.0, 2.0]), np.diag([2.0, 3.0, 2.5])
    ratio = np.diagonal(p) / np.diagonal(q)
    exact = 0.5 * (ratio.sum() - 3 - np.log(ratio).sum())
    one, other = (GaussianMixture.from_covariances([1.0], matrix[None]) for matrix in (p, q))
    estimate, error = relative_entropy(one, other, 20000, rng)
    # ln p − ln q is ½ Σ (ratio − 1) χ² and a constant: variance ½ Σ (ratio − 1)².
    assert_allclose(error, np.sqrt(0.5 * ((ratio - 1) ** 2).sum() / 20000), rtol=0.05)
    assert abs(estimate - exact) < 4 * error


def test_comparison_is_the_same_for_the_same_seed(small: Prior) -> None:
    other = prior.fit(pictures()[:2], replace(RECIPE, seed=3))
    first, again = (compared(small, other, samples=200)["Mixtures"].rows for _ in range(2))
    assert first == again
    for row in first:
        assert row[3] > 0
        assert row[5] > 0


def test_weights_are_in_descending_order(small: Prior) -> None:
    model = small.mixtures["patch8"]
    assert (np.diff(model.mixture.weights[by_weight(model)]) <= 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda p: pages.compare_priors(
                p,
                prior.fit(pictures()[:1], Recipe(mixtures={}, size=4)),
                names=("first.prior", "second.prior"),
                rng=np.random.default_rng(0),
            ),
            "second.prior: was made for another patch shape: 4×4 pixels, where first.prior has 8×8",
        ),
        (
            lambda p: pages.compare_priors(p, p, names=("a", "b"), rng=np.random.default_rng(0), samples=1),
            "samples must be an integer of at least 2, but samples=1",
        ),
        (
            lambda p: pages.plot_class_eigen_patches(p.mixtures["patch8"], classes=[]),
            r"classes must name at least one class, but classes=\[\]",
        ),
        (
            lambda p: pages.plot_class_eigen_patches(p.mixtures["patch8"], classes=[4]),
            r"classes must be in \[0, 3\]",
        ),
        (
            lambda p: pages.plot_predictors(p.mixtures["patch8"], classes=[0]),
            "model must have a view with a ring, but model='patch8'",
        ),
        (
            lambda p: pages.plot_predictors(p.mixtures["luma8"], classes=[0], plane=1),
            r"plane must be in \[0, 0\]",
        ),
        (
            lambda p: pages.plot_predictors(p.mixtures["luma8"], classes=[0], pixels=[64]),
            r"pixels must be in \[0, 63\], but pixels=64",
        ),
        (
            lambda p: pages.plot_predictors(p.mixtures["luma8"], classes=[0], pixels=[], impulses=[]),
            "pixels and impulses must name at least one pixel",
        ),
        (
            lambda p: pages.plot_edge_filters(p.mixtures["colour8"], classes=[0]),
            "model must have a view with one plane, but model='colour8'",
        ),
        (lambda p: pages.patch_orientation(np.zeros((3, 4))), "patches must have shape"),
        (lambda p: pages.mean_orientation(np.eye(5)), "moments must have shape"),
        (lambda p: nearest_cosine(np.zeros(16)), "patches must not be zero"),
    ],
)
def test_arguments_are_checked(small: Prior, call: Callable[[Prior], object], message: str) -> None:
    before = plt.get_fignums()
    with pytest.raises(ValueError, match=message):
        call(small)
    assert plt.get_fignums() == before
