"""Circuits that prepare tensor trains: exactly, site by site, or approximately by layers of two-qubit gates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.preparation.registers import wires_of
from circuits.preparation.states import prepare
from circuits.synthesis import append_matrix, complement
from qimg.core import Array, integer, require
from qimg.core.records import short_repr
from qimg.states import qubits_for
from qimg.tensor_train import TensorTrain, binary_sites, compress, decompose, normalize, right_canonical

LARGEST_GATE = 7
"""Largest number of qubits of an isometry, for bonds of up to 64."""

DENSE_QUBITS = 20
"""Largest number of qubits for fits of layers, which use whole state vectors."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class LayeredPreparation:
    """A circuit of layers, and the fidelity for each number of layers."""

    circuit: QuantumCircuit
    fidelities: tuple[float, ...]
    """|⟨train|prepared⟩|² with one layer, two layers, and so on; the last value is that of `circuit`."""

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.fidelities)


def prepare_train(train: TensorTrain, *, qubits: Sequence[int] | None = None) -> QuantumCircuit:
    """A circuit that takes |0…0⟩ exactly to the normalised train, with one isometry per site (Schön et al., 2005).

    A bond of r needs ⌈log₂ r⌉ qubits, and each isometry acts on one qubit more: 2 CX per site at a bond of 2 and real
    cores, about 4ᵏ for bonds of 2ᵏ. The number of gates grows with the number of sites, not with 2ⁿ. Real cores give
    real gates; the global phase is that of the train.

    Args:
        train: not zero. Sites of more than two levels are cut into qubits (`qimg.tensor_train.binary_sites`); bonds of
            up to 64.
        qubits: the qubit of each binary site. When left out, site s of n is qubit n − 1 − s, so that amplitude k is
            component k of the train. With `layout.qubits` of a picture, amplitude index and pixel index are equal.
    """
    sites = compress(normalize(binary_sites(train))).train
    require(set(sites.dims) == {2}, "train", "must have two components or more", sites.dims)
    n = len(sites.cores)
    wires = wires_of(qubits, n)
    rule = f"must have bonds of at most {2 ** (LARGEST_GATE - 1)} to be synthesised (see compress)"
    require(max(sites.bonds, default=1) <= 2 ** (LARGEST_GATE - 1), "train", rule, sites.bonds)
    circuit = QuantumCircuit(n, name="train")
    for first, isometry in _isometries(right_canonical(sites)):
        width = qubits_for(isometry.shape[0])
        _append(circuit, isometry, [wires[site] for site in range(first + width - 1, first - 1, -1)])
    return circuit


def prepare_train_in_layers(
    train: TensorTrain, *, layers: int, sweeps: int = 4, fidelity: float = 1.0, qubits: Sequence[int] | None = None
) -> LayeredPreparation:
    """Layers of two-qubit gates between neighbouring sites that prepare the train approximately.

    Each layer is the exact circuit of the train of bond 2 nearest to the state that remains after undoing the previous
    layers (Ran, 2020), with at most 2 (n − 1) CX if the train is real. After each layer all gates are fitted in
    `sweeps` sweeps; each gate is set to its optimum for fixed other gates (Rudolph et al., 2024), which never lowers
    the fidelity.

    Args:
        train: not zero, of at most 20 qubits; sites of more than two levels are cut into qubits.
        layers: largest number of layers.
        sweeps: fitting sweeps after each layer; 0 for no fit.
        fidelity: fidelity at which no more layers are added, in (0, 1].
        qubits: as in `prepare_train`.
    """
    integer("layers", layers, 1)
    integer("sweeps", sweeps, 0)
    require(bool(0 < fidelity <= 1), "fidelity", "must be in (0, 1]", fidelity)
    sites = normalize(binary_sites(train))
    n = len(sites.cores)
    require(2 <= n <= DENSE_QUBITS, "train", f"must have 2 to {DENSE_QUBITS} qubits", n)
    wires = wires_of(qubits, n)
    target = sites.dense()
    gates: list[_Gate] = []
    rest = target
    reached: list[float] = []
    while len(reached) < layers and (not reached or reached[-1] < fidelity):
        gates = [*_layer(rest, n), *gates]
        rest = _undone(gates, target, n)
        for _ in range(sweeps):
            rest = _fit(gates, target, n)
        reached.append(min(1.0, float(np.abs(rest[0]) ** 2)))
    circuit = QuantumCircuit(n, name="layers")
    for gate in gates:
        append_matrix(circuit, gate.matrix, [wires[gate.site + 1], wires[gate.site]])
    circuit.global_phase -= float(np.angle(np.conj(rest[0])))
    return LayeredPreparation(circuit=circuit, fidelities=tuple(reached))


@dataclass(eq=False)
class _Gate:
    """A two-qubit gate on sites s and s + 1; site s is the more significant digit."""

    site: int
    matrix: Array


def _isometries(train: TensorTrain) -> list[tuple[int, Array]]:
    """(first site, isometry) of a right-canonical binary train, in the order in which they are applied.

    The bond between sites s − 1 and s is held by site s and the following ones. The isometry of site s maps it to the
    digit of s and the next bond: rows are (digit, next bond), with the bond padded to whole qubits. An isometry whose
    sites are all among those of the previous one is multiplied into it.
    """
    done: list[tuple[int, Array]] = []
    for site, core in enumerate(train.cores):
        left, _, right = core.shape
        padded = np.zeros((left, 2, 2 ** qubits_for(right)), core.dtype)
        padded[:, :, :right] = core
        isometry = padded.reshape(left, -1).T
        if done:
            first, before = done[-1]
            if first + qubits_for(before.shape[0]) >= site + qubits_for(isometry.shape[0]):
                done[-1] = (first, _then(before, isometry, site - first))
                continue
        done.append((site, isometry))
    return done


