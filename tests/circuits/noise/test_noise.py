"""Noise on circuits against closed forms and Qiskit; what the experiments on noise, shots and transforms say."""

import functools
import math

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix

import circuits
from experiments._run import runner
from experiments.circuits import noise, shots, transform_cost


@functools.cache
def measured(name: str) -> list:
    return runner.measure(name, runner.module(name).TINY).rows


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(np.pi / 2, 0)
    circuit.cx(0, 1)
    return circuit


def test_no_noise_leaves_the_state():
    many = [circuits.prepare(np.sqrt([0.1, 0.2, 0.3, 0.4])), bell()]
    for kind in ("depolarizing", "damping"):
        found = circuits.noisy_states(many, kind, strength=0.0)
        wanted = [DensityMatrix(circuit).data for circuit in many]
        np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_depolarizing_noise_of_a_cx_is_its_definition():
    # A tenth of the weight after RY on one qubit, then the whole after the CX on both.
    weight = 0.2
    single = DensityMatrix([[0.5, 0.5], [0.5, 0.5]]).data
    single = (1 - weight / 10) * single + weight / 10 * np.eye(2) / 2
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    pure = DensityMatrix(np.kron(np.diag([1.0, 0.0]), single)).evolve(circuit).data
    found = circuits.noisy_states(bell(), "depolarizing", strength=weight)[0]
    np.testing.assert_allclose(found, (1 - weight) * pure + weight * np.eye(4) / 4, atol=1e-12)


def test_damping_decays_to_zero():
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.cx(0, 1)
    gamma = 0.3
    found = np.diagonal(circuits.noisy_states(circuit, "damping", strength=gamma)[0]).real
    before = 1 - gamma / 10  # X is a gate of one qubit
    decay = np.array([1 - gamma, gamma])
    wanted = before * np.array([gamma * gamma, gamma * decay[0], gamma * decay[0], decay[0] ** 2])
    wanted[0] += 1 - before
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_stronger_noise_is_farther_away_and_states_stay_states():
    circuit = circuits.prepare(np.sqrt(np.arange(1, 9) / 36))
    exact = DensityMatrix(circuit).data
    for kind in ("depolarizing", "damping"):
        far = []
        for strength in (0.001, 0.01, 0.1):
            rho = circuits.noisy_states(circuit, kind, strength=strength)[0]
            assert np.trace(rho).real == pytest.approx(1)
            assert np.linalg.eigvalsh(rho)[0] > -1e-12
            far.append(float(np.abs(np.linalg.eigvalsh(rho - exact)).sum() / 2))
        assert far == sorted(far)
        # To first order the distance is proportional to the strength.
        assert far[1] / far[0] == pytest.approx(10, rel=0.1)


def test_the_generic_device_is_as_noisy_as_it_says():
    error = circuits.generic_cx_error(2)
    rho = circuits.noisy_states(bell(), "generic")[0]
    infidelity = 1 - float((rho @ DensityMatrix(bell()).data).trace().real)
    # One CX, three or four gates of one qubit (an order better) and relaxation: of the size of the CX's error.
    assert error / 3 < infidelity < 4 * error


def test_patches_are_mixed_by_their_energies():
    states = np.stack([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])])
    np.testing.assert_allclose(circuits.mixed_patches(states, [1.0, 3.0]), np.diag([0.1, 0.9]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.noisy_states(bell(), "dephasing", strength=0.1), "kind must be one of"),
        (lambda: circuits.noisy_states(bell(), "damping"), "strength must be given for damping"),
        (lambda: circuits.noisy_states(bell(), "generic", strength=0.1), "strength has no effect on generic"),
        (lambda: circuits.noisy_states(bell(), "damping", strength=2.0), r"strength must be in \[0, 1\]"),
        (lambda: circuits.noisy_states(QuantumCircuit(11), "damping", strength=0.1), "circuits must have at most 10"),
        (
            lambda: circuits.noisy_states([bell(), QuantumCircuit(1)], "damping", strength=0.1),
            r"circuits must have equally many qubits, but circuits=\[1, 2\]",
        ),
        (lambda: circuits.mixed_patches(np.eye(2)[None], [0.0]), "norms must not all be zero"),
        (lambda: noise.run(noise.Params(side=5)), r"side must be one of \(4, 8\), but side=5"),
        (lambda: noise.run(noise.Params(strengths=(0.0,))), r"strengths must be in \(0, 1\], but strengths=0.0"),
        (lambda: noise.run(noise.Params(kinds=("generic",))), "kinds must be one of damping, depolarizing"),
        (lambda: transform_cost.run(transform_cost.Params(transforms=("dst",))), "transforms must be one of"),
        (lambda: transform_cost.run(transform_cost.Params(levels=(4,))), r"levels must be in \[0, 3\], but levels=4"),
        (lambda: transform_cost.run(transform_cost.Params(classes=(999,))), r"classes must be in \[0, "),
        (lambda: shots.run(shots.Params(representations=("qpie",))), "representations must be one of"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_identity_is_nothing_and_equal_strengths_lie_between_their_neighbours():
    rows = measured("noise")
    for row in rows:
        if row.source == "identity":
            assert row.trace_distance == 0
            assert math.isinf(row.psnr_db)
    for jpeg in [row for row in rows if row.source == "jpeg"]:
        for kind in ("depolarizing", "damping"):
            strength = getattr(jpeg, f"equal_{kind}")
            if not math.isnan(strength):
                near = [row for row in rows if (row.image, row.source) == (jpeg.image, kind)]
                below = max(row.trace_distance for row in near if row.setting <= strength)
                above = min(row.trace_distance for row in near if row.setting >= strength)
                assert below <= jpeg.trace_distance <= above


def test_no_transform_has_more_gain_than_the_klt_of_the_class():
    classes = [row for row in measured("transform_cost") if row.image == "prior"]
    grown = {row.budget: row.coding_gain_db for row in classes if row.transform == "grown"}
    walsh = next(row.coding_gain_db for row in classes if row.transform == "walsh_2d")
    assert walsh <= grown[0] <= grown[2]
    for row in classes:
        if row.transform == "grown":
            assert row.cx <= row.budget


def test_every_representation_is_covered_by_its_intervals():
    rows = measured("shots")
    with_intervals = [row for row in rows if not math.isnan(row.covered)]
    assert {row.representation for row in with_intervals} == {"amplitude", "frqi", "mcrqi"}
    assert {row.representation for row in rows} - {"amplitude", "frqi", "mcrqi"} == {"neqr"}
    # Clopper-Pearson covers with at least the level: all runs together are some thousand pixels.
    assert np.mean([row.covered for row in with_intervals]) >= 0.94
