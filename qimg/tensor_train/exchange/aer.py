"""Trains as the matrix-product states of Qiskit Aer, in Vidal's form."""

from typing import Any, TypeAlias

import numpy as np

from qimg.core import Array, one_blas_thread, require
from qimg.tensor_train.algebra import normalize
from qimg.tensor_train.canonical import reverse
from qimg.tensor_train.decomposition import compress
from qimg.tensor_train.train import TensorTrain

AerState: TypeAlias = tuple[list[tuple[Array, Array]], list[Array]]
"""Result of Aer's `save_matrix_product_state`: the matrices Γ of |0⟩ and |1⟩ for each qubit, and λ for each cut."""


def to_aer(train: TensorTrain) -> AerState:
    """The normalised train for Aer: `circuit.set_matrix_product_state(to_aer(train))` after `import qiskit_aer`.

    Aer's chain begins with qubit 0. Site s of n binary sites is qubit n − 1 − s, so that amplitude k of the register is
    component k of the train: the chain is reversed, and no index changes. For a layout that is not row-major, k is not
    the index of a pixel; `circuits.prepare_train` uses the layout's qubits.

    Args:
        train: binary sites (see `binary_sites`), not zero.
    """
    require(set(train.dims) == {2}, "train", "must have sites of two levels (see binary_sites)", train.dims)
    # Singular values at rounding level are dropped, because Vidal's form divides by them.
    chain = compress(normalize(reverse(train))).train
    cores, schmidt = _vidal(chain)
    gammas = [(core[:, 0].astype(complex), core[:, 1].astype(complex)) for core in cores]
    return gammas, schmidt


def from_aer(state: Any) -> TensorTrain:
    """The train of a result of Aer's `save_matrix_product_state`; component k is amplitude k of the register.

    Args:
        state: the pair (Γ, λ).
    """
    gammas, schmidt = state
    cores = [np.stack([np.asarray(matrix) for matrix in pair], axis=1) for pair in gammas]
    for k, values in enumerate(schmidt):
        cores[k] = cores[k] * np.asarray(values)
    return reverse(TensorTrain(cores))


def _vidal(train: TensorTrain) -> tuple[list[Array], list[Array]]:
    """Γ and λ of a left-canonical train: x = Γ₁ λ₁ Γ₂ λ₂ … Γₙ with λ the Schmidt values (Vidal, 2003)."""
    centre, cores, schmidt = train.cores[-1], [], []
    with one_blas_thread():
        for before in train.cores[-2::-1]:
            left, levels, right = centre.shape
            columns, values, rows = np.linalg.svd(centre.reshape(left, levels * right), full_matrices=False)
            cores.append(rows.reshape(-1, levels, right))
            schmidt.append(values)
            centre = np.tensordot(before, columns * values, axes=1)
    cores = [centre, *cores[::-1]]
    schmidt = schmidt[::-1]
    # Right-canonical B = Γ λ.
    gammas = [core / values for core, values in zip(cores[:-1], schmidt, strict=True)] + [cores[-1]]
    return gammas, schmidt
