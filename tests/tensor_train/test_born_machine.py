"""Born machines: probabilities are those of all pictures written out, and training raises the exact likelihood."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from qimg import tensor_train as tt
from qimg.core import Array
from qimg.tensor_train.born import mixture as born_mixture
from qimg.tensor_train.born import training as born_training

SEEDS = st.integers(0, 2**32 - 1)

# Products of at most ten small cores: some hundred units in the last place.
ROUNDING = 1e-11


def random_machine(seed: int, pixels: int, bond: int) -> tt.BornMachine:
    rng = np.random.default_rng(seed)
    bonds = [1, *[bond] * (pixels - 1), 1]
    return tt.machine_from_train(tt.TensorTrain([rng.normal(size=(bonds[k], 2, bonds[k + 1])) for k in range(pixels)]))


def all_pictures(pixels: int) -> Array:
    """In the order of the train's components."""
    return np.array(list(itertools.product([0, 1], repeat=pixels)), np.uint8)


def written_out(machine: tt.BornMachine) -> Array:
    weights = machine.train.dense() ** 2
    return np.asarray(weights / weights.sum())


def bars_and_stripes(side: int) -> Array:
    """Pictures whose rows are all equal or whose columns are."""
    lines = all_pictures(side)
    bars = np.repeat(lines[:, :, None], side, axis=2).reshape(-1, side * side)
    stripes = np.repeat(lines[:, None, :], side, axis=1).reshape(-1, side * side)
    return np.unique(np.concatenate([bars, stripes]), axis=0)


def mean_nats(machine: tt.BornMachine, images: Array) -> float:
    return -float(machine.log_likelihood(images).mean())


@given(seed=SEEDS, pixels=st.integers(1, 8), bond=st.integers(1, 5))
def test_likelihoods_are_squared_components_and_sum_to_one(seed: int, pixels: int, bond: int):
    machine = random_machine(seed, pixels, bond)
    found = np.exp(machine.log_likelihood(all_pictures(pixels)))
    assert_allclose(found, written_out(machine), atol=ROUNDING)
    assert found.sum() == pytest.approx(1, abs=ROUNDING)


@given(seed=SEEDS, pixels=st.integers(1, 8), bond=st.integers(1, 5), floor=st.sampled_from([0.0, 1e-3, 0.1]))
def test_conditionals_multiply_to_a_distribution(seed: int, pixels: int, bond: int, floor: float):
    machine = random_machine(seed, pixels, bond)
    pictures = all_pictures(pixels)
    found = machine.conditionals(pictures, floor=floor)
    products = found.prod(axis=1)
    assert products.sum() == pytest.approx(1, abs=ROUNDING)
    assert found.min() >= floor - ROUNDING
    if floor == 0:
        assert_allclose(products, np.exp(machine.log_likelihood(pictures)), atol=ROUNDING)
    assert_allclose(machine.ideal_bits(pictures, floor=floor), -np.log2(found).sum(axis=1))


def test_the_log_likelihood_of_a_large_picture_is_the_sum_of_its_conditionals():
    machine = random_machine(3, 784, 6)
    pictures = machine.sample(5, rng=np.random.default_rng(0))
    # The two passes divide 784 times by norms of their own.
    assert_allclose(np.log(machine.conditionals(pictures)).sum(axis=1), machine.log_likelihood(pictures), rtol=1e-12)


def test_conditionals_are_those_of_all_pictures_with_the_same_beginning():
    machine = random_machine(5, 6, 4)
    pictures, p = all_pictures(6), written_out(machine)
    for picture, found in zip(pictures, machine.conditionals(pictures), strict=True):
        masses = [p[(pictures[:, :k] == picture[:k]).all(axis=1)].sum() for k in range(7)]
        assert_allclose(found, np.divide(masses[1:], masses[:-1]), rtol=1e-9)


