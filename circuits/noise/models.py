"""Models of device noise, and the final density matrices of circuits under noise."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit_aer.noise import NoiseModel, amplitude_damping_error, depolarizing_error

from circuits.compilation import BASIS_GATES, compile_circuits, is_compiled, without_measurements
from circuits.execution.backends import aer_result, backend, several
from qimg.core import Array, fraction, one_of, real, require, require_shape, square

NoiseKind = Literal["depolarizing", "damping", "generic"]
KINDS: tuple[NoiseKind, ...] = ("depolarizing", "damping", "generic")

MAX_NOISY_QUBITS = 10
"""Largest register of `noisy_states`; its density matrix takes 16 MiB."""


def noise_model(kind: str, strength: float) -> NoiseModel:
    """Noise of a chosen strength on every CX, and of a tenth of it on every one-qubit gate except RZ.

    | kind | strength |
    |---|---|
    | `depolarizing` | error weight of a CX, the probability that both qubits become maximally mixed |
    | `damping` | probability that a 1 of either qubit of a CX decays to 0 |

    Args:
        kind: one of the table.
        strength: in [0, 1].
    """
    one_of("kind", kind, ("depolarizing", "damping"))
    weight = fraction("strength", strength)
    model = NoiseModel(basis_gates=list(BASIS_GATES))
    if weight == 0:
        return model
    if kind == "depolarizing":
        two, one = depolarizing_error(weight, 2), depolarizing_error(weight / 10, 1)
    else:
        single = amplitude_damping_error(weight)
        two, one = single.tensor(single), amplitude_damping_error(weight / 10)
    model.add_all_qubit_quantum_error(two, ["cx"])
    model.add_all_qubit_quantum_error(one, [gate for gate in BASIS_GATES if gate not in ("cx", "rz")])
    return model


def generic_cx_error(n_qubits: int, *, seed: int | None = 0) -> float:
    """Mean error of the CX of the `generic` device of that size and seed (`circuits.seeds`)."""
    target = backend("generic", n_qubits=n_qubits, seed=seed).target
    return float(np.mean([properties.error for properties in target["cx"].values()]))


def noisy_states(
    circuits: QuantumCircuit | Sequence[QuantumCircuit],
    kind: str,
    *,
    strength: float | None = None,
    seed: int | None = 0,
) -> Array:
    """Final density matrices (n, 2**n_qubits, 2**n_qubits) of circuits from |0…0⟩ under noise, without shots.

    They are computed by Aer's density-matrix simulator; readout errors are not included.

    Args:
        circuits: one circuit, or several with the same number of qubits, at most 10, without measurements.
        kind: "depolarizing" or "damping" (`noise_model`), or "generic", the errors of Qiskit's generic device.
        strength: strength of "depolarizing" and "damping"; an error for "generic".
        seed: seed of the generic device's errors (`circuits.seeds`).
    """
    many = several(circuits)
    one_of("kind", kind, KINDS)
    if (strength is None) != (kind == "generic"):
        rule = "has no effect on generic" if kind == "generic" else f"must be given for {kind}"
        raise ValueError(f"strength {rule}, but strength={strength}")
    qubits = {circuit.num_qubits for circuit in many}
    require(len(qubits) == 1, "circuits", "must have equally many qubits", sorted(qubits))
    n = qubits.pop()
    require(n <= MAX_NOISY_QUBITS, "circuits", f"must have at most {MAX_NOISY_QUBITS} qubits", n)
    without_measurements("circuits", *many)
    if strength is None:
        device = backend("generic", n_qubits=n, seed=seed)
        model = NoiseModel.from_backend(device)
        saved = compile_circuits(many, backend=device, layout=list(range(n)))
    else:
        model = noise_model(kind, strength)
        saved = [circuit.copy() for circuit in many] if is_compiled(*many) else compile_circuits(many)
    for circuit in saved:
        circuit.save_density_matrix()
    result = aer_result(saved, method="density_matrix", noise_model=model)
    return np.stack([np.asarray(result.data(k)["density_matrix"]) for k in range(len(saved))])


def mixed_patches(states: ArrayLike, norms: ArrayLike) -> Array:
    """The density matrix Σ ‖x‖² ρ / Σ ‖x‖² of many patches, weighted by energy like the operator Σ x xᵀ.

    Args:
        states: (n, d, d) density matrices.
        norms: (n,) norms of the patches, not all zero.
    """
    matrices, sizes = square("states", states), real("norms", norms)
    require_shape(sizes.shape == matrices.shape[:1], "norms", f"{matrices.shape[:1]}", sizes)
    energy = sizes**2
    require(bool(energy.sum() > 0), "norms", "must not all be zero", float(energy.sum()))
    return np.asarray(np.einsum("n,nij->ij", energy / energy.sum(), matrices))
