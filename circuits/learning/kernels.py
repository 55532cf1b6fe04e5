"""Fidelity kernels |⟨a|b⟩|² of state vectors: exact in bulk, with shots, and from circuits on a noisy backend."""

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from circuits.execution.backends import sample
from circuits.preparation.states import prepare
from circuits.seeds import stream
from qimg.core import Array, arguments, integer, require, require_shape
from qimg.states import amplitude_encode, pad_to_register, qubits_for

MAX_CIRCUITS = 10_000
"""Largest number of pairs that are run as circuits."""


def fidelity_kernel(
    states_a: ArrayLike,
    states_b: ArrayLike | None = None,
    *,
    shots: int | None = None,
    backend: str | BackendV2 | None = None,
    seed: int | None = 0,
) -> Array:
    """The fidelities |⟨a|b⟩|² of all pairs of two sets: a positive semidefinite kernel (Havlíček et al. 2019).

    Without shots the kernel is exact and takes one matrix product, O(n m d). With shots it is the share of outcome 0
    of the circuit that prepares a and then undoes the preparation of b, unbiased with the variance K (1 − K) / shots.
    Without a backend the shots are drawn from that binomial law in bulk. With one, the circuit of each pair is compiled
    and run; noise of the device then reduces large entries. Kernels from shots need not be positive semidefinite.

    With one set alone, the kernel is symmetric with a diagonal of 1, and each pair is measured once.

    Args:
        states_a: (n, d) real or complex vectors, which are normalised; a zero vector is |0…0⟩.
        states_b: (m, d); `states_a` when left out.
        shots: shots for each pair; exact when left out.
        backend: a name for `circuits.backend`, or any `BackendV2`; only with shots, for at most
            `MAX_CIRCUITS` pairs.
        seed: seed of the shots (`circuits.seeds`).

    Returns:
        (n, m) in [0, 1].

    >>> fidelity_kernel([[1.0, 0.0], [3.0, 4.0]]).round(2)
    array([[1.  , 0.36],
           [0.36, 1.  ]])
    """
    first = _states("states_a", states_a)
    second = first if states_b is None else _states("states_b", states_b)
    fits = second.shape[1] == first.shape[1]
    require_shape(fits, "states_b", f"(m, {first.shape[1]}), vectors as long as states_a", second)
    if shots is None:
        require(backend is None, "backend", "has no effect without shots and must be left out", backend)
        return _exact(first, second, alone=states_b is None)
    count = integer("shots", shots, 1)
    rows, columns = _pairs(len(first), len(second), alone=states_b is None)
    if backend is None:
        exact = _exact(first, second, alone=states_b is None)[rows, columns]
        rng = np.random.default_rng(stream(seed, "fidelity_kernel", first, second, count))
        shares = rng.binomial(count, exact) / count
    else:
        most = int(np.sqrt(MAX_CIRCUITS))
        rule = f"must make at most {MAX_CIRCUITS} pairs on a backend, such as {most} and {most} vectors"
        require(len(rows) <= MAX_CIRCUITS, "states_a and states_b", rule, len(rows))
        shares = _measured(first, second, rows, columns, backend, count, seed)
    kernel = np.eye(len(first), len(second))
    kernel[rows, columns] = shares
    if states_b is None:
        kernel[columns, rows] = shares
    return kernel


def overlap_circuit(a: ArrayLike, b: ArrayLike) -> QuantumCircuit:
    """The circuit whose outcome 0 has the probability |⟨a|b⟩|²: prepare a, then undo the preparation of b.

    Args:
        a: (d,) vector, which is normalised and padded to a register.
        b: (d,) vector.
    """
    first, second = _states("a", np.atleast_2d(a)), _states("b", np.atleast_2d(b))
    require_shape(first.shape == second.shape, "b", f"({first.shape[1]},)", second[0])
    return _undone(*(prepare(_padded(one)[0]) for one in (first, second)))


def _states(name: str, value: ArrayLike) -> Array:
    array = arguments.vectors(name, value)
    require_shape(array.ndim == 2 and len(array) > 0, name, "(n, d) with n >= 1", array)
    return amplitude_encode(array).amplitudes


def _exact(first: Array, second: Array, *, alone: bool) -> Array:
    """Squared moduli of the inner products, at most 1 in spite of rounding."""
    kernel = np.minimum(np.abs(first.conj() @ second.T) ** 2, 1.0)
    if alone:
        np.fill_diagonal(kernel, 1.0)
    return kernel


def _pairs(n: int, m: int, *, alone: bool) -> tuple[Array, Array]:
    """Rows and columns of the entries to measure."""
    if alone:
        return np.triu_indices(n, 1)
    rows, columns = np.indices((n, m)).reshape(2, -1)
    return rows, columns


def _measured(
    first: Array, second: Array, rows: Array, columns: Array, backend: str | BackendV2, shots: int, seed: int | None
) -> Array:
    if not len(rows):
        return np.zeros(0)
    loads = [prepare(state) for state in _padded(first)]
    undone = loads if second is first else [prepare(state) for state in _padded(second)]
    tests = [_undone(loads[i], undone[j]) for i, j in zip(rows.tolist(), columns.tolist(), strict=True)]
    counts = sample("fidelity_kernel", tests, backend, shots=shots, seed=seed)
    return np.asarray(counts[:, 0] / shots)


def _padded(states: Array) -> Array:
    return pad_to_register(states, max(qubits_for(states.shape[1]), 1))


def _undone(load: QuantumCircuit, other: QuantumCircuit) -> QuantumCircuit:
    return load.compose(other.inverse())