def test_batched_equals_looped(monkeypatch):
    machine = random_machine(7, 6, 3)
    pictures = all_pictures(6).reshape(4, 16, 6)
    monkeypatch.setattr("qimg.tensor_train.born.machine.CHUNK", 7)
    known = np.array([True, False, True, False, False, True])
    for function in (
        machine.log_likelihood,
        machine.conditionals,
        machine.ideal_bits,
        lambda x: tt.log_marginal(machine, x, known=known),
        lambda x: tt.pixel_probabilities(machine, x, known=known),
    ):
        looped = np.array([[function(picture) for picture in line] for line in pictures])
        assert_allclose(function(pictures), looped, rtol=1e-9, atol=ROUNDING)
    assert tt.complete(machine, pictures, known=known, rng=np.random.default_rng(0)).shape == pictures.shape


def test_samples_have_the_frequencies_of_the_distribution():
    machine = random_machine(11, 5, 3)
    p, count = written_out(machine), 40_000
    samples = machine.sample(count, rng=np.random.default_rng(1))
    frequencies = np.bincount(samples @ 2 ** np.arange(4, -1, -1), minlength=32) / count
    errors = np.sqrt(p * (1 - p) / count)
    # Four standard errors: one of 32 frequencies exceeds them with probability 0.002; the seed is fixed.
    assert (np.abs(frequencies - p) <= 4 * errors + 1e-12).all()


@given(seed=SEEDS, pixels=st.integers(1, 7), bond=st.integers(1, 4), data=st.data())
def test_completion_agrees_with_all_pictures_written_out(seed: int, pixels: int, bond: int, data: st.DataObject):
    machine = random_machine(seed, pixels, bond)
    known = np.array(data.draw(st.lists(st.booleans(), min_size=pixels, max_size=pixels)))
    pictures, p = all_pictures(pixels), written_out(machine)
    picture = pictures[p.argmax()]
    same = (pictures[:, known] == picture[known]).all(axis=1)
    assert np.exp(tt.log_marginal(machine, picture, known=known)) == pytest.approx(p[same].sum(), abs=ROUNDING)
    expected = p[same] @ pictures[same] / p[same].sum()
    assert_allclose(tt.pixel_probabilities(machine, picture, known=known), expected, atol=ROUNDING)
    completed = tt.complete(machine, picture, known=known, rng=np.random.default_rng(0))
    assert_array_equal(completed[known], picture[known])


def test_completions_are_drawn_from_the_conditional_distribution():
    machine = random_machine(13, 6, 4)
    pictures, p = all_pictures(6), written_out(machine)
    known = np.array([False, True, False, False, True, False])
    picture, count = np.array([0, 1, 0, 0, 0, 0]), 5000
    drawn = tt.complete(machine, np.tile(picture, (count, 1)), known=known, rng=np.random.default_rng(2))
    same = (pictures[:, known] == picture[known]).all(axis=1)
    share = np.where(same, p, 0) / p[same].sum()
    frequencies = np.bincount(drawn @ 2 ** np.arange(5, -1, -1), minlength=64) / count
    # Four standard errors, 16 of which are not zero; the seed is fixed.
    assert (np.abs(frequencies - share) <= 4 * np.sqrt(share * (1 - share) / count) + 1e-12).all()


def test_what_is_impossible_has_no_likelihood_and_cannot_be_completed():
    pair = tt.machine_from_train(tt.TensorTrain([np.eye(2)[None], np.eye(2)[..., None]]))
    assert pair.log_likelihood([0, 1]) == -np.inf
    assert_allclose(pair.conditionals([0, 1]), [0.5, 0])
    assert pair.ideal_bits([0, 1]) == np.inf
    three = tt.mixture_machine([1.0], [[0.0, 0.5, 0.5]])
    assert_allclose(three.conditionals([1, 0, 0]), [0, 0.5, 0.5])
    assert tt.log_marginal(three, [1, 0, 0], known=[True, False, False]) == -np.inf
    for function in (tt.pixel_probabilities, lambda *given, **more: tt.complete(*given, rng=_rng(), **more)):
        with pytest.raises(
            ValueError, match=r"images must have a positive probability at the known pixels, but images=\[1, 0, 0\]"
        ):
            function(three, [1, 0, 0], known=[True, False, False])


