"""Common base of representations with colour qubits: RY angles, multiplexed over the positions."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount
from circuits.representation.multiplexed import (
    append_rotation,
    keep_largest,
    rotation_cost,
    walsh_angles,
    walsh_coefficients,
)
from circuits.representation.protocol import EncodedImage, LoadedContents, Representation
from qimg.core import Array, require, require_shape

_ROUNDING = 1e-12
"""Probabilities such as 0 and 1 are computed with rounding errors of this size."""

_CHUNK = 2**22
"""Comparisons of levels with intervals at a time."""

_FEW = 10
"""Colour qubits whose 2ᵠ combinations of ends are evaluated."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ColourAngles(Representation):
    """Levels as rotation angles of colour qubits in [0, π]; a subclass defines this map and its inverse.

    A colour qubit is 1 with probability sin²(angle/2), from which the levels and their intervals follow.
    """

    @abstractmethod
    def to_angles(self, levels: Array, bits: int) -> Array:
        """Angles (qubits, …) of levels (planes, …) with this number of bits."""

    @abstractmethod
    def to_levels(self, angles: Array, bits: int) -> Array:
        """Levels (planes, …) of angles (qubits, …); angles with a measurement error give the nearest levels."""

    def encode(self, levels: Array, *, bits: int, kept: int | None) -> LoadedContents:
        """Walsh coefficients of the angles."""
        angles = self.checked_angles(levels, bits)
        return LoadedContents(walsh_coefficients(angles), (), colour_qubits=len(angles))

    def checked_angles(self, levels: Array, bits: int) -> Array:
        """The angles (qubits, …) of levels, of the right shape and in [0, π].

        Raises:
            ValueError: `to_angles` returns other ones.
        """
        angles = np.asarray(self.to_angles(levels, bits), float)
        fits = angles.ndim == 2 and angles.shape[1] == levels.shape[1] and len(angles) > 0
        require_shape(fits, "to_angles", f"(qubits, {levels.shape[1]}) for {self.name}", angles)
        ends = float(angles.min()), float(angles.max())
        inside = ends[0] >= -_ROUNDING and ends[1] <= np.pi + _ROUNDING
        require(inside, "to_angles", f"must be in [0, π] for {self.name}, so that a probability gives the angle", ends)
        return angles

    def state(self, encoded: EncodedImage) -> Array:
        """A uniform superposition of the positions, with each colour qubit rotated by its angle."""
        state = np.full((1, 2**encoded.position_qubits), 2.0 ** (-encoded.position_qubits / 2))
        for half in walsh_angles(encoded.table) / 2:
            state = np.concatenate([state * np.cos(half), state * np.sin(half)])
        return state.ravel()

    def circuit(self, encoded: EncodedImage) -> QuantumCircuit:
        """RY(π/2) on the positions, and a multiplexed rotation of each colour qubit (`append_rotation`)."""
        circuit = QuantumCircuit(encoded.n_qubits, name=encoded.representation)
        controls = list(range(encoded.position_qubits))
        circuit.ry(np.pi / 2, controls)
        for number, coefficients in enumerate(encoded.table):
            append_rotation(circuit, coefficients, controls, encoded.position_qubits + number)
        return circuit

    def cost(self, encoded: EncodedImage) -> GateCount:
        """Gates of the RY on the positions and of the multiplexed rotations."""
        costs = [rotation_cost(coefficients) for coefficients in encoded.table]
        rotations = encoded.position_qubits + sum(cost.one_qubit for cost in costs)
        return GateCount(cx=sum(cost.cx for cost in costs), one_qubit=rotations)

    def compress(self, encoded: EncodedImage, share: float) -> EncodedImage:
        """The picture with only the largest Walsh coefficients."""
        return replace(encoded, table=keep_largest(encoded.table, share))

    def levels_of_state(self, encoded: EncodedImage, state: Array) -> Array:
        """Levels from the exact probabilities of the outcomes."""
        return self.levels_of_counts(encoded, np.abs(state) ** 2)

    def levels_of_counts(self, encoded: EncodedImage, counts: Array) -> Array:
        """Levels of the angles 2 atan √(n₁/n₀); NaN at positions without counts."""
        ones, trials = self.outcomes(encoded, counts)
        angles = 2 * np.arctan2(np.sqrt(ones), np.sqrt(np.maximum(trials - ones, 0)))
        return np.where(trials > 0, self.to_levels(angles, encoded.bits), np.nan)

    def outcomes(self, encoded: EncodedImage, counts: Array) -> tuple[Array, Array]:
        """Counts (qubits, positions) of 1 in each colour qubit, and the shots at each position as trials."""
        table = counts.reshape(-1, 2**encoded.position_qubits)
        outcomes = np.arange(len(table))
        ones = [table[outcomes >> qubit & 1 == 1].sum(axis=0) for qubit in range(encoded.colour_qubits)]
        return np.stack(ones), table.sum(axis=0)

    def levels_of_probability(self, encoded: EncodedImage, probability: Array) -> Array:
        """Levels of the angles 2 asin √p of the qubits."""
        return self.to_levels(2 * np.arcsin(np.sqrt(probability)), encoded.bits)

    def levels_between(self, encoded: EncodedImage, low: Array, high: Array) -> tuple[Array, Array]:
        """Smallest and largest levels whose probabilities lie in the intervals of all qubits.

        Whole levels are compared one by one, whatever the map. Real ones are those at the ends of the intervals, so
        that the map must be monotonic in each angle. Where no level agrees, it is undetermined: all of them.
        """
        if self.whole and not self.joint_planes:
            return self._whole_between(encoded.bits, low, high)
        if self.whole or len(low) > _FEW:
            raise NotImplementedError(f"{self.name}: levels_between must be defined for this many levels of a position")
        corners = [np.stack([(low, high)[end][qubit] for qubit, end in enumerate(ends)]) for ends in _ends(len(low))]
        levels = [self.levels_of_probability(encoded, corner) for corner in corners]
        return np.minimum.reduce(levels), np.maximum.reduce(levels)

    def _whole_between(self, bits: int, low: Array, high: Array) -> tuple[Array, Array]:
        """Ends (1, positions) of the levels from 0 to 2ᵇ − 1 that agree with the intervals."""
        every = np.arange(2**bits, dtype=float)
        probabilities = np.sin(self.checked_angles(every[None], bits) / 2) ** 2
        ends = np.empty((2, low.shape[1]), np.int64)
        step = max(_CHUNK // len(every), 1)
        for first in range(0, low.shape[1], step):
            part = slice(first, first + step)
            agrees = np.ones((len(low[0, part]), len(every)), bool)
            for qubit, values in enumerate(probabilities):
                agrees &= low[qubit, part, None] <= values + _ROUNDING
                agrees &= values - _ROUNDING <= high[qubit, part, None]
            agrees |= ~agrees.any(axis=1, keepdims=True)
            ends[:, part] = agrees.argmax(axis=1), len(every) - 1 - agrees[:, ::-1].argmax(axis=1)
        return ends[:1], ends[1:]


def _ends(qubits: int) -> list[tuple[int, ...]]:
    """Lower or upper end of each qubit's interval, in all combinations."""
    return list(product((0, 1), repeat=qubits))
