"""Pictures as tensor trains: sites hold the bits they say, demands are met, and padding costs nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from skimage import data

from qimg import images, metrics
from qimg import tensor_train as tt
from qimg.core import Array
from qimg.patches import morton_order
from qimg.states import amplitude_encode
from qimg.transforms import unitary

SHAPES = st.tuples(st.integers(1, 9), st.integers(2, 9)) | st.tuples(
    st.integers(2, 9), st.integers(1, 9), st.integers(1, 4)
)
ORDERS = st.sampled_from(["row_major", "morton", "quadtree"])


def random_picture(seed: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(seed).uniform(0, 255, shape)


@pytest.fixture(scope="module")
def photograph() -> Array:
    """Luma (128, 128) of a bundled picture, a power of two."""
    return images.luma(images.box_mean(images.bundled("astronaut"), 4))


@pytest.fixture(scope="module")
def odd_photograph() -> Array:
    """Luma (75, 112), which is padded to (128, 128)."""
    return images.luma(images.box_mean(images.bundled("chelsea"), 4))


@given(seed=st.integers(0, 99), shape=SHAPES, order=ORDERS, centre=st.booleans())
def test_exact_trains_of_any_size_go_back(seed: int, shape: tuple[int, ...], order: str, centre: bool) -> None:
    picture = random_picture(seed, shape)
    kept = picture.copy()
    train = tt.picture_train(picture, order=order, centre=centre)
    assert_allclose(train.picture(), picture, atol=1e-10)  # code values up to 255, sums over 1024 of them
    assert_array_equal(picture, kept)
    assert train.layout.shape == shape


@given(seed=st.integers(0, 99), shape=SHAPES, order=ORDERS)
def test_each_site_holds_the_bits_it_says(seed: int, shape: tuple[int, ...], order: str) -> None:
    """Component of the train with digit d at site s: the pixel whose index has the bits of d where `sites[s]` says."""
    plan = tt.layout(shape, order)
    padded = plan.pad(random_picture(seed, shape))
    planes = np.moveaxis(padded, -1, 0) if padded.ndim == 3 else padded[None]
    by_index = planes.reshape(-1)
    vector = plan.to_vector(padded).reshape(plan.dims)
    rng = np.random.default_rng(seed)
    for _ in range(8):
        digits = [int(rng.integers(levels)) for levels in plan.dims]
        index = 0
        for digit, site in zip(digits, plan.sites, strict=True):
            for position, bit in enumerate(reversed(site)):
                index |= ((digit >> position) & 1) << bit
        assert vector[tuple(digits)] == by_index[index]
    assert_array_equal(plan.crop(plan.to_padded(vector.reshape(-1))), plan.crop(padded))


def test_named_orders() -> None:
    assert tt.layout((4, 4), "row_major").sites == ((3,), (2,), (1,), (0,))
    assert tt.layout((4, 4), "morton").sites == ((3,), (1,), (2,), (0,))
    assert tt.layout((4, 4), "quadtree").sites == ((3, 1), (2, 0))
    # Where there are more columns than rows, the finest bits are paired and the coarse ones come first.
    assert tt.layout((3, 16), "quadtree").sites == ((3,), (2,), (5, 1), (4, 0))
    assert tt.layout((16, 16), "quadtree", levels=3).sites == ((7, 3), (6, 2, 5, 1, 4, 0))
    assert tt.layout((4, 4, 3), "quadtree").sites == ((5, 4), (3, 1), (2, 0))
    assert tt.layout((4, 4, 3), "quadtree").dims == (3, 4, 4)
    assert tt.layout((5, 300), "morton").qubits[:6] == (8, 7, 6, 5, 4, 3)
    assert tt.layout((4, 4, 1), "morton").dims == (2, 2, 2, 2)


def test_orders_are_those_of_patches() -> None:
    picture = random_picture(0, (8, 8))
    assert_array_equal(tt.layout((8, 8), "row_major").to_vector(picture), picture.reshape(-1))
    assert_array_equal(tt.layout((8, 8), "morton").to_vector(picture), picture.reshape(-1)[morton_order(8)])
    # The register of a picture train, bit k of a pixel's index being qubit k, is the amplitude encoding.
    train = tt.picture_train(picture, order="row_major")
    assert_allclose(tt.normalize(train.train).dense(), amplitude_encode(picture.reshape(-1)).amplitudes, atol=1e-14)


def test_truncation_at_bonds_matches_a_loop_of_svds(photograph: Array) -> None:
    """Plain TT-SVD in eight lines."""
    plan = tt.layout(photograph.shape, "morton")
    rest, left, cores = plan.to_vector(photograph), 1, []
    for _ in range(13):
        columns, values, rows = np.linalg.svd(rest.reshape(2 * left, -1), full_matrices=False)
        cores.append(columns[:, :16].reshape(left, 2, -1))
        rest, left = values[:16, None] * rows[:16], min(16, len(values))
    reference = plan.to_padded(tt.TensorTrain([*cores, rest.reshape(left, 2, 1)]).dense())
    train = tt.picture_train(photograph, order="morton", bond=16)
    assert_allclose(train.picture(), reference, atol=1e-6)  # Gram matrices see half of sixteen digits
    assert train.parameters == sum(core.size for core in cores) + rest.size


@pytest.mark.parametrize("order", ["row_major", "morton", "quadtree"])
def test_targets_are_met_with_few_numbers(photograph: Array, order: str) -> None:
    energy = float((photograph**2).sum())
    by_bond = tt.picture_train(photograph, order=order, bond=16)
    psnr = metrics.psnr_db(photograph, by_bond.picture(), data_range=255)
    by_psnr = tt.picture_train(photograph, order=order, psnr_db=psnr)
    assert metrics.psnr_db(photograph, by_psnr.picture(), data_range=255) >= psnr
    assert by_psnr.parameters < by_bond.parameters
    weight = float(((by_bond.picture() - photograph) ** 2).sum()) / energy
    by_weight = tt.picture_train(photograph, order=order, discarded_weight=weight, refinements=1)
    assert float(((by_weight.picture() - photograph) ** 2).sum()) / energy <= weight
    assert by_weight.parameters <= by_psnr.parameters
    by_budget = tt.picture_train(photograph, order=order, parameters=by_bond.parameters, refinements=2)
    assert by_budget.parameters <= by_bond.parameters
    assert metrics.psnr_db(photograph, by_budget.picture(), data_range=255) > psnr + 0.1


@pytest.mark.slow
def test_better_than_one_bond_at_the_same_count() -> None:
    """Camera 512×512, Morton order, bond 64: shared and fitted it gains in both counts, with gauge and without."""
    camera = data.camera().astype(float)
    plain = tt.picture_train(camera, order="morton", bond=64)
    assert plain.parameters == 60_072
    assert metrics.psnr_db(camera, plain.picture(), data_range=255) == pytest.approx(29.44, abs=0.01)
    shared = tt.picture_train(camera, order="morton", parameters=plain.parameters, refinements=1)
    assert shared.parameters <= plain.parameters
    assert shared.degrees_of_freedom <= plain.degrees_of_freedom
    assert metrics.psnr_db(camera, shared.picture(), data_range=255) > 29.44 + 0.8


def test_a_target_beyond_gram_matrices_is_met(photograph: Array) -> None:
    train = tt.picture_train(photograph, psnr_db=200.0)
    assert metrics.psnr_db(photograph, train.picture(), data_range=255) >= 200.0
    assert float(np.abs(tt.picture_train(photograph, discarded_weight=0.0).picture() - photograph).max()) < 1e-10


@pytest.mark.slow
def test_filling_what_is_padded_never_costs_and_mostly_gains(odd_photograph: Array) -> None:
    def error(**options: object) -> float:
        shown = tt.picture_train(odd_photograph, **options).picture()
        return float(((shown - odd_photograph) ** 2).mean())

    for demand in ({"bond": 12}, {"parameters": 1500}):
        unfilled = error(**demand, fillings=0)
        errors = [error(**demand, fillings=rounds) for rounds in (1, 3)]
        assert errors[1] <= errors[0] < unfilled
    few = [tt.picture_train(odd_photograph, psnr_db=28.0, fillings=rounds).parameters for rounds in (0, 2)]
    assert few[1] < few[0]
    # A picture of 96 columns is a part of one of 128 whose other columns nobody asks for.
    assert error(bond=12) < 1.02 * min(
        float(((tt.picture_train(odd_photograph, bond=12, order=order).picture() - odd_photograph) ** 2).mean())
        for order in ("row_major", "morton")
    )


def test_unitaries_on_one_site_change_no_schmidt_value(photograph: Array) -> None:
    plan = tt.layout(photograph.shape, "quadtree")
    vector = plan.to_vector(photograph)
    haar = unitary("haar_2d", 4)
    turned = (vector.reshape(-1, 4) @ haar.T).reshape(-1)
    for first, second in zip(
        *(tt.schmidt_values(tt.decompose(one, plan.dims).train) for one in (vector, turned)), strict=True
    ):
        assert_allclose(first, second, atol=1e-9 * first[0])


def test_colour_is_one_train_over_planes() -> None:
    picture = images.box_mean(images.bundled("astronaut"), 8).astype(float)
    train = tt.picture_train(picture, parameters=3000)
    assert train.train.dims == (3, 4, 4, 4, 4, 4, 4)
    apart = [tt.picture_train(picture[..., k], parameters=1000).picture() for k in range(3)]
    # The planes of a photograph are nearly one picture three times over.
    assert (
        metrics.psnr_db(picture, train.picture(), data_range=255)
        > metrics.psnr_db(picture, np.stack(apart, axis=-1), data_range=255) + 2
    )


def test_centring_stores_one_number_for_each_plane() -> None:
    picture = random_picture(0, (8, 8, 3)) + np.array([0.0, 100.0, 200.0])
    train = tt.picture_train(picture, centre=True, bond=2)
    assert_allclose(train.offset, picture.mean(axis=(0, 1)))
    assert train.parameters == train.train.parameters + 3
    assert train.degrees_of_freedom == train.train.degrees_of_freedom + 3
    budget = tt.picture_train(picture, centre=True, parameters=60)
    assert budget.parameters <= 60


def test_simple_pictures_have_small_bonds() -> None:
    rows, columns = np.mgrid[0:32, 0:32]
    assert tt.picture_train(np.full((32, 32), 7.0)).train.bonds == (1,) * 4
    assert max(tt.picture_train(3.0 * rows + 2.0 * columns + 5.0).train.bonds) == 2
    checkers = tt.picture_train(np.where((rows + columns) % 2, 255.0, 0.0), order="morton").train
    assert max(checkers.bonds) == 2
    # Half the weight of black and white squares is their mean; the rest needs one more vector at the finest cut.
    assert tt.entanglement_entropy(checkers)[-1] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("picture", "options", "message"),
    [
        (np.zeros((4, 4)), {}, r"picture must not be zero \(less its mean where centred\), but picture=0.0"),
        (np.full((4, 4), 9.0), {"centre": True}, "picture must not be zero"),
        (np.full((4, 4), np.nan), {}, "picture must be finite, but holds NaN or infinity"),
        (np.ones(4), {}, r"picture must have shape \(H, W\) or \(H, W, C\), but has shape \(4,\)"),
        (np.ones((1, 1)), {}, "shape must be .* of at least two pixels"),
        (np.ones((4, 4)) * 1j, {}, "picture must be real"),
        (
            np.ones((4, 4)),
            {"order": "hilbert"},
            "order must be one of morton, quadtree, row_major, but order='hilbert'",
        ),
        (np.ones((4, 4)), {"order": "morton", "levels": 2}, "levels has no effect on the order morton"),
        (np.ones((4, 4)), {"order": tt.layout((4, 4), "morton"), "levels": 2}, "levels has no effect on a Layout"),
        (np.ones((4, 4)), {"order": tt.layout((4, 8), "morton")}, r"picture must have shape \(4, 8\)"),
        (np.ones((4, 4)), {"psnr_db": 30.0, "parameters": 40}, "at most one of discarded_weight, parameters, psnr_db"),
        (np.ones((4, 4)), {"psnr_db": np.inf}, "psnr_db must be finite, but psnr_db=inf"),
        (np.ones((4, 4)), {"discarded_weight": -0.1}, r"discarded_weight must be in \[0, 1\)"),
        (np.ones((4, 4)), {"parameters": 7}, "parameters must be at least 8, the numbers at bonds of 1"),
        (np.ones((4, 4)), {"fillings": -1}, "fillings must be an integer of at least 0"),
        (np.ones((4, 4)), {"refinements": 1}, "refinements have no effect on an exact train"),
        (
            np.diag([255.0] * 4),
            {"psnr_db": 40.0, "bond": 1, "order": "row_major"},
            r"bond=1 cannot reach the target of 40.00 dB, .*: the train has 7.27 dB and loses 0.75",
        ),
    ],
)
def test_errors_name_argument_rule_and_value(picture, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        tt.picture_train(picture, **options)


@pytest.mark.parametrize(
    "sites", [((0,), (1,)), ((0, 1, 2), (3,), ()), ((4, 3), (5, 2), (1, 0)), ((0,), (0,), (2,), (3,))]
)
def test_a_layout_holds_every_bit_once(sites) -> None:
    shape = (4, 4, 3) if len(sites) == 3 and sites[2] else (4, 4)
    with pytest.raises(ValueError, match=r"sites must hold every bit below . once, those of the plane in a site"):
        tt.Layout(shape=shape, sites=sites)
