"""Aer's matrix-product states with a bond and a threshold for each run, and what the truncation cost."""

import re
from dataclasses import dataclass

from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Pauli

from circuits.compilation import compile_circuit, without_measurements
from circuits.execution.backends import aer_result, truncation_options
from qimg.tensor_train import TensorTrain, from_aer, norm

_DISCARDED = re.compile(r"discarded_value=([0-9.eE+-]+)")


@dataclass(frozen=True, eq=False, kw_only=True)
class TruncatedRun:
    """A state that Aer held as a matrix-product state, truncated after each two-qubit gate."""

    train: TensorTrain
    """The final state; site s of n is qubit n − 1 − s, so that component k is amplitude k. Not normalised."""
    discarded_weight: float
    """Squared Schmidt coefficients cut off, summed over all truncations as Aer reports them."""
    norm: float
    """Of the final state: Aer truncates without a canonical form, so that it may leave 1 by about the weight."""

    @property
    def bond_dimension(self) -> int:
        """Largest bond of the final state."""
        return max(self.train.bonds, default=1)


def run_truncated(
    circuit: QuantumCircuit, *, bond_dimension: int | None = None, threshold: float | None = None
) -> TruncatedRun:
    """The final state of a circuit as Aer's matrix-product state.

    The infidelity is about `discarded_weight` while that is small; it is no bound, since later gates act on a state
    that was cut before. The limits belong to this run alone: Aer keeps them in variables of the process, so runs on
    matrix-product states wait for each other and each sets its own.

    Args:
        circuit: without measurements.
        bond_dimension: largest bond; unlimited when left out.
        threshold: squared weight that each truncation may discard, in [0, 1); Aer's 1e-16 when left out.
    """
    without_measurements("circuit", circuit)
    options = truncation_options(bond_dimension, threshold)
    saved = compile_circuit(circuit)
    saved.save_matrix_product_state()
    # Aer's log belongs to the process and is never cleared: what it holds before is read off an idle circuit.
    idle = QuantumCircuit(1)
    idle.save_expectation_value(Pauli("Z"), [0])
    result = aer_result([idle, saved], method="matrix_product_state", mps_log_data=True, **options)
    train = from_aer(result.data(1)["matrix_product_state"])
    before, after = (str(one.metadata.get("MPS_log_data", "")).rstrip("}") for one in result.results)
    return TruncatedRun(
        train=train,
        discarded_weight=float(sum(map(float, _DISCARDED.findall(after[len(before) :])))),
        norm=norm(train),
    )
