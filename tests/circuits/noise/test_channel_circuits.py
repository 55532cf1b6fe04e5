"""Channels run as circuits against their closed form."""

import numpy as np
import pytest
from qiskit.quantum_info import DensityMatrix, partial_trace, random_density_matrix

import circuits
from circuits.noise.channels import MAX_KRAUS_QUBITS
from qimg.channels import quantization_channel
from qimg.channels.noise import amplitude_damping, dephasing, depolarizing

# A few hundred gates or a superoperator of 256 rows, each right to 1e-15 or so.
ENTRY = 1e-10


def centroid(size: int, *, seed: int = 0):
    """The channel of a centroid quantizer on coefficients from large to far below the step: α from 1 to 0."""
    rng = np.random.default_rng(seed)
    scales = np.geomspace(200, 0.05, size)
    return quantization_channel(rng.laplace(size=(500, size)) * scales, np.full(size, 16.0), reconstruction="centroid")


def state(size: int, *, imaginary: bool) -> np.ndarray:
    rho = random_density_matrix(size, seed=size).data
    return rho if imaginary else rho.real


@pytest.fixture(scope="module")
def six_qubits() -> dict[bool, np.ndarray]:
    """Outputs of the 6-qubit dilation, which takes a second: real and complex ρ."""
    return {
        imaginary: circuits.apply_stinespring(centroid(64).gains, state(64, imaginary=imaginary))
        for imaginary in (False, True)
    }


def test_the_channels_used_here_span_all_gains():
    gains = centroid(64).gains
    assert gains.max() > 0.99
    assert gains.min() < 1e-3
    assert ((gains > 0.1) & (gains < 0.9)).sum() > 5


@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize("size", [2, 4, 8])
@pytest.mark.parametrize("way", ["kraus", "stinespring"])
def test_centroid_quantization_as_a_circuit(size, imaginary, way):
    channel, rho = centroid(size), state(size, imaginary=imaginary)
    found = (
        circuits.apply_kraus(channel.kraus(), rho) if way == "kraus" else circuits.apply_stinespring(channel.gains, rho)
    )
    assert found.shape == (size + 1, size + 1)
    np.testing.assert_allclose(found, channel.apply(rho), rtol=0, atol=ENTRY)


@pytest.mark.slow
@pytest.mark.parametrize("imaginary", [False, True])
def test_centroid_quantization_of_six_qubits(six_qubits, imaginary):
    wanted = centroid(64).apply(state(64, imaginary=imaginary))
    np.testing.assert_allclose(six_qubits[imaginary], wanted, rtol=0, atol=ENTRY)
    assert np.trace(six_qubits[imaginary]).real == pytest.approx(1, abs=ENTRY)


@pytest.mark.parametrize("gains", [np.ones(4), np.zeros(4), np.array([0.0, 1.0, 0.5, 1e-12])])
def test_dilation_at_the_ends_of_the_range(gains):
    rho = state(4, imaginary=True)
    found = circuits.apply_stinespring(gains, rho)
    wanted = np.zeros((5, 5), complex)
    wanted[:4, :4] = rho * np.outer(gains, gains)
    wanted[range(4), range(4)] = gains * np.diagonal(rho)
    wanted[4, 4] = (1 - gains) @ np.diagonal(rho)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=ENTRY)


@pytest.mark.parametrize("channel", [dephasing, depolarizing, amplitude_damping])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_textbook_channels_run_without_a_flag_qubit(channel, weight):
    noise, rho = channel(4, error_weight=weight), state(4, imaginary=True)
    assert circuits.kraus_circuit(noise.operators).num_qubits == 2
    np.testing.assert_allclose(circuits.apply_kraus(noise.operators, rho), noise.apply(rho), rtol=0, atol=ENTRY)


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_the_dilation_is_a_circuit_of_2n_plus_3_qubits(n_qubits):
    circuit = circuits.stinespring_circuit(centroid(2**n_qubits).gains)
    assert circuit.num_qubits == 2 * n_qubits + 3
    assert [register.name for register in circuit.qregs] == ["data", "flag", "record", "lost", "erased"]


