"""Band contexts: integers equal the trained network, nothing depends on later latents, files decode, gradients flow."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from qimg.core import Array
from qimg.entropy import range_coder
from qimg.entropy.distributions import Distribution
from qimg.integer_networks.coding import ContextModel, Walk, decode_latents, latent_bits, latent_intervals
from qimg.integer_networks.contexts import ORDERS, ContextDesign, companded, count_features, phases_of
from qimg.learning.contexts import BandContexts
from qimg.learning.distributions import bits
from qimg.learning.fixed_point import FixedPoint, exported, set_rounding
from qimg.learning.quantizers import dithered, noisy, straight_through

LAPLACE, MIXTURE = Distribution(kind="laplace"), Distribution(kind="mixture", size=3)
DESIGNS = {
    "all": ContextDesign(
        distribution=LAPLACE,
        bands=(2, 1, 2),
        orders=("dyadic", "quarters"),
        reach=2,
        lower_neighbours=True,
        side=3,
        conditions=1,
        positions=True,
    ),
    "factorized": ContextDesign(distribution=Distribution(kind="gaussian"), bands=(5,), lower_bands=False),
    "checkerboard": ContextDesign(distribution=MIXTURE, bands=(2, 2), orders=("checkerboard",), reach=1),
    "autoregressive": ContextDesign(distribution=MIXTURE, bands=(1,) * 6),
    "wavefront": ContextDesign(
        distribution=LAPLACE,
        bands=(1, 2),
        orders=("wavefront",),
        reach=1,
        companded=True,
        input_fraction=3,
        side=1,
        conditions=2,
    ),
    "raster": ContextDesign(
        distribution=Distribution(kind="categorical", size=4),
        bands=(1,),
        orders=("raster",),
        reach=2,
        magnitudes=False,
        positions=True,
        hidden=(16, 8),
    ),
    "counted": ContextDesign(
        distribution=Distribution(kind="categorical", size=256),
        bands=(1,),
        orders=("raster",),
        reach=1,
        bound=255,
        input_fraction=8,
        positions=True,
        counted=(0, 3, 255),
        hidden=(16,),
    ),
}
SHAPE = (7, 6, 5)


def latents(design: ContextDesign, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    shape = (design.channels, *SHAPE)
    if design.distribution.kind == "categorical":
        return rng.choice(design.counted or design.distribution.size, shape)
    return np.rint(rng.laplace(size=shape)).astype(int)


def given_for(design: ContextDesign) -> dict[str, Array]:
    rng = np.random.default_rng(9)
    parts = {"side": (design.side, *SHAPE), "conditions": (design.conditions, SHAPE[2])}
    return {name: rng.integers(-9, 9, shape) for name, shape in parts.items() if shape[0]}


def network(design: ContextDesign) -> BandContexts:
    """A network in integers whose weights are no longer those of the start."""
    torch.manual_seed(0)
    contexts = BandContexts(design, scale=2.0)
    with torch.no_grad():
        for value in contexts.parameters():
            value.add_(0.02 * torch.randn_like(value))
    set_rounding(contexts, True)
    return contexts


def tensors(arrays: dict[str, Array]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array).float() for name, array in arrays.items()}


@pytest.mark.parametrize("name", DESIGNS)
def test_integers_cost_what_the_trained_network_states(name: str) -> None:
    """Up to the units of the coder and the steps of its tables, 0.1 %."""
    design = DESIGNS[name]
    y, given = latents(design), given_for(design)
    contexts = network(design)
    trained = contexts.bits(*(torch.from_numpy(y).float(),) * 2, **tensors(given))
    assert trained.shape == (design.channels, SHAPE[2])
    assert latent_bits(contexts.export(), y, **given) == pytest.approx(float(trained.detach().sum()), rel=1e-3)


@pytest.mark.parametrize("name", DESIGNS)
def test_latents_are_decoded_in_any_precision(name: str) -> None:
    design = DESIGNS[name]
    y, given, model = latents(design), given_for(design), network(design).export()
    words = range_coder.encode_intervals(*latent_intervals(model, y, **given))
    assert 32 * len(words) <= 1.01 * latent_bits(model, y, **given) + 64
    for dtype in (np.float32, np.float64):
        state = range_coder.start(words)
        np.testing.assert_array_equal(decode_latents(model, state, words, SHAPE, dtype=dtype, **given), y)
        assert range_coder.is_complete(state, words)


@pytest.mark.parametrize("name", DESIGNS)
def test_distributions_depend_on_earlier_latents_only(name: str) -> None:
    """The parameters of a group stay the same when that group and later ones change."""
    design = DESIGNS[name]
    given, model = given_for(design), network(design).export()
    first, second = latents(design, 1), latents(design, 2)
    pure = Walk(model, SHAPE, **given)
    groups = []
    for place, parameters in pure.groups():
        groups.append((place, parameters))
        pure.put(place, first[place])
    np.testing.assert_array_equal(pure.latents, first)
    counts = np.zeros(first.shape, int)
    for place, _ in groups:
        counts[place] += 1
    assert (counts == 1).all()
    for cut in range(0, len(groups), max(len(groups) // 5, 1)):
        mixed = Walk(model, SHAPE, **given)
        for number, (place, parameters) in enumerate(mixed.groups()):
            if number <= cut:
                np.testing.assert_array_equal(parameters, groups[number][1])
            mixed.put(place, (first if number < cut else second)[place])


@pytest.mark.parametrize("name", ["raster", "counted"])
def test_shared_products_have_the_same_results(name: str) -> None:
    """Of black pictures, pictures that are black until some row, and others."""
    design = DESIGNS[name]
    y, model = latents(design), network(design).export()
    y[:, :, :, :2] = 0
    y[:, :4, :, 2] = 0
    for mine, other in zip(*(latent_intervals(model, y, shared=shared) for shared in (True, False)), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("name", DESIGNS)
def test_pictures_of_a_batch_are_independent(name: str) -> None:
    design = DESIGNS[name]
    y, given, model = latents(design), given_for(design), network(design).export()
    parts = [latent_bits(model, y[..., k : k + 1], **{key: one[..., k : k + 1] for key, one in given.items()})
             for k in range(SHAPE[2])]  # fmt: skip
    assert latent_bits(model, y, **given) == pytest.approx(sum(parts), rel=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_phases_cover_each_position_once(order: str) -> None:
    phases = phases_of(order, 2)
    period = phases[0].period
    places = [place for phase in phases for place in phase.lattices]
    assert sorted(places) == [(i, j) for i in range(period) for j in range(period)]


def test_companded_magnitudes_are_those_of_the_training() -> None:
    """For all sums of nine magnitudes: no value before rounding is near the middle between two integers."""
    v = np.arange(9 * 2048 + 1)
    exact = 8 * np.log2(1.0 + v)
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-6
    np.testing.assert_array_equal(companded(v), np.rint(exact))
    trained = torch.floor(8 * torch.log2(1 + torch.from_numpy(v).float()) + 0.5)
    np.testing.assert_array_equal(companded(v), trained.numpy())


def test_counts_of_large_pictures_have_features() -> None:
    design = DESIGNS["counted"]
    features = count_features(design, np.array([0, 1, 2048, 10**6]))
    np.testing.assert_array_equal(features, [0, 32, 255, 255])


def test_files_of_models() -> None:
    design = DESIGNS["all"]
    model = network(design).export()
    again = ContextModel.of_arrays(design, model.arrays("context."), "context.")
    assert latent_bits(again, latents(design), **given_for(design)) == latent_bits(
        model, latents(design), **given_for(design)
    )


def test_exported_layers_equal_the_trained_ones() -> None:
    torch.manual_seed(0)
    layers = torch.nn.Sequential(FixedPoint(3, 8, kernel=3), FixedPoint(8, 2, kernel=1, low=-400, high=400))
    with torch.no_grad():
        layers[0].weight.mul_(50)  # 8 bits and the accumulators allow fewer digits after the point
        layers[0].bias.add_(1)
    set_rounding(layers, True)
    x = torch.randint(0, 256, (1, 3, 9, 10)).float()
    expected = 32 * layers(x / 32)
    np.testing.assert_array_equal(exported(layers)(x[0].numpy()), expected[0].detach().numpy())


def test_code_lengths_of_tails_have_gradients() -> None:
    y = torch.tensor([300.0])
    for distribution in (LAPLACE, Distribution(kind="gaussian")):
        parameters = torch.tensor([[0.0], [8.0]], requires_grad=True)
        bits(distribution, y, parameters).sum().backward()
        assert parameters.grad is not None
        assert bool(torch.isfinite(parameters.grad).all())
        assert float(parameters.grad[1]) < 0  # a larger scale is better


def test_quantizers() -> None:
    torch.manual_seed(0)
    y = torch.linspace(-3, 3, 1001, requires_grad=True)
    assert float((noisy(y) - y).detach().abs().max()) <= 0.5
    rounded = straight_through(y)
    np.testing.assert_array_equal(rounded.detach().numpy(), np.floor(y.detach().numpy() + 0.5))
    rounded.sum().backward()
    assert y.grad is not None
    np.testing.assert_array_equal(y.grad.numpy(), 1)
    codes, values = dithered(y.detach(), torch.rand_like(y) - 0.5)
    assert float((codes - torch.round(codes)).abs().max()) == 0
    error = values - y.detach()
    assert float(error.abs().max()) <= 0.5 + 1e-6
    assert float(error.square().mean()) == pytest.approx(1 / 12, rel=0.1)  # 1001 errors: standard error 3 %
    assert abs(np.corrcoef(error.numpy(), y.detach().numpy())[0, 1]) < 0.1  # 3 standard errors
