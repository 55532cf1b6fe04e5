"""Transform circuits with the same matrices as `qimg.transforms`."""

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import Gate, QuantumCircuit
from qiskit.circuit.library import QFTGate

import qimg.transforms
from circuits.synthesis import matrix_circuit
from circuits.transforms.structured import cosine_circuit, haar_circuit
from qimg.core import Array, density_matrix, integer, one_of, require, require_shape

NAMES = ("identity", "qft", "dct", "haar", "walsh", "klt")
"""Names of transforms of the whole register; with the suffix `_2d` they act on its row half and its column half."""

DENSE_QUBITS = 6
"""Largest number of qubits for the synthesis of a matrix without structure, which takes about 1800 CX."""

STRUCTURED_ABOVE = {"dct": 4, "haar": 2}
"""Number of qubits of an axis above which the circuits of `circuits.transforms.structured` have fewer gates."""


def transform_circuit(name: str, n_qubits: int, *, rho: ArrayLike | None = None) -> QuantumCircuit:
    """The circuit of a named transform on a register of `n_qubits`.

    "qft" is Qiskit's QFT with its swaps (matrix e^{+2πi jk/N}/√N) and "walsh" a Hadamard on every qubit. "dct" above 4
    qubits and "haar" above 2 are structured circuits (`circuits.transforms.structured`); smaller ones and "klt" are
    synthesised from their matrix (quantum Shannon decomposition). A transform with the suffix `_2d` acts on the column
    half (qubits 0 … n/2−1) and the row half (n/2 … n−1) of a square patch; "klt_2d" is the separable KLT.

    Args:
        name: "identity", "qft", "dct", "haar", "walsh", "klt", or one of these with `_2d`.
        n_qubits: size of the register, even for `_2d`; at most 6 (12 for `_2d`) for a KLT.
        rho: (2**n, 2**n) density matrix that defines the KLT; required for "klt" and "klt_2d", an error for others.
    """
    one_of("name", name, [*NAMES, *(f"{one}_2d" for one in NAMES)])
    n_qubits = integer("n_qubits", n_qubits, 1)
    kind, axes = name.removesuffix("_2d"), 2 if name.endswith("_2d") else 1
    require(n_qubits % axes == 0, "n_qubits", "must be even for a 2-D transform", n_qubits)
    if kind == "klt":
        most = axes * DENSE_QUBITS
        require(n_qubits <= most, "n_qubits", f"must be at most {most} for {name}", n_qubits)
    else:
        _without_rho(name, rho)
    width = n_qubits // axes
    if name == "klt_2d":
        parts = [_dense(matrix, "klt") for matrix in _separable_klt_factors(rho, n_qubits)[::-1]]
    else:
        parts = [_axis(kind, width, rho)] * axes
    circuit = QuantumCircuit(n_qubits, name=name)
    for axis, part in enumerate(parts):  # columns are the lower half
        circuit.compose(part, range(axis * width, (axis + 1) * width), inplace=True)
    return circuit


def _axis(kind: str, width: int, rho: ArrayLike | None) -> QuantumCircuit | Gate:
    """The transform of one axis."""
    if kind == "qft":
        return QFTGate(width)
    if kind in ("identity", "walsh"):
        circuit = QuantumCircuit(width)
        if kind == "walsh":
            circuit.h(range(width))
        return circuit
    if width > STRUCTURED_ABOVE.get(kind, DENSE_QUBITS):
        return cosine_circuit(width) if kind == "dct" else haar_circuit(width)
    return _dense(transform_unitary(kind, width, rho=rho), kind)


def _dense(matrix: Array, kind: str) -> Gate:
    """The circuit of a matrix without structure as one gate, which a drawing shows as a box."""
    circuit = matrix_circuit(matrix)
    circuit.name = kind
    return circuit.to_gate(label=kind.upper())


def transform_unitary(name: str, n_qubits: int, *, rho: ArrayLike | None = None) -> Array:
    """The matrix (2**n, 2**n) that `transform_circuit` implements, from `qimg.transforms`."""
    one_of("name", name, [*NAMES, *(f"{one}_2d" for one in NAMES)])
    dimension = 2 ** integer("n_qubits", n_qubits, 1)
    if name == "klt_2d":
        return np.kron(*_separable_klt_factors(rho, n_qubits))
    if name == "klt":
        return qimg.transforms.klt(_required_rho(rho, dimension))
    _without_rho(name, rho)
    return qimg.transforms.unitary("identity" if "identity" in name else name.replace("qft", "dft"), dimension)


def _separable_klt_factors(rho: ArrayLike | None, n_qubits: int) -> tuple[Array, Array]:
    side = 2 ** (n_qubits // 2)
    return qimg.transforms.separable_klt_factors(_required_rho(rho, side * side), side)


def _required_rho(rho: ArrayLike | None, dimension: int) -> Array:
    if rho is None:
        raise ValueError("rho must be given for a KLT, but rho=None")
    matrix = density_matrix("rho", rho)
    require_shape(matrix.shape == (dimension, dimension), "rho", f"({dimension}, {dimension})", matrix)
    return matrix


def _without_rho(name: str, rho: ArrayLike | None) -> None:
    if rho is not None:
        raise ValueError(f"rho has no effect on {name} and must be left out")