def test_the_dilation_of_a_basis_state_by_qiskit_alone():
    gains = np.array([0.9, 0.4, 0.0, 1.0])
    circuit = circuits.stinespring_circuit(gains)
    for k in range(4):
        start = DensityMatrix.from_int(k, 2**circuit.num_qubits)
        levels = np.diagonal(partial_trace(start.evolve(circuit), range(3, 7)).data).real
        wanted = np.zeros(8)
        wanted[[k, 4]] = gains[k], 1 - gains[k]
        np.testing.assert_allclose(levels, wanted, rtol=0, atol=ENTRY)


@pytest.mark.parametrize(("size", "seed"), [(2, 1), (8, 2), pytest.param(64, 3, marks=pytest.mark.slow)])
def test_sampled_levels_are_the_populations(size, seed):
    channel, rho, shots = centroid(size), state(size, imaginary=True), 50_000
    counts = circuits.sample_stinespring(channel.gains, rho, shots=shots, seed=seed)
    assert counts.shape == (size + 1,)
    assert counts.sum() == shots
    expected = np.diagonal(channel.apply(rho)).real
    error = np.sqrt(expected * (1 - expected) / shots)
    # Four standard errors, and one count where a population (nearly) vanishes; the seed is fixed.
    assert (np.abs(counts / shots - expected) <= 4 * error + 1 / shots).all()


def test_sampling_repeats_with_its_seed():
    given = centroid(4).gains, state(4, imaginary=False)
    first, again, other = (circuits.sample_stinespring(*given, shots=300, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("gains", "message"),
    [
        ([0.5, 1.1], r"gains must be in \[0, 1\], but gains=\(0.5, 1.1\)"),
        ([-0.1, 1.0], r"gains must be in \[0, 1\]"),
        ([0.5, np.nan], "gains must be finite"),
        ([0.5, 0.5, 0.5], r"gains must have shape \(2\*\*n,\), but has shape \(3,\)"),
        ([0.5], r"gains must have shape \(2\*\*n,\), but has shape \(1,\)"),
        (np.full((2, 2), 0.5), r"gains must have shape \(2\*\*n,\), but has shape \(2, 2\)"),
        ([0.5 + 1j, 0.5], "gains must be real"),
    ],
)
def test_the_dilation_refuses_bad_gains(gains, message):
    with pytest.raises(ValueError, match=message):
        circuits.stinespring_circuit(gains)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.apply_stinespring(np.full(128, 0.5), np.eye(128) / 128), "gains must have at most 64"),
        (lambda: circuits.apply_stinespring([0.5, 0.5], np.eye(4) / 4), r"rho must have shape \(2, 2\)"),
        (lambda: circuits.apply_stinespring([0.5, 0.5], np.eye(2)), "rho must have trace 1, but its trace is 2"),
        (lambda: circuits.apply_stinespring([0.5, 0.5], np.diag([1.5, -0.5])), "rho must be positive semidefinite"),
        (lambda: circuits.sample_stinespring([0.5, 0.5], np.eye(2) / 2, shots=0, seed=0), "shots must be an integer"),
        (lambda: circuits.apply_kraus(np.eye(2)[None], np.eye(4) / 4), r"rho must have shape \(2, 2\)"),
        (lambda: circuits.apply_kraus(np.eye(2)[None], np.eye(2)), "rho must have trace 1"),
    ],
)
def test_running_a_channel_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        (np.eye(2), r"operators must have shape \(k, d, d\) or \(k, d \+ 1, d\), but has shape \(2, 2\)"),
        (np.zeros((1, 4, 2)), r"operators must have shape .*but has shape \(1, 4, 2\)"),
        (np.eye(3)[None], r"operators must act on 2\*\*n levels, but operators=3"),
        (0.5 * np.eye(2)[None], "operators must satisfy Σ K†K = 1"),
        (np.zeros((0, 2, 2)), r"operators must have shape .*but has shape \(0, 2, 2\)"),
        (np.eye(2 ** (MAX_KRAUS_QUBITS + 1))[None], "operators must need at most 5 qubits, but operators=6"),
    ],
)
def test_kraus_circuits_refuse_what_is_no_channel(operators, message):
    with pytest.raises(ValueError, match=message):
        circuits.kraus_circuit(operators)
