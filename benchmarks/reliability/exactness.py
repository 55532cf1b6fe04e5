"""Exact preparation of states that are hard for a synthesis: how many were tried, and the largest infidelity."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from qiskit.circuit import QuantumCircuit

import circuits
from benchmarks.records import rows_of
from circuits.preparation.states import LARGEST_INFIDELITY
from circuits.synthesis import images, matrix_circuit
from experiments._results.measurements import Measurement
from qimg import tensor_train as tt
from qimg.core import Array

Family: TypeAlias = Callable[[int, np.random.Generator], Array]
Trial: TypeAlias = tuple[Array, QuantumCircuit]
"""Columns that a circuit must make of the first basis states, and the circuit."""


def smooth(n: int, rng: np.random.Generator) -> Array:
    """A Gaussian of random width, with a phase in half of the cases."""
    grid = np.linspace(-8, 8, 2**n)
    phase = 0.3j * grid**2 if rng.random() < 0.5 else 0.0
    return np.asarray(np.exp(-((grid * rng.uniform(0.2, 2)) ** 2) / 2 + phase))


def sparse(n: int, rng: np.random.Generator) -> Array:
    """A few random amplitudes among zeros."""
    vector = np.zeros(2**n)
    vector[rng.choice(2**n, n, replace=False)] = rng.normal(size=n)
    return vector


def tiny_entries(n: int, rng: np.random.Generator) -> Array:
    """Half of the amplitudes smaller by 1e-8, 1e-100 or 1e-320."""
    small = rng.choice([1e-8, 1e-100, 1e-320])
    return np.asarray(rng.normal(size=2**n) * np.where(rng.random(2**n) < 0.5, small, 1.0))


def spread_out(n: int, rng: np.random.Generator) -> Array:
    """Magnitudes from 1e-12 to 1 with random phases."""
    return np.asarray(10.0 ** rng.uniform(-12, 0, 2**n) * np.exp(2j * np.pi * rng.random(2**n)))


def random(n: int, rng: np.random.Generator) -> Array:
    """Normal amplitudes."""
    return np.asarray(rng.normal(size=2**n))


FAMILIES: dict[str, Family] = {
    "smooth": smooth,
    "sparse": sparse,
    "tiny entries": tiny_entries,
    "spread out": spread_out,
    "random": random,
}


def measure(qubits: Sequence[int] = range(4, 13), repeats: int = 2, bond: int = 8) -> list[Measurement]:
    """Trials of `prepare`, `prepare_train` and isometries of every family.

    Args:
        qubits: sizes of the registers.
        repeats: states of each family and size.
        bond: bond of the trains.
    """
    rows = []
    for name, family in FAMILIES.items():
        states = [
            vector / np.linalg.norm(vector)
            for n in qubits
            for vector in (family(n, np.random.default_rng([n, k])) for k in range(repeats))
        ]
        rows += _counted("prepare", name, ((state[:, None], circuits.prepare(state)) for state in states))
        rows += _counted("prepare_train", name, _trains(states, bond))
        rows += _counted("isometry of singular vectors", name, _isometries(states))
    return rows


def _trains(states: Sequence[Array], bond: int) -> Iterator[Trial]:
    for state in states:
        train = tt.decompose(state, (2,) * (len(state).bit_length() - 1), bond=bond).train
        yield tt.normalize(train).dense()[:, None], circuits.prepare_train(train)


def _isometries(states: Sequence[Array]) -> Iterator[Trial]:
    for state in states:
        half = 2 ** (len(state).bit_length() // 2)
        columns = np.linalg.svd(state.reshape(half, -1))[0][:, : max(half // 4, 1)]
        yield columns, matrix_circuit(columns)


def _counted(call: str, family: str, trials: Iterator[Trial]) -> list[Measurement]:
    """Rows of one function and family."""
    infidelities = []
    for columns, circuit in trials:
        difference = images(circuit, columns.shape[1]) - columns
        # ‖ψ − φ‖² bounds the infidelity without cancellation; for an isometry, of the worst column.
        infidelities.append(float((np.abs(difference) ** 2).sum(axis=0).max()))
    table, what = "exactness", f"{call}, {family}"
    within = sum(one <= LARGEST_INFIDELITY for one in infidelities)
    largest = max(infidelities)
    return [
        *rows_of(table, what, {"tried": len(infidelities), "within the promise": within}),
        Measurement(table=table, what=what, quantity="largest infidelity", value=largest, unit="relative"),
    ]