def test_a_misprint_is_read_as_the_other_value():
    lines = tt.machine_from_train(tt.TensorTrain([np.eye(2)[None], _copy(), np.eye(2)[..., None]]))  # 000 and 111
    found = lines.conditionals([1, 0, 1], floor=0.01)
    assert_allclose(found, [0.5, 0.01, 0.99])


def _copy() -> Array:
    core = np.zeros((2, 2, 2))
    core[0, 0, 0] = core[1, 1, 1] = 1
    return core


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


@given(seed=SEEDS)
@settings(max_examples=20)
def test_the_gradient_is_that_of_finite_differences(seed: int):
    rng = np.random.default_rng(seed)
    left, right, levels = rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), rng.integers(0, 4, 9)
    features = born_training.Features(left, right, levels, 4)
    centre = rng.normal(size=(3, 4, 2))

    def f(moved: Array) -> float:
        logs = [np.log(abs(a @ moved[:, x] @ b)) for a, b, x in zip(left, right, levels, strict=True)]
        return float((moved**2).sum() - 2 * np.mean(logs))

    amplitudes = features.outputs(centre)
    assert_allclose(amplitudes, [a @ centre[:, x] @ b for a, b, x in zip(left, right, levels, strict=True)])
    gradient = 2 * centre - 2 * features.mean_over(amplitudes)
    direction = rng.normal(size=centre.shape)
    slopes = features.outputs(direction)
    # Far below the relative distance to the nearest sign change, over which f is smooth.
    h = 1e-4 * float(np.abs(amplitudes / slopes).min())
    measured = (f(centre + h * direction) - f(centre - h * direction)) / (2 * h)
    # Relative errors: h² of the scale on which f changes, and rounding of f over h.
    scale = float(np.abs(slopes / amplitudes).max()) + np.linalg.norm(gradient) * np.linalg.norm(direction)
    assert float(np.vdot(gradient, direction)) == pytest.approx(measured, abs=1e-6 * scale + 1e-13 / h)


@given(seed=SEEDS)
@settings(max_examples=20)
def test_the_best_step_is_the_least_of_the_line_before_a_sign_changes(seed: int):
    rng = np.random.default_rng(seed)
    amplitudes, slopes = rng.normal(size=(2, 30))
    square = 2.0
    # A direction downhill: the slope of f at 0 is negative.
    along = float((slopes / amplitudes).mean()) - rng.uniform(0.1, 3)

    def f(t: float) -> float:
        return float(1 + 2 * t * along + t**2 * square - 2 * np.log(np.abs(amplitudes + t * slopes)).mean())

    found = born_training.best_step(amplitudes, slopes, along, square)
    ends = -amplitudes / slopes
    end = min(ends[ends > 0].min(initial=10.0), 10.0)
    assert 0 <= found < end
    # The iteration ends after eight steps; what it leaves is far less than what the line gains.
    grid = min(f(t) for t in np.linspace(0, end, 400, endpoint=False))
    assert f(found) <= grid + 0.02 * (f(0.0) - grid) + 1e-9


def test_one_site_sweeps_never_lower_the_likelihood():
    images = random_machine(17, 9, 3).sample(60, rng=_rng())
    machine = random_machine(19, 9, 4)
    costs = [mean_nats(machine, images)]
    for steps in (1, 2, 1, 3, 1, 1):
        machine = tt.one_site_sweep(machine, images, steps=steps, rate=0.5 if steps == 2 else 1.0)
        costs.append(mean_nats(machine, images))
    # Each step goes downhill on a convex function; only rounding could raise it.
    assert (np.diff(costs) <= 1e-12).all()
    assert costs[-1] < costs[0] - 0.5
    assert machine.train.bonds == (2, 4, 4, 4, 4, 4, 4, 2)  # one site at the end has two levels


