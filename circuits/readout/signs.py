"""Signs of amplitudes, which counts of one basis do not show: by interference with each other or with a reference.

Shots of a register give |amplitude|² and nothing else: every choice of signs has the same probabilities. After a
Hadamard on qubit b the outcomes k and k ⊕ 2ᵇ have the probabilities (c_k ± c_k⊕2ᵇ)² / 2, and their difference is
2 c_k c_k⊕2ᵇ: n more settings give the sign of each product along the edges of a cube. What remains is one global sign,
which no measurement shows; a reference amplitude that is known fixes it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from circuits.counts import checked_counts
from circuits.execution.backends import run
from qimg.core import TOLERANCE, Array, real, require, require_shape


@dataclass(frozen=True, eq=False, kw_only=True)
class SignedAmplitudes:
    """Real amplitudes up to one common sign, and how sure their signs are."""

    amplitudes: Array
    """(2**n,) of norm 1; the largest one is positive."""
    weakest: float
    """Standard errors between zero and the weakest product of amplitudes that the signs rest on."""


def interference_circuits(circuit: QuantumCircuit) -> list[QuantumCircuit]:
    """The circuit as it is, and with a Hadamard on each qubit in turn: the n + 1 settings of `signed_amplitudes`."""
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
    """Counts (n + 1, 2**n) of `interference_circuits`, `shots` in each setting; `seed` as in `circuits.seeds`."""
    return run(interference_circuits(circuit), backend, shots=shots, seed=seed)


def signed_amplitudes(counts: ArrayLike, *, negligible: float = 3.0) -> SignedAmplitudes:
    """Real amplitudes with their signs, from counts of the n + 1 settings.

    Moduli are those of the first setting. Every edge of the cube has an estimate of c_k c_k⊕2ᵇ; the signs follow the
    tree of edges that are surest, each measured in its standard errors.

    Args:
        counts: (n + 1, 2**n) of `measure_interference`, of a state with real amplitudes.
        negligible: amplitudes whose count is at most its square are left out of the tree and get the sign that their
            surest neighbour gives them: nothing hangs on them.

    Raises:
        ValueError: the amplitudes with enough counts fall into groups without an edge between them. Their relative sign
            does not show in these settings: transform the register first, or use a reference (`signed_by_reference`).
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
    signs, weakest = _signs_along_tree(neighbours, significance, counted)
    strength = np.where(counted[neighbours], np.abs(significance), 0)
    surest = strength.argmax(axis=1)[:, None]
    by_neighbour = np.sign(np.take_along_axis(signs[neighbours] * significance, surest, axis=1)[:, 0])
    signs = np.where(counted, signs, np.where(strength.max(axis=1) > 0, by_neighbour, 1.0))
    signs *= signs[np.argmax(moduli)]
    return SignedAmplitudes(amplitudes=signs * moduli, weakest=weakest)


def reference_state(amplitudes: ArrayLike, reference: ArrayLike) -> Array:
    """The state (|0⟩|c⟩ + |1⟩|r⟩)/√2 of one qubit more, to be prepared where a picture is loaded.

    A transform U of the lower qubits takes |c⟩ to U|c⟩ and |r⟩ to U|r⟩: load r = U†u with a u of no zeros.

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
    """Amplitudes with their signs, the global one too, from one setting: a Hadamard on the reference qubit.

    The outcomes |0⟩|k⟩ and |1⟩|k⟩ have the probabilities (c_k ± u_k)²/4, so c_k = (p₀ − p₁)/u_k: linear in the counts,
    without bias.

    Args:
        counts: (2**(n + 1),) with the reference qubit on top.
        reference: (2**n,) u, what the transform made of the reference; without zeros.

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


def _signs_along_tree(neighbours: Array, significance: Array, counted: Array) -> tuple[Array, float]:
    """Signs along the spanning tree of the surest edges between outcomes with enough counts.

    Args:
        neighbours: (2**n, n) each outcome with one bit flipped.
        significance: (2**n, n) product of the two amplitudes in standard errors.
        counted: (2**n,) which outcomes the tree spans.
    """
    rows, bits = np.nonzero(counted[:, None] & counted[neighbours] & (significance != 0))
    # A minimum spanning tree of negative weights is a maximum one; its weakest edge is as strong as can be.
    edges = (-np.abs(significance[rows, bits]), (rows, neighbours[rows, bits]))
    tree = minimum_spanning_tree(coo_array(edges, shape=(len(counted),) * 2).tocsr())
    order, before = breadth_first_order(tree, int(counted.argmax()), directed=False)
    if len(order) < int(counted.sum()):
        raise ValueError(
            f"counts must connect all outcomes that were seen by neighbours in one bit, but {int(counted.sum())} were "
            f"seen and {len(order)} are connected: signs between the groups do not show"
        )
    signs = np.ones(len(counted))
    for index in order[1:]:
        bit = int(index ^ before[index]).bit_length() - 1
        signs[index] = signs[before[index]] * np.sign(significance[index, bit])
    return signs, float(-tree.data.max()) if tree.nnz else float("inf")
