"""Circuits of a whole set of vectors in one file: the same CX for all of them, and the angles of each."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from circuits.preparation.ansatz import Preparation, angles_before, gate_table
from circuits.preparation.least_squares import state
from circuits.preparation.registers import require_pairs
from qimg.core import Array, require
from qimg.core.artifacts import Artifact, Kind
from qimg.core.compiled import compiled

LARGEST_REGISTER = 20
"""Largest number of qubits of a set, for state vectors of all of them."""


class PreparationSet(Artifact):
    """Fitted circuits with the same CX for many real vectors, as returned by `prepare_in_layers`.

    `save` writes one file, and `PreparationSet.load(path)[k].circuit()` is the circuit of vector k. Angles are stored
    in single precision, and infidelities are those of the stored angles. A file is checked when it is read.
    """

    KIND: ClassVar = Kind(tag="preparations", ending=".preparations")

    @classmethod
    def of(
        cls, n_qubits: int, pairs: Array, angles: Array, states: Array, *, sweeps: Array, recipe: dict[str, Any]
    ) -> "PreparationSet":
        """The set for angles (vectors, …) of the states (vectors, 2**n_qubits); infidelities are computed."""
        # A period of RY is 4π; the error of single precision is proportional to the modulus.
        stored = (np.remainder(angles + 2 * np.pi, 4 * np.pi) - 2 * np.pi).astype(np.float32)
        arrays: dict[str, Array] = {
            "pairs": np.asarray(pairs, np.int64).reshape(-1, 2),
            "angles": stored,
            "infidelities": _infidelities(gate_table(n_qubits, pairs, False), stored.astype(np.float64), states),
            "sweeps": np.asarray(sweeps, np.int32),
        }
        return cls.packed({"n_qubits": n_qubits, "recipe": recipe, "provenance": {}}, arrays)

    def check(self) -> None:
        """Raise an error unless the arrays are those of a set."""
        n_qubits = self.contents.header["n_qubits"]
        sound = type(n_qubits) is int and 1 <= n_qubits <= LARGEST_REGISTER
        require(sound, "n_qubits", f"must be in [1, {LARGEST_REGISTER}]", n_qubits)
        require(isinstance(self.contents.header["recipe"], dict), "recipe", "must be a record", None)
        pairs, count = self.contents.arrays["pairs"], len(self.contents.arrays["angles"])
        expected = angles_before(n_qubits, len(pairs), False)
        self.require_arrays({"pairs": ((len(pairs), 2), "<i8"), "angles": ((count, expected), "<f4")})
        self.require_arrays({"infidelities": ((count,), "<f8"), "sweeps": ((count,), "<i4")})
        require_pairs(pairs, n_qubits)
        finite = all(bool(np.isfinite(self.contents.arrays[name]).all()) for name in ("angles", "infidelities"))
        require(finite, "angles and infidelities", "must be finite", finite)

    @property
    def n_qubits(self) -> int:
        """Qubits of every circuit."""
        return int(self.contents.header["n_qubits"])

    @property
    def recipe(self) -> dict[str, Any]:
        """Options of the fit by their names."""
        return dict(self.contents.header["recipe"])

    @property
    def cx(self) -> int:
        """CX of every circuit."""
        return len(self.contents.arrays["pairs"])

    @property
    def infidelities(self) -> Array:
        """(vectors,) 1 − |⟨vector|prepared⟩|²."""
        return self.array("infidelities")

    @property
    def sweeps(self) -> Array:
        """(vectors,) sweeps there and back over all gates of the fit, those of smaller circuits included."""
        return self.array("sweeps")

    def __len__(self) -> int:
        """Number of vectors."""
        return len(self.contents.arrays["angles"])

    def __getitem__(self, index: int) -> Preparation:
        """The circuit of a vector, with angles in double precision."""
        return Preparation(
            n_qubits=self.n_qubits,
            pairs=self.array("pairs"),
            angles=self.contents.arrays["angles"][index].astype(np.float64),
            infidelity=float(self.contents.arrays["infidelities"][index]),
        )

    def __iter__(self) -> Iterator[Preparation]:
        """The circuits in order."""
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        """Number, register and gates."""
        return f"PreparationSet({len(self)} vectors, n_qubits={self.n_qubits}, cx={self.cx})"


@compiled(allocates=True)
def _infidelities(gates: Array, angles: Array, states: Array) -> Array:
    """1 − ⟨state|prepared⟩² of each row, from the distance, which has no cancellation."""
    out = np.empty(len(angles))
    for k in range(len(angles)):
        prepared = state(gates, angles[k], states.shape[1])
        overlap = (prepared * states[k]).sum()
        sign = 1.0 if overlap >= 0 else -1.0
        square = ((prepared - sign * states[k]) ** 2).sum()
        out[k] = square - square * square / 4
    return out
