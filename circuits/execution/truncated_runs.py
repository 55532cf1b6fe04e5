"""Runs on Aer's matrix-product states with limits for each run, and the weight discarded by truncation."""

import re
from dataclasses import dataclass

from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Pauli

from circuits.compilation import compile_circuit, without_measurements
from circuits.execution.backends import aer_result, truncation_options
from qimg.core.records import short_repr
from qimg.tensor_train import TensorTrain, from_aer, norm

_DISCARDED = re.compile(r"discarded_value=([0-9.eE+-]+)")


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class TruncatedRun:
    """Result of a run in which Aer truncates a matrix-product state after each two-qubit gate."""

    train: TensorTrain
    """The final state; site s of n is qubit n − 1 − s, so that component k is amplitude k. Not normalised."""
    discarded_weight: float
    """Sum of the squared Schmidt coefficients discarded in all truncations, from Aer's log."""
    norm: float
    """Norm of the final state; it may differ from 1 by about the discarded weight, as Aer uses no canonical form."""

    @property
    def bond_dimension(self) -> int:
        """Largest bond of the final state."""
        return max(self.train.bonds, default=1)


def run_truncated(
    circuit: QuantumCircuit, *, bond_dimension: int | None = None, threshold: float | None = None
) -> TruncatedRun:
    """The final state of a circuit as Aer's matrix-product state.

    The infidelity is about `discarded_weight` if that is small. It is not a bound, since later gates act on a truncated
    state. The limits apply to this run alone: Aer stores them in variables of the process, so runs on matrix-product
    states wait for each other and each one sets its limits.

    Args:
        circuit: without measurements.
        bond_dimension: largest bond; unlimited when left out.
        threshold: largest squared weight that a truncation discards, in [0, 1); Aer's 1e-16 when left out.
    """
    without_measurements("circuit", circuit)
    options = truncation_options(bond_dimension, threshold)
    saved = compile_circuit(circuit)
    saved.save_matrix_product_state()
    # Aer's log is global to the process and never cleared. An idle circuit run first gives its previous content.
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
