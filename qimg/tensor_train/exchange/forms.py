"""Trains in the forms of other programs: TensorNetwork, quimb, and the matrix-product states of Qiskit Aer.

TensorNetwork and quimb are imported when they are asked for, and nowhere else in the toolkit.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from qimg.core.arguments import Array, require
from qimg.core.blas import one_blas_thread
from qimg.tensor_train.algebra import normalize
from qimg.tensor_train.canonical import reverse
from qimg.tensor_train.decomposition import compress
from qimg.tensor_train.train import TensorTrain

if TYPE_CHECKING:
    from quimb.tensor import MatrixProductState
    from tensornetwork import FiniteMPS

AerState: TypeAlias = tuple[list[tuple[Array, Array]], list[Array]]
"""What Aer's `save_matrix_product_state` gives: for each qubit the matrices Γ of |0⟩ and |1⟩, for each cut the λ."""


def to_tensornetwork(train: TensorTrain) -> "FiniteMPS":
    """The train as `tensornetwork.FiniteMPS`, its cores as they are: no canonical form is imposed.

    `FiniteMPS.position` of version 0.4.6 moves the centre and cannot truncate; `compress` does.
    """
    from tensornetwork import FiniteMPS

    return FiniteMPS([core.copy() for core in train.cores], canonicalize=False, backend="numpy")


def from_tensornetwork(state: "FiniteMPS") -> TensorTrain:
    """The train of a `tensornetwork.FiniteMPS` with the NumPy backend."""
    return TensorTrain([np.array(tensor) for tensor in state.tensors])


def to_quimb(train: TensorTrain) -> "MatrixProductState":
    """The train as `quimb.tensor.MatrixProductState` with sites k0, k1, … (extra `peers`)."""
    from quimb.tensor import MatrixProductState

    arrays = [core.copy() for core in train.cores]
    arrays[0] = arrays[0][0]
    arrays[-1] = arrays[-1][..., 0]
    return MatrixProductState(arrays, shape="lpr")


def from_quimb(state: "MatrixProductState") -> TensorTrain:
    """The train of a `quimb.tensor.MatrixProductState` with open ends."""
    if state.cyclic:
        raise ValueError("state must have open ends, but is cyclic")
    ordered = state.copy()
    ordered.permute_arrays("lpr")
    arrays = [np.array(array) for array in ordered.arrays]
    arrays[0] = arrays[0][None]
    arrays[-1] = arrays[-1][..., None]
    return TensorTrain(arrays)


def to_aer(train: TensorTrain) -> AerState:
    """The normalised train for Aer: `circuit.set_matrix_product_state(to_aer(train))` after `import qiskit_aer`.

    Aer's chain begins with qubit 0. Site s of n binary sites is qubit n − 1 − s, so that amplitude k of the register is
    component k of the train: the chain is read from its other end, and no index is changed. Where a picture's layout is
    not row-major, that is not the index of its pixels; `circuits.prepare_train` takes the layout's qubits.

    Args:
        train: binary sites (see `binary_sites`), not zero.
    """
    require(set(train.dims) == {2}, "train", "must have sites of two levels (see binary_sites)", train.dims)
    # Singular values that are rounding are dropped: Vidal's form divides by them.
    chain = compress(normalize(reverse(train))).train
    cores, schmidt = _vidal(chain)
    gammas = [(core[:, 0].astype(complex), core[:, 1].astype(complex)) for core in cores]
    return gammas, schmidt


def from_aer(state: Any) -> TensorTrain:
    """The train of what Aer's `save_matrix_product_state` gives; component k is amplitude k of the register.

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
