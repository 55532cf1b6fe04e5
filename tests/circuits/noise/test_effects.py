"""Effects of noisy circuits: projectors that run backwards, against density matrices that run forwards."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit

import circuits
from circuits.execution.backends import aer_result
from circuits.noise.effects import effects


@pytest.mark.parametrize("strength", [0.0, 0.02])
def test_effects_give_what_the_circuit_measures_under_noise(strength: float) -> None:
    """The projectors that ran backwards against density matrices that ran forwards."""
    rng = np.random.default_rng(3)
    circuit = QuantumCircuit(3)
    for _ in range(6):
        for qubit in range(3):
            circuit.ry(rng.uniform(-3, 3), qubit)
            circuit.rz(rng.uniform(-3, 3), qubit)
        circuit.cx(*rng.choice(3, 2, replace=False).tolist())
    circuit = circuits.compile_circuit(circuit)
    vectors = rng.normal(size=(4, 4))
    forwards = []
    for vector in vectors:
        state = np.zeros((8, 8), complex)
        state[:4, :4] = np.outer(vector, vector) / (vector @ vector)
        whole = QuantumCircuit(3)
        whole.set_density_matrix(state)
        whole.compose(circuit, inplace=True)
        whole.save_density_matrix()
        model = circuits.noise_model("depolarizing", strength)
        final = np.asarray(aer_result(whole, method="density_matrix", noise_model=model).data(0)["density_matrix"])
        forwards.append(np.diagonal(final).real[:4])
    made = effects(circuit, 2, strength).probabilities(vectors)
    np.testing.assert_allclose(made, forwards, atol=1e-10)
    assert effects(circuit, 2, strength).probabilities(np.zeros((1, 4))).sum() == 0
