"""Kraus channels, the Choi matrix, and textbook noise."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from qiskit import quantum_info

from qimg import channels
from qimg.channels import KrausChannel
from qimg.core import Array
from qimg.metrics import fidelity, trace_distance
from qimg.operators import purity, von_neumann_entropy

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 4)
WEIGHTS = st.floats(0, 1)
NOISE = [channels.dephasing, channels.depolarizing, channels.amplitude_damping]


def random_kraus(seed: int, count: int, output: int, dimension: int) -> Array:
    """Operators with Σ K†K = 1: blocks of a random isometry."""
    # An isometry cannot shrink the dimension.
    count = max(count, -(-dimension // output))
    real, imaginary = np.random.default_rng(seed).normal(size=(2, count * output, dimension))
    return np.linalg.qr(real + 1j * imaginary)[0].reshape(count, output, dimension)


# Qiskit takes one input or output level for a state vector, not for a channel.
@given(seed=SEEDS, count=SIZES, output=st.integers(2, 4), dimension=st.integers(2, 4))
def test_kraus_channels_are_qiskits(
    density_matrices: Callable[..., Array], seed: int, count: int, output: int, dimension: int
) -> None:
    operators = random_kraus(seed, count, output, dimension)
    channel = KrausChannel(operators)
    rho = density_matrices(seed, dimension)
    theirs = quantum_info.Kraus(list(operators))
    assert_allclose(channel.choi(), quantum_info.Choi(theirs).data, atol=1e-13)
    assert_allclose(channel.to_qiskit().data, theirs.data, atol=1e-15)
    evolved = quantum_info.SuperOp(theirs).data @ rho.ravel(order="F")
    assert_allclose(channel.apply(rho), evolved.reshape(output, output, order="F"), atol=1e-13)
    assert channel.is_cp()
    assert channel.is_cptp()
    assert_allclose(np.trace(channel.apply(rho)), 1, rtol=1e-12)


@pytest.mark.parametrize("form", [quantum_info.Kraus, quantum_info.Choi, quantum_info.SuperOp])
@given(seed=SEEDS, output=st.integers(2, 4), dimension=st.integers(2, 4))
def test_channels_come_back_from_qiskit(form: type, seed: int, output: int, dimension: int) -> None:
    channel = KrausChannel(random_kraus(seed, 2, output, dimension))
    back = KrausChannel.from_qiskit(form(channel.to_qiskit()))
    # Through a Choi matrix the operators are other ones: square roots of its eigenvalues, so 1e-16 becomes 1e-8.
    assert_allclose(back.choi(), channel.choi(), atol=1e-7)


def test_transposition_does_not_come_from_qiskit_as_a_channel() -> None:
    swap = np.eye(4)[[0, 2, 1, 3]]
    with pytest.raises(ValueError, match="channel must be completely positive, but has different left and right"):
        KrausChannel.from_qiskit(quantum_info.Choi(swap))


@given(seed=SEEDS, output=SIZES, dimension=SIZES)
def test_choi_matrix_by_definition(seed: int, output: int, dimension: int) -> None:
    """Σ |i⟩⟨j| ⊗ E(|i⟩⟨j|)."""
    channel = KrausChannel(random_kraus(seed, 2, output, dimension))
    expected = 0
    for i in range(dimension):
        for j in range(dimension):
            unit = np.zeros((dimension, dimension))
            unit[i, j] = 1
            expected = expected + np.kron(unit, channel.apply(unit))
    assert_allclose(channel.choi(), expected, atol=1e-13)
    assert channels.is_completely_positive(channel.choi())
    assert channels.is_trace_preserving(channel.choi(), input_dimension=dimension)


@given(seed=SEEDS, dimension=st.integers(2, 4))
def test_what_the_choi_matrix_gives_away(seed: int, dimension: int) -> None:
    choi = channels.choi_matrix(random_kraus(seed, 2, dimension, dimension))
    assert not channels.is_trace_preserving(1.001 * choi, input_dimension=dimension)
    lowest = np.linalg.eigvalsh(choi)[0]
    assert not channels.is_completely_positive(choi - (lowest + 1e-3) * np.eye(dimension**2))
    crooked = choi.copy()
    crooked[0, 1] += 1e-3
    assert not channels.is_completely_positive(crooked)
    # Transposition is positive and preserves the trace, but is not completely positive: its Choi matrix is SWAP.
    swap = np.eye(dimension**2).reshape([dimension] * 4).swapaxes(2, 3).reshape(dimension**2, -1)
    assert channels.is_trace_preserving(swap, input_dimension=dimension)
    assert not channels.is_completely_positive(swap)


def test_operators_that_lose_or_gain_trace_are_not_trace_preserving() -> None:
    operators = random_kraus(0, 2, 3, 3)
    assert not KrausChannel(1.01 * operators).is_cptp()
    assert not KrausChannel(operators[:1]).is_cptp()
    assert KrausChannel(operators[:1]).is_cp()


@given(seed=SEEDS, count=SIZES, dimension=SIZES)
def test_channels_bring_states_together(
    density_matrices: Callable[..., Array], seed: int, count: int, dimension: int
) -> None:
    rho, sigma = density_matrices(seed, dimension, batch=(2,))
    channel = KrausChannel(random_kraus(seed, count, dimension, dimension))
    outputs = channel.apply(rho), channel.apply(sigma)
    assert trace_distance(*outputs) <= trace_distance(rho, sigma) + 1e-12
    assert fidelity(*outputs) >= fidelity(rho, sigma) - 1e-7


@given(seed=SEEDS)
def test_batches_are_mapped_one_by_one(density_matrices: Callable[..., Array], seed: int) -> None:
    channel = KrausChannel(random_kraus(seed, 3, 2, 4))
    batch = density_matrices(seed, 4, batch=(2, 3))
    kept = batch.copy()
    out = channel.apply(batch)
    assert out.shape == (2, 3, 2, 2)
    for index in np.ndindex(2, 3):
        expected = sum(K @ batch[index] @ K.conj().T for K in channel.operators)
        assert_allclose(out[index], expected, atol=1e-14)
    assert_array_equal(batch, kept)


def noise_by_formula(name: str, rho: Array, p: float) -> Array:
    d = len(rho)
    if name == "dephasing":
        return (1 - p) * rho + p * np.diag(np.diag(rho))
    if name == "depolarizing":
        return (1 - p) * rho + p * np.trace(rho) * np.eye(d) / d
    out = rho * np.sqrt(np.outer([1.0] + [1 - p] * (d - 1), [1.0] + [1 - p] * (d - 1)))
    out[0, 0] += p * np.trace(rho[1:, 1:])
    return out


@pytest.mark.parametrize("noise", NOISE)
@given(seed=SEEDS, dimension=st.integers(1, 6), weight=WEIGHTS)
def test_noise_by_formula(
    density_matrices: Callable[..., Array], noise: Callable[..., KrausChannel], seed: int, dimension: int, weight: float
) -> None:
    rho = density_matrices(seed, dimension)
    channel = noise(dimension, error_weight=weight)
    assert channel.is_cptp()
    assert_allclose(channel.apply(rho), noise_by_formula(noise.__name__, rho, weight), atol=1e-14)
    assert_allclose(noise(dimension, error_weight=0.0).apply(rho), rho, atol=1e-15)


@pytest.mark.parametrize("noise", [channels.dephasing, channels.depolarizing])
@given(seed=SEEDS, dimension=st.integers(1, 6), weight=WEIGHTS)
def test_unital_noise_raises_entropy_and_lowers_purity(
    density_matrices: Callable[..., Array], noise: Callable[..., KrausChannel], seed: int, dimension: int, weight: float
) -> None:
    rho = density_matrices(seed, dimension)
    out = noise(dimension, error_weight=weight).apply(rho)
    assert von_neumann_entropy(out) >= von_neumann_entropy(rho) - 1e-12
    assert purity(out) <= purity(rho) + 1e-12


@given(seed=SEEDS, dimension=st.integers(1, 5))
def test_full_damping_leaves_the_ground_level(
    density_matrices: Callable[..., Array], seed: int, dimension: int
) -> None:
    out = channels.amplitude_damping(dimension, error_weight=1.0).apply(density_matrices(seed, dimension))
    ground = np.zeros((dimension, dimension))
    ground[0, 0] = 1
    assert_allclose(out, ground, atol=1e-14)


def test_dephasing_scales_to_patches() -> None:
    rho = np.full((64, 64), 1 / 64)
    out = channels.dephasing(64, error_weight=0.25).apply(rho)
    assert_allclose(out, rho * (0.75 + 0.25 * np.eye(64)), atol=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: KrausChannel(np.eye(2)), r"operators must have shape \(n, d_out, d_in\), but has shape \(2, 2\)"),
        (lambda: KrausChannel(np.zeros((0, 2, 2))), r"operators must have shape \(n, d_out, d_in\), but has shape \(0"),
        (lambda: KrausChannel([[[np.nan]]]), "operators must be finite"),
        (lambda: KrausChannel(np.ones((1, 2, 3))).apply(np.eye(2)), r"rho must have shape \(\.\.\., 3, 3\), but has"),
        (lambda: channels.dephasing(2, error_weight=1.1), r"error_weight must be in \[0, 1\], but error_weight=1.1"),
        (lambda: channels.dephasing(2, error_weight=np.nan), r"error_weight must be in \[0, 1\], but error_weight=nan"),
        (lambda: channels.dephasing(0, error_weight=0.5), "dimension must be an integer of at least 1"),
        (lambda: channels.depolarizing(17, error_weight=0.5), r"dimension must be in \[1, 16\], but dimension=17"),
        (
            lambda: channels.amplitude_damping(2, error_weight=-0.1),
            r"error_weight must be in \[0, 1\], but error_weight",
        ),
        (
            lambda: channels.is_trace_preserving(np.eye(4), input_dimension=3),
            "input_dimension must be positive and mul",
        ),
        (lambda: channels.is_completely_positive(np.ones((2, 3))), r"choi must have shape"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