def test_two_site_sweeps_without_truncation_never_lower_the_likelihood():
    images = random_machine(23, 6, 3).sample(30, rng=_rng())
    machine = tt.mixture_machine(*tt.fit_mixture(images, components=1, rng=_rng()))
    costs = [mean_nats(machine, images)]
    for _ in range(4):
        machine = tt.two_site_sweep(machine, images, bond=8, cutoff=0.0)
        costs.append(mean_nats(machine, images))
    # Eigenvalues of Gram matrices below 10⁻¹⁵ of the largest are dropped as rounding.
    assert (np.diff(costs) <= 1e-9).all()
    assert costs[-1] < costs[0]


def test_bars_and_stripes_are_learnt_to_their_entropy():
    images = bars_and_stripes(3)
    assert len(images) == 14
    machine = tt.mixture_machine(*tt.fit_mixture(images, components=6, rng=_rng()))
    for _ in range(15):
        machine = tt.two_site_sweep(machine, images, bond=14, steps=2)
    for _ in range(5):
        machine = tt.one_site_sweep(machine, images, steps=2)
    # No distribution costs less than the entropy of the pictures, log 14.
    assert np.log(14) - 1e-12 <= mean_nats(machine, images) < np.log(14) + 0.01
    drawn = machine.sample(300, rng=_rng())
    known = {picture.tobytes() for picture in images}
    # 0.01 nats above the entropy: at most one in a hundred is another picture, three of 300 expected.
    assert sum(picture.tobytes() in known for picture in drawn) >= 290


def test_bonds_grow_up_to_what_is_asked_and_truncation_keeps_the_norm():
    images = bars_and_stripes(3)
    machine = tt.mixture_machine(*tt.fit_mixture(images, components=2, rng=_rng()))
    for _ in range(2):
        machine = tt.two_site_sweep(machine, images, bond=5)
    assert max(machine.train.bonds) == 5
    assert tt.norm(machine.train) == pytest.approx(1, abs=ROUNDING)
    assert written_out(machine).sum() == pytest.approx(np.exp(machine.log_likelihood(all_pictures(9))).sum())


def test_a_mixture_without_overlap_is_its_machine():
    weights, ones = np.array([0.25, 0.75]), np.array([[0.0, 0.2, 0.6, 1.0], [1.0, 0.5, 0.1, 0.0]])
    machine = tt.mixture_machine(weights, ones)
    pictures = all_pictures(4)
    factors = np.where(pictures[:, None] == 1, ones, 1 - ones)
    assert_allclose(np.exp(machine.log_likelihood(pictures)), factors.prod(axis=2) @ weights, atol=ROUNDING)


def test_expectation_and_maximisation_find_the_components():
    rng = np.random.default_rng(4)
    truth = np.array([[0.9] * 10 + [0.1] * 10, [0.1] * 10 + [0.9] * 10])
    images = rng.random((600, 20)) < truth[rng.integers(0, 2, 600)]
    weights, ones = tt.fit_mixture(images, components=2, rng=np.random.default_rng(0))
    order = ones[:, 0].argsort()[::-1]
    assert weights.sum() == pytest.approx(1)
    # Standard error of a share among 300 pictures: 0.017; five of them over forty values.
    assert_allclose(ones[order], truth, atol=0.09)
    terms = born_mixture.mixture_terms(images[:3].astype(float), weights, ones)
    factors = np.where(images[:3, None], ones, 1 - ones)
    assert_allclose(np.exp(terms), factors.prod(axis=2) * weights)


def test_components_start_at_distinct_pictures():
    """Components that start alike stay alike, and the bonds of their machine are gauge that rounding decides."""
    images = np.array([[0, 0, 0]] * 97 + [[1, 1, 1], [0, 1, 1], [1, 0, 0]])
    for seed in range(5):
        _, ones = tt.fit_mixture(images, components=4, rng=np.random.default_rng(seed))
        assert len(np.unique(ones.round(6), axis=0)) == 4
    _, ones = tt.fit_mixture(images, components=5, rng=_rng())
    assert ones.shape == (5, 3)


