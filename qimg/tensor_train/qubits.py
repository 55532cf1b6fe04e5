"""Trains over qubits: splitting of every site into sites of two levels."""

import numpy as np

from qimg.core import Array
from qimg.states import qubits_for
from qimg.tensor_train.decomposition import decompose
from qimg.tensor_train.train import TensorTrain


def binary_sites(train: TensorTrain) -> TensorTrain:
    """The same vector over qubits: a site of d levels becomes ⌈log₂ d⌉ sites of two, most significant bit first.

    Further levels have zero amplitude, as in `qimg.states.pad_to_register`. A site of one level is absorbed by its
    neighbour. Cost: one SVD for each site and bit.

    >>> from qimg.tensor_train import product_train
    >>> binary_sites(product_train([[1.0, 2.0, 3.0], [1.0, 1.0]])).dims
    (2, 2, 2)
    """
    cores: list[Array] = []
    carried = np.ones((1, 1))
    for core in train.cores:
        core = np.tensordot(carried, core, axes=1)
        left, levels, right = core.shape
        bits = qubits_for(levels)
        if bits == 0:
            carried = core[:, 0]
            continue
        carried = np.eye(right)
        padded = np.zeros((left, 2**bits, right), core.dtype)
        padded[:, :levels] = core
        if bits == 1:
            cores.append(padded)
            continue
        if not padded.any():
            zeros = np.zeros((1, 2, 1))
            cores += [np.zeros((left, 2, 1)), *[zeros] * (bits - 2), np.zeros((1, 2, right))]
            continue
        # During the decomposition the bonds of the site are levels of the first and of the last part.
        parts = decompose(padded, (2 * left, *[2] * (bits - 2), 2 * right)).train.cores
        cores.append(parts[0].reshape(left, 2, -1))
        cores += parts[1:-1]
        cores.append(parts[-1].reshape(-1, 2, right))
    if not cores:
        return train
    cores[-1] = np.tensordot(cores[-1], carried, axes=1)
    return TensorTrain(cores)
