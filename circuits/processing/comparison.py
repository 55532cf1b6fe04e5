"""Comparison of encoded pictures by the swap test."""

import math
from dataclasses import dataclass

from qiskit.providers import BackendV2

from circuits.algorithms.copies import permutation_test, swap_test
from circuits.compilation import GateCount, count_gates
from circuits.processing.levels import require_same
from circuits.readout.pauli_counts import Expectation
from circuits.representation.encodings import image_circuit
from circuits.representation.protocol import EncodedImage
from qimg.core import require
from qimg.core.records import short_repr

MAX_QUBITS = 12
"""Largest register of a picture, of which the test holds two."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class PictureComparison:
    """Similarity of two pictures from the swap test of their states."""

    fidelity: Expectation
    """|⟨φ|ψ⟩|²; 1 for equal pictures, and for amplitudes also for pictures that differ by a factor."""
    overlap: Expectation
    """|⟨φ|ψ⟩|: of amplitudes the cosine between the pictures, of digits the share of equal pixels of the register, of
    FRQI the mean cosine of half the difference of the angles, up to its sign."""
    mean_squared_error: Expectation | None
    """Of the pixels, from the overlap and both norms; None unless amplitudes hold the pixels."""
    cost: GateCount
    """Gates of the test, without those that prepare the pictures."""


def compare_pictures(
    first: EncodedImage,
    second: EncodedImage,
    *,
    shots: int,
    method: str = "destructive",
    backend: str | BackendV2 = "statevector",
    level: float = 0.95,
    seed: int | None = 0,
) -> PictureComparison:
    """Fidelity of two encoded pictures by `swap_test`, with an interval, and what follows from it for the pixels.

    Pixels are not negative, so the overlap of amplitudes is the root of the fidelity, and
    ‖x − y‖² = ‖x‖² + ‖y‖² − 2‖x‖‖y‖⟨φ|ψ⟩; the norms are known from loading. The intervals are images of the one of
    Clopper and Pearson. The error of the overlap of similar pictures is about 1/√n for n shots; NumPy computes the
    squared error of N pixels exactly with 3N operations.

    Args:
        first: a picture of at most 12 qubits.
        second: a picture of the same representation, order, type and shape.
        shots: shots, each with one copy of both pictures.
        method: "destructive" or "ancilla" (`swap_test`).
        backend: a name for `circuits.backend`, or any `BackendV2`.
        level: in (0, 1).
        seed: seed of a simulator's shots (`circuits.seeds`).
    """
    require_same(first, second)
    n = first.n_qubits
    rule = f"must have at most {MAX_QUBITS} qubits: crop the pictures, each half of a side saves one qubit"
    require(n <= MAX_QUBITS, "first", rule, n)
    loads = [image_circuit(first), image_circuit(second)]
    fidelity = swap_test(*loads, shots=shots, method=method, backend=backend, level=level, seed=seed)
    ends = [math.sqrt(max(one, 0.0)) for one in (fidelity.value, fidelity.low, fidelity.high)]
    overlap = Expectation(value=ends[0], low=ends[1], high=ends[2])
    error = None
    if first.representation == "amplitude":
        size, both = math.prod(first.shape), first.norm**2 + second.norm**2
        value, high, low = (max(both - 2 * first.norm * second.norm * one, 0.0) / size for one in ends)
        error = Expectation(value=value, low=low, high=high)
    empty = [load.copy_empty_like() for load in loads]
    test = permutation_test(empty, n, method=method).remove_final_measurements(inplace=False)
    return PictureComparison(fidelity=fidelity, overlap=overlap, mean_squared_error=error, cost=count_gates(test))
