"""Trains as matrix-product states of quimb (extra `peers`), which is imported when a function is called."""

from typing import TYPE_CHECKING

import numpy as np

from qimg.tensor_train.train import TensorTrain

if TYPE_CHECKING:
    from quimb.tensor import MatrixProductState


def to_quimb(train: TensorTrain) -> "MatrixProductState":
    """The train as `quimb.tensor.MatrixProductState` with sites k0, k1, …."""
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
