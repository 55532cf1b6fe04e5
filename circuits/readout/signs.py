"""Estimation of the signs of amplitudes by interference with each other or with a reference.

Shots of a register estimate |amplitude|², which does not depend on the signs. After a Hadamard on qubit b the outcomes
k and k ⊕ 2ᵇ have the probabilities (c_k ± c_k⊕2ᵇ)² / 2, and their difference is 2 c_k c_k⊕2ᵇ. With n more settings,
the sign of each product along the edges of a cube is therefore determined. Only the global sign remains, which is not
observable; interference with a known reference state fixes it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from circuits.counts import checked_counts
from circuits.execution.backends import sample
from qimg.core import TOLERANCE, Array, fraction, real, require, require_shape
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class SignedAmplitudes:
    """Real amplitudes up to a global sign, and the significance of their signs."""

    amplitudes: Array
    """(2**n,) of squared norm 1 − dropped; the largest in modulus is positive."""
    weakest: float
    """Smallest product of amplitudes, in standard errors, among the edges that determine the signs."""
    dropped: float
    """Share of the shots of amplitudes whose sign is not determined; they are 0."""


def interference_circuits(circuit: QuantumCircuit) -> list[QuantumCircuit]:
    """The circuit, and the circuit with a Hadamard on each qubit in turn: the n + 1 settings of `signed_amplitudes`."""
    require(circuit.num_clbits == 0, "circuit", "must not measure", circuit.name)
    many = [circuit]
    for qubit in range(circuit.num_qubits):
        turned = circuit.copy()
        turned.h(qubit)
        many.append(turned)
    return many


def measure_interference(
    circuit: QuantumCircuit, backend: str | BackendV2 = "statevector", *, shots: int, seed: int | None = 0
) -> Array:
    """Counts (n + 1, 2**n) of `interference_circuits` with `shots` in each setting; for `seed` see `circuits.seeds`."""
    return sample("measure_interference", interference_circuits(circuit), backend, shots=shots, seed=seed)


def signed_amplitudes(counts: ArrayLike, *, negligible: float = 3.0, droppable: float = 0.01) -> SignedAmplitudes:
    """Real amplitudes with their signs, from counts of the n + 1 settings.

    Moduli are those of the first setting. Every edge of the cube has an estimate of c_k c_k⊕2ᵇ. Signs are propagated
    along the spanning tree of the most significant edges, in standard errors. Amplitudes with enough counts may form
    groups without an edge between them, whose relative sign these settings do not determine. The group with the most
    shots is kept; the amplitudes of the others are set to 0, if they have few shots together.

    Args:
        counts: (n + 1, 2**n) of `measure_interference`, of a state with real amplitudes.
        negligible: amplitudes whose count is at most its square are not part of the tree; their sign is derived from
            the neighbour with the most significant edge.
        droppable: largest share of the shots in dropped amplitudes.

    Raises:
        ValueError: the amplitudes to drop have a larger share of the shots. Transform the register first, or use a
            reference (`signed_by_reference`).
    """
    table = real("counts", counts)
    n = len(table) - 1
    require_shape(table.ndim == 2 and n >= 1 and table.shape[1] == 2**n, "counts", "(n + 1, 2**n)", table)
    shots = table.sum(axis=1, keepdims=True)
    require(
        bool(table.min() >= 0 and shots.min() > 0), "counts", "must not be negative nor zero in a setting", table.min()
    )
    moduli = np.sqrt(table[0] / shots[0])
    k, bits = np.arange(2**n)[:, None], np.arange(n)
    neighbours = k ^ 1 << bits
    plus, minus = table[bits + 1, k & ~(1 << bits)], table[bits + 1, k | 1 << bits]
    significance = (plus - minus) / np.sqrt(np.maximum(plus + minus, 1))
    counted = table[0] > negligible**2
    require(bool(counted.any()), "counts", f"must have an outcome of more than {negligible**2:g} shots", table[0].max())
    share = fraction("droppable", droppable)
    signs, spanned, weakest = _signs_along_tree(neighbours, significance, np.where(counted, table[0], 0))
    unknown = counted & ~spanned
    dropped = float(table[0][unknown].sum() / shots[0, 0])
    if dropped > share:
        raise ValueError(
            f"counts must have outcomes that are connected by flips of one bit, but only {int(spanned.sum())} of "
            f"{int(counted.sum())} outcomes are connected, and the signs of the others, with {dropped:.2%} of the "
            "shots, are not determined"
        )
    strength = np.where(spanned[neighbours], np.abs(significance), 0)
    surest = strength.argmax(axis=1)[:, None]
    by_neighbour = np.sign(np.take_along_axis(signs[neighbours] * significance, surest, axis=1)[:, 0])
    signs = np.where(spanned, signs, np.where(strength.max(axis=1) > 0, by_neighbour, 1.0))
    signs[unknown] = 0
    amplitudes = signs * moduli
    amplitudes *= np.sign(amplitudes[np.argmax(np.abs(amplitudes))])
    return SignedAmplitudes(amplitudes=amplitudes, weakest=weakest, dropped=dropped)


def reference_state(amplitudes: ArrayLike, reference: ArrayLike) -> Array:
    """The state (|0⟩|c⟩ + |1⟩|r⟩)/√2 with one additional qubit, to be prepared instead of |c⟩.

    A transform U of the lower qubits takes |c⟩ to U|c⟩ and |r⟩ to U|r⟩. Choose r = U†u with a vector u without zeros.

    Args:
        amplitudes: (2**n,) real, of norm 1.
        reference: (2**n,) real, of norm 1.
    """
    pair = [real(name, one) for name, one in (("amplitudes", amplitudes), ("reference", reference))]
    for name, vector in zip(("amplitudes", "reference"), pair, strict=True):
        require_shape(vector.ndim == 1 and vector.shape == pair[0].shape, name, f"{pair[0].shape}", vector)
        size = float(np.linalg.norm(vector))
        require(abs(size - 1) <= TOLERANCE, name, "must have norm 1", size)
    return np.asarray(np.concatenate(pair) / np.sqrt(2))


def signed_by_reference(counts: ArrayLike, reference: ArrayLike) -> tuple[Array, Array]:
    """Amplitudes with their signs, including the global sign, from one setting: a Hadamard on the reference qubit.

    The outcomes |0⟩|k⟩ and |1⟩|k⟩ have the probabilities (c_k ± u_k)²/4, so that c_k = (p₀ − p₁)/u_k. The estimate is
    linear in the counts and unbiased.

    Args:
        counts: (2**(n + 1),) with the reference qubit on top.
        reference: (2**n,) u, the transformed reference, without zeros.

    Returns:
        (2**n,) amplitudes and their standard errors.
    """
    factors = real("reference", reference)
    numbers = checked_counts(counts, 2 * factors.size)
    least = float(np.abs(factors).min())
    require(least > 0, "reference", "must not vanish anywhere", least)
    shots = float(numbers.sum())
    plus, minus = numbers.reshape(2, -1) / shots
    difference = plus - minus
    variance = np.maximum(plus + minus, 1 / shots) - difference**2
    return difference / factors, np.sqrt(variance / shots) / np.abs(factors)


def _signs_along_tree(neighbours: Array, significance: Array, weights: Array) -> tuple[Array, Array, float]:
    """Signs along the spanning tree of the most significant edges between the outcomes of the heaviest group.

    Args:
        neighbours: (2**n, n) each outcome with one bit flipped.
        significance: (2**n, n) product of the two amplitudes in standard errors.
        weights: (2**n,) counts of the outcomes with enough of them, 0 for the others.

    Returns:
        (2**n,) signs, (2**n,) whether the tree reaches the outcome, and the significance of the weakest edge.
    """
    counted = weights > 0
    rows, bits = np.nonzero(counted[:, None] & counted[neighbours] & (significance != 0))
    # The minimum spanning tree of negative weights is a maximum one, which maximises its weakest edge.
    edges = (-np.abs(significance[rows, bits]), (rows, neighbours[rows, bits]))
    tree = minimum_spanning_tree(coo_array(edges, shape=(len(counted),) * 2).tocsr())
    _, groups = connected_components(tree, directed=False)
    heaviest = int(np.bincount(groups, weights).argmax())
    order, before = breadth_first_order(tree, int((counted & (groups == heaviest)).argmax()), directed=False)
    signs, spanned = np.ones(len(counted)), np.zeros(len(counted), bool)
    spanned[order] = True
    for index in order[1:]:
        bit = int(index ^ before[index]).bit_length() - 1
        signs[index] = signs[before[index]] * np.sign(significance[index, bit])
    used = -tree.tocoo().data[spanned[tree.tocoo().row]]
    return signs, spanned, float(used.min()) if used.size else float("inf")
