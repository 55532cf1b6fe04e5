"""Quantization as a channel on second moments."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal
from qiskit import quantum_info

from qimg import images, transforms
from qimg.channels import (
    KrausChannel,
    QuantizationChannel,
    QuantizerMarginals,
    channel_from_marginals,
    choi_matrix,
    is_completely_positive,
    is_trace_preserving,
    quantization_channel,
    quantize,
)
from qimg.core import Array
from qimg.metrics import trace_distance
from qimg.patches import extract_patches

SEEDS = st.integers(0, 2**32 - 1)
DIMENSIONS = st.integers(1, 5)
DETERMINISTIC = ["centroid", "midpoint"]
ALL = [*DETERMINISTIC, "dithered"]


def laplace_samples(seed: int, dimension: int, count: int = 40) -> tuple[Array, Array]:
    """Correlated heavy-tailed coefficients and steps from far below to far above their spread."""
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(dimension, dimension))
    return generator.laplace(size=(count, dimension)) @ mixing, 10.0 ** generator.uniform(-2, 1.5, dimension)


def second_moments(vectors: Array) -> Array:
    return vectors.T @ vectors / len(vectors)


def normalised(matrix: Array) -> Array:
    return matrix / np.trace(matrix)


def dither_of(reconstruction: str) -> np.random.Generator | None:
    return np.random.default_rng(1) if reconstruction == "dithered" else None


def with_gains(gains: Array, population_gains: Array | None = None, kind: str = "centroid") -> QuantizationChannel:
    gains = np.asarray(gains, dtype=float)
    return QuantizationChannel(
        reconstruction=kind,  # type: ignore[arg-type]
        gains=gains,
        population_gains=gains if population_gains is None else np.asarray(population_gains, dtype=float),
        error_weight=0.0,
        noise_state=np.zeros(len(gains)),
    )


def test_halves_go_away_from_zero() -> None:
    coefficients = np.array([[-7.5, -2.5, -2.49, -0.0, 2.49, 2.5, 7.5]]).T
    rebuilt = quantize(coefficients, [5.0], reconstruction="midpoint")
    assert_array_equal(rebuilt.ravel(), [-10, -5, 0, 0, 0, 5, 10])


@pytest.mark.parametrize("reconstruction", ALL)
@given(seed=SEEDS, dimension=DIMENSIONS)
def test_quantization_by_definition(reconstruction: str, seed: int, dimension: int) -> None:
    samples, step = laplace_samples(seed, dimension)
    kept = samples.copy(), step.copy()
    rebuilt = quantize(samples, step, reconstruction=reconstruction, rng=dither_of(reconstruction))
    whole = np.rint(samples / step)
    if reconstruction == "midpoint":
        assert_array_equal(rebuilt, whole * step)
    elif reconstruction == "centroid":
        for k in range(dimension):
            for value in set(whole[:, k]):
                inside = whole[:, k] == value
                assert_allclose(rebuilt[inside, k], samples[inside, k].mean(), atol=1e-12)
    else:
        assert np.unique(rebuilt[:, 0]).size == len(samples)
    if reconstruction != "centroid":
        # The quotient of sizes of 10³ rounds in the thirteenth digit.
        assert (np.abs(rebuilt - samples) <= step * (0.5 + 1e-10)).all()
    assert_array_equal(samples, kept[0])
    assert_array_equal(step, kept[1])


@given(seed=SEEDS, dimension=DIMENSIONS)
def test_centroid_gains_are_one_minus_the_relative_distortion(seed: int, dimension: int) -> None:
    samples, step = laplace_samples(seed, dimension)
    rebuilt = quantize(samples, step, reconstruction="centroid")
    energy = np.mean(samples**2, axis=0)
    gains = quantization_channel(samples, step, reconstruction="centroid").gains
    assert_allclose(gains, 1 - np.mean((samples - rebuilt) ** 2, axis=0) / energy, atol=1e-12)
    assert_allclose(gains, np.mean(samples * rebuilt, axis=0) / energy, atol=1e-12)
    assert_allclose(gains, np.mean(rebuilt**2, axis=0) / energy, atol=1e-12)


@pytest.mark.parametrize("reconstruction", DETERMINISTIC)
@given(seed=SEEDS, dimension=DIMENSIONS)
def test_populations_are_exact_and_coherences_bussgangs(reconstruction: str, seed: int, dimension: int) -> None:
    samples, step = laplace_samples(seed, dimension)
    channel = quantization_channel(samples, step, reconstruction=reconstruction)
    before = second_moments(samples)
    after = second_moments(quantize(samples, step, reconstruction=reconstruction))
    out = channel.apply(before)[:dimension, :dimension]
    scale = np.trace(before) + np.trace(after)
    assert_allclose(np.diag(out), np.diag(after), atol=1e-12 * scale)
    expected = before * np.outer(channel.gains, channel.gains)
    np.fill_diagonal(expected, np.diag(after))
    assert_allclose(out, expected, atol=1e-12 * scale)
    if np.trace(after) > 0:
        conditioned = channel.apply_conditioned(normalised(before))
        assert_allclose(np.diag(conditioned), np.diag(after) / np.trace(after), atol=1e-11)


def test_gaussian_coherences_follow_bussgang(rng: np.random.Generator) -> None:
    """E[c_i y_j] = α_j C_ij for Gaussian coefficients: what is left of y beyond α c is uncorrelated with every c."""
    samples = rng.normal(size=(100_000, 3)) @ rng.normal(size=(3, 3))
    step = np.array([0.5, 2.0, 6.0])
    rebuilt = quantize(samples, step, reconstruction="centroid")
    rest = rebuilt - quantization_channel(samples, step, reconstruction="centroid").gains * samples
    products = samples[:, :, None] * rest[:, None, :]
    standard_error = products.std(axis=0) / np.sqrt(len(samples))
    assert (np.abs(products.mean(axis=0)) <= 4 * standard_error).all()


@given(gains=npst.arrays(float, st.integers(1, 6), elements=st.floats(0, 1)), seed=SEEDS)
def test_centroid_is_cptp_for_all_gains(density_matrices: Callable[..., Array], gains: Array, seed: int) -> None:
    channel = with_gains(gains)
    d = len(gains)
    assert channel.is_cptp()
    kraus = channel.kraus()
    assert kraus.shape[1:] == (d + 1, d) == (channel.levels, channel.dimension)
    assert_allclose(np.einsum("kji,kjl->il", kraus.conj(), kraus), np.eye(d), atol=1e-12)
    choi = choi_matrix(kraus)
    assert is_completely_positive(choi)
    assert is_trace_preserving(choi, input_dimension=d)
    rho = density_matrices(seed, d)
    assert_allclose(KrausChannel(kraus).apply(rho), channel.apply(rho), atol=1e-13)
    assert_allclose(np.trace(channel.apply(rho)), 1, rtol=1e-12)
    assert_allclose(channel.apply(rho)[d, d], np.diag(rho) @ (1 - gains), atol=1e-13)


@pytest.mark.parametrize("reconstruction", ALL)
@given(seed=SEEDS, dimension=DIMENSIONS)
def test_measured_channels_are_channels(
    density_matrices: Callable[..., Array], reconstruction: str, seed: int, dimension: int
) -> None:
    samples, step = laplace_samples(seed, dimension)
    channel = quantization_channel(samples, step, reconstruction=reconstruction)
    rho = density_matrices(seed, dimension)
    assert channel.is_cp()
    if reconstruction != "midpoint":
        assert channel.is_cptp()
        assert_allclose(np.trace(channel.apply(rho)), 1, rtol=1e-12)
    if len(kraus := channel.kraus()):
        assert is_completely_positive(choi_matrix(kraus))
        # Midpoint gains reach (Δ / 2c)² or so: relative to the largest entry.
        expected = channel.apply(rho)
        assert_allclose(KrausChannel(kraus).apply(rho), expected, atol=1e-12 * max(1, np.abs(expected).max()))
    else:  # every coefficient became zero
        assert_array_equal(channel.apply(rho), 0)


def test_qiskit_reads_the_same_channel(density_matrices: Callable[..., Array]) -> None:
    channel = with_gains([0.9, 0.5, 0.0])
    theirs = channel.to_qiskit()
    assert isinstance(theirs, quantum_info.Kraus)
    assert theirs.is_cptp()
    assert theirs.dim == (3, 4)
    rho = density_matrices(0, 3)
    out = quantum_info.SuperOp(theirs).data @ rho.ravel(order="F")
    assert_allclose(out.reshape(4, 4, order="F"), channel.apply(rho), atol=1e-14)


def test_midpoint_can_raise_the_energy() -> None:
    """A coefficient that is always ±0.6 Δ is rebuilt as ±Δ."""
    channel = quantization_channel([[6.0, 1.0], [-6.0, 1.0]], [10.0, 1.0], reconstruction="midpoint")
    assert_allclose(channel.gains, [1 / 0.6, 1])
    assert_allclose(channel.population_gains, [1 / 0.36, 1])
    assert channel.is_cp()
    assert not channel.is_cptp()
    rho = np.diag([0.5, 0.5])
    assert_allclose(np.trace(channel.apply(rho)), 0.5 / 0.36 + 0.5)
    assert_allclose(np.trace(channel.apply_conditioned(rho)), 1)


def test_dither_adds_white_noise_of_a_twelfth_of_the_squared_step(rng: np.random.Generator) -> None:
    samples = rng.laplace(size=(200_000, 3)) @ rng.normal(size=(3, 3))
    step = np.array([0.1, 3.0, 20.0])
    rebuilt = quantize(samples, step, reconstruction="dithered", rng=rng)
    added = rebuilt[:, :, None] * rebuilt[:, None, :] - samples[:, :, None] * samples[:, None, :]
    standard_error = added.std(axis=0) / np.sqrt(len(samples))
    assert (np.abs(added.mean(axis=0) - np.diag(step**2 / 12)) <= 4 * standard_error).all()


@given(seed=SEEDS, dimension=DIMENSIONS)
def test_dithered_channel_mixes_in_the_noise_state(seed: int, dimension: int) -> None:
    samples, step = laplace_samples(seed, dimension)
    channel = quantization_channel(samples, step, reconstruction="dithered")
    moments = second_moments(samples)
    rho, sigma = normalised(moments), np.diag(step**2 / np.sum(step**2))
    p = channel.error_weight
    assert_allclose(p, np.sum(step**2 / 12) / (np.trace(moments) + np.sum(step**2 / 12)), rtol=1e-12)
    assert_allclose(channel.apply(rho), (1 - p) * rho + p * sigma, atol=1e-13)
    assert_allclose(channel.apply(rho), normalised(moments + np.diag(step**2 / 12)), atol=1e-13)
    assert_allclose(channel.apply_conditioned(rho), channel.apply(rho), atol=1e-13)
    assert channel.levels == dimension
    assert_array_equal(channel.gains, 1)


@pytest.mark.parametrize(
    "channel",
    [
        with_gains([1.0, 1.0], [0.5, 0.5]),
        with_gains([1.2, 0.5]),
        with_gains([-0.2, 0.5]),
        with_gains([0.9, 0.8], [0.5, 0.6], kind="midpoint"),
    ],
)
def test_invalid_gains_are_no_channel(channel: QuantizationChannel) -> None:
    assert not channel.is_cp()
    assert not channel.is_cptp()
    with pytest.raises(ValueError, match="Kraus operators need a completely positive map"):
        channel.kraus()


def test_kraus_form_needs_populations_above_the_squared_gains() -> None:
    """The multiplier ((0.7, 0.72), (0.72, 0.8)) is positive although 0.7 < 0.9²: a channel, but of another form."""
    channel = with_gains([0.9, 0.8], [0.7, 0.8], kind="midpoint")
    assert channel.is_cp()
    with pytest.raises(ValueError, match="with population_gains of at least gains²"):
        channel.kraus()


def test_dividing_correlations_gives_no_channel(rng: np.random.Generator) -> None:
    """DESIGN.md, 3b.5: an entrywise ratio of measured second moments is not positive."""
    samples = rng.normal(size=(200, 6))
    step = np.full(6, 2.0)
    ratio = second_moments(quantize(samples, step, reconstruction="centroid")) / second_moments(samples)
    assert np.linalg.eigvalsh(ratio)[0] < -0.1
    assert quantization_channel(samples, step, reconstruction="centroid").is_cptp()


def test_multiplier_is_the_map_entry_by_entry(density_matrices: Callable[..., Array]) -> None:
    channel = with_gains([0.9, 0.5, 0.0], [1.1, 0.4, 0.2], kind="midpoint")
    rho = density_matrices(0, 3)
    assert_allclose(channel.apply(rho), channel.multiplier() * rho, atol=1e-15)
    assert_allclose(np.diag(channel.multiplier()), channel.population_gains)


def test_coefficient_that_vanishes_has_no_gain() -> None:
    samples = np.array([[0.0, 3.0], [0.0, -5.0]])
    for reconstruction in DETERMINISTIC:
        channel = quantization_channel(samples, [1.0, 1.0], reconstruction=reconstruction)
        assert_array_equal(channel.gains, [0, 1])
        assert_array_equal(channel.population_gains, [0, 1])


def test_patches_are_mapped_in_closed_form_where_kraus_operators_are_refused(
    density_matrices: Callable[..., Array],
) -> None:
    gains = np.linspace(0, 1, 64)
    channel = with_gains(gains)
    rho = density_matrices(0, 64)
    expected = np.zeros((65, 65), complex)
    expected[:64, :64] = gains[:, None] * rho * gains
    expected[range(64), range(64)] = gains * np.diag(rho)
    expected[64, 64] = 1 - np.trace(expected[:64, :64])
    assert_allclose(channel.apply(rho), expected, atol=1e-15)
    assert channel.is_cptp()
    with pytest.raises(ValueError, match="dimension must be at most 16 for Kraus operators, but dimension=64"):
        channel.kraus()


@pytest.mark.parametrize("reconstruction", ALL)
def test_batches_are_mapped_one_by_one(density_matrices: Callable[..., Array], reconstruction: str) -> None:
    samples, step = laplace_samples(0, 4)
    channel = quantization_channel(samples, step, reconstruction=reconstruction)
    batch = density_matrices(0, 4, batch=(2, 3))
    kept = batch.copy()
    for method in (channel.apply, channel.apply_conditioned):
        out = method(batch)
        assert out.shape[:2] == (2, 3)
        for index in np.ndindex(2, 3):
            assert_allclose(out[index], method(batch[index]), atol=1e-14)
    assert_array_equal(batch, kept)


@pytest.mark.parametrize(("quality", "share"), [(10, 0.25), (50, 0.35), (90, 0.75)])
def test_channel_model_explains_quantization_of_a_photograph(bundled_luma: Array, quality: int, share: float) -> None:
    """Trace distance to the truly quantized operator, AC part, against that of doing nothing.

    Sampling noise of the coherences is not in the model: with 2166 patches of one picture instead of 147 456 of 24,
    0.15, 0.21 and 0.53 of identity's distance were measured (0.07, 0.11 and 0.20 there).
    """
    patches = extract_patches(bundled_luma) - images.LEVEL_SHIFT
    samples = transforms.apply(transforms.unitary("dct_2d", 64), patches)[:, 1:]
    step = images.quantization_table(quality).ravel()[1:]
    truth = normalised(second_moments(quantize(samples, step, reconstruction="centroid")))
    rho = normalised(second_moments(samples))
    model = quantization_channel(samples, step, reconstruction="centroid").apply_conditioned(rho)
    assert trace_distance(model, truth) < share * trace_distance(rho, truth)


@given(seed=SEEDS, cut=st.integers(1, 39), dimension=DIMENSIONS)
@example(seed=900_000, cut=1, dimension=5)  # one sample of 1e-4 of the step
def test_marginals_add_and_can_be_taken_out(seed: int, cut: int, dimension: int) -> None:
    samples, step = laplace_samples(seed, dimension)
    first, second = (QuantizerMarginals.measure(part, step) for part in (samples[:cut], samples[cut:]))
    for reconstruction in ALL:
        whole = quantization_channel(samples, step, reconstruction=reconstruction)
        added = channel_from_marginals(first + second, reconstruction=reconstruction)
        rest = channel_from_marginals((first + second) - second, reconstruction=reconstruction)
        alone = quantization_channel(samples[:cut], step, reconstruction=reconstruction)
        # Taking out a large part of an energy leaves its rounding: 1e-16 times the ratio of the energies, 2e10 in the
        # example. 40 sums round, so 1e-14 times the ratio bounds the error.
        part, total = (samples[:cut] ** 2).sum(axis=0), (samples**2).sum(axis=0)
        ratio = np.max(np.where(part > 0, total / np.where(part > 0, part, 1), 1))
        for ours, expected, bound in ((added, whole, 1e-9), (rest, alone, 1e-9 + 1e-14 * ratio)):
            assert_allclose(ours.gains, expected.gains, rtol=bound, atol=bound)
            assert_allclose(ours.population_gains, expected.population_gains, rtol=bound, atol=bound)
            assert_allclose(ours.error_weight, expected.error_weight, rtol=bound, atol=bound)


def test_marginals_rebuild_seen_bins_by_centroids_and_others_by_midpoints() -> None:
    marginals = QuantizerMarginals.measure([[9.0], [12.0], [-1.0]], [10.0])
    rebuilt = marginals.rebuild([[6.0], [0.0], [-9.0], [47.0]])
    assert_allclose(rebuilt.ravel(), [10.5, -1.0, -10.0, 50.0])
    assert_array_equal(marginals.bin_counts.ravel(), [0, 1, 2])


SAMPLES = np.arange(6.0).reshape(3, 2)
MARGINALS = QuantizerMarginals.measure(SAMPLES, [1.0, 2.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quantize(SAMPLES, [1, 0], reconstruction="midpoint"), "step must be positive, but step=0.0"),
        (lambda: quantize(SAMPLES, [1, -2], reconstruction="midpoint"), "step must be positive, but step=-2.0"),
        (
            lambda: quantize(SAMPLES, [1], reconstruction="midpoint"),
            r"step must have shape \(2,\), but has shape \(1,\)",
        ),
        (lambda: quantize(SAMPLES, [1, np.nan], reconstruction="midpoint"), "step must be finite"),
        (lambda: quantize(SAMPLES[0], [1, 1], reconstruction="midpoint"), r"coefficients must have shape \(n, d\)"),
        (lambda: quantize(SAMPLES[:0], [1, 1], reconstruction="midpoint"), r"\(n, d\), real, with n >= 1"),
        (lambda: quantize(1j * SAMPLES, [1, 1], reconstruction="midpoint"), r"\(n, d\), real"),
        (
            lambda: quantize(SAMPLES, [1, 1], reconstruction="mean"),
            "reconstruction must be one of centroid, dithered, m",
        ),
        (
            lambda: quantize(SAMPLES, [1, 1], reconstruction="dithered"),
            "rng must be given for 'dithered' and for no other reconstruction",
        ),
        (
            lambda: quantize(SAMPLES, [1, 1], reconstruction="midpoint", rng=np.random.default_rng()),
            "rng must be given for 'dithered' and for no other reconstruction, but reconstruction='midpoint'",
        ),
        (
            lambda: quantization_channel(SAMPLES, [1, 1], reconstruction="mean"),
            "reconstruction must be one of centroid",
        ),
        (lambda: with_gains([1, 1]).apply(np.eye(3)), r"rho must have shape \(\.\.\., 2, 2\), but has shape \(3, 3\)"),
        (lambda: with_gains([1, 1]).apply([[1, 1], [0, 1]]), "rho must be Hermitian"),
        (lambda: with_gains([1, 1]).apply_conditioned(np.eye(2)), "rho must have trace 1, but its trace is 2"),
        (lambda: with_gains([0, 0]).apply_conditioned(np.eye(2) / 2), "rho must keep some energy in quantization"),
        (
            lambda: quantization_channel(SAMPLES, [1, 1], reconstruction="dithered").multiplier(),
            "reconstruction must be centroid or midpoint for a multiplier, but reconstruction='dithered'",
        ),
        (
            lambda: MARGINALS + QuantizerMarginals.measure(SAMPLES, [1.0, 1.0]),
            "marginals of different steps do not add",
        ),
        (
            lambda: MARGINALS - (MARGINALS + MARGINALS),
            "other must be part of the set that it is taken from, but other=6",
        ),
        (lambda: QuantizerMarginals.measure([[1e9]], [1.0]), "step must give at most 16777216 bins in all, but"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_single_precision_is_summed_in_double(rng):
    samples = rng.normal(0, 3, (200_000, 1)).astype(np.float32)
    exact = (samples.astype(np.float64) ** 2).sum()
    assert QuantizerMarginals.measure(samples, [1.0]).energy[0] == pytest.approx(exact, rel=1e-12)


def test_steps_too_small_to_count_are_refused():
    with pytest.raises(ValueError, match="step must be large enough to count bins"):
        quantize(np.ones((1, 1)), [1e-320], reconstruction="midpoint")