def test_a_reader_stops_at_the_end():
    reader = tt.PixelReader(random_machine(1, 2, 2), 3)
    for _ in range(2):
        reader.read([0, 1, 0])
    with pytest.raises(ValueError, match="all 2 pixels have been read"):
        reader.probability_of_one()


MACHINE = random_machine(29, 4, 2)
IMAGES = np.array([[0, 1, 0, 1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MACHINE.log_likelihood([0, 1, 2, 0]), r"images must hold zeros and ones alone, but images=\[2\]"),
        (
            lambda: MACHINE.log_likelihood([0, 1, np.nan, 0]),
            r"images must hold zeros and ones alone, but images=\[nan\]",
        ),
        (
            lambda: MACHINE.log_likelihood(["0", "1", "0", "0"]),
            "images must hold the numbers 0 and 1, but images='<?str",
        ),
        (lambda: MACHINE.conditionals([0, 1, 0]), r"images must have shape \(..., 4\), but has shape \(3,\)"),
        (lambda: MACHINE.conditionals(IMAGES, floor=0.5), r"floor must be in \[0, 0.5\), but floor=0.5"),
        (lambda: MACHINE.sample(0, rng=_rng()), "count must be an integer of at least 1, but count=0"),
        (lambda: tt.machine_from_train(tt.product_train([[1, 0, 0]])), r"train must have two levels at each site"),
        (lambda: tt.machine_from_train(tt.product_train([[1j, 0]])), "train must be real"),
        (lambda: tt.machine_from_train(tt.product_train([[0, 0]])), "train must not be zero"),
        (lambda: tt.two_site_sweep(MACHINE, IMAGES, bond=0), "bond must be an integer of at least 1, but bond=0"),
        (lambda: tt.two_site_sweep(MACHINE, IMAGES, bond=2, cutoff=2), r"cutoff must be in \[0, 1\], but cutoff=2"),
        (lambda: tt.two_site_sweep(random_machine(0, 1, 1), [[0]], bond=2), "machine must have at least two pixels"),
        (lambda: tt.one_site_sweep(MACHINE, IMAGES, steps=0), "steps must be an integer of at least 1, but steps=0"),
        (lambda: tt.one_site_sweep(MACHINE, IMAGES, rate=0), r"rate must be in \(0, 1\], but rate=0"),
        (lambda: tt.one_site_sweep(MACHINE, IMAGES[:0]), r"images must have shape \(..., pixels\) with at least one"),
        (lambda: tt.one_site_sweep(MACHINE, IMAGES + 1), "images must hold zeros and ones alone"),
        (lambda: tt.fit_mixture(IMAGES, components=2, rng=_rng()), r"components must be in \[1, 1\], but components=2"),
        (
            lambda: tt.fit_mixture([0, 1], components=1, rng=_rng()),
            r"images must have shape \(..., pixels\), not empty",
        ),
        (lambda: tt.mixture_machine([0.0], [[0.5]]), "weights must be positive, but weights=0.0"),
        (lambda: tt.mixture_machine([1.0], [[1.5]]), r"ones must be in \[0, 1\]"),
        (lambda: tt.mixture_machine([1.0], [[0.5], [0.5]]), r"ones must have shape \(1, n\), but has shape \(2, 1\)"),
        (lambda: tt.log_marginal(MACHINE, IMAGES, known=[True]), r"known must have shape \(4,\), but has shape \(1,\)"),
        (lambda: tt.log_marginal(MACHINE, IMAGES, known=[1, 0, 1, 0]), "known must hold booleans, but known='int64'"),
    ],
)
def test_errors_name_argument_rule_and_value(call, message: str):
    with pytest.raises(ValueError, match=message):
        call()