def _then(before: Array, isometry: Array, skipped: int) -> Array:
    """The product of `before` and of `isometry` on its last qubits; only the first levels of the bond are used."""
    levels = qubits_for(isometry.shape[0])
    digits = before.reshape(2**skipped, 2**levels, -1)[:, : isometry.shape[1]]
    return np.asarray(np.einsum("ab,kbc->kac", isometry, digits).reshape(before.shape[0], -1))


def _append(circuit: QuantumCircuit, isometry: Array, wires: list[int]) -> None:
    """Append the isometry, whose input is on the most significant wires, with the others in |0⟩."""
    rows, columns = isometry.shape
    inputs = qubits_for(columns)
    if inputs == 0:
        circuit.compose(prepare(isometry[:, 0]), wires, inplace=True)
        return
    if inputs >= len(wires) - 1:
        append_matrix(circuit, _completed(isometry, rows >> inputs), wires)
        return
    padded = np.zeros((rows, 2**inputs), isometry.dtype)
    padded[:, :columns] = isometry
    if columns < 2**inputs:
        padded[:, columns:] = complement(isometry)[:, : 2**inputs - columns]
    # The inputs of a matrix with fewer columns are its first qubits, so the most significant wires become the first.
    ancillas = len(wires) - inputs
    append_matrix(circuit, _reordered(padded, ancillas), wires[ancillas:] + wires[:ancillas])


def _reordered(columns: Array, ancillas: int) -> Array:
    """Rows renumbered for a register whose lowest `ancillas` qubits were moved to the top."""
    rows = columns.reshape(-1, 2**ancillas, columns.shape[1])
    return np.ascontiguousarray(rows.transpose(1, 0, 2).reshape(columns.shape))


def _completed(isometry: Array, step: int) -> Array:
    """A unitary whose columns 0, step, 2·step, … are those of the isometry, with determinant 1 if it is real."""
    rows, columns = isometry.shape
    matrix = np.empty((rows, rows), isometry.dtype)
    taken = step * np.arange(columns)
    free = np.setdiff1d(np.arange(rows), taken)
    matrix[:, taken] = isometry
    if len(free):
        matrix[:, free] = complement(isometry)
        if not np.iscomplexobj(matrix) and np.linalg.det(matrix) < 0:
            # A rotation of two real qubits takes 2 CX, a reflection 3.
            matrix[:, free[-1]] *= -1
    return matrix


def _layer(rest: Array, n: int) -> list[_Gate]:
    """The gates of the train of bond 2 nearest to a vector, in the order in which they are applied."""
    nearest = normalize(decompose(rest, [2] * n, bond=2).train)
    gates = []
    for site, isometry in _isometries(right_canonical(nearest)):
        if isometry.shape[0] == 2:  # a product with the following sites
            alone = _completed(isometry, 2)
            matrix = np.kron(alone, np.eye(2)) if site < n - 1 else np.kron(np.eye(2), alone)
            gates.append(_Gate(min(site, n - 2), matrix))
        else:
            gates.append(_Gate(site, _completed(isometry, 4 >> qubits_for(isometry.shape[1]))))
    return gates


def _undone(gates: Sequence[_Gate], vector: Array, n: int) -> Array:
    """G† applied to a vector, where G is the product of all gates."""
    for gate in reversed(gates):
        vector = _acted(gate.matrix.conj().T, gate.site, vector, n)
    return vector


def _acted(matrix: Array, site: int, vector: Array, n: int) -> Array:
    """A gate on sites `site` and `site` + 1 of a state vector."""
    behind = 2 ** (n - 2 - site)
    if behind >= 8:
        return np.matmul(matrix, vector.reshape(-1, 4, behind)).reshape(-1)
    # One product with a slightly larger matrix is faster than many products with a 4×4 matrix.
    return np.asarray((vector.reshape(-1, 4 * behind) @ np.kron(matrix, np.eye(behind)).T).reshape(-1))


def _fit(gates: Sequence[_Gate], target: Array, n: int) -> Array:
    """One sweep over the gates, which are modified in place; returns G† of the target with the new gates.

    ⟨target|…g…|0⟩ = tr(g E) is linear in each gate. Among unitaries |tr(g E)| is largest for the polar factor of E†; on
    a real register the polar factor with determinant 1 is used.
    """
    ahead = _undone(gates, target, n)  # the target with all remaining gates undone
    behind = np.zeros_like(ahead)
    behind[0] = 1.0  # |0…0⟩ after the gates already fitted
    for gate in gates:
        ahead = _acted(gate.matrix, gate.site, ahead, n)
        shape = (-1, 4, 2 ** (n - 2 - gate.site))
        environment = np.tensordot(behind.reshape(shape), ahead.conj().reshape(shape), axes=([0, 2], [0, 2]))
        left, _, right = np.linalg.svd(environment)
        turn = np.ones(4)
        if not np.iscomplexobj(environment):
            turn[-1] = np.sign(np.linalg.det(left) * np.linalg.det(right))
        gate.matrix = (right.conj().T * turn) @ left.conj().T
        behind = _acted(gate.matrix, gate.site, behind, n)
    return _undone(gates, target, n)
