"""Overlap, purity and Rényi entropies from circuits on several copies, with intervals."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from circuits.algorithms.ensembles import padded_density, purification_circuit
from circuits.compilation import without_measurements
from circuits.execution.backends import sample
from circuits.preparation.states import prepare
from circuits.readout.intervals import normal_quantile, probability_interval
from circuits.readout.pauli_counts import Expectation
from circuits.synthesis import matrix_circuit
from qimg.core import Array, arguments, integer, one_of, require, require_shape
from qimg.states import amplitude_encode, pad_to_register, qubits_for

MAX_QUBITS = 24
"""Largest circuit; its state vector takes 256 MiB."""

METHODS = ("destructive", "ancilla")


def swap_test(
    first: ArrayLike | QuantumCircuit,
    second: ArrayLike | QuantumCircuit,
    *,
    shots: int,
    method: str = "destructive",
    backend: str | BackendV2 = "statevector",
    level: float = 0.95,
    seed: int | None = 0,
) -> Expectation:
    """Overlap tr(ρσ) of two states by the swap test; |⟨φ|ψ⟩|² if both are pure.

    "ancilla": a Hadamard test of the swap (Buhrman, Cleve, Watrous and de Wolf, 2001). "destructive": the pairs of
    qubits are measured in the Bell basis, and the outcome is −1 for an odd number of singlets (Garcia-Escartin and
    Chamorro-Posada, 2013), without an ancilla or controlled swaps. In both, P(+1) = (1 + tr ρσ)/2, so that the
    interval is that of Clopper and Pearson; its coverage is at least the level. The value is unbiased and negative for
    some outcomes; the interval is cut to [0, 1].

    Args:
        first: (d,) vector, which is normalised, or (d, d) density matrix, which is purified, or a circuit whose
            qubits hold the state.
        second: the same of the same dimension.
        shots: shots, each with one copy of both.
        method: "destructive" or "ancilla".
        backend: a name for `circuits.backend`, or any `BackendV2`.
        level: in (0, 1).
        seed: seed of a simulator's shots (`circuits.seeds`).

    >>> abs(swap_test([1.0, 0.0], [1.0, 1.0], shots=100_000).value - 0.5) < 0.02
    True
    """
    n, loads = _loaded(first=first, second=second)
    circuit = permutation_test(loads, n, method=method)
    counts = sample("swap_test", circuit, backend, shots=shots, seed=seed)[0]
    return _trace_estimate(counts, n, 2, method, level)


def purity_from_copies(
    rho: ArrayLike,
    *,
    shots: int,
    method: str = "destructive",
    backend: str | BackendV2 = "statevector",
    level: float = 0.95,
    seed: int | None = 0,
) -> Expectation:
    """Purity tr ρ² by the swap test of two copies, with a Clopper–Pearson interval; arguments as in `trace_power`.

    The interval is cut to [1/d, 1] for the dimension 2ⁿ of the register. The seed is that of `circuits.seeds`.
    """
    return trace_power(rho, order=2, shots=shots, method=method, backend=backend, level=level, seed=seed)


def trace_power(
    rho: ArrayLike,
    *,
    order: int,
    shots: int,
    method: str = "destructive",
    backend: str | BackendV2 = "statevector",
    level: float = 0.95,
    seed: int | None = 0,
) -> Expectation:
    """Trace of the power, tr ρᵏ, from k copies by the cyclic shift of their registers.

    "ancilla": a Hadamard test of the shift, P(+1) = (1 + tr ρᵏ)/2. "destructive": the k qubits at each place of the
    registers are measured in an eigenbasis of their shift, and the product of the eigenvalues e^{2πim/k} is averaged.
    It takes no ancilla and no controlled swap. With more than two copies the outcome has several values; the interval
    of its mean is then Hoeffding's for values in [−1, 1], whose coverage is at least the level for every number of
    shots, or for an ancilla that of Clopper and Pearson. It is cut to [2^(−n(k−1)), 1].

    Args:
        rho: (d, d) density matrix, which is purified; or a (d,) vector.
        order: k ≥ 2. The circuit has k times the qubits of a purified copy, at most 24.
        shots: shots of k copies each.
        method: "destructive" or "ancilla".
        backend: a name for `circuits.backend`, or any `BackendV2`.
        level: in (0, 1).
        seed: seed of a simulator's shots (`circuits.seeds`).
    """
    copies = integer("order", order, 2)
    n, (load,) = _loaded(rho=rho)
    circuit = permutation_test([load] * copies, n, method=method)
    counts = sample("trace_power", circuit, backend, shots=shots, seed=seed)[0]
    estimate = _trace_estimate(counts, n, copies, method, level)
    least = 2.0 ** (-n * (copies - 1))
    return Expectation(value=estimate.value, low=max(estimate.low, least), high=max(estimate.high, least))


def renyi_entropy(
    rho: ArrayLike,
    *,
    order: int = 2,
    shots: int,
    method: str = "destructive",
    backend: str | BackendV2 = "statevector",
    level: float = 0.95,
    seed: int | None = 0,
) -> Expectation:
    """Rényi entropy log₂(tr ρᵏ)/(1 − k) in bits, from `trace_power`; the interval is the image of that of tr ρᵏ.

    Args:
        rho: as in `trace_power`.
        order: k ≥ 2.
        shots: shots of k copies each.
        method: "destructive" or "ancilla".
        backend: a name for `circuits.backend`, or any `BackendV2`.
        level: in (0, 1).
        seed: seed of a simulator's shots (`circuits.seeds`).

    Raises:
        ValueError: the interval of tr ρᵏ holds its least value 2^(−n(k−1)), so that the entropy has no upper bound
            below n bits; the message has a number of shots that works.
    """
    copies = integer("order", order, 2)
    n, _ = _loaded(rho=rho)
    trace = trace_power(rho, order=copies, shots=shots, method=method, backend=backend, level=level, seed=seed)
    least = 2.0 ** (-n * (copies - 1))
    if trace.low <= least:
        needed = _sufficient_shots(max(trace.value, 2 * least), least, copies, method, level)
        rule = f"must be at least {needed} for an interval of the entropy that ends below {n} bits"
        require(False, "shots", rule, shots)
    value, low, high = (math.log2(one) / (1 - copies) for one in (max(trace.value, least), trace.high, trace.low))
    return Expectation(value=value, low=low, high=high)


def overlap(
    first: ArrayLike,
    second: ArrayLike,
    *,
    shots: int,
    part: str = "real",
    backend: str | BackendV2 = "statevector",
    level: float = 0.95,
    seed: int | None = 0,
) -> Expectation:
    """The real or imaginary part of ⟨φ|ψ⟩ with its sign, by a Hadamard test; the swap test loses the sign.

    One ancilla chooses which of the vectors is prepared: (|0⟩|φ⟩ + |1⟩|ψ⟩)/√2. ⟨X⟩ is the real part, ⟨Y⟩ the imaginary
    one. The interval is that of Clopper and Pearson.

    Args:
        first: (d,) vector φ, which is normalised.
        second: (d,) vector ψ.
        shots: shots of one preparation each.
        part: "real" or "imaginary".
        backend: a name for `circuits.backend`, or any `BackendV2`.
        level: in (0, 1).
        seed: seed of a simulator's shots (`circuits.seeds`).

    >>> overlap([1.0, 0.0], [-1.0, 0.0], shots=100).value
    -1.0
    """
    one_of("part", part, ("imaginary", "real"))
    states = [_vector(name, one) for name, one in (("first", first), ("second", second))]
    require_shape(states[0].shape == states[1].shape, "second", f"{states[0].shape}", states[1])
    n = qubits_for(len(states[0]))
    circuit = QuantumCircuit(n + 1, 1, name="hadamard test")
    circuit.compose(prepare(np.concatenate(states) / math.sqrt(2)), range(n + 1), inplace=True)
    if part == "imaginary":
        circuit.sdg(n)
    circuit.h(n)
    circuit.measure(n, 0)
    plus, minus = sample("overlap", circuit, backend, shots=shots, seed=seed)[0]
    return _binary(int(plus), int(plus + minus), level, -1.0)


def permutation_test(loads: Sequence[QuantumCircuit], n_qubits: int, *, method: str = "destructive") -> QuantumCircuit:
    """The circuit whose outcomes average to tr(ρ₁ρ₂…ρ_k), for two states or several copies of one.

    Args:
        loads: circuits whose low n qubits hold the states; their other qubits are not measured.
        n_qubits: n.
        method: "destructive" or "ancilla" (`trace_power`).
    """
    one_of("method", method, METHODS)
    n, k = integer("n_qubits", n_qubits, 1), len(loads)
    require(k >= 2, "loads", "must hold at least 2 circuits", k)
    total = sum(load.num_qubits for load in loads) + (method == "ancilla")
    fits = MAX_QUBITS // k
    rule = f"must need at most {MAX_QUBITS} qubits together: copies of {fits} qubits, states and environments"
    require(total <= MAX_QUBITS, "loads", rule, total)
    bits = n * k if method == "destructive" else 1
    circuit = QuantumCircuit(total, bits, name="permutation test")
    starts = np.cumsum([0, *(load.num_qubits for load in loads)])
    for load, start in zip(loads, starts, strict=False):
        circuit.compose(load, range(start, start + load.num_qubits), inplace=True)
    if method == "ancilla":
        ancilla = total - 1
        circuit.h(ancilla)
        for place in range(n):
            for copy in range(k - 1):  # a cycle is a product of k − 1 swaps of neighbours
                circuit.cswap(ancilla, int(starts[copy]) + place, int(starts[copy + 1]) + place)
        circuit.h(ancilla)
        circuit.measure(ancilla, 0)
        return circuit
    basis, _ = shift_basis(k)
    turn = matrix_circuit(basis.conj().T)
    for place in range(n):
        wires = [int(starts[copy]) + place for copy in range(k)]
        circuit.compose(turn, wires, inplace=True)
        circuit.measure(wires, range(place * k, (place + 1) * k))
    return circuit


def shift_basis(copies: int) -> tuple[Array, Array]:
    """Eigenvectors (2**k, 2**k), in columns, and exponents m (2**k,) of eigenvalues e^{2πim/k} of the cyclic shift.

    The shift takes qubit c to qubit c + 1 mod k. Its orbits of basis states are Fourier transformed; for two copies
    this is the Bell basis.
    """
    k = integer("copies", copies, 2, MAX_QUBITS)
    basis, exponents = np.zeros((2**k, 2**k), complex), np.zeros(2**k, int)
    used: set[int] = set()
    column = 0
    for first in range(2**k):
        if first in used:
            continue
        orbit = [first]
        while (after := (orbit[-1] << 1 | orbit[-1] >> (k - 1)) & (2**k - 1)) != first:
            orbit.append(after)
        used.update(orbit)
        length = len(orbit)
        for m in range(length):
            basis[orbit, column] = np.exp(-2j * np.pi * m * np.arange(length) / length) / math.sqrt(length)
            exponents[column] = m * (k // length)
            column += 1
    return (basis.real if k == 2 else basis), exponents


def _trace_estimate(counts: Array, n: int, copies: int, method: str, level: float) -> Expectation:
    shots = int(counts.sum())
    if method == "ancilla":
        return _binary(int(counts[0]), shots, level, 0.0)
    _, exponents = shift_basis(copies)
    total = np.zeros(1, int)
    for _ in range(n):  # the next place is more significant
        total = (exponents[:, None] + total).ravel()
    values = np.cos(2 * np.pi * total / copies)
    mean = float(counts @ values) / shots
    if copies == 2:
        return _binary(int(counts[values > 0].sum()), shots, level, 0.0)
    normal_quantile(level)  # checks the level
    half = math.sqrt(2 * math.log(2 / (1 - level)) / shots)
    return Expectation(value=mean, low=max(mean - half, 0.0), high=min(max(mean + half, 0.0), 1.0))


def _binary(plus: int, shots: int, level: float, least: float) -> Expectation:
    low, high = probability_interval(plus, shots, level=level)
    ends = np.maximum(2 * np.array([float(low), float(high)]) - 1, least)
    return Expectation(value=2 * plus / shots - 1, low=float(ends[0]), high=float(ends[1]))


def _sufficient_shots(value: float, least: float, copies: int, method: str, level: float) -> int:
    """Shots for which the interval of a trace of about this value lies above the least one, with half of the gap."""
    margin = (value - least) / 2
    if method == "destructive" and copies > 2:
        return math.ceil(2 * math.log(2 / (1 - level)) / margin**2)
    return math.ceil((normal_quantile(level) ** 2 * (1 - value**2) + 4 * margin) / margin**2)


def _loaded(**states: ArrayLike | QuantumCircuit) -> tuple[int, list[QuantumCircuit]]:
    """Qubits of the states and circuits that prepare them; vectors as they are, density matrices purified."""
    sizes, loads = set(), []
    for name, one in states.items():
        if isinstance(one, QuantumCircuit):
            without_measurements(name, one)
            sizes.add(2**one.num_qubits)
            loads.append(one)
            continue
        array = arguments.numeric(name, one)
        require_shape(array.ndim in (1, 2), name, "(d,) or (d, d)", array)
        padded = _vector(name, array) if array.ndim == 1 else padded_density(array, name=name)
        sizes.add(len(padded))
        loads.append(prepare(padded) if array.ndim == 1 else purification_circuit(padded))
    require(len(sizes) == 1, "second", f"must have the dimension of first, {min(sizes)}", max(sizes))
    return qubits_for(sizes.pop()), loads


def _vector(name: str, value: ArrayLike) -> Array:
    array = arguments.vectors(name, value)
    require_shape(array.ndim == 1, name, "(d,)", array)
    require(bool(np.abs(array).max() > 0), name, "must not be zero", 0.0)
    return pad_to_register(amplitude_encode(array).amplitudes, max(qubits_for(len(array)), 1))
